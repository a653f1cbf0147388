import assert from 'node:assert/strict';
import type { NetworkInterfaceInfo } from 'node:os';
import { test } from 'node:test';
import { nodeKind } from '../../api/core/v1/node.ts';
import type { V1Lease, V1Node, V1NodeCondition } from '../../api/gen/types.ts';
import { VirtualClock } from '../../std/clock.ts';
import { completeConfiguration } from '../configuration/defaults.ts';
import { recordingLogger, until } from '../testing/cluster-of-one.ts';
import { FakeApi, refusal, unreachable } from '../testing/fake-api.ts';
import { createLeaseKeeper } from './lease-keeper.ts';
import { type Machine, machineOfNode, orderAddresses } from './machine.ts';
import { conditionChanges, type NodeHealth, nodeConditions } from './node-conditions.ts';
import { createNodeController } from './node-controller.ts';
import { nodeDetails } from './node-details.ts';
import { parseNodeIps } from './node-ips.ts';
import { checkNodeLabels } from './node-labels.ts';
import { type NodeFacts, newNode } from './node-plan.ts';
import { nodeAllocatable } from './node-resources.ts';

const START_MS = Date.UTC(2026, 0, 1);
const GIB = 1024 ** 3;

const machine: Machine = {
  hostname: 'host',
  architecture: 'amd64',
  operatingSystem: 'linux',
  kernelVersion: '6.1.0',
  osImage: 'Debian GNU/Linux 12 (bookworm)',
  machineId: 'm',
  systemUuid: 'u',
  bootId: 'b',
  cpus: 4,
  memoryBytes: 8 * GIB,
  storageBytes: 100 * GIB,
  addresses: ['10.0.0.5'],
  hasSystemd: false,
  activeSwaps: [],
};

const facts = (settings: Record<string, unknown> = {}): NodeFacts => ({
  name: 'k8s-n01',
  hostname: 'k8s-n01',
  ipAddresses: ['10.0.0.5'],
  labels: { disk: 'ssd' },
  machine,
  runtime: { name: 'hollow', version: '0.1.0' },
  configuration: completeConfiguration(settings),
  port: 10250,
});

const WELL: NodeHealth = { runtime: { ready: true, networkReady: true } };

function setUp(options: { api?: FakeApi; clock?: VirtualClock; settings?: Record<string, unknown>; register?: boolean } = {}) {
  const clock = options.clock ?? new VirtualClock(START_MS);
  const api = options.api ?? new FakeApi(clock);
  const { logger, lines } = recordingLogger();
  const state = { health: WELL };
  const told: string[] = [];
  const controller = createNodeController({
    client: api.client(),
    facts: facts(options.settings),
    health: async () => state.health,
    tell: (reason) => told.push(reason),
    register: options.register ?? true,
    clock,
    logger,
    random: () => 0.5,
  });
  const life = new AbortController();
  const stop = async () => {
    life.abort(new DOMException('stopped', 'AbortError'));
    await controller.done;
  };
  return { clock, api, lines, state, told, controller, life, stop, node: () => api.find<V1Node>('nodes', 'k8s-n01') };
}

const ready = (node: V1Node | undefined) => node?.status?.conditions?.find(({ type }) => type === 'Ready');

test('a node is registered Ready, whole, with one request', async () => {
  const { api, told, controller, life, stop, node } = setUp({
    settings: { providerID: 'test://1', registerWithTaints: [{ key: 'a', value: 'b', effect: 'NoSchedule' }] },
  });
  await controller.start(life.signal);
  assert.deepEqual(
    api.calls.map(({ verb }) => verb),
    ['create'],
  );
  const { metadata, spec, status } = node()!;
  assert.deepEqual(metadata!.labels, {
    'beta.kubernetes.io/arch': 'amd64',
    'beta.kubernetes.io/os': 'linux',
    'kubernetes.io/arch': 'amd64',
    'kubernetes.io/hostname': 'k8s-n01',
    'kubernetes.io/os': 'linux',
    disk: 'ssd',
  });
  assert.deepEqual(spec, { providerID: 'test://1', taints: [{ key: 'a', value: 'b', effect: 'NoSchedule' }] });
  assert.deepEqual(status!.addresses, [
    { type: 'InternalIP', address: '10.0.0.5' },
    { type: 'Hostname', address: 'k8s-n01' },
  ]);
  assert.deepEqual(
    status!.conditions!.map(({ type, status: s, reason, message }) => [type, s, reason, message]),
    [
      ['MemoryPressure', 'False', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'],
      ['DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'],
      ['PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'],
      ['Ready', 'True', 'KubeletReady', 'kubelet is posting ready status'],
    ],
  );
  assert.deepEqual(told, ['NodeHasSufficientMemory', 'NodeHasNoDiskPressure', 'NodeHasSufficientPID', 'NodeReady']);
  assert.equal(status!.nodeInfo!.kubeletVersion, 'v1.36.0');
  assert.equal(status!.daemonEndpoints!.kubeletEndpoint!.Port, 10250);
  await stop();
});

test('allocatable is capacity less what is reserved and what must stay free', () => {
  const node = newNode(
    facts({ systemReserved: { cpu: '500m', memory: '1Gi' }, kubeReserved: { cpu: '500m' }, maxPods: 220, podsPerCore: 10 }),
    WELL,
    START_MS,
  );
  const { capacity, allocatable } = node.status!;
  assert.deepEqual([capacity!['cpu'], capacity!['memory'], capacity!['pods']], ['4', '8388608Ki', '40']);
  assert.deepEqual([allocatable!['cpu'], allocatable!['memory'], allocatable!['pods']], ['3', '7068Mi', '40']);
});

test('a quiet node is reported as often as configured, and a change at once; it is seldom read meanwhile', async () => {
  const { api, controller, life, stop, clock, state, node } = setUp();
  await controller.start(life.signal);
  await clock.advance(290_000);
  assert.equal(api.count('patch', 'nodes'), 0);
  await clock.advance(30_000);
  assert.equal(api.count('patch', 'nodes'), 1);
  const before = ready(node())!.lastTransitionTime;
  state.health = { runtime: { ready: true, networkReady: false, reason: 'NetworkPluginNotReady', message: 'no CNI' } };
  controller.poke();
  await clock.advance(1);
  assert.deepEqual(
    [ready(node())!.status, ready(node())!.reason, ready(node())!.message],
    [
      'False',
      'KubeletNotReady',
      'container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:no CNI',
    ],
  );
  assert.notEqual(ready(node())!.lastTransitionTime, before);
  state.health = WELL;
  await clock.advance(10_000);
  assert.equal(ready(node())!.status, 'True');
  const reads = api.count('get', 'nodes');
  assert.ok(reads >= 8 && reads <= 12, String(reads));
  await stop();
});

test('what somebody else says that the node has, pods may have, until it is taken back', async () => {
  const { api, controller, life, stop, clock, node } = setUp();
  await controller.start(life.signal);
  const advertise = (capacity: Record<string, string>) =>
    api.change(nodeKind, 'k8s-n01', '', (object) => {
      (object as unknown as V1Node).status!.capacity = { ...capacity };
    });
  const own = { ...node()!.status!.capacity };
  advertise({ ...own, 'example.com/dongle': '3' });
  await clock.advance(45_000);
  const { capacity, allocatable } = node()!.status!;
  assert.deepEqual([capacity!['example.com/dongle'], allocatable!['example.com/dongle']], ['3', '3']);
  advertise(own);
  await clock.advance(45_000);
  assert.equal(node()!.status!.allocatable!['example.com/dongle'], undefined);
  const patches = api.count('patch', 'nodes');
  await clock.advance(60_000);
  assert.equal(api.count('patch', 'nodes'), patches, 'then there is nothing to say');
  await stop();
});

test('a node that was there already keeps what others gave it and gets our labels and status', async () => {
  const clock = new VirtualClock(START_MS);
  const api = new FakeApi(clock);
  api.put(nodeKind, {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'k8s-n01', labels: { team: 'x', disk: 'hdd' } },
    spec: { podCIDR: '10.244.7.0/24', taints: [{ key: 'keep', effect: 'NoSchedule' }] },
    status: {
      addresses: [{ type: 'InternalIP', address: '10.9.9.9' }],
      conditions: [{ type: 'NetworkUnavailable', status: 'False' }],
    },
  } as V1Node);
  const { controller, life, stop, node, lines } = setUp({ api, clock });
  await controller.start(life.signal);
  const { metadata, spec, status } = node()!;
  assert.equal(metadata!.labels!['team'], 'x');
  assert.equal(metadata!.labels!['disk'], 'ssd');
  assert.equal(spec!.taints!.length, 1);
  assert.equal(await controller.podCidr(), '10.244.7.0/24');
  assert.deepEqual(
    status!.addresses!.map(({ address }) => address),
    ['10.0.0.5', 'k8s-n01'],
  );
  assert.ok(status!.conditions!.some(({ type }) => type === 'NetworkUnavailable'));
  assert.equal(ready(node())!.status, 'True');
  assert.ok(lines.some((line) => line.includes('Node was previously registered')));
  await stop();
});

test('a server that is away or refuses is asked until it agrees', async () => {
  const { api, controller, life, stop, clock, lines, node } = setUp();
  let answer: () => void = () => {
    throw unreachable();
  };
  api.before = () => answer();
  const started = controller.start(life.signal);
  await clock.advance(30_000);
  answer = () => {
    throw refusal(403, 'Forbidden', 'nodes is forbidden');
  };
  await clock.advance(30_000);
  answer = () => undefined;
  await clock.advance(10_000);
  await started;
  assert.ok(node());
  assert.ok(lines.filter((line) => line.includes('Unable to register node with API server')).length < 30, 'it backs off');
  await stop();
});

test('a Node that somebody deleted is registered again', async () => {
  const { api, controller, life, stop, clock, state, node } = setUp();
  await controller.start(life.signal);
  api.remove(nodeKind, 'k8s-n01');
  state.health = { runtimeError: 'gone' };
  await clock.advance(30_000);
  assert.equal(ready(node())!.message, 'container runtime is down: gone');
  await stop();
});

test('after a gap what others wrote meanwhile is read and put right', async () => {
  const { api, controller, life, stop, clock, node } = setUp();
  await controller.start(life.signal);
  api.change(nodeKind, 'k8s-n01', '', (object) => {
    (object as unknown as V1Node).status!.conditions!.find(({ type }) => type === 'Ready')!.status = 'Unknown';
  });
  await clock.advance(15_000);
  assert.equal(ready(node())!.status, 'Unknown');
  controller.poke({ distrust: true });
  await clock.advance(1);
  assert.equal(ready(node())!.status, 'True');
  await stop();
});

test('with registerNode off the Node is waited for and then kept', async () => {
  const { api, controller, life, stop, clock, node } = setUp({ register: false });
  const started = controller.start(life.signal);
  await clock.advance(20_000);
  assert.equal(node(), undefined);
  api.put(nodeKind, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'k8s-n01' } });
  await clock.advance(10_000);
  await started;
  assert.equal(ready(node())!.status, 'True');
  assert.equal(api.count('create', 'nodes'), 0);
  await stop();
});

test('stopping while the server is away ends the wait', async () => {
  const { api, controller, life, clock } = setUp();
  api.before = () => {
    throw unreachable();
  };
  const started = controller.start(life.signal);
  const ended = assert.rejects(started, { name: 'AbortError' });
  await clock.advance(1000);
  life.abort(new DOMException('stopped', 'AbortError'));
  await ended;
  await controller.done;
});

test('the lease is owned by the Node, renewed every ten seconds, and tells of gaps', async () => {
  const clock = new VirtualClock(START_MS);
  const api = new FakeApi(clock);
  const { logger } = recordingLogger();
  let gaps = 0;
  const keeper = createLeaseKeeper({
    client: api.client(),
    nodeName: 'k8s-n01',
    durationSeconds: 40,
    nodeUid: () => 'node-uid',
    clock,
    logger,
    random: () => 0,
    onGap: () => {
      gaps++;
    },
  });
  const life = new AbortController();
  await keeper.start(life.signal);
  const lease = () => api.find<V1Lease>('leases', 'k8s-n01', 'kube-node-lease')!;
  assert.deepEqual(lease().metadata!.ownerReferences, [{ apiVersion: 'v1', kind: 'Node', name: 'k8s-n01', uid: 'node-uid' }]);
  assert.deepEqual([lease().spec!.holderIdentity, lease().spec!.leaseDurationSeconds], ['k8s-n01', 40]);
  await clock.advance(60_000);
  assert.ok(Math.abs(api.count('update', 'leases') - 6) <= 1, String(api.count('update', 'leases')));
  assert.equal(lease().spec!.renewTime, '2026-01-01T00:01:00.000000Z');
  assert.equal(gaps, 0);
  api.before = () => {
    throw unreachable();
  };
  await clock.advance(60_000);
  api.before = () => undefined;
  await clock.advance(10_000);
  assert.equal(gaps, 1);
  api.objects.delete('leases/kube-node-lease/k8s-n01'); // somebody removed it
  await clock.advance(11_000);
  await until(() => lease() !== undefined, 'the lease again');
  life.abort(new DOMException('stopped', 'AbortError'));
  await keeper.done;
});

test('conditions keep the time of their last change', () => {
  const first = nodeConditions(undefined, WELL, START_MS);
  const second = nodeConditions(first, WELL, START_MS + 60_000);
  assert.equal(second[3]!.lastTransitionTime, first[3]!.lastTransitionTime);
  assert.notEqual(second[3]!.lastHeartbeatTime, first[3]!.lastHeartbeatTime);
});

test('a node may not give itself labels of Kubernetes’ own', () => {
  checkNodeLabels({
    'node.kubernetes.io/x': '',
    'kubelet.kubernetes.io/y': '',
    'topology.kubernetes.io/zone': 'a',
    'example.com/z': '',
  });
  assert.throws(
    () => checkNodeLabels({ 'node-role.kubernetes.io/master': '' }),
    /unknown 'kubernetes.io' or 'k8s.io' labels specified with --node-labels: \[node-role.kubernetes.io\/master\]/,
  );
});

test('nodes of one machine have ids of their own, the same each time', () => {
  assert.notEqual(machineOfNode(machine, 'a').systemUuid, machineOfNode(machine, 'b').systemUuid);
  assert.deepEqual(machineOfNode(machine, 'a'), machineOfNode(machine, 'a'));
});

test('a node with real pods tells its images, the largest first, its handlers and volumes; what else is wrong makes it unready', async () => {
  const image = (id: string, sizeBytes: number) => ({ id, repoTags: [`${id}:1`], repoDigests: [], sizeBytes, pinned: false });
  const health: NodeHealth = {
    runtime: {
      ready: true,
      networkReady: true,
      handlers: [{ name: '', recursiveReadOnlyMounts: true, userNamespaces: false }],
      problems: ['PLEG is not healthy: pleg was last seen active 4m0s ago; threshold is 3m0s'],
    },
  };
  const details = await nodeDetails(
    {
      runtime: { images: { list: async () => [image('small', 1), image('large', 2), image('middle', 1)] } as never },
      configuration: completeConfiguration({ nodeStatusMaxImages: 2 }),
      volumesInUse: () => ['b', 'a'],
    },
    health.runtime,
  );
  const { status } = newNode(facts(), health, START_MS, details);
  assert.deepEqual(status!.images, [
    { names: ['large:1'], sizeBytes: 2 },
    { names: ['middle:1'], sizeBytes: 1 },
  ]);
  assert.deepEqual(status!.runtimeHandlers, [{ name: '', features: { recursiveReadOnlyMounts: true, userNamespaces: false } }]);
  assert.deepEqual(status!.volumesInUse, ['a', 'b']);
  const { status: ready, message } = status!.conditions!.find(({ type }) => type === 'Ready')!;
  assert.deepEqual([ready, message], ['False', 'PLEG is not healthy: pleg was last seen active 4m0s ago; threshold is 3m0s']);
});

test('a node that comes up is Ready as soon as its network is', async () => {
  const { controller, life, stop, clock, state, node } = setUp();
  state.health = {
    runtime: { ready: true, networkReady: false, reason: 'NetworkPluginNotReady', message: 'cni plugin not initialized' },
  };
  await controller.start(life.signal);
  await clock.advance(2_000);
  assert.equal(ready(node())!.status, 'False');
  state.health = WELL;
  await clock.advance(600);
  assert.equal(ready(node())!.status, 'True');
  await stop();
});

test('events tell how conditions came to be: all of a new node, then what changed', () => {
  const at = (health: NodeHealth, before?: V1NodeCondition[]) => nodeConditions(before, health, 0);
  const fresh = at(WELL);
  assert.deepEqual(conditionChanges(undefined, fresh), [
    'NodeHasSufficientMemory',
    'NodeHasNoDiskPressure',
    'NodeHasSufficientPID',
    'NodeReady',
  ]);
  const worse = at({ ...WELL, diskPressure: true, shuttingDown: true }, fresh);
  assert.deepEqual(conditionChanges(fresh, worse), ['NodeHasDiskPressure', 'NodeNotReady']);
  assert.deepEqual(conditionChanges(worse, worse), []);
});

test('the node is at the address that the default route leaves by, not at a bridge’s', () => {
  const entry = (address: string, family: 'IPv4' | 'IPv6', internal = false) =>
    ({ address, family, internal }) as NetworkInterfaceInfo;
  const interfaces = {
    lo: [entry('127.0.0.1', 'IPv4', true)],
    cni0: [entry('10.244.0.1', 'IPv4')],
    eth0: [entry('fd00::5', 'IPv6'), entry('fe80::1', 'IPv6'), entry('10.0.0.5', 'IPv4')],
  };
  const routes = 'Iface\tDestination\tGateway\ncni0\t0000F40A\t00000000\neth0\t00000000\t0100000A';
  assert.deepEqual(orderAddresses(interfaces, routes), ['10.0.0.5', '10.244.0.1', 'fd00::5']);
  assert.deepEqual(orderAddresses(interfaces, '')[0], '10.244.0.1');
});

test('--node-ip is one address, one of each family, or the machine’s own of a family', () => {
  const own = ['10.0.0.5', 'fd00::5'];
  assert.equal(parseNodeIps('', own), undefined);
  assert.deepEqual(parseNodeIps('10.1.1.1', own), ['10.1.1.1']);
  assert.deepEqual(parseNodeIps('10.1.1.1, fd00::1', own), ['10.1.1.1', 'fd00::1']);
  assert.deepEqual(parseNodeIps('::', own), ['fd00::5']);
  assert.deepEqual(parseNodeIps('0.0.0.0', own), ['10.0.0.5']);
  for (const [text, why] of [
    ['here', /bad --node-ip "here"/],
    ['10.1.1.1,10.1.1.2', /must contain either a single IP or a dual-stack pair of IPs/],
    ['10.1.1.1,fd00::1,10.1.1.2', /must contain either a single IP/],
    ['0.0.0.0,fd00::1', /cannot include '0\.0\.0\.0' or '::'/],
  ] as const)
    assert.throws(() => parseNodeIps(text, own), why);
  assert.throws(() => parseNodeIps('::', ['10.0.0.5']), /no address of that family/);
});

test('reserved CPUs are counted each once, and go before reserved amounts of CPU', () => {
  const allocatable = (settings: Record<string, unknown>) =>
    nodeAllocatable(
      { cpu: '8' },
      completeConfiguration({ kubeReserved: { cpu: '500m' }, systemReserved: { cpu: '1' }, ...settings }),
    )['cpu'];
  assert.equal(allocatable({}), '6500m');
  assert.equal(allocatable({ reservedSystemCPUs: '0-1,1,7' }), '5');
});
