import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { V1APIService } from '../../api/gen/types.ts';
import type { TestApi, TestPki } from '../test-api.ts';
export const GROUP = '/apis/wardle.example.com/v1alpha1';

export const document = {
  kind: 'APIResourceList',
  apiVersion: 'v1',
  groupVersion: 'wardle.example.com/v1alpha1',
  resources: [
    { name: 'flunders', singularName: 'flunder', namespaced: true, kind: 'Flunder', verbs: ['get', 'list'], shortNames: ['fl'] },
    { name: 'flunders/status', singularName: '', namespaced: true, kind: 'Flunder', verbs: ['get'] },
  ],
};

export const FLUNDER = {
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
export async function startExtension(pki: TestPki, proxyCaPem: string, openApi = ['v2', 'v3']) {
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

export const apiService = (spec: object) => ({
  apiVersion: 'apiregistration.k8s.io/v1',
  kind: 'APIService',
  metadata: { name: 'v1alpha1.wardle.example.com' },
  spec: { group: 'wardle.example.com', version: 'v1alpha1', groupPriorityMinimum: 2000, versionPriority: 200, ...spec },
});

export const SERVICES = '/apis/apiregistration.k8s.io/v1/apiservices';

/** Loopback addresses are no endpoints, but a Service may stand for a name. */
export async function register(api: TestApi, port: number, spec: object = { insecureSkipTLSVerify: true }) {
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

export const condition = async (api: TestApi) => {
  const { body } = await api.call<V1APIService>('GET', `${SERVICES}/v1alpha1.wardle.example.com`);
  return body.status?.conditions?.find(({ type }) => type === 'Available');
};
