import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { V1Container, V1Pod, V1PodSpec } from '../../src/api/gen/types.ts';
import { createKubeletMetrics, type KubeletMetrics } from '../../src/kubelet/metrics/kubelet-metrics.ts';
import { type CriRuntime, type CriRuntimeOptions, createCriRuntime } from '../../src/kubelet/runtime/cri/cri-runtime.ts';
import type { ContainerPreparation, SandboxPreparation } from '../../src/kubelet/runtime/preparation.ts';
import type { PodSandbox, RuntimeContainer } from '../../src/kubelet/runtime/runtime.ts';
import { systemClock } from '../../src/std/clock.ts';
import { silentLogger } from '../../src/std/logger.ts';
import type { Containerd } from './containerd.ts';
import { BUSYBOX } from './images.ts';

/** Pods made directly with the driver, without a kubelet, for tests of the driver. */
export interface CriPods extends Disposable {
  readonly runtime: CriRuntime;
  readonly metrics: KubeletMetrics;
  pod(containers: readonly Partial<V1Container>[], spec?: Partial<V1PodSpec>): V1Pod;
  sandbox(pod: V1Pod, preparation?: Partial<SandboxPreparation>): Promise<PodSandbox>;
  /** Starts the pod's container of that name. */
  start(sandbox: PodSandbox, pod: V1Pod, name: string, more?: StartOptions): Promise<RuntimeContainer>;
}

export interface StartOptions extends Partial<ContainerPreparation> {
  readonly attempt?: number;
  readonly targetContainerId?: string;
}

export async function criPods(containerd: Containerd, options: Partial<CriRuntimeOptions> = {}): Promise<CriPods> {
  const { root } = containerd;
  const paths = { root: join(root, 'kubelet'), logs: join(root, 'pod-logs'), containerLogs: join(root, 'container-logs') };
  const metrics = createKubeletMetrics();
  const runtime = await createCriRuntime({
    endpoint: containerd.endpoint,
    requestTimeoutMs: 120_000,
    paths,
    seccomp: { seccompDefault: false, profileRoot: join(root, 'seccomp') },
    clock: systemClock,
    logger: silentLogger,
    metrics,
    ...options,
  });
  return {
    runtime,
    metrics,
    pod(containers, spec = {}) {
      const uid = randomUUID();
      return {
        metadata: { name: `pod-${uid.slice(0, 8)}`, namespace: 'default', uid, labels: { app: 'test' } },
        spec: {
          ...spec,
          containers: containers.map((container, i) => ({
            name: `c${i}`,
            image: BUSYBOX,
            command: ['sleep', '1000'],
            ...container,
          })),
        },
      };
    },
    sandbox(pod, preparation = {}) {
      const { name = '', namespace, uid } = pod.metadata ?? {};
      return runtime.runSandbox({
        pod,
        attempt: 0,
        preparation: {
          hostname: name,
          dns: { servers: ['10.96.0.10'], searches: ['default.svc.cluster.local'], options: ['ndots:5'] },
          logDirectory: join(paths.logs, `${namespace}_${name}_${uid}`),
          cgroupParent: '',
          ...preparation,
        },
      });
    },
    start(sandbox, pod, name, { attempt = 0, targetContainerId, ...preparation } = {}) {
      const { containers = [], initContainers = [], ephemeralContainers = [] } = pod.spec ?? {};
      const container = [...containers, ...initContainers, ...ephemeralContainers].find((candidate) => candidate.name === name)!;
      return runtime.startContainer(sandbox, {
        pod,
        container,
        attempt,
        targetContainerId,
        preparation: {
          imageRef: container.image ?? BUSYBOX,
          command: container.command,
          args: container.args,
          environment: (container.env ?? []).map(({ name, value = '' }) => ({ name, value })),
          mounts: [],
          devices: [],
          logPath: join(name, `${attempt}.log`),
          resources: {},
          supplementalGroups: [],
          annotations: {},
          ...preparation,
        },
      });
    },
    [Symbol.dispose]: () => runtime.close(),
  };
}
