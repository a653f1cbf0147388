/**
 * What a container runtime needs to start a pod, asked as crictl asks it: sandbox, container, start, with the image there. It is the floor
 * below which no kubelet gets. A containerd of its own, nothing else.
 *
 *     node bench/cri.ts [PODS] [AT_ONCE]
 *
 * Prints one JSON line: milliseconds, median and 99th percentile, one pod at a time and many at once.
 */
import { createCriClient } from '../src/kubelet/runtime/cri/api/cri-client.ts';
import { startContainerd } from '../test/harness/containerd.ts';
import { criPods } from '../test/harness/cri-pods.ts';
import { BUSYBOX } from '../test/harness/images.ts';
import { report } from './bench-cluster.ts';

const count = Number(process.argv[2] ?? 30);
const atOnce = Number(process.argv[3] ?? 50);

await using containerd = await startContainerd();
{
  // The sandbox image is put there by the driver; what is measured is the bare API.
  using pods = await criPods(containerd);
  const sandbox = await pods.sandbox(pods.pod([]));
  await pods.runtime.removeSandbox(sandbox.id);
}
const cri = createCriClient({ endpoint: containerd.endpoint, requestTimeoutMs: 120_000 });

interface Started {
  readonly sandboxId: string;
  readonly sandboxMs: number;
  readonly totalMs: number;
}

async function startPod(name: string): Promise<Started> {
  const config = {
    metadata: { name, namespace: 'bench', uid: name, attempt: 0 },
    hostname: name,
    log_directory: `${containerd.root}/logs/${name}`,
    linux: { security_context: { namespace_options: { pid: 1 } } },
  };
  const startedMs = performance.now();
  const { pod_sandbox_id } = await cri.call('RunPodSandbox', { config });
  const sandboxMs = performance.now() - startedMs;
  const { container_id } = await cri.call('CreateContainer', {
    pod_sandbox_id,
    sandbox_config: config,
    config: { metadata: { name: 'app' }, image: { image: BUSYBOX }, command: ['sleep', '1000'], log_path: 'app.log' },
  });
  await cri.call('StartContainer', { container_id });
  return { sandboxId: pod_sandbox_id, sandboxMs, totalMs: performance.now() - startedMs };
}

async function remove({ sandboxId }: Started): Promise<void> {
  await cri.call('StopPodSandbox', { pod_sandbox_id: sandboxId });
  await cri.call('RemovePodSandbox', { pod_sandbox_id: sandboxId });
}

function figures(values: readonly number[]): { median: number; p99: number } {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!);
  return { median: at(0.5), p99: at(0.99) };
}

try {
  await remove(await startPod('warm-up'));
  const single: Started[] = [];
  for (let i = 0; i < count; i++) {
    const started = await startPod(`one-${i}`);
    single.push(started);
    await remove(started);
  }
  const manyStartedMs = performance.now();
  const many = await Promise.all(Array.from({ length: atOnce }, (_, i) => startPod(`many-${i}`)));
  const manyMs = performance.now() - manyStartedMs;
  await Promise.all(many.map(remove));
  report({
    bench: 'cri',
    oneAtATime: {
      pods: count,
      startMs: figures(single.map(({ totalMs }) => totalMs)),
      sandboxMs: figures(single.map(({ sandboxMs }) => sandboxMs)),
    },
    atOnce: { pods: atOnce, startMs: figures(many.map(({ totalMs }) => totalMs)), allMs: Math.round(manyMs) },
  });
} finally {
  cri.close();
}
