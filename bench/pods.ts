/**
 * How long a pod takes from being bound to a node to Running, with its image there: a control plane, a kubelet of its own process and a
 * containerd of its own; as a client that watches sees it. Beside it the same pods by bare calls of CRI (`bench/cri.ts`) on another containerd, in
 * turns: what is more is the kubelet's, the API's and the volumes' share.
 *
 *     node bench/pods.ts [PODS] [AT_ONCE]
 *
 * Prints one JSON line: milliseconds, median and 99th percentile; the kubelet's resident memory without pods and with all of them, and its processor
 * time for a pod from start to end.
 */
import { podKind } from '../src/api/core/v1/pod.ts';
import type { V1Pod } from '../src/api/gen/types.ts';
import { createInformer } from '../src/client/informer.ts';
import { clientFromKubeconfig } from '../src/client/kubeconfig-client.ts';
import { systemClock } from '../src/std/clock.ts';
import { silentLogger } from '../src/std/logger.ts';
import { startContainerd } from '../test/harness/containerd.ts';
import { BUSYBOX } from '../test/harness/images.ts';
import { startRealCluster } from '../test/harness/real-cluster.ts';
import { createBarePods, latencies } from './bare-pods.ts';
import { cpuMs, report, residentMb } from './bench-cluster.ts';

const count = Number(process.argv[2] ?? 20);
const atOnce = Number(process.argv[3] ?? 50);

await using containerd = await startContainerd();
using bare = await createBarePods(containerd);
await using cluster = await startRealCluster();
const client = await clientFromKubeconfig(cluster.home.kubeconfig);
const pods = client.resource<V1Pod>(podKind, 'default');
const options = { clock: systemClock, logger: silentLogger, random: Math.random };
const informer = createInformer<V1Pod>({ client, kind: podKind, namespace: 'default', ...options });
const waiting = new Map<string, (atMs: number) => void>();
informer.onChange(({ type, object }) => {
  const name = object.metadata?.name ?? '';
  const isRunning = object.status?.phase === 'Running' && object.status.containerStatuses?.every(({ ready }) => ready);
  const key = type === 'deleted' ? `gone ${name}` : isRunning ? `running ${name}` : '';
  waiting.get(key)?.(performance.now());
  waiting.delete(key);
});
const end = new AbortController();
await informer.start(end.signal);

function seen(key: string): Promise<number> {
  return new Promise((resolve) => waiting.set(key, resolve));
}

/** Milliseconds until it is seen Running. */
async function start(name: string): Promise<number> {
  const running = seen(`running ${name}`);
  const startedMs = performance.now();
  await pods.create({
    metadata: { name },
    spec: {
      nodeName: cluster.nodeName,
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'app', image: BUSYBOX, command: ['sleep', '1000'] }],
    },
  });
  return (await running) - startedMs;
}

async function remove(name: string): Promise<void> {
  const gone = seen(`gone ${name}`);
  await pods.delete(name, { gracePeriodSeconds: 0 });
  await gone;
}

await start('warm-up');
await remove('warm-up');
const emptyMb = residentMb(cluster.kubelet.pid);
const before = cpuMs(cluster.kubelet.pid);
const [single, floor] = [[], []] as [number[], number[]];
for (let i = 0; i < count; i++) {
  single.push(await start(`one-${i}`));
  await remove(`one-${i}`);
  const pod = await bare.start(`one-${i}`);
  floor.push(pod.totalMs);
  await bare.remove(pod);
}
const kubeletCpuMsPerPod = (cpuMs(cluster.kubelet.pid) - before) / count;
const names = Array.from({ length: atOnce }, (_, i) => `many-${i}`);
const many = await Promise.all(names.map(start));
const fullMb = residentMb(cluster.kubelet.pid);
await Promise.all(names.map(remove));
const bareMany = await Promise.all(names.map((name) => bare.start(name)));
await Promise.all(bareMany.map((pod) => bare.remove(pod)));
end.abort();
report({
  bench: 'pods',
  oneAtATime: { pods: count, runningMs: latencies(single), bareMs: latencies(floor) },
  atOnce: { pods: atOnce, runningMs: latencies(many), bareMs: latencies(bareMany.map(({ totalMs }) => totalMs)) },
  kubeletMb: { empty: emptyMb, full: fullMb },
  kubeletCpuMsPerPod: Math.round(kubeletCpuMsPerPod),
});
