/**
 * What the kubelet asks of a container runtime, in the shape of CRI's runtime.v1 so that a driver for containerd is a
 * translation. Everything above this port is the same code for real and for hollow pods.
 *
 * Every call may block; `signal`s end waiting, not the work begun. Ids are the driver's own. Calls for something that is
 * gone succeed when the wish is fulfilled (stop, remove) and otherwise reject.
 */
import type { V1Container, V1Pod, V1Probe } from '../../api/gen/types.ts';
import type { ContainerPreparation, LinuxResources, SandboxPreparation } from './preparation.ts';
import type {
  ContainerLogs,
  ContainerResourceUpdate,
  ContainerStreams,
  ImageService,
  RuntimeStats,
} from './runtime-abilities.ts';

/** The one word of CRI's container states. */
export type ContainerPhase = 'created' | 'running' | 'exited';

export interface PodSandbox {
  readonly id: string;
  readonly podUid: string;
  readonly podName: string;
  readonly podNamespace: string;
  readonly ready: boolean;
  readonly createdAtMs: number;
  /** IPv4 first; empty for a pod on the host's network. */
  readonly ips: readonly string[];
  /** How often the pod's sandbox was made anew. */
  readonly attempt: number;
}

export interface RuntimeContainer {
  readonly id: string;
  readonly sandboxId: string;
  readonly podUid: string;
  readonly name: string;
  /** Restarts so far: the first container of a name has 0. */
  readonly attempt: number;
  readonly phase: ContainerPhase;
  readonly image: string;
  readonly imageId: string;
  readonly createdAtMs: number;
  readonly startedAtMs?: number;
  readonly finishedAtMs?: number;
  readonly exitCode?: number;
  /** `Completed`, `Error`, `OOMKilled`. */
  readonly reason?: string;
  readonly message?: string;
  /** The runtime has lost sight of it: it counts as ended, but its process may run. */
  readonly unknown?: true;
  /** As `ContainerPreparation.annotations` gave them. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** The limits in force, where the runtime tells them. */
  readonly resources?: LinuxResources;
  /** Who the first process runs as, where the runtime tells. */
  readonly user?: { readonly uid: number; readonly gid: number; readonly supplementalGroups: readonly number[] };
  /** The signal that ends it: `SIGTERM`, where the runtime tells. */
  readonly stopSignal?: string;
}

export interface RuntimeStatus {
  readonly ready: boolean;
  readonly networkReady: boolean;
  /** Why one of them is not, in the runtime's words. */
  readonly reason?: string;
  readonly message?: string;
  /** What the runtime's handlers (runtimeClassName's) can do, where it tells; the default one has the name ''. */
  readonly handlers?: readonly RuntimeHandlerAbilities[];
  /** What it can do whatever the handler, where it tells: `features` of the node's status. */
  readonly features?: { readonly supplementalGroupsPolicy: boolean };
  /** What else keeps the node from being ready, in whole sentences: `PLEG is not healthy: …`. */
  readonly problems?: readonly string[];
}

export interface RuntimeHandlerAbilities {
  readonly name: string;
  readonly recursiveReadOnlyMounts: boolean;
  readonly userNamespaces: boolean;
}

export interface RuntimeVersion {
  /** `containerd`, `hollow`: the scheme of container ids in pod statuses. */
  readonly name: string;
  readonly version: string;
}

export interface SandboxRequest {
  readonly pod: V1Pod;
  readonly attempt: number;
  /** The node's pod range, when it is known. */
  readonly podCidr?: string;
  /** What the kubelet has made ready on the host; hollow pods need none of it. */
  readonly preparation?: SandboxPreparation;
}

export interface ContainerRequest {
  readonly pod: V1Pod;
  readonly container: V1Container;
  readonly attempt: number;
  /** Of an ephemeral container: the container whose processes it sees. */
  readonly targetContainerId?: string;
  readonly preparation?: ContainerPreparation;
  /** As its sandbox was made with. Absent: what the runtime keeps of it, where it tells. */
  readonly sandboxPreparation?: SandboxPreparation;
}

export type ProbeKind = 'startup' | 'readiness' | 'liveness';

export interface Runtime {
  readonly version: RuntimeVersion;
  status(): Promise<RuntimeStatus>;
  /** All sandboxes and containers, or one pod's. */
  list(podUid?: string): Promise<{ sandboxes: readonly PodSandbox[]; containers: readonly RuntimeContainer[] }>;
  runSandbox(request: SandboxRequest): Promise<PodSandbox>;
  stopSandbox(id: string): Promise<void>;
  /** Removes a stopped sandbox with its containers. */
  removeSandbox(id: string): Promise<void>;
  /**
   * Creates the container and starts it (a hollow one needs no image). What was created but could not be started stays in `list`, ended,
   * and the rejection's `code` is `CONTAINER_NOT_STARTED`.
   */
  startContainer(sandbox: PodSandbox, request: ContainerRequest): Promise<RuntimeContainer>;
  /** Asks the container to end and kills it after the grace period. Resolves when it has ended. */
  stopContainer(id: string, gracePeriodMs: number): Promise<void>;
  removeContainer(id: string): Promise<void>;
  /** One try of a probe on a running container; `constant` says that asking again is no use. */
  probe(id: string, kind: ProbeKind, probe: V1Probe): Promise<{ success: boolean; constant: boolean; message?: string }>;
  /** Calls `listener` with the pod's uid whenever one of its containers changed by itself. */
  subscribe(listener: (podUid: string) => void): () => void;
  /**
   * Only for a runtime whose pods end with the process: takes over pods as their API status describes them, so that a
   * restarted kubelet finds what it left. Called once, before any pod is worked on.
   */
  restore?(pods: readonly V1Pod[]): Promise<void>;

  /** What only a runtime that runs processes can do. */
  readonly images?: ImageService;
  readonly streams?: ContainerStreams;
  readonly logs?: ContainerLogs;
  readonly stats?: RuntimeStats;
  /** Changes the limits of a running container in place. */
  updateResources?(id: string, resources: ContainerResourceUpdate): Promise<void>;
  /** Who makes the cgroups of containers, as the runtime is configured; undefined where it does not tell (containerd before 2.0). */
  cgroupDriver?(): Promise<'systemd' | 'cgroupfs' | undefined>;
  /** Writes the container's state to an archive. Rejects with a `GrpcError` of status Unimplemented where the runtime cannot. */
  checkpoint?(id: string, location: string, timeoutMs: number): Promise<void>;
}
