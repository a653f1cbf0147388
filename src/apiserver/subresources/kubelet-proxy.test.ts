import assert from 'node:assert/strict';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { createTestPki, pod, startTestApi } from '../test-api.ts';
import { chooseContainer, kubeletUrl, parseProxyTarget } from './kubelet-address.ts';

test('requests to a node reach its kubelet with the server’s certificate, and its answer comes back', async () => {
  const pki = await createTestPki();
  const client = await pki.clientPair('kubernetes', []);
  const kubelet = createServer(
    {
      cert: pki.serving.certificatePem,
      key: pki.serving.privateKeyPem,
      ca: pki.caPem,
      requestCert: true,
      rejectUnauthorized: true,
    },
    (request, response) => {
      assert.equal(request.headers.authorization, undefined);
      response.end(`${request.method} ${request.url}`);
    },
  );
  await new Promise<void>((resolve) => kubelet.listen(0, '127.0.0.1', resolve));
  const { port } = kubelet.address() as AddressInfo;
  const api = await startTestApi({ kubelet: { client, caPem: pki.caPem } });
  try {
    const status = {
      addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
      daemonEndpoints: { kubeletEndpoint: { Port: port } },
    };
    await api.call('POST', '/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } });
    const merge = { 'content-type': 'application/merge-patch+json' };
    assert.equal((await api.call('PATCH', '/api/v1/nodes/n1/status', { status }, merge)).status, 200);
    const configz = await api.call('GET', '/api/v1/nodes/n1/proxy/configz?a=b', undefined, { authorization: 'Bearer secret' });
    assert.equal(configz.text, 'GET /configz?a=b');
    await api.call('POST', '/api/v1/namespaces/default/pods', pod('p', { spec: { nodeName: 'n1' } }));
    const log = await api.call('GET', '/api/v1/namespaces/default/pods/p/log?tailLines=3');
    assert.equal(log.text, 'GET /containerLogs/default/p/c?tailLines=3');
    const wrong = await api.call<{ message: string }>('GET', '/api/v1/namespaces/default/pods/p/log?container=x');
    assert.equal(wrong.body.message, 'container x is not valid for pod p');
  } finally {
    await api.stop();
    kubelet.closeAllConnections();
    kubelet.close();
  }
});

test('a kubelet whose certificate nobody vouches for is refused in the documents’ words', async () => {
  const [pki, other] = await Promise.all([createTestPki(), createTestPki()]);
  const kubelet = createServer({ cert: pki.serving.certificatePem, key: pki.serving.privateKeyPem });
  await new Promise<void>((resolve) => kubelet.listen(0, '127.0.0.1', resolve));
  const { port } = kubelet.address() as AddressInfo;
  const api = await startTestApi({ kubelet: { caPem: other.caPem } });
  try {
    const addresses = [{ type: 'InternalIP', address: '127.0.0.1' }];
    await api.call('POST', '/api/v1/nodes', {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'n1' },
      status: { addresses, daemonEndpoints: { kubeletEndpoint: { Port: port } } },
    });
    const answer = await api.call<{ message: string }>('GET', '/api/v1/nodes/n1/proxy/healthz');
    assert.match(answer.body.message, /x509: certificate signed by unknown authority$/);
  } finally {
    await api.stop();
    kubelet.closeAllConnections();
    kubelet.close();
  }
});

test('a proxy path names a node, perhaps with scheme and port', () => {
  assert.deepEqual(parseProxyTarget('n1'), { scheme: '', name: 'n1', port: '' });
  assert.deepEqual(parseProxyTarget('n1:10250'), { scheme: '', name: 'n1', port: '10250' });
  assert.deepEqual(parseProxyTarget('https:n1:10250'), { scheme: 'https', name: 'n1', port: '10250' });
  assert.throws(() => parseProxyTarget('ftp:n1:1'), /invalid node request/);
});

test('the first preferred kind of address is taken', () => {
  const node = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'n' },
    status: {
      addresses: [
        { type: 'Hostname', address: 'n' },
        { type: 'InternalIP', address: '::1' },
      ],
    },
  };
  assert.equal(kubeletUrl(node, ['InternalIP', 'Hostname']), 'https://[::1]:10250');
  assert.equal(kubeletUrl(node, ['Hostname'], '10250'), 'https://n:10250');
  assert.throws(() => kubeletUrl(node, ['ExternalIP']), /no preferred addresses found/);
});

test('nothing but a kubelet’s port is shown our certificate, and nothing said of a node is more than a host and a port', () => {
  const node = (address: string, Port = 10250) => ({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'n' },
    status: { addresses: [{ type: 'InternalIP', address }], daemonEndpoints: { kubeletEndpoint: { Port } } },
  });
  for (const port of ['6443', '1@elsewhere', '10250/x', '10250@elsewhere', ' 10250', '1e4'])
    assert.throws(() => kubeletUrl(node('10.0.0.1'), ['InternalIP'], port), /address not allowed/, port);
  assert.equal(kubeletUrl(node('10.0.0.1', 10251), ['InternalIP'], '10251'), 'https://10.0.0.1:10251');
  for (const address of ['elsewhere/x?', 'user@elsewhere', '::1]:1/#', 'a b', 'a\nb', '-', '%6c'])
    assert.throws(() => kubeletUrl(node(address), ['InternalIP']), /no preferred addresses/, address);
});

test('a node hears no tokens, cannot be sent elsewhere by a path, and its failures are read to a limit', async () => {
  const pki = await createTestPki();
  const heard: string[] = [];
  let sent = 0;
  const kubelet = createServer({ cert: pki.serving.certificatePem, key: pki.serving.privateKeyPem }, (request, response) => {
    heard.push(`${request.url} ${Object.keys(request.headers).filter((name) => /socket|auth|imperson|remote/.test(name))}`);
    if (!request.url?.startsWith('/containerLogs')) return void response.end();
    response.writeHead(500);
    const chunk = 'x'.repeat(64 * 1024);
    const pour = () => {
      while (!response.destroyed && response.write(chunk)) sent += chunk.length;
      if (!response.destroyed) response.once('drain', pour);
    };
    pour();
  });
  await new Promise<void>((resolve) => kubelet.listen(0, '127.0.0.1', resolve));
  const { port } = kubelet.address() as AddressInfo;
  const api = await startTestApi({ kubelet: { caPem: pki.caPem } });
  try {
    const addresses = [{ type: 'InternalIP', address: '127.0.0.1' }];
    const status = { addresses, daemonEndpoints: { kubeletEndpoint: { Port: port } } };
    await api.call('POST', '/api/v1/nodes', { metadata: { name: 'n1' }, status });
    const secrets = {
      authorization: 'Bearer a',
      'sec-websocket-protocol': 'base64url.bearer.authorization.k8s.io.YQ',
      'x-remote-user': 'somebody-else',
    };
    await api.call('GET', '/api/v1/nodes/n1/proxy/a%3Fb%23c%0d%0aX:%20d', undefined, secrets);
    assert.deepEqual(heard, ['/a%3Fb%23c%0D%0AX%3A%20d ']);
    await api.call('POST', '/api/v1/namespaces/default/pods', pod('p', { spec: { nodeName: 'n1' } }));
    const log = await api.call<{ message: string }>('GET', '/api/v1/namespaces/default/pods/p/log');
    assert.equal(log.status, 500);
    assert.equal(log.body.message.match(/x+/)?.[0].length, 1024);
    assert.ok(sent < 32 * 1024 * 1024);
  } finally {
    await api.stop();
    kubelet.closeAllConnections();
    kubelet.close();
  }
});

test('which container’s log is meant must be clear', () => {
  const of = (...names: string[]) =>
    ({ ...pod('p'), metadata: { name: 'p' }, spec: { containers: names.map((name) => ({ name })) } }) as never;
  assert.equal(chooseContainer(of('a'), ''), 'a');
  assert.equal(chooseContainer(of('a', 'b'), 'b'), 'b');
  assert.throws(() => chooseContainer(of('a', 'b'), ''), /a container name must be specified for pod p, choose one of: \[a b\]/);
});
