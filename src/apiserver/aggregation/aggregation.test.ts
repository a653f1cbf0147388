import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, request, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { test } from 'node:test';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { until } from '../../../test/harness/until.ts';
import type { V1APIService } from '../../api/gen/types.ts';
import { createTestPki, type List, startTestApi, type TestApi, type TestPki } from '../test-api.ts';

const GROUP = '/apis/wardle.example.com/v1alpha1';

const document = {
  kind: 'APIResourceList',
  apiVersion: 'v1',
  groupVersion: 'wardle.example.com/v1alpha1',
  resources: [
    { name: 'flunders', singularName: 'flunder', namespaced: true, kind: 'Flunder', verbs: ['get', 'list'], shortNames: ['fl'] },
    { name: 'flunders/status', singularName: '', namespaced: true, kind: 'Flunder', verbs: ['get'] },
  ],
};

const FLUNDER = {
  type: 'object',
  description: 'Flunder is of an extension server.',
  properties: {
    next: { $ref: '#/definitions/com.example.Flunder', description: 'Next follows.' },
    size: { type: ['integer'], format: 'int32', minimum: 1 },
  },
  'x-kubernetes-group-version-kind': [{ group: 'wardle.example.com', version: 'v1alpha1', kind: 'Flunder' }],
};
const LISTED = {
  operationId: 'listFlunders',
  produces: ['application/json'],
  parameters: [{ name: 'body', in: 'body', schema: { $ref: '#/definitions/com.example.Flunder' } }, null],
  responses: { 200: { description: 'OK', schema: { $ref: '#/definitions/com.example.Flunder' } } },
};

interface Seen {
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly groups: readonly string[];
  readonly proxy: string;
}

/** An extension API server: says what it was asked, and by whom. `openApi`: the versions of OpenAPI that it knows. */
async function startExtension(pki: TestPki, proxyCaPem: string, openApi = ['v2', 'v3']) {
  const seen: Seen[] = [];
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    const raw = request.rawHeaders;
    const groups = raw.filter((_, i) => i % 2 === 1 && raw[i - 1]!.toLowerCase() === 'x-remote-group');
    const proxy = String((request.socket as TLSSocket).getPeerCertificate().subject?.CN ?? '');
    seen.push({ url: request.url!, headers: request.headers, groups, proxy });
    const json = (status: number, body: object) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    const { url = '' } = request;
    if (url === GROUP) return json(200, document);
    const version = /^\/openapi\/(v\d)/.exec(url)?.[1];
    if (version && !openApi.includes(version)) return json(404, {});
    if (url === '/openapi/v3')
      return json(200, { paths: { [GROUP.slice(1)]: { serverRelativeURL: `/openapi/v3${GROUP}?hash=ABC` } } });
    if (url.startsWith(`/openapi/v3${GROUP}`)) return json(200, { openapi: '3.0.0', paths: { [`${GROUP}/flunders`]: {} } });
    if (url === '/openapi/v2')
      return json(200, {
        swagger: '2.0',
        paths: { [`${GROUP}/flunders`]: { get: LISTED } },
        definitions: { 'com.example.Flunder': FLUNDER, 'com.example.Odd': 7 },
      });
    // As a server that closes a kept connection while the next request is on its way.
    if (url.includes('lost') && seen.filter((one) => one.url === url).length < 3) return request.socket.destroy();
    if (url.includes('redirect')) {
      response.writeHead(302, { location: 'https://elsewhere' });
      return response.end();
    }
    if (url.includes('watch')) {
      response.writeHead(200, { 'content-type': 'application/x-ndjson' });
      response.write('{"type":"ADDED"}\n');
      return setImmediate(() => response.end('{"type":"DELETED"}\n'));
    }
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    return request.on('end', () => json(request.method === 'POST' ? 201 : 200, { kind: 'FlunderList', body }));
  };
  const { certificatePem: cert, privateKeyPem: key } = pki.serving;
  const server: Server = createServer({ cert, key, ca: proxyCaPem, requestCert: true, rejectUnauthorized: false }, answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.on('upgrade', (request: IncomingMessage, socket: Duplex) => {
    seen.push({ url: request.url!, headers: request.headers, groups: [], proxy: '' });
    if (request.url!.includes('keep')) {
      // A server that refuses and then waits for the next request on the same connection.
      socket.on('data', (chunk) => seen.push({ url: `behind: ${chunk}`, headers: {}, groups: [], proxy: '' }));
      socket.on('error', () => undefined);
      socket.write('HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\n\r\n');
      setTimeout(() => socket.write('gone'), 20);
      return;
    }
    if (request.url!.includes('refuse')) {
      socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno');
      return;
    }
    socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: echo\r\n\r\n');
    socket.on('data', (chunk) => socket.write(`echo ${chunk}`));
    socket.on('end', () => socket.end());
    socket.on('error', () => undefined);
  });
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const apiService = (spec: object) => ({
  apiVersion: 'apiregistration.k8s.io/v1',
  kind: 'APIService',
  metadata: { name: 'v1alpha1.wardle.example.com' },
  spec: { group: 'wardle.example.com', version: 'v1alpha1', groupPriorityMinimum: 2000, versionPriority: 200, ...spec },
});

const SERVICES = '/apis/apiregistration.k8s.io/v1/apiservices';

/** Loopback addresses are no endpoints, but a Service may stand for a name. */
async function register(api: TestApi, port: number, spec: object = { insecureSkipTLSVerify: true }) {
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'api' },
    spec: { type: 'ExternalName', externalName: 'localhost' },
  };
  assert.equal((await api.call('POST', '/api/v1/namespaces/default/services', service)).status, 201);
  const reference = { service: { name: 'api', namespace: 'default', port } };
  const created = await api.call('POST', SERVICES, apiService({ ...reference, ...spec }));
  assert.equal(created.status, 201, created.text);
}

const condition = async (api: TestApi) => {
  const { body } = await api.call<V1APIService>('GET', `${SERVICES}/v1alpha1.wardle.example.com`);
  return body.status?.conditions?.find(({ type }) => type === 'Available');
};

test('every group version that is served here has an APIService, which comes back when it is deleted', async (context) => {
  const api = await startTestApi();
  context.after(() => api.stop());
  const { body } = await api.call<List>('GET', SERVICES);
  const apps = body.items.find(({ metadata }) => metadata?.name === 'v1.apps') as V1APIService;
  assert.equal(apps.metadata?.labels?.['kube-aggregator.kubernetes.io/automanaged'], 'onstart');
  assert.deepEqual(apps.spec, { group: 'apps', groupPriorityMinimum: 17800, version: 'v1', versionPriority: 15 });
  assert.equal(apps.status?.conditions?.[0]?.reason, 'Local');
  assert.ok(body.items.some(({ metadata }) => metadata?.name === 'v1.'));
  await api.call('DELETE', `${SERVICES}/v1.apps`);
  await until('it is back', async () => (await api.call('GET', `${SERVICES}/v1.apps`)).status === 200);
});

test('an APIService is checked as upstream checks it', async (context) => {
  const api = await startTestApi();
  context.after(() => api.stop());
  const refused = async (change: object, expected: RegExp) => {
    const answer = await api.call('POST', SERVICES, { ...apiService({}), ...change });
    assert.equal(answer.status, 422);
    assert.match(String(answer.body['message']), expected);
  };
  await refused({ metadata: { name: 'x' } }, /must be `spec.version\+"."\+spec.group`: "v1alpha1.wardle.example.com"/);
  await refused(apiService({ groupPriorityMinimum: 0 }), /must be positive and less than 20000/);
  await refused(apiService({ caBundle: 'YWJj' }), /local APIServices may not have a caBundle/);
  await refused(
    apiService({ service: { name: 'a', namespace: 'b' }, caBundle: 'YWJj', insecureSkipTLSVerify: true }),
    /may not be true if caBundle is present/,
  );
});

test('requests go to the extension server with the word of who asks and without his credentials; answers and watches come back', async (context) => {
  const proxyPki = await createTestPki();
  const proxyClient = await proxyPki.clientPair('front-proxy-client');
  const api = await startTestApi({ aggregation: { proxyClient, routeToEndpoints: true } });
  context.after(() => api.stop());
  await using extension = await startExtension(api.pki, proxyPki.caPem);
  await register(api, extension.port);
  await until('it is available', async () => (await condition(api))?.status === 'True');
  const headers = {
    authorization: 'Bearer secret',
    'x-remote-user': 'somebody-else',
    'x-remote-extra-scopes': 'all',
    'impersonate-group': 'x',
    'x-other': 'kept',
  };
  const answer = await api.call('GET', `${GROUP}/namespaces/default/flunders?limit=5`, undefined, headers);
  assert.deepEqual([answer.status, answer.body['kind']], [200, 'FlunderList']);
  const asked = extension.seen.at(-1)!;
  assert.equal(asked.url, `${GROUP}/namespaces/default/flunders?limit=5`);
  assert.equal(asked.proxy, 'front-proxy-client');
  assert.equal(asked.headers['x-remote-user'], 'admin');
  assert.deepEqual(asked.groups, ['system:masters']);
  assert.equal(asked.headers['x-other'], 'kept');
  for (const name of ['authorization', 'x-remote-extra-scopes', 'impersonate-group'])
    assert.equal(asked.headers[name], undefined);
  assert.equal(asked.headers['audit-id'], answer.headers['audit-id']);

  const posted = await api.call('POST', `${GROUP}/namespaces/default/flunders`, { spec: 1 });
  assert.deepEqual([posted.status, posted.body['body']], [201, '{"spec":1}']);
  const watch = await api.call('GET', `${GROUP}/flunders?watch=1`);
  assert.equal(watch.text, '{"type":"ADDED"}\n{"type":"DELETED"}\n');
  const redirected = await api.call('GET', `${GROUP}/redirect`);
  assert.equal(redirected.status, 502);
});

test('a read whose connection is lost before the answer goes to another one, a write does not', async (context) => {
  const api = await startTestApi({ aggregation: { routeToEndpoints: true } });
  context.after(() => api.stop());
  await using extension = await startExtension(api.pki, api.pki.caPem);
  await register(api, extension.port);
  await until('it is available', async () => (await condition(api))?.status === 'True');
  const asked = (url: string) => extension.seen.filter((one) => one.url === url).length;
  const path = `${GROUP}/namespaces/default/lost`;
  assert.equal((await api.call('GET', path)).status, 200);
  assert.equal(asked(path), 3);
  const posted = await api.call('POST', `${path}-writes`, { spec: 1 });
  assert.deepEqual([posted.status, asked(`${path}-writes`)], [503, 1]);
  assert.match(posted.text, /error trying to reach service: .*connection lost/);
});

test('connections that go on as another protocol go through, both ways, and refusals come back', async (context) => {
  const api = await startTestApi({ aggregation: { routeToEndpoints: true } });
  context.after(() => api.stop());
  await using extension = await startExtension(api.pki, api.pki.caPem);
  await register(api, extension.port);
  await until('it is available', async () => (await condition(api))?.status === 'True');
  const open = (path: string, group = GROUP) =>
    new Promise<{ status: number; socket?: Duplex; text?: string }>((resolve, reject) => {
      const outgoing = request({
        host: '127.0.0.1',
        port: api.server.port,
        path: `${group}${path}`,
        ca: api.pki.caPem,
        agent: false,
        headers: { connection: 'Upgrade', upgrade: 'echo', authorization: 'Bearer secret' },
      });
      outgoing.on('upgrade', (answer, socket) => resolve({ status: answer.statusCode ?? 0, socket }));
      outgoing.on('response', (answer) => {
        let text = '';
        answer.on('data', (chunk) => {
          text += chunk;
        });
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
      });
      outgoing.on('error', reject);
      outgoing.end();
    });
  const { status, socket } = await open('/namespaces/default/flunders/one/exec?command=ls');
  assert.equal(status, 101);
  socket!.write('hello');
  const [heard] = await once(socket!, 'data');
  assert.equal(String(heard), 'echo hello');
  const asked = extension.seen.at(-1)!;
  assert.equal(asked.headers['x-remote-user'], 'system:anonymous');
  assert.equal(asked.headers['authorization'], undefined);
  socket!.destroy();
  assert.deepEqual(await open('/refuse'), { status: 403, text: 'no' });
  // Elsewhere the wish is told nothing, and the answer is the usual one.
  assert.equal((await open('/namespaces/default', '/api/v1')).status, 200);
});

test('what follows a refused change of protocol never reaches an extension server', async (context) => {
  const api = await startTestApi({ aggregation: { routeToEndpoints: true } });
  context.after(() => api.stop());
  await using extension = await startExtension(api.pki, api.pki.caPem);
  await register(api, extension.port);
  await until('it is available', async () => (await condition(api))?.status === 'True');
  const smuggled = `GET ${GROUP}/secrets HTTP/1.1\r\nhost: x\r\nx-remote-user: admin\r\nx-remote-group: system:masters\r\n\r\n`;
  const client = connectTls({ host: '127.0.0.1', port: api.server.port, ca: api.pki.caPem, ALPNProtocols: ['http/1.1'] });
  await once(client, 'secureConnect');
  client.write(`GET ${GROUP}/keep HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: echo\r\n\r\n${smuggled}`);
  let answer = '';
  client.on('data', (chunk) => {
    answer += chunk;
    client.write(smuggled);
  });
  client.on('error', () => undefined); // it is cut while it writes
  await once(client, 'close');
  assert.match(answer, /^HTTP\/1\.1 404 [\s\S]*\r\nconnection: close\r\n[\s\S]*gone$/i);
  assert.deepEqual(
    extension.seen.filter(({ url }) => url.startsWith('behind')),
    [],
  );
});

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
    responseKind: { group: 'wardle.example.com', version: 'v1alpha1', kind: 'Flunder' },
    scope: 'Namespaced',
    singularResource: 'flunder',
    verbs: ['get', 'list'],
    shortNames: ['fl'],
    subresources: [
      {
        subresource: 'status',
        responseKind: { group: 'wardle.example.com', version: 'v1alpha1', kind: 'Flunder' },
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

test('a server that cannot be reached, or is not there, is unavailable with the reason, and its requests are answered with 503', async (context) => {
  const api = await startTestApi({ aggregation: { routeToEndpoints: true } });
  context.after(() => api.stop());
  await api.call('POST', SERVICES, apiService({ service: { name: 'api', namespace: 'default' }, insecureSkipTLSVerify: true }));
  const reason = (wanted: string) => until(wanted, async () => (await condition(api))?.reason === wanted);
  await reason('ServiceNotFound');
  assert.equal((await condition(api))?.message, 'service/api in "default" is not present');
  const answer = await api.call('GET', `${GROUP}/flunders`);
  assert.deepEqual([answer.status, answer.body['message']], [503, 'service unavailable']);
  const { text } = await api.call('GET', '/metrics');
  assert.ok(text.includes('aggregator_unavailable_apiservice{name="v1alpha1.wardle.example.com"} 1\n'));
  assert.ok(text.includes('aggregator_unavailable_apiservice{name="v1.apps"} 0\n'));
  const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'api' }, spec: { ports: [{ port: 443 }] } };
  await api.call('POST', '/api/v1/namespaces/default/services', service);
  await reason('EndpointsNotFound');
  await api.call('DELETE', `${SERVICES}/v1alpha1.wardle.example.com`);
  assert.equal((await api.call('GET', `${GROUP}/flunders`)).status, 404);
});

test('a server whose certificate the caBundle does not vouch for is not trusted', async (context) => {
  const other = await createTestPki();
  const api = await startTestApi({ aggregation: { routeToEndpoints: true } });
  context.after(() => api.stop());
  await using extension = await startExtension(api.pki, api.pki.caPem);
  await register(api, extension.port, { caBundle: Buffer.from(other.caPem).toString('base64') });
  await until('it has been checked', async () => (await condition(api))?.reason === 'FailedDiscoveryCheck');
  assert.match((await condition(api))!.message!, /failing or missing response from https:\/\/localhost:\d+\/apis\/wardle/);
});
