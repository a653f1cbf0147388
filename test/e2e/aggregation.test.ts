import assert from 'node:assert/strict';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { createTestPki } from '../../src/apiserver/test-api.ts';
import { until } from '../harness/until.ts';
import { type ApiserverProcess, openApiserverProcess } from './apiserver-process.ts';

const GROUP = 'wardle.example.com/v1alpha1';
const flunder = (name: string) => ({ apiVersion: GROUP, kind: 'Flunder', metadata: { name, namespace: 'default', uid: name } });

describe('an extension API server', () => {
  let apiserver: ApiserverProcess;
  const callers: { user: string; groups: string; proxy: string }[] = [];
  let close = (): void => undefined;

  before(async () => {
    apiserver = await openApiserverProcess();
    const proxies = await createTestPki();
    const proxy = await proxies.clientPair('front-proxy-client');
    await apiserver.write('proxy-ca.pem', proxies.caPem);
    await apiserver.write('proxy.pem', proxy.certificatePem);
    await apiserver.write('proxy.key', proxy.privateKeyPem);

    const { certificatePem: cert, privateKeyPem: key } = apiserver.pki.serving;
    const names = ['one', 'two'];
    const server = createServer(
      { cert, key, ca: proxies.caPem, requestCert: true, rejectUnauthorized: false },
      (request, response) => {
        const { url = '', headers } = request;
        const socket = request.socket as TLSSocket;
        const trusted = socket.authorized && socket.getPeerCertificate().subject?.CN;
        callers.push({
          user: String(headers['x-remote-user']),
          groups: String(headers['x-remote-group']),
          proxy: String(trusted),
        });
        const send = (status: number, body: object) => {
          response.writeHead(status, { 'content-type': 'application/json' });
          response.end(JSON.stringify(body));
        };
        const [path] = url.split('?');
        const collection = `/apis/${GROUP}/namespaces/default/flunders`;
        if (path === `/apis/${GROUP}`)
          return send(200, {
            kind: 'APIResourceList',
            apiVersion: 'v1',
            groupVersion: GROUP,
            resources: [
              {
                name: 'flunders',
                singularName: 'flunder',
                namespaced: true,
                kind: 'Flunder',
                verbs: ['create', 'delete', 'get', 'list', 'watch'],
                shortNames: ['fl'],
              },
            ],
          });
        if (path === collection)
          return send(200, {
            kind: 'FlunderList',
            apiVersion: GROUP,
            metadata: { resourceVersion: '1' },
            items: names.map(flunder),
          });
        const name = path?.startsWith(`${collection}/`) ? path.slice(collection.length + 1) : '';
        if (names.includes(name)) return send(200, flunder(name));
        return send(404, {
          kind: 'Status',
          apiVersion: 'v1',
          status: 'Failure',
          reason: 'NotFound',
          code: 404,
          message: `no ${path}`,
        });
      },
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    close = () => {
      server.closeAllConnections();
      server.close();
    };
    await apiserver.start(
      `--proxy-client-cert-file=${apiserver.file('proxy.pem')}`,
      `--proxy-client-key-file=${apiserver.file('proxy.key')}`,
      `--requestheader-client-ca-file=${apiserver.file('proxy-ca.pem')}`,
      '--requestheader-allowed-names=front-proxy-client',
      '--requestheader-username-headers=X-Remote-User',
      '--requestheader-group-headers=X-Remote-Group',
      '--requestheader-extra-headers-prefix=X-Remote-Extra-',
    );
    const { port } = server.address() as AddressInfo;
    const service = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'api' },
      spec: { type: 'ExternalName', externalName: 'localhost' },
    };
    const registration = {
      apiVersion: 'apiregistration.k8s.io/v1',
      kind: 'APIService',
      metadata: { name: 'v1alpha1.wardle.example.com' },
      spec: {
        group: 'wardle.example.com',
        version: 'v1alpha1',
        service: { namespace: 'default', name: 'api', port },
        insecureSkipTLSVerify: true,
        groupPriorityMinimum: 2000,
        versionPriority: 200,
      },
    };
    for (const object of [service, registration]) await apiserver.kubectl.run('create -f -', { input: JSON.stringify(object) });
    await until('it is available', async () => {
      const line = await apiserver.kubectl.run('get apiservice v1alpha1.wardle.example.com --no-headers');
      return /default\/api\s+True/.test(line);
    });
  });
  after(async () => {
    close();
    await apiserver?.[Symbol.asyncDispose]();
  });

  test('is shown by kubectl with what it serves', async () => {
    const { kubectl } = apiserver;
    assert.match(await kubectl.run('get apiservices'), /^v1\.apps\s+Local\s+True/m);
    assert.match(
      await kubectl.run('api-resources --api-group=wardle.example.com'),
      /^flunders\s+fl\s+wardle.example.com\/v1alpha1\s+true\s+Flunder/m,
    );
    assert.match(await kubectl.run('api-versions'), /^wardle\.example\.com\/v1alpha1$/m);
    assert.equal((await kubectl.run('get fl -o name')).trim(), 'flunder.wardle.example.com/one\nflunder.wardle.example.com/two');
    assert.equal((await kubectl.json<{ metadata: { name: string } }>('get flunder one')).metadata.name, 'one');
    assert.match((await kubectl.try('get flunder three')).stderr, /NotFound/);
  });

  test('hears who asks from a proxy that it can know, and only what is allowed gets there', async () => {
    const { kubectl } = apiserver;
    await kubectl.run('--as=alice --as-group=system:masters get fl -o name');
    assert.deepEqual(callers.at(-1), {
      user: 'alice',
      groups: 'system:masters, system:authenticated',
      proxy: 'front-proxy-client',
    });
    const asked = callers.length;
    assert.match(
      (await kubectl.try('--as=bob get --raw /apis/wardle.example.com/v1alpha1/namespaces/default/flunders')).stderr,
      /Forbidden/,
    );
    assert.equal(callers.length, asked);
    const config = await kubectl.json<{ data: Record<string, string> }>(
      '-n kube-system get configmap extension-apiserver-authentication',
    );
    assert.equal(config.data['requestheader-allowed-names'], '["front-proxy-client"]');
  });

  test('that is gone leaves the rest of the API as it is', async () => {
    const { kubectl } = apiserver;
    await kubectl.run('delete apiservice v1alpha1.wardle.example.com');
    assert.doesNotMatch(await kubectl.run('api-versions'), /wardle/);
    assert.notEqual((await kubectl.try('get fl')).status, 0);
    assert.equal((await kubectl.try('get configmaps')).status, 0);
  });
});
