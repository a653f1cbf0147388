import type { V1Container, V1Pod } from '../../api/gen/types.ts';
import type { PodSandbox, Runtime, RuntimeContainer } from '../runtime/runtime.ts';
import { currentSandbox } from './pod-plan.ts';

/** Where a pod's parts are made and taken away: the bare runtime for hollow pods, `real-pod-starter.ts` for those with processes. */
export interface PodStarter {
  /** Whether the status of pods tells of mounts, resources and users. */
  readonly detailed: boolean;
  /** What containers need before the first of them starts, kept up to date while they run. */
  prepare(pod: V1Pod, signal: AbortSignal): Promise<void>;
  runSandbox(pod: V1Pod, attempt: number, podCidr: string | undefined, signal: AbortSignal): Promise<PodSandbox>;
  startContainer(start: StartRequest, signal: AbortSignal): Promise<RuntimeContainer>;
  /** Brings the limits of a running container to what the pod has been given. */
  resize(pod: V1Pod, spec: V1Container, containerId: string): Promise<void>;
  /** Whether a running container is no longer what the pod asks for. */
  changed(spec: V1Container, container: RuntimeContainer): boolean;
  /** No container of the pod runs any more: what was made ready goes. */
  release(podUid: string): Promise<void>;
  /** Nobody knows the pod any more: nothing of it stays on the disk. */
  discard(podUid: string): Promise<void>;
  /** Pods of which there is something beside containers. */
  known(): Promise<readonly string[]>;
}

export interface StartRequest {
  readonly pod: V1Pod;
  readonly sandbox: PodSandbox;
  readonly container: V1Container;
  readonly attempt: number;
  /** What the pod consists of now. */
  readonly containers: readonly RuntimeContainer[];
  /** Where the pod is reached; empty when nobody knows yet. */
  readonly podIps: readonly string[];
}

/** Hollow pods need nothing but a runtime. */
export function createBareStarter(runtime: Runtime): PodStarter {
  return {
    detailed: false,
    prepare: async () => undefined,
    runSandbox: (pod, attempt, podCidr) => runtime.runSandbox({ pod, attempt, ...(podCidr && { podCidr }) }),
    startContainer: ({ sandbox, pod, container, attempt }) => runtime.startContainer(sandbox, { pod, container, attempt }),
    changed: (spec, { image }) => spec.image !== undefined && image !== spec.image,
    // Nothing limits a hollow container.
    resize: async () => undefined,
    release: async () => undefined,
    discard: async () => undefined,
    known: async () => [],
  };
}

/** The addresses of a pod: those of its sandbox, or the node's for a pod on the host's network. */
export function podIpsOf(pod: V1Pod, sandboxes: readonly PodSandbox[], hostIps: readonly string[]): readonly string[] {
  return pod.spec?.hostNetwork ? hostIps : (currentSandbox(pod, sandboxes)?.ips ?? []);
}
