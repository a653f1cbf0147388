import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../../test/harness/until.ts';
import type { V1Pod } from '../../api/gen/types.ts';
import { VirtualClock } from '../../std/clock.ts';
import { silentLogger } from '../../std/logger.ts';
import { completeConfiguration } from '../configuration/defaults.ts';
import { createKubeletMetrics } from '../metrics/kubelet-metrics.ts';
import type { PodEnd } from '../pods/pod-parts.ts';
import type { RuntimeContainer } from '../runtime/runtime.ts';
import type { MemorySample } from '../stats/cgroup-sample.ts';
import type { NodeSnapshot, PodSnapshot } from '../stats/node-snapshot.ts';
import { unneededContainers } from './dead-containers.ts';
import { createEvictionManager } from './eviction-manager.ts';
import { NO_EVICTION, planEviction } from './eviction-plan.ts';
import { diskPartsOf, rankPods } from './ranking.ts';
import type { Observation, Signal } from './signals.ts';
import { parseThresholds } from './thresholds.ts';

const MI = 2 ** 20;

const memoryOf = (workingSetBytes: number): MemorySample => ({
  usageBytes: workingSetBytes,
  workingSetBytes,
  rssBytes: 0,
  cacheBytes: 0,
  swapBytes: 0,
  mappedFileBytes: 0,
  maxUsageBytes: 0,
  failures: 0,
  pageFaults: 0,
  majorPageFaults: 0,
  oomKills: 0,
});

const podOf = (
  name: string,
  options: { requests?: Record<string, string>; priority?: number; spec?: Partial<NonNullable<V1Pod['spec']>> } = {},
): V1Pod => ({
  metadata: { name, namespace: 'ns', uid: name },
  spec: {
    containers: [{ name: 'c', ...(options.requests && { resources: { requests: options.requests } }) }],
    ...(options.priority !== undefined && { priority: options.priority }),
    ...options.spec,
  },
  status: { phase: 'Running' },
});

interface Use {
  readonly memory?: number;
  readonly layer?: number;
  readonly logs?: number;
  readonly volume?: number;
  readonly inodes?: number;
}

function measured(pod: V1Pod, { memory = 0, layer = 0, logs = 0, volume = 0, inodes = 0 }: Use): PodSnapshot {
  const uid = pod.metadata!.uid!;
  const sample = { timeMs: 1, memory: memoryOf(memory), io: [] };
  const usage = (usedBytes: number) => ({ usedBytes, inodesUsed: inodes, timeMs: 1 });
  const space = { usedBytes: volume, inodesUsed: 0, capacityBytes: 0, availableBytes: 0, inodes: 0, inodesFree: 0 };
  return {
    pod,
    uid,
    cgroup: { path: `/${uid}`, sample },
    containers: [
      {
        id: uid,
        name: 'c',
        image: '',
        attempt: 0,
        startedAtMs: 0,
        cgroup: { path: `/${uid}/c`, sample },
        writableLayer: usage(layer),
        logs: usage(logs),
      },
    ],
    volumes: [{ name: 'v', timeMs: 1, ephemeral: true, space }],
  };
}

const DISKS = { dedicatedImageFs: false, splitContainerFs: false };
const names = (pods: readonly V1Pod[]) => pods.map(({ metadata }) => metadata!.name);

test('who uses more than asked for goes first, then the less important, then the larger user', () => {
  const within = podOf('within', { requests: { memory: '500Mi' } });
  const little = podOf('little', { requests: { memory: '10Mi' } });
  const much = podOf('much', { requests: { memory: '10Mi' } });
  const important = podOf('important', { priority: 100 });
  const uses = new Map([
    ['within', measured(within, { memory: 400 * MI })],
    ['little', measured(little, { memory: 20 * MI })],
    ['much', measured(much, { memory: 90 * MI })],
    ['important', measured(important, { memory: 900 * MI })],
  ]);
  const all = [within, important, little, much];
  assert.deepEqual(names(rankPods(all, uses, 'memory.available', DISKS)), ['much', 'little', 'important', 'within']);
  assert.deepEqual(names(rankPods([...all, podOf('unknown')], uses, 'memory.available', DISKS))[0], 'unknown');
});

test('on a disk only what lies on it counts', () => {
  const writes = podOf('writes');
  const logs = podOf('logs');
  const uses = new Map([
    ['writes', measured(writes, { layer: 100 })],
    ['logs', measured(logs, { logs: 50 })],
  ]);
  const order = (signal: Signal, disks: typeof DISKS) => names(rankPods([logs, writes], uses, signal, disks))[0];
  assert.equal(order('nodefs.available', DISKS), 'writes');
  assert.equal(order('nodefs.available', { dedicatedImageFs: true, splitContainerFs: false }), 'logs');
  assert.equal(order('imagefs.available', { dedicatedImageFs: true, splitContainerFs: false }), 'writes');
  assert.deepEqual(diskPartsOf('nodefs.available', { dedicatedImageFs: true, splitContainerFs: true }), {
    layers: true,
    logs: true,
    volumes: true,
  });
  assert.deepEqual(diskPartsOf('imagefs.available', { dedicatedImageFs: true, splitContainerFs: true }), {
    layers: false,
    logs: false,
    volumes: false,
  });
});

const settings = (thresholds: Parameters<typeof parseThresholds>[0], transitionPeriodMs = 300_000) => ({
  thresholds: parseThresholds(thresholds),
  transitionPeriodMs,
});
const seen = (entries: Partial<Record<Signal, number>>, timeMs: number) =>
  new Map(
    Object.entries(entries).map(([signal, available]): [Signal, Observation] => [
      signal as Signal,
      { available, capacity: 1000, timeMs },
    ]),
  );

test('a soft threshold acts after its grace period, and begins anew when it was left meanwhile', () => {
  const soft = settings({ evictionSoft: { 'memory.available': '100' }, evictionSoftGracePeriod: { 'memory.available': '30s' } });
  const first = planEviction(NO_EVICTION, soft, seen({ 'memory.available': 50 }, 1), 0);
  assert.deepEqual([first.conditions, first.relieve], [['MemoryPressure'], undefined]);
  const second = planEviction(first.state, soft, seen({ 'memory.available': 50 }, 2), 30_000);
  assert.equal(second.relieve?.signal, 'memory.available');
  const left = planEviction(first.state, soft, seen({ 'memory.available': 500 }, 2), 20_000);
  assert.equal(planEviction(left.state, soft, seen({ 'memory.available': 50 }, 3), 30_000).relieve, undefined);
});

test('a condition stays for the transition period after it was last seen', () => {
  const hard = settings({ evictionHard: { 'nodefs.available': '10%' } }, 60_000);
  const crossed = planEviction(NO_EVICTION, hard, seen({ 'nodefs.available': 50 }, 1), 0);
  const relieved = planEviction(crossed.state, hard, seen({ 'nodefs.available': 500 }, 2), 59_999);
  assert.deepEqual([relieved.conditions, relieved.relieve], [['DiskPressure'], undefined]);
  assert.deepEqual(planEviction(relieved.state, hard, seen({ 'nodefs.available': 500 }, 3), 60_000).conditions, []);
});

test('what was crossed stays so until the minimum reclaim is reached', () => {
  const hard = settings({ evictionHard: { 'nodefs.available': '100' }, evictionMinimumReclaim: { 'nodefs.available': '50' } });
  const crossed = planEviction(NO_EVICTION, hard, seen({ 'nodefs.available': 90 }, 1), 0);
  const some = planEviction(crossed.state, hard, seen({ 'nodefs.available': 120 }, 2), 1);
  assert.equal(some.relieve?.signal, 'nodefs.available');
  assert.equal(planEviction(some.state, hard, seen({ 'nodefs.available': 150 }, 3), 2).relieve, undefined);
});

test('memory goes before disks, and old numbers are not acted upon twice', () => {
  const hard = settings({ evictionHard: { 'nodefs.available': '100', 'memory.available': '100', 'pid.available': '5' } });
  const numbers = seen({ 'nodefs.available': 1, 'memory.available': 1, 'pid.available': 1 }, 7);
  const plan = planEviction(NO_EVICTION, hard, numbers, 0);
  assert.equal(plan.relieve?.signal, 'memory.available');
  assert.deepEqual(plan.conditions, ['DiskPressure', 'MemoryPressure', 'PIDPressure']);
  assert.equal(planEviction(plan.state, hard, numbers, 1).relieve, undefined);
  const setBack = seen({ 'memory.available': 1 }, 3);
  assert.equal(
    planEviction(plan.state, hard, setBack, 2).relieve?.signal,
    'memory.available',
    'a clock set back keeps nobody from acting',
  );
});

/** A node of 1000 MiB and a disk of 1000 MiB whose numbers a test turns. */
function nodeOf(configured: Record<string, unknown>, pods: { pod: V1Pod; use: Use }[]) {
  const clock = new VirtualClock(0);
  const free = { memory: 900 * MI, disk: 900 * MI };
  const ended: { uid: string; end: PodEnd }[] = [];
  const events: string[] = [];
  const reclaimed: string[] = [];
  const metrics = createKubeletMetrics();
  let changes = 0;
  const onReclaim = { containers: () => {}, images: () => {} };
  const snapshot = async (): Promise<NodeSnapshot> => ({
    timeMs: clock.now(),
    node: { path: '/', sample: { timeMs: clock.now(), memory: memoryOf(1000 * MI - free.memory), io: [] } },
    system: new Map(),
    levels: [],
    pods: pods.filter(({ pod }) => !ended.some(({ uid }) => uid === pod.metadata!.uid)).map(({ pod, use }) => measured(pod, use)),
    interfaces: [],
    devices: new Map(),
    memoryCapacityBytes: 1000 * MI,
    swap: { totalBytes: 0, freeBytes: 0 },
    nodeFs: {
      capacityBytes: 1000 * MI,
      availableBytes: free.disk,
      usedBytes: 0,
      inodes: 0,
      inodesFree: 0,
      inodesUsed: 0,
      timeMs: clock.now(),
    },
    dedicatedImageFs: false,
    splitContainerFs: false,
    processes: { running: 1, most: 1000 },
  });
  const manager = createEvictionManager({
    configuration: completeConfiguration({ evictionHard: {}, ...configured }),
    collector: { snapshot, node: snapshot },
    pods: {
      pods: () =>
        pods.map(({ pod }) =>
          ended.some(({ uid }) => uid === pod.metadata!.uid) ? { ...pod, status: { phase: 'Failed' } } : pod,
        ),
      evict: async (uid, end) => void ended.push({ uid, end }),
      sandbox: async () => undefined,
    },
    reclaim: {
      async containers() {
        reclaimed.push('containers');
        onReclaim.containers();
      },
      async images() {
        reclaimed.push('images');
        onReclaim.images();
      },
    },
    node: { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' } },
    events: {
      event: (_object, type, reason, message) => void events.push(`${type} ${reason} ${message}`),
      flush: async () => {},
    },
    metrics,
    changed: () => changes++,
    clock,
    logger: silentLogger,
  });
  const end = new AbortController();
  return {
    manager,
    clock,
    free,
    ended,
    events,
    reclaimed,
    metrics,
    onReclaim,
    changes: () => changes,
    start: () => manager.start(end.signal),
    async [Symbol.asyncDispose]() {
      end.abort(new DOMException('over', 'AbortError'));
      await manager.done;
    },
  };
}

test('under memory pressure the node says so and ends one pod at a time, in upstream words', async () => {
  const greedy = podOf('greedy', { requests: { memory: '10Mi' } });
  const modest = podOf('modest', { requests: { memory: '200Mi' } });
  await using node = nodeOf({ evictionHard: { 'memory.available': '100Mi' } }, [
    { pod: modest, use: { memory: 100 * MI } },
    { pod: greedy, use: { memory: 300 * MI } },
  ]);
  await node.start();
  await node.clock.advance(0);
  assert.deepEqual(node.manager.conditions(), []);
  node.free.memory = 60 * MI;
  await node.clock.advance(10_000);
  await until('the pod is evicted', () => node.ended.length === 1);
  assert.deepEqual(node.manager.conditions(), ['MemoryPressure']);
  assert.equal(node.changes(), 1);
  const message =
    'The node was low on resource: memory. Threshold quantity: 100Mi, available: 60Mi. Container c was using 300Mi, request is 10Mi, has larger consumption of memory. ';
  assert.deepEqual(node.ended, [{ uid: 'greedy', end: { reason: 'Evicted', message, gracePeriodSeconds: 1 } }]);
  assert.deepEqual(node.events, ['Warning EvictionThresholdMet Attempting to reclaim memory', `Warning Evicted ${message}`]);
  assert.match(
    node.metrics.render('kubelet').get('kubelet_evictions')!,
    /kubelet_evictions\{eviction_signal="memory.available"\} 1/,
  );
  assert.deepEqual(node.reclaimed, []);
});

test('a full disk is cleared of dead containers and unused images first; when that is enough, no pod goes', async () => {
  await using node = nodeOf({ evictionHard: { 'nodefs.available': '10%' } }, [{ pod: podOf('a'), use: { layer: 500 * MI } }]);
  node.onReclaim.images = () => {
    node.free.disk = 500 * MI;
  };
  node.free.disk = 50 * MI;
  await node.start();
  await until('images are removed', () => node.reclaimed.length === 2);
  await node.clock.advance(0);
  assert.deepEqual([node.reclaimed, node.ended], [['containers', 'images'], []]);
  assert.deepEqual(node.manager.conditions(), ['DiskPressure']);
});

test('a disk that stays full costs the pod that has written most', async () => {
  await using node = nodeOf({ evictionHard: { 'nodefs.available': '10%' } }, [
    { pod: podOf('a'), use: { layer: 5 * MI, logs: 1 * MI } },
    { pod: podOf('b'), use: { volume: 50 * MI } },
  ]);
  node.free.disk = 50 * MI;
  await node.start();
  await until('a pod is evicted', () => node.ended.length === 1);
  assert.equal(node.ended[0]!.uid, 'b');
  assert.equal(
    node.ended[0]!.end.message,
    'The node was low on resource: ephemeral-storage. Threshold quantity: 100Mi, available: 50Mi. ',
  );
});

test('critical and static pods are spared', async () => {
  const critical = podOf('critical', { priority: 2_000_000_000 });
  const fixed = podOf('fixed');
  fixed.metadata!.annotations = { 'kubernetes.io/config.source': 'file' };
  const plain = podOf('plain', { requests: { memory: '800Mi' } });
  await using node = nodeOf({ evictionHard: { 'memory.available': '100Mi' } }, [
    { pod: critical, use: { memory: 300 * MI } },
    { pod: fixed, use: { memory: 300 * MI } },
    { pod: plain, use: { memory: 1 * MI } },
  ]);
  node.free.memory = 10 * MI;
  await node.start();
  await until('a pod is evicted', () => node.ended.length === 1);
  assert.equal(node.ended[0]!.uid, 'plain');
});

for (const [what, spec, use, message] of [
  [
    'an emptyDir',
    { volumes: [{ name: 'v', emptyDir: { sizeLimit: '10Mi' } }] },
    { volume: 11 * MI },
    'Usage of EmptyDir volume "v" exceeds the limit "10Mi". ',
  ],
  [
    'a container',
    {
      containers: [
        { name: 'c', resources: { limits: { 'ephemeral-storage': '10Mi' } } },
        { name: 'd', resources: { limits: { 'ephemeral-storage': '1Gi' } } },
      ],
    },
    { layer: 6 * MI, logs: 6 * MI },
    'Container c exceeded its local ephemeral storage limit "10Mi". ',
  ],
  [
    'a pod',
    { containers: [{ name: 'c', resources: { limits: { 'ephemeral-storage': '10Mi' } } }] },
    { volume: 11 * MI },
    'Pod ephemeral local storage usage exceeds the total limit of containers 10Mi. ',
  ],
] as const)
  test(`${what} that is larger than it may be costs the pod, and no other`, async () => {
    await using node = nodeOf({}, [
      { pod: podOf('over', { spec: spec as never }), use },
      { pod: podOf('other'), use: { volume: 900 * MI } },
    ]);
    await node.start();
    await until('the pod is evicted', () => node.ended.length === 1);
    assert.deepEqual(node.ended, [
      { uid: 'over', end: { reason: 'Evicted', message, gracePeriodSeconds: 1, disruption: false } },
    ]);
    assert.deepEqual(node.manager.conditions(), []);
  });

test('under memory pressure best-effort pods are refused, under disk pressure all but critical ones', async () => {
  const critical = podOf('critical', { priority: 2_000_000_000 });
  const burstable = podOf('burstable', { requests: { cpu: '1' } });
  const tolerant = podOf('tolerant', {
    spec: { tolerations: [{ key: 'node.kubernetes.io/memory-pressure', operator: 'Exists' }] },
  });
  await using node = nodeOf({ evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '10%' } }, []);
  assert.equal(node.manager.admit(podOf('a')), undefined);
  node.free.memory = 10 * MI;
  await node.start();
  await until('pressure', () => node.manager.conditions().length === 1);
  assert.deepEqual(node.manager.admit(podOf('a')), { reason: 'Evicted', message: 'The node had condition: [MemoryPressure]. ' });
  assert.deepEqual(
    [critical, burstable, tolerant].map((pod) => node.manager.admit(pod)),
    [undefined, undefined, undefined],
  );
  node.free.memory = 900 * MI;
  node.free.disk = 10 * MI;
  await node.clock.advance(10_000);
  await until('disk pressure', () => node.manager.conditions().includes('DiskPressure'));
  assert.match(node.manager.admit(burstable)!.message, /^The node had condition: \[.*DiskPressure.*\]\. $/);
  assert.equal(node.manager.admit(critical), undefined);
});

test('a soft threshold gives pods as long as the configuration says', async () => {
  await using node = nodeOf(
    {
      evictionSoft: { 'memory.available': '100Mi' },
      evictionSoftGracePeriod: { 'memory.available': '15s' },
      evictionMaxPodGracePeriod: 45,
    },
    [{ pod: podOf('a'), use: { memory: 1 } }],
  );
  node.free.memory = 10 * MI;
  await node.start();
  await node.clock.advance(10_000);
  assert.equal(node.ended.length, 0);
  await node.clock.advance(10_000);
  await until('the pod is evicted', () => node.ended.length === 1);
  assert.equal(node.ended[0]!.end.gracePeriodSeconds, 45);
});

test('of ended containers only those go that no status is told from', () => {
  const container = (podUid: string, name: string, attempt: number, phase: 'exited' | 'running' = 'exited') =>
    ({ id: `${podUid}${name}${attempt}`, podUid, name, attempt, phase }) as RuntimeContainer;
  const unneeded = unneededContainers(
    [
      container('p', 'a', 0),
      container('p', 'a', 1),
      container('p', 'b', 0),
      container('p', 'b', 1, 'running'),
      container('gone', 'a', 0),
    ],
    new Set(['p']),
  );
  assert.deepEqual(
    unneeded.map(({ id }) => id),
    ['pa0', 'pb0', 'gonea0'],
  );
});
