import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { until } from '../../../../test/harness/until.ts';
import { createSecurity } from '../../security.ts';
import { configMap, startTestApi, type TestApi } from '../../test-api.ts';
import { jsonPatch, type ReviewRequest, startTestWebhook, type TestAnswer, type TestWebhook } from './test-webhook.ts';

const GROUP = '/apis/admissionregistration.k8s.io/v1';
const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';

describe('webhooks', () => {
  let api: TestApi;
  let hook: TestWebhook;
  let answer: (path: string, request: ReviewRequest) => TestAnswer;

  before(async () => {
    api = await startTestApi({ composeSecurity: createSecurity, security: { authorizationModes: ['AlwaysAllow'] } });
    hook = await startTestWebhook(api.pki, (path, request) => answer(path, request));
    await api.call('POST', '/api/v1/namespaces', { metadata: { name: 'other', labels: { hooks: 'none' } } });
  });
  after(async () => {
    await hook.stop();
    await api.stop();
  });
  beforeEach(async () => {
    answer = () => ({ allowed: true });
    await api.call('DELETE', `${GROUP}/validatingwebhookconfigurations`);
    await api.call('DELETE', `${GROUP}/mutatingwebhookconfigurations`);
    await api.call('DELETE', CONFIG_MAPS);
    hook.asked.length = 0;
  });

  const webhook = (name: string, more: Record<string, unknown> = {}) => ({
    name: `${name}.example.com`,
    clientConfig: { url: `${hook.url}/${name}`, caBundle: hook.caBundle },
    rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'] }],
    sideEffects: 'None',
    admissionReviewVersions: ['v1', 'v1beta1'],
    ...more,
  });

  async function configure(kind: 'Validating' | 'Mutating', name: string, ...webhooks: object[]): Promise<void> {
    const resource = `${kind.toLowerCase()}webhookconfigurations`;
    const made = await api.call('POST', `${GROUP}/${resource}`, { metadata: { name }, webhooks });
    assert.equal(made.status, 201, made.text);
  }
  const create = (name: string, data = {}, metadata = {}) =>
    api.call<Record<string, never>>('POST', CONFIG_MAPS, configMap(name, data, metadata));
  const messageOf = (answered: { body: object }) => (answered.body as { message?: string }).message;

  test('a validating webhook refuses in its own words, with its own reason and code', async () => {
    await configure('Validating', 'c', webhook('deny'));
    answer = () => ({ allowed: false, status: { message: 'not today', reason: 'Conflict', code: 409 } });
    const refused = await create('a');
    assert.deepEqual(
      [refused.status, messageOf(refused)],
      [409, 'admission webhook "deny.example.com" denied the request: not today'],
    );
    answer = () => ({ allowed: false });
    const plain = await create('a');
    assert.deepEqual(
      [plain.status, messageOf(plain)],
      [400, 'admission webhook "deny.example.com" denied the request without explanation'],
    );
  });

  test('a webhook sees the whole request', async () => {
    await configure(
      'Validating',
      'c',
      webhook('see', { rules: [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['configmaps'] }] }),
    );
    await create('a', { x: '1' });
    await api.call('PATCH', `${CONFIG_MAPS}/a`, { data: { x: '2' } }, { 'content-type': 'application/merge-patch+json' });
    await api.call('DELETE', `${CONFIG_MAPS}/a?dryRun=All`);
    const [created, patched, deleted] = hook.asked.map(({ review }) => review.request) as unknown[] as Record<string, never>[];
    assert.deepEqual(
      { ...created, uid: '', object: (created!['object'] as { data: object }).data },
      {
        uid: '',
        kind: { group: '', version: 'v1', kind: 'ConfigMap' },
        resource: { group: '', version: 'v1', resource: 'configmaps' },
        requestKind: { group: '', version: 'v1', kind: 'ConfigMap' },
        requestResource: { group: '', version: 'v1', resource: 'configmaps' },
        name: 'a',
        namespace: 'default',
        operation: 'CREATE',
        userInfo: { username: 'admin', groups: ['system:masters'] },
        object: { x: '1' },
        oldObject: null,
        dryRun: false,
        options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' },
      },
    );
    assert.deepEqual(
      [patched!['operation'], patched!['oldObject']['data'], patched!['object']['data']],
      ['UPDATE', { x: '1' }, { x: '2' }],
    );
    assert.deepEqual([deleted!['operation'], deleted!['object'], deleted!['dryRun']], ['DELETE', null, true]);
    assert.equal(
      Object.keys(created!).join(' '),
      'uid kind resource requestKind requestResource name namespace operation userInfo object oldObject dryRun options',
    );
    assert.equal(hook.asked[0]!.path, '/see?timeout=10s');
  });

  test('mutating webhooks run in order, each on what the one before made', async () => {
    await configure('Mutating', 'b', webhook('second'));
    await configure('Mutating', 'a', webhook('first'));
    answer = (path, request) => {
      const data = (request['object'] as { data: Record<string, string> }).data;
      return jsonPatch([{ op: 'add', path: `/data${path}`, value: Object.keys(data).join(',') }]);
    };
    const made = await create('a', { start: '1' });
    assert.deepEqual(made.body['data'], { start: '1', first: 'start', second: 'start,first' });
  });

  test('a mutating webhook that wants it is asked again after others changed the object, and no other', async () => {
    await configure('Mutating', 'a', webhook('again', { reinvocationPolicy: 'IfNeeded' }), webhook('once'));
    answer = (path, request) => {
      const data = (request['object'] as { data: Record<string, string> }).data;
      if (path === '/once') return jsonPatch([{ op: 'add', path: '/data/once', value: 'yes' }]);
      return jsonPatch([{ op: 'add', path: '/data/seen', value: Object.keys(data).sort().join(',') }]);
    };
    const made = await create('a', { start: '1' });
    assert.deepEqual(
      hook.asked.map(({ path }) => path.split('?')[0]),
      ['/again', '/once', '/again'],
    );
    assert.equal(made.body['data']['seen'], 'once,seen,start');
  });

  test('what webhooks make must be an object, and is defaulted and checked', async () => {
    await configure('Mutating', 'a', webhook('patch'));
    answer = () => jsonPatch([{ op: 'replace', path: '/data', value: 'no map' }]);
    assert.equal((await create('a', { x: '1' })).status, 500);
    answer = () => jsonPatch([{ op: 'replace', path: '/nowhere/to/be', value: 1 }]);
    const refused = await create('a', { x: '1' });
    assert.equal(refused.status, 500);
    answer = () => jsonPatch([{ op: 'add', path: '/data/bad key', value: '1' }]);
    assert.equal((await create('a', { x: '1' })).status, 422);
  });

  test('selectors, scopes and conditions decide who is asked', async () => {
    await configure(
      'Validating',
      'c',
      webhook('ns', { namespaceSelector: { matchExpressions: [{ key: 'hooks', operator: 'DoesNotExist' }] } }),
      webhook('object', { objectSelector: { matchLabels: { look: 'here' } } }),
      webhook('cluster', {
        rules: [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*'], scope: 'Cluster' }],
      }),
      webhook('condition', {
        matchConditions: [
          { name: 'named', expression: 'request.name.startsWith("x")' },
          { name: 'may', expression: 'authorizer.group("").resource("pods").check("get").allowed()' },
        ],
      }),
      webhook('excluded', { rules: [{ operations: ['DELETE'], apiGroups: [''], apiVersions: ['v1'], resources: ['*/*'] }] }),
    );
    const asked = () =>
      hook.asked
        .splice(0)
        .map(({ path }) => path.split('?')[0]!.slice(1))
        .sort();
    await create('a');
    assert.deepEqual(asked(), ['ns']);
    await api.call('POST', '/api/v1/namespaces/other/configmaps', configMap('a', {}, { labels: { look: 'here' } }));
    assert.deepEqual(asked(), ['object']);
    await create('x');
    assert.deepEqual(asked(), ['condition', 'ns']);
    await api.call('POST', '/api/v1/namespaces', { metadata: { name: 'third' } });
    assert.deepEqual(asked(), ['cluster']);
    await api.call('DELETE', '/api/v1/namespaces/other/configmaps/a');
    assert.deepEqual(asked(), ['excluded']);
  });

  test('rules mean the object in every version, unless they are to be taken exactly', async () => {
    const rules = [
      { operations: ['CREATE'], apiGroups: ['autoscaling'], apiVersions: ['v1'], resources: ['horizontalpodautoscalers'] },
    ];
    await configure('Validating', 'c', webhook('same', { rules }), webhook('exact', { rules, matchPolicy: 'Exact' }));
    const spec = { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' }, maxReplicas: 3 };
    const made = await api.call('POST', '/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers', {
      metadata: { name: 'h' },
      spec,
    });
    assert.equal(made.status, 201, made.text);
    assert.deepEqual(
      hook.asked.map(({ path }) => path.split('?')[0]),
      ['/same'],
    );
    const { request } = hook.asked[0]!.review as object as { request: Record<string, never> };
    assert.deepEqual(
      [request['kind']['version'], request['requestKind']['version'], request['object']['apiVersion']],
      ['v1', 'v2', 'autoscaling/v1'],
    );
  });

  test('a webhook that cannot be asked lets nothing through, or everything, as its failure policy says', async () => {
    const nowhere = { clientConfig: { url: 'https://127.0.0.1:1/nowhere', caBundle: hook.caBundle } };
    await configure('Validating', 'closed', webhook('closed', nowhere));
    const refused = await create('a');
    assert.deepEqual(
      [refused.status, messageOf(refused)],
      [
        500,
        'Internal error occurred: failed calling webhook "closed.example.com": failed to call webhook: Post "https://127.0.0.1:1/nowhere?timeout=10s": dial tcp 127.0.0.1:1: connect: connection refused',
      ],
    );
    await api.call('DELETE', `${GROUP}/validatingwebhookconfigurations/closed`);
    await configure('Validating', 'open', webhook('open', { ...nowhere, failurePolicy: 'Ignore' }));
    assert.equal((await create('a')).status, 201);
  });

  for (const [what, made, why] of [
    ['no JSON', (_: unknown, r: { end(text: string): void }) => r.end('<html>'), /couldn't get version\/kind; json parse error/],
    [
      'another kind',
      (_: unknown, r: { end(text: string): void }) => r.end('{"kind":"Pod","apiVersion":"v1","response":{}}'),
      /failed to call webhook: no kind "Pod" is registered for version "v1" in scheme/,
    ],
    ['the answer to another question', { allowed: true, uid: 'x' }, /expected response.uid="[-0-9a-f]+", got "x"/],
    [
      'a patch from one that only validates',
      { allowed: true, patch: 'W10=' },
      /validating webhook may not return response.patch/,
    ],
    [
      'an error',
      (_: unknown, r: { statusCode: number; end(text: string): void }) => {
        r.statusCode = 500;
        r.end('boom');
      },
      /an error on the server \("boom"\) has prevented the request from succeeding/,
    ],
    ['a closed connection', (_: unknown, r: { destroy(): void }) => r.destroy(), /EOF/],
    [
      'ten megabytes',
      (_: unknown, r: { end(text: string): void }) => r.end(`"${'x'.repeat(10_000_000)}"`),
      /larger than 8388608 bytes/,
    ],
    ['nothing in time', () => undefined, /context deadline exceeded/],
  ] as const)
    test(`${what} is no answer`, async () => {
      // Time enough for all that does answer, on any machine.
      await configure('Validating', 'c', webhook('bad', { timeoutSeconds: what === 'nothing in time' ? 1 : 30 }));
      answer = () => made as TestAnswer;
      const refused = await create('a');
      assert.equal(refused.status, 500);
      assert.match(messageOf(refused)!, why);
    });

  test('an authority that is not the configured one is not believed', async () => {
    const { caBundle: _, ...clientConfig } = webhook('untrusted').clientConfig;
    await configure('Validating', 'c', webhook('untrusted', { clientConfig }));
    assert.match(
      messageOf(await create('a'))!,
      /tls: failed to verify certificate: x509: certificate signed by unknown authority/,
    );
  });

  test('warnings reach the client, once each', async () => {
    await configure('Validating', 'c', webhook('warn'), webhook('warn-too'));
    answer = () => ({ allowed: true, warnings: ['mind the gap'] });
    const made = await create('a');
    assert.equal(made.headers['warning'], '299 - "mind the gap"');
  });

  test('dry runs are kept from webhooks with side effects', async () => {
    await configure('Validating', 'c', webhook('fine', { sideEffects: 'NoneOnDryRun' }));
    assert.equal((await api.call('POST', `${CONFIG_MAPS}?dryRun=All`, configMap('a'))).status, 201);
    assert.equal(hook.asked.length, 1);
  });

  test('an eviction that asks for a dry run in the options of its deletion alone is none for webhooks', async () => {
    const rules = [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods/eviction'] }];
    await configure('Validating', 'c', webhook('evictions', { rules }));
    const evict = (query: string) =>
      api.call('POST', `/api/v1/namespaces/default/pods/absent/eviction${query}`, {
        apiVersion: 'policy/v1',
        kind: 'Eviction',
        metadata: { name: 'absent' },
        deleteOptions: { dryRun: ['All'] },
      });
    await evict('');
    await evict('?dryRun=All');
    assert.deepEqual(
      hook.asked.map(({ review }) => (review.request as unknown as { dryRun: boolean }).dryRun),
      [false, true],
    );
  });

  test('webhooks have no say in their own configuration', async () => {
    await configure(
      'Validating',
      'c',
      webhook('all', { rules: [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*/*'] }] }),
    );
    answer = () => ({ allowed: false });
    assert.equal((await create('a')).status, 400);
    assert.equal((await api.call('DELETE', `${GROUP}/validatingwebhookconfigurations/c`)).status, 200);
  });

  test('a webhook that knows only v1beta1 is asked in that', async () => {
    await configure('Mutating', 'c', webhook('old', { admissionReviewVersions: ['v1beta1'] }));
    answer = () => jsonPatch([{ op: 'add', path: '/data', value: { old: 'yes' } }]);
    assert.deepEqual((await create('a')).body['data'], { old: 'yes' });
    assert.equal(hook.asked[0]!.review.apiVersion, 'admission.k8s.io/v1beta1');
  });

  test('a Service is asked under its own name', async () => {
    const spec = { type: 'ExternalName', externalName: 'localhost' };
    assert.equal(
      (await api.call('POST', '/api/v1/namespaces/default/services', { metadata: { name: 'named' }, spec })).status,
      201,
    );
    const service = { namespace: 'default', name: 'named', path: '/svc', port: hook.port };
    await configure('Validating', 'c', webhook('service', { clientConfig: { service, caBundle: hook.caBundle } }));
    // The test's certificate is for localhost: that another name is asked for is what can be seen.
    const asked = new RegExp(
      `Post "https://named\\.default\\.svc:${hook.port}/svc\\?timeout=10s": tls: failed to verify certificate: x509: .*named\\.default\\.svc`,
    );
    assert.match(messageOf(await create('a'))!, asked);
  });

  test('a Service that is not there cannot be asked', async () => {
    const service = { namespace: 'default', name: 'missing' };
    await configure('Validating', 'd', webhook('missing', { clientConfig: { service, caBundle: hook.caBundle } }));
    assert.match(
      messageOf(await create('a'))!,
      /Post "https:\/\/missing\.default\.svc:443\/\?timeout=10s": service "missing" not found/,
    );
  });

  test('connections are used again', async () => {
    await configure('Validating', 'c', webhook('keep'));
    await create('warm-up');
    const before = hook.connections();
    for (let i = 0; i < 5; i++) await create(`a${i}`);
    assert.equal(hook.connections(), before);
  });

  test('custom resources go through webhooks in each of their versions, and what a schema does not know is pruned', async () => {
    const schema = {
      openAPIV3Schema: {
        type: 'object',
        properties: { spec: { type: 'object', properties: { a: { type: 'string' }, b: { type: 'string', default: 'set' } } } },
      },
    };
    const version = (name: string, storage: boolean) => ({ name, served: true, storage, schema });
    const crd = {
      metadata: { name: 'things.example.com' },
      spec: {
        group: 'example.com',
        scope: 'Namespaced',
        names: { plural: 'things', singular: 'thing', kind: 'Thing', listKind: 'ThingList' },
        versions: [version('v1', true), version('v2', false)],
      },
    };
    const defined = await api.call('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', crd);
    assert.equal(defined.status, 201, defined.text);
    await until(
      'things are served',
      async () => (await api.call('GET', '/apis/example.com/v2/namespaces/default/things')).status === 200,
    );
    const rules = [{ operations: ['CREATE'], apiGroups: ['example.com'], apiVersions: ['v1'], resources: ['things'] }];
    await configure('Mutating', 'c', webhook('thing', { rules }));
    answer = () => jsonPatch([{ op: 'add', path: '/spec', value: { a: 'patched', unknown: 'gone' } }]);
    const made = await api.call<Record<string, never>>('POST', '/apis/example.com/v2/namespaces/default/things', {
      apiVersion: 'example.com/v2',
      kind: 'Thing',
      metadata: { name: 't' },
    });
    assert.equal(made.status, 201, made.text);
    assert.deepEqual([made.body['apiVersion'], made.body['spec']], ['example.com/v2', { a: 'patched', b: 'set' }]);
    const { request } = hook.asked[0]!.review as object as { request: Record<string, never> };
    assert.deepEqual([request['object']['apiVersion'], request['requestKind']['version']], ['example.com/v1', 'v2']);
  });

  test('configurations are checked as upstream checks them', async () => {
    const bad = webhook('bad', {
      name: 'short',
      clientConfig: { url: 'http://a?b=c' },
      rules: [{ operations: ['*', 'CREATE'], apiGroups: [], apiVersions: ['v1'], resources: ['*', 'pods', '*/x'] }],
      sideEffects: 'Some',
      timeoutSeconds: 31,
      admissionReviewVersions: ['v2'],
      matchConditions: [{ name: 'a b', expression: 'nope' }],
    });
    const refused = await api.call('POST', `${GROUP}/validatingwebhookconfigurations`, {
      metadata: { name: 'c' },
      webhooks: [bad],
    });
    assert.equal(refused.status, 422);
    const { causes } = (refused.body as { details: { causes: { field: string; message: string }[] } }).details;
    assert.deepEqual(
      causes.map(({ field, message }) => `${field}: ${message.split('\n')[0]}`.slice(0, 150)),
      [
        'webhooks[0].name: Invalid value: "short": should be a domain with at least three segments separated by dots',
        `webhooks[0].rules[0].operations: Invalid value: ["*","CREATE"]: if '*' is present, must not specify other operations`,
        'webhooks[0].rules[0].apiGroups: Required value',
        `webhooks[0].rules[0].resources: Invalid value: ["*","pods","*/x"]: if '*' is present, must not specify other resources without subresources`.slice(
          0,
          150,
        ),
        'webhooks[0].sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"',
        'webhooks[0].timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds',
        `webhooks[0].clientConfig.url: Invalid value: "http": 'https' is the only allowed URL scheme; desired format: https://host[/path]`,
        'webhooks[0].clientConfig.url: Invalid value: "b=c": query parameters are not permitted in the URL',
        `webhooks[0].matchConditions[0].expression: Invalid value: "nope": compilation failed: ERROR: <input>:1:1: undeclared reference to 'nope' (in container '')`.slice(
          0,
          150,
        ),
        "webhooks[0].matchConditions[0].name: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end by".slice(
          0,
          150,
        ),
        'webhooks[0].admissionReviewVersions: Invalid value: ["v2"]: must include at least one of v1, v1beta1',
      ],
    );
  });
});
