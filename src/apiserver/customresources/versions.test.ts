import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { createTestPki, type List, startTestApi, type TestApi } from '../test-api.ts';
import {
  ANYTHING,
  causesOf,
  DEFINITIONS,
  define,
  placeOf,
  untilCondition,
  untilDefinition,
  untilGone,
  widget,
  widgets,
  withSpec,
} from './definition-fixture.ts';

const MERGE = { 'content-type': 'application/merge-patch+json' };
type Shown = DynamicObject & { spec: Record<string, unknown> };

describe('several versions', () => {
  let api: TestApi;
  before(async () => {
    api = await startTestApi();
  });
  after(() => api.stop());

  test('without a webhook the apiVersion is all that differs, and each version has its own schema', async () => {
    const spec = (more: object) => ({
      schema: { openAPIV3Schema: withSpec({ type: 'object', properties: { size: { type: 'integer' }, ...more } }) },
    });
    await define(
      api,
      widgets({
        versions: [
          { name: 'v1beta1', storage: false, deprecated: true, ...spec({ old: { type: 'string' } }) },
          { name: 'v1', storage: true, ...spec({ shape: { type: 'string', default: 'round' } }) },
        ],
      }),
    );
    const made = await api.call<Shown>('POST', placeOf('v1beta1'), widget('a', { spec: { size: 1, old: 'x' } }, 'v1beta1'));
    assert.equal(made.status, 201, made.text);
    assert.equal(made.body.apiVersion, 'example.com/v1beta1');
    assert.match(made.headers['warning'] ?? '', /example\.com\/v1beta1 Widget is deprecated; use example\.com\/v1 Widget/);
    const shown = await api.call<Shown>('GET', `${placeOf('v1')}/a`);
    assert.deepEqual([shown.body.apiVersion, shown.body.spec], ['example.com/v1', { size: 1, shape: 'round' }]);
    const { body } = await api.call<{ groups: { name: string; versions: { version: string }[] }[] }>('GET', '/apis');
    assert.deepEqual(
      body.groups.find(({ name }) => name === 'example.com')?.versions.map(({ version }) => version),
      ['v1', 'v1beta1'],
    );
    await api.call('DELETE', `${DEFINITIONS}/widgets.example.com`);
    await untilGone(api, 'widgets.example.com');
  });

  test('a version that is stored no more is shown, written anew by the next write, and may not be taken away before', async () => {
    const versions = (stored: string) => ['v1', 'v2'].map((name) => ({ name, storage: name === stored }));
    await define(api, widgets({ versions: versions('v1') }));
    await api.call('POST', placeOf('v1'), widget('a', { spec: { x: 1 } }));
    const changed = await api.call<{ status: { storedVersions: string[] } }>(
      'PATCH',
      `${DEFINITIONS}/widgets.example.com`,
      { spec: widgets({ versions: versions('v2') }).spec },
      MERGE,
    );
    assert.deepEqual(changed.body.status.storedVersions, ['v1', 'v2']);
    const removed = await api.call(
      'PATCH',
      `${DEFINITIONS}/widgets.example.com`,
      { spec: widgets({ versions: [{ name: 'v2' }] }).spec },
      MERGE,
    );
    assert.match(
      causesOf(removed).join(),
      /status\.storedVersions\[0\]: Invalid value: "v1": missing from spec\.versions; v1 was previously a storage version/,
    );
    const before = await api.call<Shown>('GET', `${placeOf('v2')}/a`);
    const written = await api.call<Shown>('PUT', `${placeOf('v2')}/a`, before.body);
    assert.notEqual(written.body.metadata.resourceVersion, before.body.metadata.resourceVersion);
    const again = await api.call<Shown>('PUT', `${placeOf('v2')}/a`, written.body);
    assert.equal(again.body.metadata.resourceVersion, written.body.metadata.resourceVersion);
    await api.call('DELETE', `${DEFINITIONS}/widgets.example.com`);
    await untilGone(api, 'widgets.example.com');
  });
});

interface Review {
  request: { uid: string; desiredAPIVersion: string; objects: Shown[] };
}

describe('conversion by a webhook', () => {
  let api: TestApi;
  let webhook: Server;
  let asked: Review[] = [];
  let answerWith: ((review: Review) => object) | undefined;

  before(async () => {
    const pki = await createTestPki();
    webhook = createServer({ cert: pki.serving.certificatePem, key: pki.serving.privateKeyPem }, (request, response) => {
      let text = '';
      request.on('data', (chunk) => {
        text += String(chunk);
      });
      request.on('end', () => {
        const review = JSON.parse(text) as Review;
        asked.push(review);
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify((answerWith ?? converted)(review)));
      });
    });
    await new Promise<void>((resolve) => webhook.listen(0, '127.0.0.1', resolve));
    api = await startTestApi();
    const { port } = webhook.address() as AddressInfo;
    const clientConfig = { url: `https://127.0.0.1:${port}/convert`, caBundle: Buffer.from(pki.caPem).toString('base64') };
    const conversion = { strategy: 'Webhook', webhook: { clientConfig, conversionReviewVersions: ['v1'] } };
    await define(
      api,
      widgets({
        versions: [
          {
            name: 'v1',
            storage: true,
            selectableFields: [{ jsonPath: '.spec.host' }],
            schema: {
              openAPIV3Schema: withSpec({ type: 'object', properties: { host: { type: 'string' }, port: { type: 'string' } } }),
            },
          },
          {
            name: 'v2',
            storage: false,
            schema: { openAPIV3Schema: withSpec({ type: 'object', properties: { address: { type: 'string' } } }) },
          },
        ],
        spec: { conversion },
      }),
    );
  });
  after(async () => {
    await api.stop();
    webhook.closeAllConnections();
    await new Promise((resolve) => webhook.close(resolve));
  });

  /** v1 has host and port, v2 has them as one. */
  function converted({ request: { uid, desiredAPIVersion, objects } }: Review): object {
    const convertedObjects = objects.map((object) => {
      const { host, port, address } = object.spec as Record<string, string | undefined>;
      const [a, b] = address?.split(':') ?? [];
      const spec = desiredAPIVersion.endsWith('v2') ? { address: `${host}:${port}` } : { host: a, port: b };
      return {
        ...object,
        apiVersion: desiredAPIVersion,
        metadata: { ...object.metadata, annotations: { converted: 'yes' } },
        spec,
      };
    });
    return {
      kind: 'ConversionReview',
      apiVersion: 'apiextensions.k8s.io/v1',
      response: { uid, result: { status: 'Success' }, convertedObjects },
    };
  }

  test('objects are converted on their way in and out, lists in one question, watches in order', async () => {
    asked = [];
    const made = await api.call<Shown>('POST', placeOf('v1'), widget('a', { spec: { host: 'h', port: '1' } }));
    assert.equal(made.status, 201, made.text);
    assert.equal(asked.length, 0, 'what is stored as it came needs nobody');
    const shown = await api.call<Shown>('GET', `${placeOf('v2')}/a`);
    assert.deepEqual(shown.body.spec, { address: 'h:1' });
    assert.deepEqual(shown.body.metadata.annotations, { converted: 'yes' });
    assert.equal(shown.body.metadata.uid, made.body.metadata.uid);
    const second = await api.call<Shown>('POST', placeOf('v2'), widget('b', { spec: { address: 'g:2' } }, 'v2'));
    assert.equal(second.status, 201, second.text);
    assert.deepEqual(second.body.spec, { address: 'g:2' });
    assert.deepEqual((await api.call<Shown>('GET', `${placeOf('v1')}/b`)).body.spec, { host: 'g', port: '2' });
    await api.call('POST', placeOf('v1'), widget('c', { spec: { host: 'f', port: '3' } }));
    await api.call('POST', placeOf('v1'), widget('d', { spec: { host: 'e', port: '4' } }));
    asked = [];
    const listed = await api.call<List>('GET', placeOf('v2'));
    assert.deepEqual(
      listed.body.items.map((item) => (item as unknown as Shown).spec['address']),
      ['h:1', 'g:2', 'f:3', 'e:4'],
    );
    assert.deepEqual(
      asked.map(({ request }) => request.objects.length),
      [2],
      'what was converted before is kept, the rest goes in one question',
    );
    const watch = await api.transport.request({
      method: 'GET',
      path: `${placeOf('v2')}?watch=1&resourceVersion=${listed.body.metadata.resourceVersion}&allowWatchBookmarks=true`,
      headers: {},
    });
    const lines = watch.body[Symbol.asyncIterator]();
    await api.call('PATCH', `${placeOf('v1')}/a`, { spec: { port: '9' } }, MERGE);
    await api.call('DELETE', `${placeOf('v1')}/b`);
    let text = '';
    while (text.split('\n').length < 3) {
      const { value, done } = await lines.next();
      if (done) break;
      text += Buffer.from(value as Uint8Array).toString('utf8');
    }
    const told = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; object: Shown });
    assert.deepEqual(
      told.map(({ type, object }) => [type, object.apiVersion, object.spec['address']]),
      [
        ['MODIFIED', 'example.com/v2', 'h:9'],
        ['DELETED', 'example.com/v2', 'g:2'],
      ],
    );
    await lines.return?.();
  });

  test('objects that lie in the store in different versions are listed in one, and selected by its fields', async () => {
    const flip = async (stored: string) => {
      const { body } = await api.call<{ spec: { versions: { name: string; storage: boolean }[] } }>(
        'GET',
        `${DEFINITIONS}/widgets.example.com`,
      );
      const versions = body.spec.versions.map((version) => ({ ...version, storage: version.name === stored }));
      assert.equal((await api.call('PATCH', `${DEFINITIONS}/widgets.example.com`, { spec: { versions } }, MERGE)).status, 200);
      await untilDefinition(api, 'widgets.example.com', ({ status }) => status?.storedVersions?.includes(stored));
    };
    await api.call('POST', placeOf('v1'), widget('first', { spec: { host: 'same', port: '1' } }));
    await flip('v2');
    const second = await api.call('POST', placeOf('v2'), widget('second', { spec: { address: 'same:2' } }, 'v2'));
    assert.equal(second.status, 201, second.text);
    const selector = 'fieldSelector=spec.host%3Dsame';
    const inV1 = await api.call<List>('GET', `${placeOf('v1')}?${selector}`);
    assert.deepEqual(
      inV1.body.items.map((item) => (item as unknown as Shown).spec),
      [
        { host: 'same', port: '1' },
        { host: 'same', port: '2' },
      ],
    );
    const inV2 = await api.call<List>('GET', placeOf('v2'));
    assert.ok(inV2.body.items.every((item) => 'address' in (item as unknown as Shown).spec));
    const watch = await api.transport.request({
      method: 'GET',
      path: `${placeOf('v1')}?watch=1&${selector}&resourceVersion=${inV1.body.metadata.resourceVersion}`,
      headers: {},
    });
    const lines = watch.body[Symbol.asyncIterator]();
    await api.call('PATCH', `${placeOf('v2')}/second`, { spec: { address: 'other:2' } }, MERGE);
    const { value } = await lines.next();
    const told = JSON.parse(Buffer.from(value as Uint8Array).toString('utf8')) as { type: string; object: Shown };
    assert.deepEqual([told.type, told.object.spec], ['DELETED', { host: 'same', port: '2' }], 'it is selected no more');
    await lines.return?.();
    await flip('v1');
    for (const name of ['first', 'second']) await api.call('DELETE', `${placeOf('v1')}/${name}`);
  });

  test('of a list in pages only the page is converted', async () => {
    const place = (version: string) => placeOf(version).replace('/default/', '/kube-public/');
    for (const name of ['p1', 'p2', 'p3'])
      assert.equal((await api.call('POST', place('v1'), widget(name, { spec: { host: 'h' } }))).status, 201);
    asked = [];
    const page = await api.call<{ items: Shown[]; metadata: { remainingItemCount: number } }>('GET', `${place('v2')}?limit=1`);
    assert.deepEqual([page.body.items.length, page.body.metadata.remainingItemCount], [1, 2]);
    assert.deepEqual(
      asked.map(({ request }) => request.objects.length),
      [1],
    );
  });

  test('each manager is asked in its own version, whichever an object is written in; no write fails for that', async () => {
    const place = (version: string, manager: string) => `${placeOf(version)}/owned?fieldManager=${manager}`;
    const applied = { 'content-type': 'application/apply-patch+yaml' };
    const merged = { 'content-type': 'application/merge-patch+json' };
    const first = widget('owned', { spec: { host: 'h', port: '1' } });
    assert.equal((await api.call('PATCH', place('v1', 'one'), first, applied)).status, 201);
    const other = widget('owned', { spec: { address: 'x:1' } }, 'v2');
    const refused = await api.call<{ message: string }>('PATCH', place('v2', 'two'), other, applied);
    assert.equal(refused.body.message, 'Apply failed with 1 conflict: conflict with "one": .spec.host');
    const written = await api.call<Shown>('PATCH', place('v2', 'three'), { spec: { address: 'y:1' } }, merged);
    const owned = (shown: Shown, name: string) =>
      shown.metadata.managedFields!.find(({ manager }) => manager === name)?.fieldsV1 as object;
    assert.deepEqual(owned(written.body, 'one'), { 'f:spec': { 'f:port': {} } });
    assert.deepEqual(owned(written.body, 'three'), { 'f:spec': { 'f:address': {} } });
    try {
      answerWith = () => ({});
      const { status, body } = await api.call<Shown>('PATCH', place('v1', 'four'), { spec: { port: '2' } }, merged);
      assert.equal(status, 200);
      assert.equal(owned(body, 'one'), undefined);
    } finally {
      answerWith = undefined;
    }
  });

  test('one object is converted anew each time; lists and reads of the cache keep what it was converted to', async () => {
    await api.call('POST', placeOf('v1'), widget('kept', { spec: { host: 'k', port: '1' } }));
    const path = `${placeOf('v2')}/kept`;
    const shown = async (query = '') => (await api.call<Shown>('GET', `${path}${query}`)).body.spec;
    assert.deepEqual(await shown(), { address: 'k:1' });
    answerWith = (review) => {
      const answer = converted(review) as { response: { convertedObjects: Shown[] } };
      for (const object of answer.response.convertedObjects) object.spec['address'] = 'other';
      return answer;
    };
    assert.deepEqual(await shown('?resourceVersion=0'), { address: 'k:1' });
    assert.deepEqual(await shown(), { address: 'other' });
    assert.deepEqual(await shown('?resourceVersion=0'), { address: 'other' });
    answerWith = () => ({});
    assert.equal((await api.call('GET', path)).status, 500);
    assert.deepEqual(await shown('?resourceVersion=0'), { address: 'other' });
    const list = await api.call<List>('GET', `${placeOf('v2')}?fieldSelector=metadata.name=kept`);
    answerWith = undefined;
    assert.deepEqual(
      (list.body.items as unknown as Shown[]).map(({ spec }) => spec),
      [{ address: 'other' }],
    );
    await api.call('DELETE', path);
  });

  test('what the webhook refuses or gets wrong is told, and nothing is stored', async () => {
    const refused = async (answer: (review: Review) => object) => {
      answerWith = answer;
      const result = await api.call('POST', placeOf('v2'), widget('x', { spec: { address: 'a:1' } }, 'v2'));
      answerWith = undefined;
      assert.equal(result.status, 500);
      return (result.body as unknown as { message: string }).message;
    };
    const respond = (response: object) => ({ kind: 'ConversionReview', apiVersion: 'apiextensions.k8s.io/v1', response });
    const from = 'conversion webhook for example.com/v2, Kind=Widget';
    assert.equal(
      await refused(({ request }) => respond({ uid: request.uid, result: { status: 'Failure', message: 'not today' } })),
      `${from} failed: not today`,
    );
    assert.equal(
      await refused(({ request }) => respond({ uid: request.uid, result: { status: 'Success' }, convertedObjects: [] })),
      `${from} returned 0 objects, expected 1`,
    );
    // Objects of which JavaScript can make no text are shown as Go shows them.
    assert.equal(
      await refused(() => ({ kind: { toString: 1 }, apiVersion: { valueOf: [null] } })),
      `${from} failed: expected webhook response of apiextensions.k8s.io/v1, Kind=ConversionReview, got map[valueOf:[<nil>]], Kind=map[toString:1]`,
    );
    assert.equal(
      await refused(({ request }) => respond({ uid: request.uid, result: { status: { toString: 1 } } })),
      `${from} failed: response.result.status was 'map[toString:1]', not 'Success'`,
    );
    assert.match(await refused(() => respond({ uid: 'other', result: { status: 'Success' } })), /expected response\.uid=/);
    const changed = (change: (object: Shown) => void) =>
      refused(({ request }) => {
        const { response } = converted({ request }) as { response: { convertedObjects: Shown[] } };
        change(response.convertedObjects[0]!);
        return respond(response);
      });
    const wrong = [
      [{ name: 'else' }, 'object: must have the same name: x != else'],
      [{ namespace: null }, 'object: must have the same namespace: default != '],
      [{ labels: { 'a b': '' } }, 'metadata: metadata.labels: Invalid value: "a b": name part must consist of'],
      [{ labels: { a: 1 } }, 'metadata: metadata.labels[a] must be a string, but is int64 in converted object'],
      [{ annotations: 'x' }, 'metadata: invalid metadata.annotations of type string in converted object'],
    ] as const;
    for (const [metadata, why] of wrong) {
      const told = await changed((object) => void Object.assign(object.metadata, metadata));
      assert.ok(told.startsWith(`${from} returned invalid ${why}`), told);
    }
    assert.equal(
      await changed((object) => void Object.assign(object, { apiVersion: 'example.com/v9' })),
      `${from} returned invalid object at index 0: invalid groupVersion (expected example.com/v1, received example.com/v9)`,
    );
    const dry = async (path: string) => {
      answerWith = ({ request }) => respond({ uid: request.uid, result: { status: 'Failure', message: 'no' } });
      const answer = await api.call('POST', path, widget('x', { spec: { address: 'a:1' } }, 'v2'));
      answerWith = undefined;
      return answer.status;
    };
    assert.equal(await dry(`${placeOf('v2')}?dryRun=All`), 500, 'a dry run fails where the write would');
    const metrics = (await api.call('GET', '/metrics')).text;
    assert.match(
      metrics,
      /apiserver_conversion_webhook_request_total\{failure_type="conversion_webhook_invalid_converted_object_failure",result="failure"\} 6\n/,
    );
    assert.match(
      metrics,
      /apiserver_crd_conversion_webhook_duration_seconds_count\{crd_name="widgets.example.com",from_version="v2",succeeded="false",to_version="v1"\}/,
    );
    assert.equal((await api.call('GET', `${placeOf('v1')}/x`)).status, 404);
  });

  test('objects go with their definition though nobody converts them any more', async () => {
    webhook.closeAllConnections();
    await new Promise((resolve) => webhook.close(resolve));
    const gone = await api.call('GET', `${placeOf('v2')}?labelSelector=fresh`);
    assert.ok(gone.status === 200 || gone.status === 500);
    await api.call('POST', placeOf('v1'), widget('left', { spec: { host: 'z', port: '0' } }));
    const failed = await api.call('GET', `${placeOf('v2')}/left`);
    assert.equal(failed.status, 500);
    assert.match(
      failed.text,
      /conversion webhook for example\.com\/v1, Kind=Widget failed: Post \\"https:.*(connection refused|EOF)/,
    );
    await api.call('DELETE', `${DEFINITIONS}/widgets.example.com`);
    await untilGone(api, 'widgets.example.com');
    await define(api, widgets({ schema: withSpec(ANYTHING) }));
    await untilCondition(api, 'widgets.example.com', 'Established');
    assert.deepEqual((await api.call<List>('GET', placeOf())).body.items, []);
  });
});
