import type { LogFormat } from '../../std/logger.ts';

/** A taint as a file or flag names it. */
export interface TaintSetting {
  key: string;
  value?: string;
  effect: string;
  timeAdded?: string;
}

/**
 * The effective configuration of a kubelet: file, flags and defaults together. Names, nesting and values are those of
 * `kubelet.config.k8s.io/v1beta1`; durations stay in Go's form (`2m0s`). Fields that only a later runtime reads are kept
 * and shown by configz all the same; `fields.ts` lists every one.
 */
export interface KubeletConfiguration {
  readonly enableServer: boolean;
  readonly staticPodPath?: string;
  readonly syncFrequency: string;
  readonly address: string;
  readonly port: number;
  readonly readOnlyPort: number;
  readonly tlsCertFile?: string;
  readonly tlsPrivateKeyFile?: string;
  readonly tlsMinVersion?: string;
  readonly tlsCipherSuites?: readonly string[];
  readonly rotateCertificates: boolean;
  readonly serverTLSBootstrap: boolean;
  readonly authentication: {
    readonly x509: { readonly clientCAFile?: string };
    readonly webhook: { readonly enabled: boolean; readonly cacheTTL: string };
    readonly anonymous: { readonly enabled: boolean };
  };
  readonly authorization: {
    readonly mode: 'AlwaysAllow' | 'Webhook';
    readonly webhook: { readonly cacheAuthorizedTTL: string; readonly cacheUnauthorizedTTL: string };
  };
  readonly eventRecordQPS: number;
  readonly eventBurst: number;
  readonly enableDebuggingHandlers: boolean;
  readonly healthzPort: number;
  readonly healthzBindAddress: string;
  readonly clusterDomain?: string;
  readonly clusterDNS?: readonly string[];
  readonly nodeStatusUpdateFrequency: string;
  readonly nodeStatusReportFrequency: string;
  readonly nodeLeaseDurationSeconds: number;
  readonly maxPods: number;
  readonly podsPerCore?: number;
  readonly podCIDR?: string;
  readonly kubeAPIQPS: number;
  readonly kubeAPIBurst: number;
  readonly evictionHard: Readonly<Record<string, string>>;
  readonly systemReserved?: Readonly<Record<string, string>>;
  readonly kubeReserved?: Readonly<Record<string, string>>;
  readonly featureGates?: Readonly<Record<string, boolean>>;
  readonly failSwapOn: boolean;
  readonly providerID?: string;
  readonly registerWithTaints?: readonly TaintSetting[];
  readonly registerNode: boolean;
  readonly containerRuntimeEndpoint: string;
  readonly imageServiceEndpoint?: string;
  readonly runtimeRequestTimeout: string;
  readonly seccompDefault: boolean;
  readonly podLogsDir: string;
  readonly hairpinMode: string;
  readonly runOnce?: boolean;
  readonly cgroupsPerQOS: boolean;
  readonly cgroupRoot?: string;
  readonly systemCgroups?: string;
  readonly systemReservedCgroup?: string;
  readonly kubeReservedCgroup?: string;
  readonly reservedSystemCPUs?: string;
  readonly reservedMemory?: readonly { readonly numaNode?: number; readonly limits?: Readonly<Record<string, string>> }[];
  readonly enforceNodeAllocatable: readonly string[];
  readonly cpuCFSQuotaPeriod: string;
  readonly cpuManagerPolicy: string;
  readonly cpuManagerPolicyOptions?: Readonly<Record<string, string>>;
  readonly cpuManagerReconcilePeriod: string;
  readonly memoryManagerPolicy: string;
  readonly topologyManagerPolicy: string;
  readonly topologyManagerScope: string;
  readonly topologyManagerPolicyOptions?: Readonly<Record<string, string>>;
  readonly memorySwap: { readonly swapBehavior?: string };
  readonly memoryThrottlingFactor: number;
  readonly memoryReservationPolicy: string;
  readonly nodeStatusMaxImages: number;
  readonly imageGCHighThresholdPercent: number;
  readonly imageGCLowThresholdPercent: number;
  readonly imageMinimumGCAge: string;
  readonly imageMaximumGCAge: string;
  readonly serializeImagePulls: boolean;
  readonly maxParallelImagePulls?: number;
  readonly imagePullCredentialsVerificationPolicy: string;
  readonly preloadedImagesVerificationAllowlist?: readonly string[];
  readonly evictionSoft?: Readonly<Record<string, string>>;
  readonly evictionSoftGracePeriod?: Readonly<Record<string, string>>;
  readonly evictionMinimumReclaim?: Readonly<Record<string, string>>;
  readonly evictionMaxPodGracePeriod?: number;
  readonly shutdownGracePeriod: string;
  readonly shutdownGracePeriodCriticalPods: string;
  readonly shutdownGracePeriodByPodPriority?: readonly {
    readonly priority?: number;
    readonly shutdownGracePeriodSeconds?: number;
  }[];
  readonly crashLoopBackOff: { readonly maxContainerRestartPeriod?: string };
  readonly allowedUnsafeSysctls?: readonly string[];
  readonly userNamespaces?: { readonly idsPerPod?: number };
  readonly containerLogMaxSize: string;
  readonly containerLogMaxFiles: number;
  readonly containerLogMaxWorkers: number;
  readonly containerLogMonitorInterval: string;
  readonly enableSystemLogHandler: boolean;
  readonly enableSystemLogQuery: boolean;
  readonly logging: { readonly format: LogFormat; readonly verbosity: number };
  readonly [field: string]: unknown;
}

/** Client renewal: the gate permits (it does unless set to false), the field switches on. */
export function rotatesClientCertificate(configuration: KubeletConfiguration): boolean {
  return configuration.rotateCertificates && configuration.featureGates?.['RotateKubeletClientCertificate'] !== false;
}

/** Serving certificates by CSR: the gate permits, the field switches on. A certificate given by file goes first. */
export function requestsServingCertificate(configuration: KubeletConfiguration): boolean {
  return (
    configuration.serverTLSBootstrap &&
    configuration.featureGates?.['RotateKubeletServerCertificate'] !== false &&
    !configuration.tlsCertFile
  );
}
