import assert from 'node:assert/strict';
import { test } from 'node:test';
import { podKind } from '../../api/core/v1/pod.ts';
import { serviceKind } from '../../api/core/v1/service.ts';
import { parseProxyName } from './proxy-name.ts';
import { type ProxyTargetDeps, serviceTarget } from './proxy-targets.ts';
import { createProxyableCheck } from './proxyable-address.ts';

interface Endpoint {
  readonly pod: string;
  readonly address: string;
  readonly ready?: boolean;
  readonly namespace?: string;
}

/** A Service `web` with ports 80 (`http`) and 443 (`tls`), its endpoints, and pods with their addresses. */
function world(endpoints: readonly Endpoint[], pods: Readonly<Record<string, string>>, random = 0): ProxyTargetDeps {
  const slice = {
    metadata: { labels: { 'kubernetes.io/service-name': 'web' } },
    ports: [
      { name: 'http', port: 8080 },
      { name: 'tls', port: 8443 },
    ],
    endpoints: endpoints.map(({ pod, address, ready = true, namespace = 'default' }) => ({
      addresses: [address],
      conditions: { ready },
      targetRef: { kind: 'Pod', name: pod, namespace },
    })),
  };
  const service = {
    spec: {
      ports: [
        { name: 'http', port: 80 },
        { name: 'tls', port: 443 },
      ],
    },
  };
  return {
    pod: podKind,
    service: serviceKind,
    objects: { read: async () => ({ object: service }) },
    reader: {
      list: () => [slice],
      get: (_kind: unknown, _namespace: string, name: string) =>
        Object.hasOwn(pods, name) && { status: { podIPs: [{ ip: pods[name] }] } },
    },
    isProxyable: createProxyableCheck(),
    random: () => random,
  } as unknown as ProxyTargetDeps;
}

const find = async (deps: ProxyTargetDeps, id: string) => {
  const { scheme, host, port } = await serviceTarget(deps, 'default', id);
  return `${scheme}://${host}:${port}`;
};

test('a Service is reached at its endpoints, by the port’s name or number', async () => {
  const endpoints = [
    { pod: 'a', address: '10.0.0.1' },
    { pod: 'b', address: '10.0.0.2' },
  ];
  const pods = { a: '10.0.0.1', b: '10.0.0.2' };
  assert.equal(await find(world(endpoints, pods), 'web:http'), 'http://10.0.0.1:8080');
  assert.equal(await find(world(endpoints, pods, 0.9), 'web:80'), 'http://10.0.0.2:8080');
  assert.equal(await find(world(endpoints, pods), 'https:web:443'), 'https://10.0.0.1:8443');
});

test('endpoints that are not ready, or no pods of the namespace at addresses of their own, are passed over', async () => {
  const endpoints = [
    { pod: 'unready', address: '10.0.0.1', ready: false },
    { pod: 'gone', address: '10.0.0.2' },
    { pod: 'moved', address: '10.0.0.3' },
    { pod: 'foreign', address: '10.0.0.4', namespace: 'other' },
    { pod: 'local', address: '127.0.0.1' },
  ];
  const pods = { unready: '10.0.0.1', moved: '10.0.0.9', foreign: '10.0.0.4', local: '127.0.0.1', good: '10.0.0.5' };
  for (const random of [0, 0.5, 0.99]) {
    await assert.rejects(find(world(endpoints, pods, random), 'web:http'), /no endpoints available for service "web:http"/);
    const more = [...endpoints, { pod: 'good', address: '10.0.0.5' }];
    assert.equal(await find(world(more, pods, random), 'web:http'), 'http://10.0.0.5:8080');
  }
  await assert.rejects(find(world([{ pod: 'good', address: '10.0.0.5' }], pods), 'web'), /no endpoints available/);
});

test('addresses of this host, of its links and of groups are nothing to pass requests on to', () => {
  const isProxyable = createProxyableCheck();
  for (const address of ['10.1.2.3', '192.168.0.1', '8.8.8.8', 'fd00::1', '2001:db8::1'])
    assert.equal(isProxyable(address), true, address);
  const local = ['127.0.0.1', '127.9.9.9', '169.254.169.254', '224.0.0.1', '0.0.0.0', '255.255.255.255'];
  for (const address of [...local, '::1', '::', 'fe80::1', 'ff02::1', '::ffff:127.0.0.1', 'localhost', '', '1.2.3'])
    assert.equal(isProxyable(address), false, address);
});

test('a proxy path names its target, perhaps with scheme and port', () => {
  assert.deepEqual(parseProxyName('n1', 'node'), { scheme: 'http', name: 'n1', port: '' });
  assert.deepEqual(parseProxyName('n1:10250', 'node'), { scheme: 'http', name: 'n1', port: '10250' });
  assert.deepEqual(parseProxyName('https:n1:', 'node'), { scheme: 'https', name: 'n1', port: '' });
  for (const wrong of ['ftp:n1:1', ':1', 'a:b:c:d', ''])
    assert.throws(() => parseProxyName(wrong, 'node'), { message: `invalid node request ${JSON.stringify(wrong)}` });
});
