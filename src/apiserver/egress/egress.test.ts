import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { until } from '../../../test/harness/until.ts';
import { startTestWebhook } from '../admission/webhooks/test-webhook.ts';
import { createSecurity } from '../security.ts';
import { createTestPki, startTestApi, type TestPki } from '../test-api.ts';
import { createEgress } from './egress.ts';
import { readEgressConfiguration } from './egress-configuration.ts';

let directory: string;
let pki: TestPki;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'muster-egress-'));
  pki = await createTestPki();
});
after(() => rm(directory, { recursive: true }));

const selection = (name: string, proxyProtocol: string, transport?: object) => ({
  name,
  connection: { proxyProtocol, ...(transport && { transport }) },
});
async function read(...egressSelections: object[]) {
  const path = join(directory, 'egress.json');
  const document = { apiVersion: 'apiserver.k8s.io/v1beta1', kind: 'EgressSelectorConfiguration', egressSelections };
  await writeFile(path, JSON.stringify(document));
  return readEgressConfiguration(path);
}
const refusal = async (...selections: object[]): Promise<string> => {
  const error = await read(...selections).then(
    () => assert.fail('read'),
    (thrown: Error) => thrown,
  );
  return error.message.replace(/^--egress-selector-config-file \S+: /, '');
};
const uds = (udsName: string) => ({ uds: { udsName } });

/** Says where it was asked to connect to, and answers whatever comes with the same. */
function passOn(socket: Socket, asked: string[]): void {
  socket.once('data', (head) => {
    asked.push(/^CONNECT (\S+) HTTP\/1\.1\r\n/.exec(String(head))?.[1] ?? String(head));
    socket.write('HTTP/1.1 200 OK\r\n\r\n');
    socket.on('data', (chunk) => socket.write(chunk));
  });
  socket.on('error', () => socket.destroy());
}
async function listening<T extends Server>(server: T, at: string | number, t: { after(fn: () => unknown): void }): Promise<T> {
  if (typeof at === 'string') server.listen(at);
  else server.listen(at, '127.0.0.1');
  await once(server, 'listening');
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => open.add(socket));
  t.after(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return server;
}
async function echoed(socket: Socket): Promise<string> {
  // What a proxy says is read no further than it reaches; who goes on begins again.
  socket.resume();
  socket.write('ping');
  const [answer] = await once(socket, 'data');
  socket.destroy();
  return String(answer);
}
const PLACE = { host: '10.1.2.3', port: 10250 };
const soon = () => AbortSignal.timeout(10_000);

test('connections go through a proxy at a Unix socket or an address, each kind through its own', async (t) => {
  const asked: string[] = [];
  const path = join(directory, 'proxy.sock');
  await listening(
    createServer((socket) => passOn(socket, asked)),
    path,
    t,
  );
  const tcp = await listening(
    createServer((socket) => passOn(socket, asked)),
    0,
    t,
  );
  const url = `http://127.0.0.1:${(tcp.address() as AddressInfo).port}`;
  const configuration = await read(
    selection('Cluster', 'HTTPConnect', uds(path)),
    selection('master', 'HTTPConnect', { tcp: { url } }),
    selection('etcd', 'Direct'),
  );
  const egress = createEgress(configuration);
  assert.equal(await echoed(await egress.cluster!(PLACE, soon())), 'ping');
  assert.equal(await echoed(await egress.controlPlane!({ host: 'fd00::1', port: 443 }, soon())), 'ping');
  assert.deepEqual(asked, ['10.1.2.3:10250', '[fd00::1]:443']);
});

test('a proxy that speaks TLS is known by the bundle alone, and sees the client certificate', async (t) => {
  const asked: string[] = [];
  const seen: string[] = [];
  const { certificatePem: cert, privateKeyPem: key } = pki.serving;
  const proxy = await listening(
    createTlsServer({ cert, key, ca: pki.caPem, requestCert: true, rejectUnauthorized: true }, (socket: TLSSocket) => {
      seen.push(String(socket.getPeerCertificate().subject.CN));
      passOn(socket, asked);
    }),
    0,
    t,
  );
  const client = await pki.clientPair('kube-apiserver');
  const files = { caBundle: 'ca.pem', clientCert: 'client.pem', clientKey: 'client.key' };
  const texts = { caBundle: pki.caPem, clientCert: client.certificatePem, clientKey: client.privateKeyPem };
  const tlsConfig: Record<string, string> = {};
  for (const [field, name] of Object.entries(files)) {
    tlsConfig[field] = join(directory, name);
    await writeFile(tlsConfig[field], texts[field as keyof typeof texts], { mode: 0o600 });
  }
  const url = `https://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const egressThrough = async (tls: object) =>
    createEgress(await read(selection('cluster', 'HTTPConnect', { tcp: { url, tlsConfig: tls } })));
  const trusted = await egressThrough(tlsConfig);
  assert.equal(await echoed(await trusted.cluster!(PLACE, soon())), 'ping');
  assert.deepEqual([seen, asked], [['kube-apiserver'], ['10.1.2.3:10250']]);
  const named = (tlsServerName: string) => egressThrough({ ...tlsConfig, tlsServerName });
  assert.equal(await echoed(await (await named('localhost')).cluster!(PLACE, soon())), 'ping');
  await assert.rejects((await named('konnectivity.example.com')).cluster!(PLACE, soon()), /does not match certificate/);
  const { caBundle: _, ...withoutBundle } = tlsConfig;
  const distrusting = await egressThrough(withoutBundle);
  await assert.rejects(distrusting.cluster!(PLACE, soon()), /^Error: proxy 127\.0\.0\.1:\d+: /);
});

test('a proxy that refuses or is not there is told', async (t) => {
  const server = await listening(
    createServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.once('data', () => socket.end('HTTP/1.1 403 Forbidden\r\n\r\n'));
    }),
    join(directory, 'refusing.sock'),
    t,
  );
  const through = async (path: string) =>
    createEgress(await read(selection('cluster', 'HTTPConnect', uds(path)))).cluster!(PLACE, soon());
  await assert.rejects(through(String(server.address())), {
    message: `proxy ${join(directory, 'refusing.sock')} does not connect to 10.1.2.3:10250: it answers 403`,
  });
  await assert.rejects(through(join(directory, 'none.sock')), /none\.sock: connect ENOENT/);
});

test('webhooks, extension servers and pods are reached by the way that is theirs', async (t) => {
  const api = await startTestApi({
    composeSecurity: createSecurity,
    security: { authorizationModes: ['AlwaysAllow'], disableAdmissionPlugins: ['ServiceAccount'] },
    egress: { cluster: leaving('cluster'), controlPlane: leaving('control plane') },
  });
  t.after(() => api.stop());
  const hook = await startTestWebhook(api.pki, () => ({ allowed: true }));
  t.after(() => hook.stop());
  const pod = createHttpServer((_, response) => response.end('of the pod'));
  pod.listen(0, '127.0.0.1');
  await once(pod, 'listening');
  t.after(() => pod.close());
  const places: string[] = [];
  function leaving(by: string) {
    return async ({ host, port }: { host: string; port: number }) => {
      places.push(`${by}: ${host}:${port}`);
      if (port === 3) throw new Error('nobody is there');
      const socket = connect(port === 80 ? (pod.address() as AddressInfo).port : hook.port, '127.0.0.1');
      await once(socket, 'connect');
      return socket;
    };
  }
  const made = async (path: string, body: object) => {
    const { status, text } = await api.call('POST', path, body);
    assert.equal(status, 201, text);
  };
  const service = { metadata: { name: 'api' }, spec: { type: 'ExternalName', externalName: 'localhost' } };
  await made('/api/v1/namespaces/default/services', service);
  const webhook = (name: string, clientConfig: object) => ({
    name: `${name}.example.com`,
    clientConfig: { ...clientConfig, caBundle: hook.caBundle },
    rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'] }],
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
    failurePolicy: name === 'url' ? 'Fail' : 'Ignore',
  });
  await made('/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations', {
    metadata: { name: 'both' },
    webhooks: [
      webhook('url', { url: 'https://localhost:1/a' }),
      webhook('service', { service: { name: 'api', namespace: 'default', port: 2 } }),
    ],
  });
  await made('/api/v1/namespaces/default/configmaps', { metadata: { name: 'a' } });
  assert.deepEqual(places.splice(0), ['control plane: localhost:1', 'cluster: localhost:2']);

  const spec = { nodeName: 'n', containers: [{ name: 'a', image: 'b' }] };
  await made('/api/v1/namespaces/default/pods', { metadata: { name: 'a' }, spec });
  const status = { podIP: '10.1.2.3', podIPs: [{ ip: '10.1.2.3' }] };
  await api.call(
    'PATCH',
    '/api/v1/namespaces/default/pods/a/status',
    { status },
    {
      'content-type': 'application/merge-patch+json',
    },
  );
  const answer = await api.call('GET', '/api/v1/namespaces/default/pods/a:80/proxy/');
  assert.deepEqual([answer.text, places.splice(0)], ['of the pod', ['cluster: 10.1.2.3:80']]);

  const group = { group: 'wardle.example.com', version: 'v1', groupPriorityMinimum: 1, versionPriority: 1 };
  await made('/apis/apiregistration.k8s.io/v1/apiservices', {
    metadata: { name: 'v1.wardle.example.com' },
    spec: { ...group, insecureSkipTLSVerify: true, service: { name: 'api', namespace: 'default', port: 3 } },
  });
  await until('the extension server is asked', () => places.includes('cluster: localhost:3'));
});

test('what is wrong in the file is told by the field', async () => {
  const at = 'service.connection';
  const tcp = (more: object) => refusal(selection('cluster', 'HTTPConnect', { tcp: more }));
  assert.equal(
    await refusal(selection('cluster', 'Socks')),
    `${at}.protocol: Unsupported value: "Socks": supported values: "Direct", "HTTPConnect", "GRPC"`,
  );
  assert.equal(
    await refusal(selection('cluster', 'HTTPConnect')),
    `${at}.transport: Required value: transport must be set for HTTPConnect`,
  );
  assert.equal(
    await refusal(selection('cluster', 'HTTPConnect', {})),
    `${at}.tcp: Required value: One of TCP or UDS must be set`,
  );
  assert.equal(
    await refusal(selection('cluster', 'Direct', uds('/x'))),
    `${at}.transport: Invalid value: "direct": Transport config should be absent for direct connect`,
  );
  assert.equal(
    await tcp({ url: 'ftp://x' }),
    `${at}.url: Invalid value: "ftp://x": supported connection protocols are http:// and https://`,
  );
  assert.match(await tcp({ url: 'http://x', tlsConfig: {} }), /tlsConfig: Invalid value: "nil": TLSConfig config should not be/);
  assert.match(await tcp({ url: 'https://x' }), /tlsConfig: Required value: TLSConfig must be present when using HTTPS/);
  assert.match(
    await tcp({ url: 'https://x', tlsConfig: { clientCert: '/none', clientKey: '/none' } }),
    /clientCert: open \/none: /,
  );
  assert.equal(
    await refusal(selection('nodes', 'Direct')),
    'egressSelection.name: Unsupported value: "nodes": supported values: "cluster", "controlplane", "etcd"',
  );
  assert.match(await refusal(selection('master', 'Direct'), selection('controlplane', 'Direct')), /only one is allowed$/);
  assert.match(await refusal({ name: 'cluster', connections: {} }), /unknown field "egressSelections\[0\]\.connections"/);
});

test('what is not offered is refused by name', async () => {
  assert.equal(
    await refusal(selection('cluster', 'GRPC', uds('/x'))),
    'service.connection.protocol: GRPC (konnectivity) is not offered for cluster; let the proxy listen with HTTPConnect',
  );
  assert.equal(
    await refusal(selection('etcd', 'HTTPConnect', uds('/x'))),
    'service.connection.protocol: HTTPConnect is not offered for etcd; use Direct',
  );
});
