/** Whatever clients send is answered, with a Status that blames them when it cannot be done, and the server goes on. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import type { Status } from '../../api/machinery/status-error.ts';
import { configMap, startTestApi, type TestApi } from '../test-api.ts';

const maps = '/api/v1/namespaces/default/configmaps';
const deployments = '/apis/apps/v1/namespaces/default/deployments';
let api: TestApi;
before(async () => {
  api = await startTestApi();
  await api.call('POST', maps, configMap('target', { a: '1' }, { labels: { x: 'y' } }));
  const template = { metadata: { labels: { x: 'y' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
  const spec = { selector: { matchLabels: { x: 'y' } }, template };
  await api.call('POST', deployments, { metadata: { name: 'target' }, spec });
});
after(() => api.stop());

/** Fails when an answer is the server's fault, or an error without its Status. */
async function send(method: string, path: string, body?: string, type?: string): Promise<number> {
  const answer = await api.call<Status>(method, path, body, type === undefined ? {} : { 'content-type': type });
  const shown = `${method} ${path} ${type ?? ''} ${body?.slice(0, 500) ?? ''} => ${answer.text.slice(0, 500)}`;
  if (answer.status >= 400) {
    assert.equal(answer.body.kind, 'Status', shown);
    assert.equal(answer.body.code, answer.status, shown);
    assert.notEqual(answer.body.message ?? '', '', shown);
    assert.notEqual(answer.body.reason, 'InternalError', shown);
  }
  return answer.status;
}

/** JSON in which the words that mean something come often, and names that JavaScript has uses for. */
const name = fc.constantFrom(
  ...['metadata', 'name', 'labels', 'data', 'spec', 'template', 'containers', 'image', 'env', 'ports', 'finalizers', 'a', 'x'],
  ...['__proto__', 'constructor', 'toString', '$patch', '$retainKeys', '$setElementOrder/containers', 'ownerReferences', 'uid'],
  ...['$deleteFromPrimitiveList/finalizers', 'managedFields', 'replicas', 'selector', 'resourceVersion', 'kind', 'apiVersion'],
);
const scalar = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.constantFrom<unknown>(
    null,
    true,
    0,
    -1,
    1e308,
    2 ** 53 + 2,
    0.1,
    '',
    'c',
    'target',
    'v1',
    'delete',
    'replace',
    'merge',
    '\u0000',
    '\ud800',
  ),
);
const { json } = fc.letrec<{ json: unknown }>((tie) => ({
  json: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    fc.array(tie('json'), { maxLength: 3 }),
    fc.dictionary(name, tie('json'), { maxKeys: 4 }),
  ),
}));
const pointer = fc
  .array(fc.oneof(name, fc.constantFrom('0', '-', '~1', '~2', '99999999999')), { maxLength: 5 })
  .map((p) => p.map((s) => `/${s}`).join(''));
const operation = fc.record(
  { op: fc.constantFrom('add', 'remove', 'replace', 'move', 'copy', 'test', 'no'), path: pointer, from: pointer, value: json },
  { requiredKeys: [] },
);
const target = fc.constantFrom(
  `${maps}/target?dryRun=All`,
  `${deployments}/target?dryRun=All`,
  `${deployments}/target/status?dryRun=All`,
);

const check = <T>(property: fc.IRawProperty<T, true>, numRuns = 300) =>
  fc.assert(property, { numRuns, verbose: 1, interruptAfterTimeLimit: 20_000 });

test('patches of every kind', { timeout: 120_000 }, async () => {
  for (const type of ['merge-patch+json', 'strategic-merge-patch+json'])
    await check(
      fc.asyncProperty(
        target,
        json,
        async (path, patch) => void (await send('PATCH', path, JSON.stringify(patch), `application/${type}`)),
      ),
    );
  await check(
    fc.asyncProperty(target, fc.array(operation, { maxLength: 4 }), async (path, patch) => {
      await send('PATCH', path, JSON.stringify(patch), 'application/json-patch+json');
    }),
  );
  assert.equal(await send('GET', `${maps}/target`), 200);
});

test('apply configurations, and bodies of creates and updates', { timeout: 120_000 }, async () => {
  const typed = fc.record({ apiVersion: fc.constant('apps/v1'), kind: fc.constant('Deployment') }, {});
  await check(
    fc.asyncProperty(typed, fc.dictionary(name, json), async (type, fields) => {
      const body = JSON.stringify({ ...fields, ...type });
      // Upstream, too, calls a configuration that does not fit its schema a failure without a reason.
      const answer = await api.call<Status>('PATCH', `${deployments}/target?dryRun=All&fieldManager=f&force=true`, body, {
        'content-type': 'application/apply-patch+yaml',
      });
      assert.notEqual(answer.body.reason, 'InternalError', `${body} => ${answer.text}`);
      await send('POST', `${deployments}?dryRun=All`, body, 'application/json');
      await send('PUT', `${deployments}/target?dryRun=All`, body, 'application/json');
    }),
  );
});

test('texts that are no JSON, no YAML and no protobuf', { timeout: 120_000 }, async () => {
  const types = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf', 'application/apply-patch+yaml'];
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.json().map((s) => s.slice(1)),
    fc.string({ unit: fc.constantFrom(...'{}[]:-&*!|>%@`"\'# \n\tab1') }),
  );
  await check(
    fc.asyncProperty(fc.constantFrom(...types), text, async (type, body) => {
      if (type.includes('apply')) await send('PATCH', `${maps}/target?dryRun=All&fieldManager=f`, body, type);
      else await send('POST', `${maps}?dryRun=All`, body, type);
    }),
    500,
  );
  await check(
    fc.asyncProperty(fc.uint8Array({ maxLength: 64 }), async (bytes) => {
      const body = Buffer.concat([Buffer.from('k8s\0'), bytes]);
      const answer = await api.transport.request({
        method: 'POST',
        path: `${maps}?dryRun=All`,
        headers: { 'content-type': 'application/vnd.kubernetes.protobuf' },
        body,
      });
      for await (const _ of answer.body);
      assert.ok(answer.status < 500, `${body.toString('hex')} => ${answer.status}`);
    }),
  );
});

test('selectors, tokens, versions and other options', { timeout: 120_000 }, async () => {
  const word = fc.oneof(fc.string({ unit: fc.constantFrom(...'ab=!,() innot<>.-_/\\"1') }), fc.string({ unit: 'binary' }));
  const option = fc.constantFrom(
    'labelSelector',
    'fieldSelector',
    'continue',
    'resourceVersion',
    'limit',
    'resourceVersionMatch',
    'pretty',
    'timeoutSeconds',
  );
  await check(
    fc.asyncProperty(
      option,
      word,
      async (key, value) => void (await send('GET', `${maps}?${key}=${encodeURIComponent(value.toWellFormed())}`)),
    ),
    800,
  );
  const token = fc.record({
    v: fc.constant('meta.k8s.io/v1'),
    rv: fc.oneof(fc.integer(), json),
    start: fc.oneof(fc.string(), json),
  });
  await check(
    fc.asyncProperty(token, async (value) => {
      const status = await send(
        'GET',
        `${maps}?resourceVersion=&continue=${Buffer.from(JSON.stringify(value)).toString('base64url')}`,
      );
      assert.ok([200, 400, 410, 504].includes(status), String(status));
    }),
    60,
  );
});

test('huge and deep things', { timeout: 120_000 }, async () => {
  const deep = (open: string, close: string, n: number) => open.repeat(n) + close.repeat(n);
  const labels = Object.fromEntries(Array.from({ length: 60_000 }, (_, i) => [`l${i}`, 'v']));
  const bodies = [
    `{"data":${deep('{"a":', '}', 50_000).replace('{}', '1')}`,
    deep('[', ']', 500_000),
    JSON.stringify(configMap('labelled', {}, { labels })),
    JSON.stringify({ metadata: { name: 'n' }, data: Object.fromEntries(Object.keys(labels).map((key) => [`${key}!`, 'v'])) }),
    `{"metadata":{"generation":${'9'.repeat(1_000)},"name":"x"}}`,
    `{${'"a":1,'.repeat(300_000)}"b":2}`,
  ];
  for (const body of bodies) {
    const status = await send('POST', `${maps}?dryRun=All`, body, 'application/json');
    assert.ok(status >= 201 && status < 500, `${body.slice(0, 60)} => ${status}`);
  }
});
