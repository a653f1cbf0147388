import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../../test/harness/until.ts';
import { startTestApi } from '../test-api.ts';
import { condition, document, FLUNDER, GROUP, register, startExtension } from './extension-server.test-support.ts';

test('what an extension server serves is seen in discovery and OpenAPI', async (context) => {
  const api = await startTestApi({ aggregation: { routeToEndpoints: true } });
  context.after(() => api.stop());
  await using extension = await startExtension(api.pki, api.pki.caPem);
  await register(api, extension.port);
  await until('it is available', async () => (await condition(api))?.status === 'True');
  const groups = await api.call<{ groups: { name: string; preferredVersion: { version: string } }[] }>('GET', '/apis');
  assert.equal(groups.body.groups.find(({ name }) => name === 'wardle.example.com')?.preferredVersion.version, 'v1alpha1');
  assert.ok(groups.body.groups.some(({ name }) => name === 'apps'));
  assert.equal((await api.call('GET', '/apis/wardle.example.com')).body.kind, 'APIGroup');
  assert.deepEqual((await api.call('GET', GROUP)).body, document);
  interface Aggregated {
    items: { metadata: { name: string }; versions: { freshness: string; resources: { resource: string; scope: string }[] }[] }[];
  }
  const aggregated = await api.call<Aggregated>('GET', '/apis', undefined, {
    accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList',
  });
  const parsed = JSON.parse(aggregated.text) as Aggregated;
  const [version] = parsed.items.find(({ metadata }) => metadata.name === 'wardle.example.com')!.versions;
  assert.equal(version!.freshness, 'Current');
  assert.deepEqual(version!.resources[0], {
    resource: 'flunders',
    responseKind: { group: '', version: '', kind: 'Flunder' },
    scope: 'Namespaced',
    singularResource: 'flunder',
    verbs: ['get', 'list'],
    shortNames: ['fl'],
    subresources: [
      {
        subresource: 'status',
        responseKind: { group: '', version: '', kind: 'Flunder' },
        verbs: ['get'],
      },
    ],
  });
  const again = await api.call('GET', '/apis', undefined, {
    accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList',
    'if-none-match': aggregated.headers['etag']!,
  });
  assert.equal(again.status, 304);
  const index = await api.call<{ paths: Record<string, { serverRelativeURL: string }> }>('GET', '/openapi/v3');
  assert.equal(index.body.paths[GROUP.slice(1)]?.serverRelativeURL, `/openapi/v3${GROUP}?hash=ABC`);
  assert.ok(index.body.paths['api/v1']);
  assert.equal((await api.call('GET', `/openapi/v3${GROUP}?hash=ABC`)).status, 200);
  const v2 = await api.call<{ paths: object; definitions: object }>('GET', '/openapi/v2');
  assert.ok(`${GROUP}/flunders` in v2.body.paths && 'com.example.Flunder' in v2.body.definitions);
});

test('a server that knows version 2 of OpenAPI alone is seen in version 3 too, and in the form that older clients read', async (context) => {
  const api = await startTestApi({ aggregation: { routeToEndpoints: true } });
  context.after(() => api.stop());
  await using extension = await startExtension(api.pki, api.pki.caPem, ['v2']);
  await register(api, extension.port);
  await until('it is available', async () => (await condition(api))?.status === 'True');
  const index = await api.call<{ paths: Record<string, { serverRelativeURL: string }> }>('GET', '/openapi/v3');
  const address = index.body.paths[GROUP.slice(1)]!.serverRelativeURL;
  assert.match(address, /^\/openapi\/v3\/apis\/wardle\.example\.com\/v1alpha1\?hash=[0-9A-F]{128}$/);
  const { body, headers } = await api.call<Record<string, Record<string, object>>>('GET', address);
  const reference = { $ref: '#/components/schemas/com.example.Flunder' };
  assert.deepEqual(body['components']!['schemas'], {
    'com.example.Flunder': {
      ...FLUNDER,
      properties: {
        next: { description: 'Next follows.', allOf: [reference] },
        size: { type: 'integer', format: 'int32', minimum: 1 },
      },
    },
  });
  const { get } = body['paths']![`${GROUP}/flunders`] as { get: { responses: object } };
  assert.deepEqual(get.responses, { 200: { description: 'OK', content: { 'application/json': { schema: reference } } } });
  assert.equal((await api.call('GET', address, undefined, { 'if-none-match': headers['etag']! })).status, 304);

  const accept = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';
  const old = await api.call('GET', '/openapi/v2', undefined, { accept });
  assert.match(old.text, /com\.example\.Flunder/);
  assert.match(old.text, /Flunder is of an extension server\./);
  assert.doesNotMatch(old.text, /com\.example\.Odd/);
});

test('a server that knows version 3 alone is seen there, and one that knows neither in discovery', async (context) => {
  const api = await startTestApi({ aggregation: { routeToEndpoints: true } });
  context.after(() => api.stop());
  const openApi = ['v3'];
  await using extension = await startExtension(api.pki, api.pki.caPem, openApi);
  await register(api, extension.port);
  await until('it is available', async () => (await condition(api))?.status === 'True');
  const listed = async () => Object.keys((await api.call<{ paths: object }>('GET', '/openapi/v3')).body.paths);
  assert.ok((await listed()).includes(GROUP.slice(1)));
  const v2 = await api.call<{ paths: object }>('GET', '/openapi/v2');
  assert.equal(v2.status, 200);
  assert.ok(!(`${GROUP}/flunders` in v2.body.paths));
  openApi.length = 0;
  assert.ok(!(await listed()).includes(GROUP.slice(1)));
  assert.equal((await api.call('GET', `/openapi/v3${GROUP}`)).status, 404);
  assert.deepEqual((await api.call('GET', GROUP)).body, document);
});
