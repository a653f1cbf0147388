import type { V1Pod } from '../../api/gen/types.ts';
import type { KubeletConfiguration } from '../configuration/kubelet-configuration.ts';
import type { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import type { PodSandbox, Runtime, RuntimeContainer } from '../runtime/runtime.ts';
import type { LogOptions } from './log-options.ts';

/** What the kubelet's API shows of the kubelet. */
export interface KubeletView {
  readonly nodeName: string;
  readonly startedAtMs: number;
  readonly configuration: KubeletConfiguration;
  readonly runtime: Runtime;
  /** The pods bound to the node, with the status that the kubelet knows. */
  pods(): readonly V1Pod[];
  /** By name, in the same state. */
  pod(namespace: string, name: string): V1Pod | undefined;
  /** The newest container of a name, or the one before it. */
  container(podUid: string, name: string, options?: { readonly previous?: boolean }): Promise<RuntimeContainer | undefined>;
  /** The pod's sandbox that is ready. */
  sandbox(podUid: string): Promise<PodSandbox | undefined>;
  /** Undefined when all is well. */
  unhealthy(): string | undefined;
  /** Milliseconds since the epoch when the certificates in use end. */
  certificateEnds(): { client?: number; server?: number };
  renewFailures(): { client: number; server: number };
  readonly metrics: KubeletMetrics;
  /** The command line as it was understood, for `/flagz`. */
  readonly flags?: ReadonlyMap<string, string>;
  /** Changes how much is logged; absent where the logger is not the kubelet's own. */
  readonly setVerbosity?: (level: number) => void;
  /** Where `/logs/` looks. */
  readonly logDirectory: string;
  /** Where archives of containers' states go. Absent for hollow pods, which have none. */
  readonly checkpointDirectory?: string;
  /** Absent for hollow pods: their pages tell what the runtime knows. */
  readonly statistics?: StatisticsPages;
  /**
   * The log of a container as it is asked for, without the runtime's own line heads. Absent for hollow pods, which have no log.
   *
   * @param containerId as the runtime knows it, without the scheme
   * @throws Error, before the first chunk, when the log is not there
   */
  readonly readLog?: (containerId: string, options: LogOptions, signal: AbortSignal) => AsyncIterable<Uint8Array>;
}

/** What `stats/` measures, as documents ready to be sent. */
export interface StatisticsPages {
  /** `/stats/summary` (stats.v1alpha1 Summary). */
  summary(options: { readonly onlyCpuAndMemory: boolean }): Promise<object>;
  /** `/metrics/cadvisor`, in Prometheus' text form. */
  cadvisorMetrics(): Promise<string>;
  /** `/metrics/resource`. */
  resourceMetrics(): Promise<string>;
  /** What belongs into `/metrics` beside the counted: `kubelet_volume_stats_*`, by metric name, each with its HELP and TYPE. */
  kubeletMetrics?(): Promise<ReadonlyMap<string, string>>;
  /** `/spec`: the machine, in cadvisor's words (MachineInfo). */
  machine(): Promise<object>;
  /**
   * `/stats/…`, in cadvisor's words (ContainerInfo): of the whole node, of a cgroup by name (`/stats/container`) with or without what
   * is below it. Undefined for one that is not there.
   */
  cgroup(name: string, options: { readonly samples: number; readonly below: boolean }): Promise<object | undefined>;
  /** `/stats/<namespace>/<pod>/<uid>/<container>`; undefined when it is not there. */
  container(podUid: string, name: string, options: { readonly samples: number }): Promise<object | undefined>;
}
