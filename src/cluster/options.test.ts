import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../std/clock.ts';
import { silentLogger } from '../std/logger.ts';
import { type ClusterOptions, completeOptions } from './options.ts';

const surroundings = { clock: new VirtualClock(0), logger: silentLogger, random: () => 0 };
const record = {
  name: 'kept',
  port: 6443,
  nodes: [1, 2].map((i) => ({ name: `node-${i}`, address: `127.9.0.${i}`, port: 10250 })),
};
const complete = (options: ClusterOptions, known?: typeof record) => completeOptions(options, known, surroundings);

test('a new cluster has one node, keeps nothing and takes a free port', () => {
  const { name, nodes, defaultNodes, runtime, store, port } = complete({});
  assert.deepEqual(
    { name, nodes, defaultNodes, runtime, store, port },
    { name: 'muster', nodes: undefined, defaultNodes: 1, runtime: 'hollow', store: 'memory', port: 0 },
  );
  assert.equal(complete({ dataDir: '/d' }).store, 'sqlite');
  const preferred = complete({ preferredPort: 6443 });
  assert.deepEqual([preferred.port, preferred.portIsPreference], [6443, true]);
  const given = complete({ preferredPort: 6443, port: 7000 });
  assert.deepEqual([given.port, given.portIsPreference], [7000, false]);
});

test('a kept cluster is what it was, and may grow', () => {
  const { name, nodes, port } = complete({ dataDir: '/d' }, record);
  assert.deepEqual({ name, nodes, port }, { name: 'kept', nodes: 2, port: 6443 });
  assert.equal(complete({ dataDir: '/d', nodes: 5 }, record).nodes, 5);
});

test('what a kept cluster cannot become is refused with both values', () => {
  assert.throws(() => complete({ nodes: 1 }, record), {
    code: 'OPTIONS_CONFLICT',
    message: /2 nodes already, which is more than 1/,
  });
  assert.throws(() => complete({ name: 'other' }, record), { code: 'OPTIONS_CONFLICT', message: /"kept", not "other"/ });
  assert.throws(() => complete({ port: 7000 }, record), { code: 'OPTIONS_CONFLICT', message: /6443.*7000/ });
});

test("etcd's files are for a store in etcd", () => {
  const etcdFiles = { ca: '/ca.pem' };
  const refusal = (store: string) => ({
    code: 'OPTIONS_CONFLICT',
    message: new RegExp(`store is ${store}, which has no use for etcd's files`),
  });
  assert.throws(() => complete({ etcdFiles }), refusal('memory'));
  assert.throws(() => complete({ etcdFiles, dataDir: '/d' }), refusal('sqlite'));
  assert.deepEqual(complete({ etcdFiles, store: 'etcd=https://h:2379' }).etcdFiles, etcdFiles);
});

test('an option that is not there is refused by its name, as is a value that an option does not take', () => {
  const wrong = (options: object) => complete(options as ClusterOptions);
  assert.throws(() => wrong({ node: 2 }), { code: 'OPTIONS_INVALID', message: /^there is no option "node"; there are .*nodes/ });
  assert.throws(() => wrong({ runtime: 'docker' }), { code: 'OPTIONS_INVALID', message: /must be auto.*not "docker"/ });
  assert.throws(() => wrong({ startTimeoutMs: 'soon' }), { code: 'OPTIONS_INVALID', message: /startTimeoutMs/ });
});

test('numbers that are none are refused', () => {
  for (const options of [{ nodes: -1 }, { nodes: 1.5 }, { nodes: Number.NaN }, { port: 70_000 }])
    assert.throws(() => complete(options), { code: 'OPTIONS_INVALID' });
});

test('a cluster with a real node stays one, and counts its hollow nodes beside it', () => {
  const endpoint = 'unix:///run/containerd/containerd.sock';
  const network = { name: 'n', bridge: 'b', configurationDirectory: '/etc/cni/net.d' };
  const real = { endpoint, cgroupRoot: '/muster1', cgroupDriver: 'cgroupfs', network } as const;
  const kept = { ...record, nodes: [{ name: 'host', address: '10.0.0.1', port: 10250, real }, ...record.nodes] };
  const { nodes, runtime, containerRuntimeEndpoint } = complete({ dataDir: '/d' }, kept);
  assert.deepEqual(
    { nodes, runtime, containerRuntimeEndpoint },
    { nodes: 2, runtime: 'containerd', containerRuntimeEndpoint: endpoint },
  );
  assert.equal(complete({ dataDir: '/d', runtime: 'auto' }, kept).runtime, 'containerd');
  assert.throws(() => complete({ dataDir: '/d', runtime: 'hollow' }, kept), /cannot become hollow/);
  assert.throws(
    () => complete({ dataDir: '/d', containerRuntimeEndpoint: 'unix:///other.sock' }, kept),
    /pods run at unix:\/\/\/run\/containerd\/containerd\.sock, not at unix:\/\/\/other\.sock/,
  );
});

test('the network of pods is chosen once, for pods that run', () => {
  const network = { name: 'n', bridge: 'b', configurationDirectory: '/etc/cni/net.d' };
  const withPlugin = (plugin?: 'flannel') => {
    const kept = { ...network, ...(plugin && { plugin }) };
    const real = { endpoint: 'unix:///c.sock', cgroupRoot: '/muster1', cgroupDriver: 'cgroupfs', network: kept } as const;
    return { ...record, nodes: [{ name: 'host', address: '10.0.0.1', port: 10250, real }] };
  };
  assert.equal(complete({ runtime: 'containerd' }).network, undefined);
  assert.equal(complete({ runtime: 'auto', network: 'calico' }).network, 'calico');
  assert.equal(complete({}, withPlugin('flannel')).network, 'flannel');
  assert.equal(complete({ network: 'flannel' }, withPlugin('flannel')).network, 'flannel');
  assert.throws(() => complete({ network: 'calico' }, withPlugin('flannel')), {
    code: 'OPTIONS_CONFLICT',
    message: /is flannel, not calico/,
  });
  assert.equal(complete({ network: 'bridge' }, withPlugin()).network, 'bridge');
  assert.throws(() => complete({ network: 'flannel' }, withPlugin()), /is bridge, not flannel/);
  assert.throws(() => complete({ network: 'flannel' }), { code: 'OPTIONS_CONFLICT', message: /hollow nodes send no packets/ });
});
