import type { Clock } from '../std/clock.ts';
import type { Logger } from '../std/logger.ts';
import type { ConnectToApi } from './api-connection.ts';
import type { KubeletConfiguration } from './configuration/kubelet-configuration.ts';
import type { IdentifiedKubelet } from './identify.ts';
import type { CredentialProviderPaths } from './images/open-credential-providers.ts';
import type { KubeletMetrics } from './metrics/kubelet-metrics.ts';
import type { Machine } from './node/machine.ts';
import type { PodPaths } from './pods/pod-paths.ts';
import type { Runtime } from './runtime/runtime.ts';

export interface KubeletPaths {
  /** The kubelet's own kubeconfig; written by the bootstrap when it is missing or its certificate has expired. */
  readonly kubeconfig: string;
  /** The one with the token. Without it, `kubeconfig` must be there. */
  readonly bootstrapKubeconfig?: string;
  /** Where certificates and keys are kept. */
  readonly certificateDirectory: string;
}

/** What `createKubelet` takes. Everything but the first block has a default that suits a node of its own. */
export interface KubeletOptions {
  readonly nodeName: string;
  readonly paths: KubeletPaths;
  /** Complete: from `completeConfiguration({ … })`. One object may serve many kubelets that differ only in what follows. */
  readonly configuration: KubeletConfiguration;
  readonly runtime: Runtime;
  /** Where real pods are kept. Without it pods are hollow: the runtime alone keeps them. */
  readonly podPaths?: PodPaths;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Numbers in [0, 1). */
  readonly random: () => number;

  /** The node's addresses, IPv4 first. Default: the machine's first. */
  readonly nodeIps?: readonly string[];
  /** Label and address of type Hostname. Default: the node's name. */
  readonly hostname?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** What the node says of its machine. Default: what this machine is; read it once with `readMachine` for many kubelets. */
  readonly machine?: Machine;
  /** Goes before `configuration.address` and `.port`; port 0 takes a free one. With `whenAsked` TLS is made ready with the first connection. */
  readonly listen?: { readonly address?: string; readonly port?: number; readonly whenAsked?: boolean };
  /** How long a certificate request may stay unsigned before it is made again. Default 15 minutes; one hour for the first. */
  readonly certificateRequestTimeoutMs?: number;
  /** Whether Events are written. Default true. */
  readonly recordEvents?: boolean;
  /** The cluster gives each node a range of pod addresses: the first pods wait for it a little. Default false: they take what there is. */
  readonly expectsPodCidr?: boolean;
  /** What this kubelet counts; given where a runtime made before it counts as well. Default: one of its own. */
  readonly metrics?: KubeletMetrics;
  /** Programs that know credentials of registries: upstream's two flags. Only for real pods. */
  readonly credentialProviders?: CredentialProviderPaths;
  /** The command line as it was understood, for `/flagz`. */
  readonly flags?: ReadonlyMap<string, string>;
  /** Changes how much `logger` says, for `/debug/flags/v`. */
  readonly setVerbosity?: (level: number) => void;
  /** What was found out already, by `identifyKubelet`. Default: it is found out at the start. */
  readonly identified?: IdentifiedKubelet;
  /** How the API server is reached. Default: HTTPS, one connection. */
  readonly connect?: ConnectToApi;
}
