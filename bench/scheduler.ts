/**
 * How many pods a second the scheduler gives a node: deciding alone, and with a whole control plane in this process (store in memory)
 * that bindings and events are written to.
 *
 *     node bench/scheduler.ts [NODES] [PODS]
 *
 * Prints one JSON line. `cpuMsPerPod` is what all of the control plane takes for a pod, whatever else the machine is doing. `decisions` has plain pods, pods spread over zones, and pods that want a node each.
 */
import { nodeKind } from '../src/api/core/v1/node.ts';
import { podKind } from '../src/api/core/v1/pod.ts';
import type { V1Node, V1Pod, V1PodSpec } from '../src/api/gen/types.ts';
import { createEventRecorder } from '../src/client/events.ts';
import { createInformer } from '../src/client/informer.ts';
import { startCluster } from '../src/cluster/start-cluster.ts';
import { createScheduler } from '../src/scheduler/scheduler.ts';
import { cluster as clusterOf, place, pod } from '../src/scheduler/scheduling.test-support.ts';
import { systemClock } from '../src/std/clock.ts';
import { silentLogger } from '../src/std/logger.ts';
import { report } from './bench-cluster.ts';

const nodeCount = Number(process.argv[2] ?? 1000);
const podCount = Number(process.argv[3] ?? 3000);
const ZONES = 5;
const SCHEDULER = 'bench';

const nodes: V1Node[] = Array.from({ length: nodeCount }, (_, i) => ({
  metadata: { name: `n${i}`, labels: { 'kubernetes.io/hostname': `n${i}`, 'topology.kubernetes.io/zone': `z${i % ZONES}` } },
  status: { allocatable: { cpu: '16', memory: '64Gi', pods: '110' }, capacity: { cpu: '16', memory: '64Gi', pods: '110' } },
}));
const labels = { app: 'web' };
const labelSelector = { matchLabels: labels };
const containers = [{ name: 'c', image: 'web', resources: { requests: { cpu: '100m', memory: '128Mi' } } }];

function decisionsPerSecond(spec: Partial<V1PodSpec>, count: number): number {
  const state = clusterOf(nodes);
  const startMs = performance.now();
  for (let i = 0; i < count; i++) {
    const each = pod({ containers, ...spec }, undefined, labels);
    const name = place(state, each, { random: Math.random });
    if (!state.node(name)) throw new Error(name);
    state.setPod({ ...each, spec: { ...each.spec!, nodeName: name } });
  }
  return Math.round((count * 1000) / (performance.now() - startMs));
}

/** From the scheduler's start until the last pod is seen to have a node. */
async function bindAll(): Promise<{ perSecond: number; cpuMsPerPod: number }> {
  await using cluster = await startCluster({ nodes: 0 });
  const client = cluster.client();
  const controller = new AbortController();
  const { signal } = controller;
  const common = { client, clock: systemClock, logger: silentLogger };
  for (const node of nodes) await client.resource<V1Node>(nodeKind).create(node);
  const pods = client.resource<V1Pod>(podKind, 'default');
  const spec = { containers, schedulerName: SCHEDULER, tolerations: [{ operator: 'Exists' }] };
  for (let i = 0; i < podCount; i++) await pods.create({ metadata: { name: `p${i}`, labels }, spec });
  const informer = createInformer<V1Pod>({ ...common, kind: podKind });
  let bound = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  informer.onChange(({ object, previous }) => {
    if (object.spec?.nodeName && !previous?.spec?.nodeName && ++bound === podCount) resolve();
  });
  await informer.start(signal);
  const events = createEventRecorder({ ...common, component: SCHEDULER, signal });
  const scheduler = createScheduler({ ...common, events, random: Math.random, schedulerName: SCHEDULER });
  const startMs = performance.now();
  const startCpu = process.cpuUsage();
  await scheduler.start(signal);
  await promise;
  const perSecond = Math.round((podCount * 1000) / (performance.now() - startMs));
  const { user, system } = process.cpuUsage(startCpu);
  controller.abort(new DOMException('done', 'AbortError'));
  await Promise.all([scheduler.done, informer.done]);
  return { perSecond, cpuMsPerPod: Math.round((user + system) / podCount / 10) / 100 };
}

const spread = {
  topologySpreadConstraints: [
    { topologyKey: 'topology.kubernetes.io/zone', maxSkew: 1, whenUnsatisfiable: 'DoNotSchedule', labelSelector },
  ],
};
const term = { topologyKey: 'kubernetes.io/hostname', labelSelector };
const apart = { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } };

decisionsPerSecond({}, 300); // warm
report({
  bench: 'scheduler',
  nodes: nodeCount,
  pods: podCount,
  decisionsPerSecond: {
    plain: decisionsPerSecond({}, podCount),
    spread: decisionsPerSecond(spread, podCount),
    apart: decisionsPerSecond(apart, Math.min(podCount, nodeCount)),
  },
  bound: await bindAll(),
});
