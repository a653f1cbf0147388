/**
 * What the kubelet makes ready on the host before it asks the runtime for a sandbox or a container: the results of
 * `volumes/`, `containers/`, `cgroups/` and `images/`, put together by `pods/`. A driver only translates it.
 */

export interface DnsSettings {
  readonly servers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
}

export interface IdMapping {
  readonly hostId: number;
  readonly containerId: number;
  readonly length: number;
}

export interface SandboxPreparation {
  readonly hostname: string;
  readonly dns: DnsSettings;
  /** `/var/log/pods/<namespace>_<name>_<uid>`. */
  readonly logDirectory: string;
  /** In the form that the cgroup driver wants: a path, or a slice's name. Empty: the runtime's own choice. */
  readonly cgroupParent: string;
  /** Of the user namespace of the pod, when it has one of its own. */
  readonly idMappings?: { readonly uids: readonly IdMapping[]; readonly gids: readonly IdMapping[] };
  /** `handler` of the pod's RuntimeClass. Absent: the runtime's default. */
  readonly runtimeHandler?: string;
}

export type MountPropagation = 'private' | 'host-to-container' | 'bidirectional';

export interface ContainerMount {
  readonly hostPath: string;
  readonly containerPath: string;
  readonly readOnly: boolean;
  readonly recursiveReadOnly?: boolean;
  readonly propagation?: MountPropagation;
  readonly selinuxRelabel?: boolean;
  /** An OCI image instead of a path (volumes of kind `image`). */
  readonly image?: { readonly reference: string; readonly subPath?: string };
}

export interface ContainerDevice {
  readonly hostPath: string;
  readonly containerPath: string;
  /** Cgroup permissions: some of `rwm`. */
  readonly permissions: string;
}

/** Limits as the kernel knows them; absent means unlimited or the default. */
export interface LinuxResources {
  readonly cpuShares?: number;
  readonly cpuQuota?: number;
  readonly cpuPeriod?: number;
  readonly memoryLimitBytes?: number;
  readonly memorySwapLimitBytes?: number;
  readonly oomScoreAdj?: number;
  /** The CPUs to run on, as a list: `0-3,8`. */
  readonly cpusetCpus?: string;
  readonly hugepageLimits?: readonly { readonly pageSize: string; readonly limitBytes: number }[];
  /** Files of cgroup v2 by name (`memory.min`, `memory.high`). */
  readonly unified?: Readonly<Record<string, string>>;
}

export interface ContainerPreparation {
  /** What the runtime knows the image by, as `ImageService` answered it. */
  readonly imageRef: string;
  /** With `$(VAR)` expanded; absent: the image's own. */
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly environment: readonly { readonly name: string; readonly value: string }[];
  readonly mounts: readonly ContainerMount[];
  readonly devices: readonly ContainerDevice[];
  /** Names as `vendor.com/gpu=gpu0`, which the runtime looks up (Container Device Interface). */
  readonly cdiDevices?: readonly string[];
  /** Relative to the sandbox's log directory: `<container>/<attempt>.log`. */
  readonly logPath: string;
  readonly resources: LinuxResources;
  /** Groups that volumes ask for (fsGroup), beside those of the pod. */
  readonly supplementalGroups: readonly number[];
  /** Kept by the runtime with the container, so that a kubelet started anew finds them. */
  readonly annotations: Readonly<Record<string, string>>;
}
