import type { V1Pod } from '../../api/gen/types.ts';
import type { KubeletConfiguration } from '../configuration/kubelet-configuration.ts';
import type { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import type { PodSandbox, RuntimeContainer } from '../runtime/runtime.ts';

/** What the kubelet's API shows of the kubelet. */
export interface KubeletView {
  readonly nodeName: string;
  readonly startedAtMs: number;
  readonly configuration: KubeletConfiguration;
  /** The pods bound to the node, with the status that the kubelet knows. */
  pods(): readonly V1Pod[];
  /** By name, in the same state. */
  pod(namespace: string, name: string): V1Pod | undefined;
  /** The newest container of a name, or the one before it. */
  container(podUid: string, name: string, options?: { readonly previous?: boolean }): Promise<RuntimeContainer | undefined>;
  /** The pod's sandbox that is ready. */
  sandbox(podUid: string): Promise<PodSandbox | undefined>;
  containers(): Promise<readonly RuntimeContainer[]>;
  /** Undefined when all is well. */
  unhealthy(): string | undefined;
  /** Milliseconds since the epoch when the certificates in use end. */
  certificateEnds(): { client?: number; server?: number };
  readonly metrics: KubeletMetrics;
  renewFailures(): { client: number; server: number };
}
