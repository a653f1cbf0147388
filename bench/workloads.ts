/**
 * How long a Deployment takes from being applied to all of its replicas Ready, and from a new template to all of them renewed, as a
 * client that watches sees it.
 *
 *     node bench/workloads.ts [REPLICAS] [NODES]
 *     node bench/workloads.ts [REPLICAS] real
 *
 * `real` runs the pods in a containerd of the benchmark's own on this machine, as root, and renews none; a kubelet takes no more than 110.
 * Prints one JSON line: milliseconds; how many pods were made (more than replicas means that some were made twice), requests for a pod to the API
 * server in each of the two, and the processor time, in percent of a core, that the whole cluster takes afterwards with nothing to do.
 */
import { deploymentKind } from '../src/api/apps/v1/deployment.ts';
import { podKind } from '../src/api/core/v1/pod.ts';
import type { V1Deployment, V1Pod } from '../src/api/gen/types.ts';
import { createInformer } from '../src/client/informer.ts';
import { clientFromKubeconfig } from '../src/client/kubeconfig-client.ts';
import { systemClock } from '../src/std/clock.ts';
import { silentLogger } from '../src/std/logger.ts';
import { startContainerd } from '../test/harness/containerd.ts';
import { BUSYBOX } from '../test/harness/images.ts';
import { cpuMs, report, startBenchCluster } from './bench-cluster.ts';

const replicas = Number(process.argv[2] ?? 100);
const real = process.argv[3] === 'real';
const nodes = real ? 1 : Number(process.argv[3] ?? 10);
const SETTLE_MS = 15_000;
const IDLE_MS = 10_000;

await using containerd = real ? await startContainerd({ network: false }) : undefined;
const runtime = containerd ? ['--runtime', 'containerd', '--container-runtime-endpoint', containerd.endpoint] : [];
await using cluster = await startBenchCluster(...(real ? runtime : ['--nodes', String(nodes)]));
const client = await clientFromKubeconfig(cluster.kubeconfig);
const deployments = client.resource<V1Deployment>(deploymentKind, 'default');
const options = { client, namespace: 'default', clock: systemClock, logger: silentLogger, random: Math.random };
const informer = createInformer<V1Deployment>({ ...options, kind: deploymentKind });
const pods = createInformer<V1Pod>({ ...options, kind: podKind });
let made = 0;
pods.onChange(({ type }) => {
  if (type === 'added') made++;
});
const end = new AbortController();
await Promise.all([informer.start(end.signal), pods.start(end.signal)]);

const isDone = ({ metadata, spec, status }: V1Deployment) =>
  status?.observedGeneration === metadata?.generation &&
  status?.updatedReplicas === spec?.replicas &&
  status?.readyReplicas === spec?.replicas &&
  status?.replicas === spec?.replicas;

function done(generation: number): Promise<number> {
  return new Promise((resolve) => {
    const leave = informer.onChange(({ object }) => {
      if ((object.metadata?.generation ?? 0) < generation || !isDone(object)) return;
      leave();
      resolve(performance.now());
    });
  });
}

/** All requests that have been answered, watches that are open left out. */
async function requests(): Promise<number> {
  const { text } = await client.raw({ path: '/metrics' });
  const counts = text.matchAll(
    /^apiserver_request_total\{(?=[^}]*resource="(?:pods|replicasets|deployments|events)")[^}]*\} (\S+)$/gm,
  );
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

interface Round {
  readonly ms: number;
  readonly pods: number;
  readonly requestsPerPod: number;
}

async function round(generation: number, act: () => Promise<unknown>): Promise<Round> {
  const [madeBefore, requestsBefore] = [made, await requests()];
  const finished = done(generation);
  const startedMs = performance.now();
  await act();
  const ms = Math.round((await finished) - startedMs);
  const perPod = ((await requests()) - requestsBefore) / replicas;
  return { ms, pods: made - madeBefore, requestsPerPod: Number(perPod.toFixed(1)) };
}

const labels = { app: 'bench' };
const container = { name: 'main', image: BUSYBOX, command: ['sleep', '100000'] };
const template = (version: string) => ({
  metadata: { labels: { ...labels, version } },
  spec: { terminationGracePeriodSeconds: 0, containers: [container] },
});
const deployment = {
  metadata: { name: 'bench' },
  spec: { replicas, selector: { matchLabels: labels }, template: template('v1') },
} as V1Deployment;
const created = await round(1, () => deployments.create(deployment));
// A node of 110 pods has no room for both templates of a hundred.
const rolled = real
  ? undefined
  : await round(2, () => deployments.patch('bench', { spec: { template: template('v2') } }, { type: 'merge' }));
// What is being deleted is still to go, and then events are still to be written.
while (pods.list().length > replicas) await systemClock.sleep(100, end.signal);
await systemClock.sleep(SETTLE_MS, end.signal);
const beforeMs = cpuMs(cluster.pid);
await systemClock.sleep(IDLE_MS, end.signal);
const idlePercent = Number((((cpuMs(cluster.pid) - beforeMs) / IDLE_MS) * 100).toFixed(1));
end.abort(new DOMException('bench ended', 'AbortError'));
report({ bench: 'workloads', replicas, nodes, real, created, rolled, idlePercent });
