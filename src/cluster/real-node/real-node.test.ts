import assert from 'node:assert/strict';
import { test } from 'node:test';
import { choosePodRange } from './pod-range.ts';
import { nodeNameOf, planRealNode, realConfiguration, servicesTable } from './real-node-plan.ts';
import { logDirectoryOf } from './remove-real-node.ts';
import { chooseRuntime, type RuntimeSurvey, readInfo } from './survey-runtime.ts';

const SURVEY: RuntimeSurvey = {
  endpoint: 'unix:///run/containerd/containerd.sock',
  version: 'containerd 1.6.20',
  cniConfigurationDirectory: '/etc/cni/net.d',
  cniPluginDirectories: ['/usr/lib/cni'],
  cgroupDriver: 'cgroupfs',
  sandboxes: 0,
};
const NEEDS = { clusterDirectory: '/data', clusterName: 'muster', nodes: 1, taken: [] };
const CHOICE = { endpoint: undefined, known: false, userId: 0, survey: async () => SURVEY };

test('where a runtime looks for networks is read from what containerd tells, of both its generations', () => {
  const older = { cni: { binDir: '/opt/cni/bin', confDir: '/c' }, containerd: { defaultRuntimeName: 'runc', runtimes: {} } };
  const systemd = { runtimes: { crun: { options: { SystemdCgroup: true } } }, defaultRuntimeName: 'crun' };
  assert.deepEqual(readInfo({ config: JSON.stringify(older) }), {
    cniConfigurationDirectory: '/c',
    cniPluginDirectories: ['/opt/cni/bin'],
    cgroupDriver: 'cgroupfs',
  });
  assert.deepEqual(readInfo({ config: JSON.stringify({ cni: { binDirs: ['/a', '/b'] }, containerd: systemd }) }), {
    cniConfigurationDirectory: '/etc/cni/net.d',
    cniPluginDirectories: ['/a', '/b'],
    cgroupDriver: 'systemd',
  });
  for (const config of ['', 'null', '[]', '{"cni":7,"containerd":{"runtimes":[]}}'])
    assert.equal(readInfo({ config }).cniConfigurationDirectory, '/etc/cni/net.d');
});

test('auto does without a runtime that cannot be used and says why; containerd insists', async () => {
  const away = { ...CHOICE, survey: () => Promise.reject(new Error('nobody there')) };
  const foreign = { ...CHOICE, survey: async () => ({ ...SURVEY, sandboxes: 3 }) };
  for (const [choice, why] of [
    [{ ...CHOICE, userId: 1000 }, /only root/],
    [away, /nobody there/],
    [foreign, /containerd 1\.6\.20 at unix:\S+ has 3 pods already/],
  ] as const) {
    const answer = await chooseRuntime({ ...choice, runtime: 'auto' });
    assert.ok('why' in answer);
    assert.match(answer.why, why);
    await assert.rejects(chooseRuntime({ ...choice, runtime: 'containerd' }), why);
  }
  assert.deepEqual(await chooseRuntime({ ...CHOICE, runtime: 'auto' }), SURVEY);
});

test('a cluster comes back to the pods that it has, and does not go without them', async () => {
  const kept = { ...CHOICE, known: true, runtime: 'auto' } as const;
  assert.deepEqual(await chooseRuntime({ ...kept, survey: async () => ({ ...SURVEY, sandboxes: 3 }) }), {
    ...SURVEY,
    sandboxes: 3,
  });
  await assert.rejects(chooseRuntime({ ...kept, survey: () => Promise.reject(new Error('nobody there')) }), /nobody there/);
});

test('clusters on one machine share no name', () => {
  const [a, b] = ['/data/a', '/data/b'].map((clusterDirectory) => planRealNode(SURVEY, { ...NEEDS, clusterDirectory }));
  for (const value of [
    (x: typeof a) => x!.cgroupRoot,
    (x: typeof a) => x!.network.bridge,
    (x: typeof a) => x!.network.name,
    (x: typeof a) => servicesTable(x!.network.bridge),
  ])
    assert.notEqual(value(a), value(b));
  assert.ok(a!.network.bridge.length <= 15);
  assert.ok(!a!.cgroupRoot.includes('-'));
});

test('clusters on one machine share no range of pods, and none that the machine is in already', () => {
  const chosen = new Set<string>();
  for (let i = 0; i < 128; i++) {
    const taken = ['::1', '192.168.1.7', ...[...chosen].map((range) => range.replace('.0.0/16', '.3.1'))];
    chosen.add(choosePodRange({ ...NEEDS, taken }));
  }
  assert.equal(chosen.size, 128);
  assert.ok([...chosen].every((range) => /^10\.(12[89]|1[3-9]\d|2\d\d)\.0\.0\/16$/.test(range)));
  assert.throws(() => choosePodRange({ ...NEEDS, taken: [...chosen].map((range) => range.replace('.0.0/16', '.3.1')) }), {
    code: 'POD_RANGES_TAKEN',
  });
  assert.equal(choosePodRange({ ...NEEDS, nodes: 1000 }), '10.128.0.0/9');
});

test('the kubelet keeps pods and logs below the directory of its node', () => {
  const configuration = realConfiguration(planRealNode(SURVEY, NEEDS), '/data/nodes/host', '/data/pki/ca.pem');
  assert.deepEqual(configuration.clusterDNS, ['10.96.0.10']);
  assert.equal(configuration.podLogsDir, '/data/nodes/host/logs/pods');
  assert.equal(configuration.authentication.anonymous.enabled, false);
});

test('a sandbox is known by where it logs', () => {
  assert.equal(logDirectoryOf({ info: '{"config":{"log_directory":"/l/pods/ns_p_u"}}' }), '/l/pods/ns_p_u');
  for (const info of ['', 'null', '{"config":{}}']) assert.equal(logDirectoryOf({ info }), '');
  assert.equal(logDirectoryOf({}), '');
});

test('whatever the machine is called, its node has a name', () => {
  for (const [hostname, name] of [
    ['web-1.example.com', 'web-1.example.com'],
    ['My_Laptop', 'my-laptop'],
    ['-a-..b_', 'a.b'],
    ['___', 'machine'],
  ] as const)
    assert.equal(nodeNameOf(hostname), name);
});
