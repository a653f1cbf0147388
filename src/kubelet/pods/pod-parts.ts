/**
 * What keeping real pods needs beside the runtime, each a part of its own behind a small interface; `real-pods.ts` puts them
 * together. A kubelet of hollow pods has none of them.
 *
 * All calls are idempotent and may be repeated at every sync of a pod. Rejections are `PodPartError`s where the pod's status or an
 * event shall tell the reason in upstream's words.
 */
import type { V1Container, V1Node, V1Pod } from '../../api/gen/types.ts';
import type { Client } from '../../client/client.ts';
import type { EventRecorder } from '../../client/events.ts';
import type { Clock } from '../../std/clock.ts';
import type { Logger } from '../../std/logger.ts';
import type { KubeletConfiguration } from '../configuration/kubelet-configuration.ts';
import type { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import type {
  ContainerDevice,
  ContainerMount,
  ContainerPreparation,
  DnsSettings,
  LinuxResources,
  SandboxPreparation,
} from '../runtime/preparation.ts';
import type { PodSandbox, Runtime, RuntimeContainer } from '../runtime/runtime.ts';
import type { PodPaths } from './pod-paths.ts';

/** A step for a pod failed for a reason that users look for: `FailedMount`, `ErrImagePull`, `CreateContainerConfigError`. */
export class PodPartError extends Error {
  override readonly name = 'PodPartError';
  /** Of the waiting container's state, and of the event. */
  readonly reason: string;
  readonly eventReason: string;
  constructor(reason: string, message: string, options: { readonly eventReason?: string; readonly cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.reason = reason;
    this.eventReason = options.eventReason ?? reason;
  }
}

/** `volumes/`: the pod's volumes on the host. */
export interface PodVolumes {
  /**
   * Mounts what is not mounted, refreshes what has changed (ConfigMaps, Secrets, tokens) and resolves when every volume that the
   * containers need is there. Rejects with reason `FailedMount` / `FailedAttachVolume`; the caller tries again.
   */
  setUp(pod: V1Pod, signal: AbortSignal): Promise<void>;
  /** Bind mounts and block devices of one container, subPaths opened safely. After `setUp`. */
  mountsOf(
    pod: V1Pod,
    container: V1Container,
    environment: readonly { readonly name: string; readonly value: string }[],
  ): Promise<{
    readonly mounts: readonly ContainerMount[];
    readonly devices: readonly ContainerDevice[];
  }>;
  /** Groups that the processes of the pod need to use its volumes. */
  supplementalGroups(pod: V1Pod): readonly number[];
  /** Takes down everything mounted for the pod; resolves when nothing is left, also for pods that this kubelet never knew. */
  tearDown(podUid: string): Promise<void>;
  /** Pods that have anything on disk: what a kubelet started anew looks through. */
  known(): Promise<readonly string[]>;
  /** `listener` is called when a volume of a pod should be looked at before its next regular sync. */
  subscribe(listener: (podUid: string) => void): () => void;
}

/** `containers/`: what a container is told about its world. */
export interface ContainerSettings {
  dnsOf(pod: V1Pod): Promise<DnsSettings>;
  hostnameOf(pod: V1Pod): string;
  /**
   * `env`, `envFrom`, service links, downward fields, `$(VAR)`. Rejects with reason `CreateContainerConfigError` for a missing ConfigMap,
   * Secret or key.
   */
  environmentOf(
    pod: V1Pod,
    container: V1Container,
    podIps: readonly string[],
  ): Promise<readonly { readonly name: string; readonly value: string }[]>;
  /** Command and args with `$(VAR)` expanded by that environment. */
  commandOf(
    container: V1Container,
    environment: readonly { readonly name: string; readonly value: string }[],
  ): { readonly command?: readonly string[]; readonly args?: readonly string[] };
  /** Writes the pod's /etc/hosts (hostAliases, hostname and subdomain); undefined where the pod uses the image's or mounts its own. */
  hostsFileOf(pod: V1Pod, container: V1Container, podIps: readonly string[]): Promise<ContainerMount | undefined>;
}

/** `images/`: pull policy, secrets, back-off. */
export interface PodImages {
  /**
   * Resolves with the runtime's reference when the image is there. Rejects with reason `ErrImagePull`, `ImagePullBackOff`,
   * `ErrImageNeverPull` or `InvalidImageName`. Writes the events `Pulling`, `Pulled`, `Failed`, `BackOff`.
   */
  ensure(pod: V1Pod, container: V1Container, signal: AbortSignal): Promise<{ readonly imageRef: string }>;
}

/** `cgroups/`: the pod's place in the cgroup tree and what a container may use. */
export interface PodCgroups {
  /** Makes (or brings up to date) the pod's cgroup. `cgroupParent` is for the sandbox. */
  ensure(pod: V1Pod): Promise<{ readonly cgroupParent: string }>;
  resourcesOf(pod: V1Pod, container: V1Container): LinuxResources;
  /** Kills what is still in it and removes it; resolves when it is gone. */
  remove(podUid: string): Promise<void>;
  known(): Promise<readonly string[]>;
  /** The user namespace of the pod (`hostUsers: false`); undefined: the host's. */
  idMappingsOf(pod: V1Pod): Promise<SandboxPreparation['idMappings']>;
}

/** `devices/`: what device plugins give. */
export interface PodDevices {
  /** Asks the plugins to make ready what the container was given; undefined: nothing. Before each start. */
  settingsOf(
    pod: V1Pod,
    container: V1Container,
  ): Promise<
    | (Pick<ContainerPreparation, 'environment' | 'mounts' | 'devices' | 'annotations'> & {
        readonly cdiDevices: readonly string[];
      })
    | undefined
  >;
  /** Others may have them. */
  release(podUid: string): Promise<void>;
  /** Pods that have any. */
  known(): readonly string[];
}

/** Whether the node takes a pod at all (`node/admission`): resources, affinity, ports, maxPods, operating system. */
export interface NodeAdmission {
  /** Undefined: admitted. `others` are the pods that run or are to run here. */
  admit(pod: V1Pod, others: readonly V1Pod[]): AdmissionRefusal | undefined;
  /**
   * Gives an admitted pod what it is to have for itself (CPUs, devices): at once, resolves when that is kept. Undefined: given, or it needs none.
   */
  allocate?(pod: V1Pod): Promise<AdmissionRefusal | undefined>;
  /** True where pods may have CPUs for themselves: guaranteed ones then keep as many as they began with. */
  readonly givesCpus?: boolean;
}

export interface AdmissionRefusal {
  readonly reason: string;
  readonly message: string;
  /**
   * Of a critical pod: who must make room first, each with the event and end `Preempting`, `Preempted in order to admit critical pod`.
   * When they have ended the pod is admitted.
   */
  readonly preempt?: readonly V1Pod[];
}

export interface PodParts {
  readonly volumes: PodVolumes;
  readonly settings: ContainerSettings;
  readonly images: PodImages;
  readonly cgroups: PodCgroups;
  readonly devices?: PodDevices;
  readonly admission: NodeAdmission;
}

/**
 * What every factory of a part takes: `createX(context)` does no I/O; what runs all the time is a `Component` that
 * `real-pods.ts` begins and ends.
 */
export interface PodPartContext {
  readonly client: Client;
  readonly nodeName: string;
  /** IPv4 first. */
  readonly nodeIps: readonly string[];
  /** As the API server last answered it; undefined until the node is registered. */
  readonly node: () => V1Node | undefined;
  readonly configuration: KubeletConfiguration;
  readonly runtime: Runtime;
  readonly paths: PodPaths;
  readonly events: EventRecorder | undefined;
  /** What the part counts; its metrics are lines of `metrics/metric-table.ts`. */
  readonly metrics?: KubeletMetrics;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
}

/** What a part outside `pods/` may ask of the pods: eviction, shutdown, statistics, the API on :10250. */
export interface PodsOfNode {
  /** The pods of all sources, each with its newest status; those that are being ended too. */
  pods(): readonly V1Pod[];
  /** By the names that the kubelet's API uses. A static pod is found by the uid of its mirror pod as well. */
  pod(namespace: string, name: string): V1Pod | undefined;
  /** The newest container of a name, or the one before it. Undefined when there is none. */
  container(podUid: string, name: string, options?: { readonly previous?: boolean }): Promise<RuntimeContainer | undefined>;
  /** The pod's newest sandbox that is ready. */
  sandbox(podUid: string): Promise<PodSandbox | undefined>;
  /**
   * Ends a pod for good: its status becomes Failed with this reason and message (and condition DisruptionTarget with reason
   * TerminationByKubelet), then its containers are stopped. Resolves when they have ended; at once for a pod that is not here.
   */
  evict(podUid: string, end: PodEnd): Promise<void>;
}

export interface PodEnd {
  /** Of the status: `Evicted`, `Terminated`, `Preempting`. */
  readonly reason: string;
  readonly message: string;
  /** Goes before the pod's own. 0: killed at once. */
  readonly gracePeriodSeconds?: number;
  /** False where no condition DisruptionTarget belongs to the end. Default true. */
  readonly disruption?: boolean;
  /** What that condition says. Default: `message`. */
  readonly disruptionMessage?: string;
}
