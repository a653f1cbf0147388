import { type CriClient, createCriClient } from '../src/kubelet/runtime/cri/api/cri-client.ts';
import type { Containerd } from '../test/harness/containerd.ts';
import { criPods } from '../test/harness/cri-pods.ts';
import { BUSYBOX } from '../test/harness/images.ts';
import { quantile } from './bench-cluster.ts';

export interface BarePod {
  readonly sandboxId: string;
  readonly sandboxMs: number;
  /** Sandbox, container and start. */
  readonly totalMs: number;
}

/** Pods made by nothing but calls of CRI, as crictl makes them: the floor below which no kubelet gets. */
export interface BarePods extends Disposable {
  start(name: string): Promise<BarePod>;
  remove(pod: BarePod): Promise<void>;
}

/** The sandbox image is there afterwards, and one pod has been made and removed. */
export async function createBarePods(containerd: Containerd): Promise<BarePods> {
  {
    using pods = await criPods(containerd);
    const sandbox = await pods.sandbox(pods.pod([]));
    await pods.runtime.removeSandbox(sandbox.id);
  }
  const cri = createCriClient({ endpoint: containerd.endpoint, requestTimeoutMs: 120_000 });
  const bare: BarePods = {
    start: (name) => startPod(cri, containerd.root, name),
    async remove({ sandboxId }) {
      await cri.call('StopPodSandbox', { pod_sandbox_id: sandboxId });
      await cri.call('RemovePodSandbox', { pod_sandbox_id: sandboxId });
    },
    [Symbol.dispose]: () => cri.close(),
  };
  await bare.remove(await bare.start('warm-up'));
  return bare;
}

async function startPod(cri: CriClient, root: string, name: string): Promise<BarePod> {
  const config = {
    metadata: { name, namespace: 'bench', uid: name, attempt: 0 },
    hostname: name,
    log_directory: `${root}/logs/${name}`,
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

/** Of latencies in milliseconds. */
export function latencies(values: readonly number[]): { median: number; p99: number } {
  return { median: Math.round(quantile(values, 0.5)), p99: Math.round(quantile(values, 0.99)) };
}
