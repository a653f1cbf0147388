import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeKind } from '../../api/core/v1/node.ts';
import type { V1Node } from '../../api/gen/types.ts';
import { VirtualClock } from '../../std/clock.ts';
import { SettableClock } from '../../std/settable-clock.test-support.ts';
import { completeConfiguration } from '../configuration/defaults.ts';
import { recordingLogger } from '../testing/cluster-of-one.ts';
import { FakeApi, refusal, unreachable } from '../testing/fake-api.ts';
import type { NodeHealth } from './node-conditions.ts';
import { createNodeController } from './node-controller.ts';
import { nodeDetails } from './node-details.ts';
import { facts, START_MS, WELL } from './node-facts.test-support.ts';
import { newNode } from './node-plan.ts';

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

test('a quiet node is reported and read as often when its clock is set, ahead or back', async () => {
  const clock = new SettableClock(START_MS);
  const { api, controller, life, stop } = setUp({ clock });
  await controller.start(life.signal);
  for (const aheadMs of [3_600_000, 0]) {
    const [patches, reads] = [api.count('patch', 'nodes'), api.count('get', 'nodes')];
    clock.aheadMs = aheadMs;
    await clock.advance(320_000);
    assert.equal(api.count('patch', 'nodes') - patches, 1);
    assert.ok(api.count('get', 'nodes') - reads >= 8);
  }
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
