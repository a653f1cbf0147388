import type { Field, FieldTable } from '../../api/configuration/field-schema.ts';

/*
 * KubeletConfiguration of kubelet.config.k8s.io/v1beta1, field by field in upstream's order
 * (https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/). Flags that name the same setting stand beside it.
 */

type Extra = Omit<Field, 'type' | 'default'>;
const field =
  (type: Field['type'], keepZero = false) =>
  (fallback?: unknown, extra: Extra = {}): Field => ({
    type,
    ...(fallback !== undefined && { default: fallback }),
    keepZero,
    ...extra,
  });

const bool = field('bool');
/** A pointer upstream: false is printed. */
const flagged = field('bool', true);
const int = field('integer');
const kept = field('integer', true);
const text = field('string');
const duration = field('duration', true);
const rareDuration = field('duration');
const strings = field('strings');
const map = field('string-map');
const object = (fields: FieldTable, keepZero = false): Field => ({ type: { object: fields }, keepZero });
const list = (fields: FieldTable): Field => ({ type: { list: fields } });

const PORT = { min: 1, max: 65535 };
const POSITIVE = { min: 0 };

const authentication = object(
  {
    x509: object({ clientCAFile: text(undefined, { flag: 'client-ca-file' }) }, true),
    webhook: object(
      {
        enabled: flagged(true, { flag: 'authentication-token-webhook' }),
        cacheTTL: duration('2m0s', { flag: 'authentication-token-webhook-cache-ttl' }),
      },
      true,
    ),
    anonymous: object({ enabled: flagged(false, { flag: 'anonymous-auth' }) }, true),
  },
  true,
);

const authorization = object(
  {
    mode: text('Webhook', { flag: 'authorization-mode', oneOf: ['AlwaysAllow', 'Webhook'] }),
    webhook: object(
      {
        cacheAuthorizedTTL: duration('5m0s', { flag: 'authorization-webhook-cache-authorized-ttl' }),
        cacheUnauthorizedTTL: duration('30s', { flag: 'authorization-webhook-cache-unauthorized-ttl' }),
      },
      true,
    ),
  },
  true,
);

const logging = object(
  {
    format: text('text', { flag: 'logging-format', oneOf: ['text', 'json'] }),
    flushFrequency: duration('5s', { flag: 'log-flush-frequency' }),
    verbosity: kept(0, { flag: 'v', min: 0 }),
    vmodule: list({ filePattern: text(), verbosity: int() }),
    options: object(
      {
        text: object({ splitStream: bool(), infoBufferSize: text('0') }, true),
        json: object({ splitStream: bool(), infoBufferSize: text('0') }, true),
      },
      true,
    ),
  },
  true,
);

export const kubeletConfigurationFields: FieldTable = {
  enableServer: flagged(true, { flag: 'enable-server' }),
  staticPodPath: text(undefined, { flag: 'pod-manifest-path' }),
  podLogsDir: text('/var/log/pods'),
  syncFrequency: duration('1m0s', { flag: 'sync-frequency' }),
  fileCheckFrequency: duration('20s', { flag: 'file-check-frequency' }),
  httpCheckFrequency: duration('20s', { flag: 'http-check-frequency' }),
  staticPodURL: text(undefined, { flag: 'manifest-url' }),
  staticPodURLHeader: field('strings-map')(),
  address: text('0.0.0.0', { flag: 'address' }),
  port: int(10250, { flag: 'port', ...PORT }),
  readOnlyPort: int(0, { flag: 'read-only-port', min: 0, max: 65535 }),
  tlsCertFile: text(undefined, { flag: 'tls-cert-file' }),
  tlsPrivateKeyFile: text(undefined, { flag: 'tls-private-key-file' }),
  tlsCipherSuites: strings(undefined, { flag: 'tls-cipher-suites' }),
  tlsMinVersion: text(undefined, {
    flag: 'tls-min-version',
    oneOf: ['', 'VersionTLS10', 'VersionTLS11', 'VersionTLS12', 'VersionTLS13'],
  }),
  tlsCurvePreferences: field('integers')(),
  rotateCertificates: bool(false, { flag: 'rotate-certificates' }),
  serverTLSBootstrap: bool(false, { flag: 'rotate-server-certificates' }),
  authentication,
  authorization,
  registryPullQPS: kept(5, { flag: 'registry-qps', ...POSITIVE }),
  registryBurst: int(10, { flag: 'registry-burst', ...POSITIVE }),
  imagePullCredentialsVerificationPolicy: text('NeverVerifyPreloadedImages'),
  preloadedImagesVerificationAllowlist: strings(),
  eventRecordQPS: kept(50, { flag: 'event-qps', ...POSITIVE }),
  eventBurst: int(100, { flag: 'event-burst', ...POSITIVE }),
  enableDebuggingHandlers: flagged(true, { flag: 'enable-debugging-handlers' }),
  enableContentionProfiling: bool(false, { flag: 'contention-profiling' }),
  healthzPort: kept(10248, { flag: 'healthz-port' }),
  healthzBindAddress: text('127.0.0.1', { flag: 'healthz-bind-address' }),
  oomScoreAdj: kept(-999, { flag: 'oom-score-adj', min: -1000, max: 1000 }),
  clusterDomain: text(undefined, { flag: 'cluster-domain' }),
  clusterDNS: strings(undefined, { flag: 'cluster-dns' }),
  streamingConnectionIdleTimeout: duration('4h0m0s', { flag: 'streaming-connection-idle-timeout' }),
  nodeStatusUpdateFrequency: duration('10s', { flag: 'node-status-update-frequency' }),
  // The default follows nodeStatusUpdateFrequency when that is given; see defaults.ts.
  nodeStatusReportFrequency: duration(),
  nodeLeaseDurationSeconds: int(40),
  imageMinimumGCAge: duration('2m0s', { flag: 'minimum-image-ttl-duration' }),
  imageMaximumGCAge: duration('0s'),
  imageGCHighThresholdPercent: kept(85, { flag: 'image-gc-high-threshold', min: 0, max: 100 }),
  imageGCLowThresholdPercent: kept(80, { flag: 'image-gc-low-threshold', min: 0, max: 100 }),
  volumeStatsAggPeriod: duration('1m0s', { flag: 'volume-stats-agg-period' }),
  kubeletCgroups: text(undefined, { flag: 'kubelet-cgroups' }),
  systemCgroups: text(undefined, { flag: 'system-cgroups' }),
  cgroupRoot: text(undefined, { flag: 'cgroup-root' }),
  cgroupsPerQOS: flagged(true, { flag: 'cgroups-per-qos' }),
  cgroupDriver: text('cgroupfs', { flag: 'cgroup-driver', oneOf: ['cgroupfs', 'systemd'] }),
  cpuManagerPolicy: text('none', { flag: 'cpu-manager-policy' }),
  singleProcessOOMKill: field('bool', true)(),
  cpuManagerPolicyOptions: map(undefined, { flag: 'cpu-manager-policy-options' }),
  cpuManagerReconcilePeriod: duration('10s', { flag: 'cpu-manager-reconcile-period' }),
  draManagerReconcilePeriod: duration('1m0s'),
  memoryManagerPolicy: text('None', { flag: 'memory-manager-policy' }),
  topologyManagerPolicy: text('none', { flag: 'topology-manager-policy' }),
  topologyManagerScope: text('container', { flag: 'topology-manager-scope' }),
  topologyManagerPolicyOptions: map(undefined, { flag: 'topology-manager-policy-options' }),
  qosReserved: map(undefined, { flag: 'qos-reserved' }),
  runtimeRequestTimeout: duration('2m0s', { flag: 'runtime-request-timeout' }),
  hairpinMode: text('promiscuous-bridge', { flag: 'hairpin-mode' }),
  maxPods: int(110, { flag: 'max-pods', ...POSITIVE }),
  podCIDR: text(undefined, { flag: 'pod-cidr' }),
  podPidsLimit: kept(-1, { flag: 'pod-max-pids' }),
  resolvConf: field('string', true)('/etc/resolv.conf', { flag: 'resolv-conf' }),
  runOnce: bool(false, { flag: 'runonce' }),
  cpuCFSQuota: flagged(true, { flag: 'cpu-cfs-quota' }),
  cpuCFSQuotaPeriod: duration('100ms', { flag: 'cpu-cfs-quota-period' }),
  nodeStatusMaxImages: kept(50, { flag: 'node-status-max-images' }),
  maxOpenFiles: int(1000000, { flag: 'max-open-files', ...POSITIVE }),
  contentType: text('application/vnd.kubernetes.protobuf', { flag: 'kube-api-content-type' }),
  kubeAPIQPS: kept(50, { flag: 'kube-api-qps', ...POSITIVE }),
  kubeAPIBurst: int(100, { flag: 'kube-api-burst', ...POSITIVE }),
  serializeImagePulls: flagged(undefined, { flag: 'serialize-image-pulls' }),
  maxParallelImagePulls: kept(),
  evictionHard: map(undefined, { flag: 'eviction-hard', thresholds: true }),
  evictionSoft: map(undefined, { flag: 'eviction-soft', thresholds: true }),
  evictionSoftGracePeriod: map(undefined, { flag: 'eviction-soft-grace-period' }),
  evictionPressureTransitionPeriod: duration('5m0s', { flag: 'eviction-pressure-transition-period' }),
  evictionMaxPodGracePeriod: int(undefined, { flag: 'eviction-max-pod-grace-period' }),
  evictionMinimumReclaim: map(undefined, { flag: 'eviction-minimum-reclaim' }),
  mergeDefaultEvictionSettings: flagged(false),
  podsPerCore: int(undefined, { flag: 'pods-per-core', ...POSITIVE }),
  enableControllerAttachDetach: flagged(true, { flag: 'enable-controller-attach-detach' }),
  protectKernelDefaults: bool(false, { flag: 'protect-kernel-defaults' }),
  makeIPTablesUtilChains: flagged(true, { flag: 'make-iptables-util-chains' }),
  iptablesMasqueradeBit: kept(14, { flag: 'iptables-masquerade-bit', min: 0, max: 31 }),
  iptablesDropBit: kept(15, { flag: 'iptables-drop-bit', min: 0, max: 31 }),
  featureGates: field('bool-map')(undefined, { flag: 'feature-gates' }),
  failSwapOn: flagged(true, { flag: 'fail-swap-on' }),
  memorySwap: object({ swapBehavior: text() }, true),
  containerLogMaxSize: text('10Mi', { flag: 'container-log-max-size' }),
  containerLogMaxFiles: kept(5, { flag: 'container-log-max-files' }),
  containerLogMaxWorkers: kept(1),
  containerLogMonitorInterval: duration('10s'),
  configMapAndSecretChangeDetectionStrategy: text('Watch', { oneOf: ['Get', 'Cache', 'Watch'] }),
  systemReserved: map(undefined, { flag: 'system-reserved' }),
  kubeReserved: map(undefined, { flag: 'kube-reserved' }),
  reservedSystemCPUs: text(undefined, { flag: 'reserved-cpus' }),
  showHiddenMetricsForVersion: text(undefined, { flag: 'show-hidden-metrics-for-version' }),
  systemReservedCgroup: text(undefined, { flag: 'system-reserved-cgroup' }),
  kubeReservedCgroup: text(undefined, { flag: 'kube-reserved-cgroup' }),
  enforceNodeAllocatable: strings(['pods'], { flag: 'enforce-node-allocatable' }),
  allowedUnsafeSysctls: strings(undefined, { flag: 'allowed-unsafe-sysctls' }),
  volumePluginDir: text('/usr/libexec/kubernetes/kubelet-plugins/volume/exec/', { flag: 'volume-plugin-dir' }),
  providerID: text(undefined, { flag: 'provider-id' }),
  kernelMemcgNotification: bool(false, { flag: 'kernel-memcg-notification' }),
  logging,
  enableSystemLogHandler: flagged(true),
  enableSystemLogQuery: flagged(false),
  shutdownGracePeriod: duration('0s'),
  shutdownGracePeriodCriticalPods: duration('0s'),
  shutdownGracePeriodByPodPriority: list({ priority: int(), shutdownGracePeriodSeconds: int() }),
  crashLoopBackOff: object({ maxContainerRestartPeriod: rareDuration('5m0s') }, true),
  reservedMemory: list({ numaNode: int(), limits: map() }),
  enableProfilingHandler: flagged(true),
  enableDebugFlagsHandler: flagged(true),
  seccompDefault: flagged(false, { flag: 'seccomp-default' }),
  memoryThrottlingFactor: field('number', true)(0.9),
  memoryReservationPolicy: text('None'),
  registerWithTaints: list({ key: text(), value: text(), effect: text(), timeAdded: text() }),
  registerNode: flagged(true, { flag: 'register-node' }),
  tracing: object({ endpoint: text(), samplingRatePerMillion: int(undefined, { min: 0, max: 1_000_000 }) }),
  localStorageCapacityIsolation: flagged(true, { flag: 'local-storage-capacity-isolation' }),
  containerRuntimeEndpoint: field('string', true)('unix:///run/containerd/containerd.sock', {
    flag: 'container-runtime-endpoint',
  }),
  imageServiceEndpoint: text(undefined, { flag: 'image-service-endpoint' }),
  failCgroupV1: flagged(false, { flag: 'fail-cgroupv1' }),
  userNamespaces: object({ idsPerPod: int() }),
};

/** Fields of older releases that today's upstream no longer has: accepted, with a warning, and dropped. */
export const retiredFields: Readonly<Record<string, string>> = {
  dynamicKubeletConfigDir: 'dynamic kubelet configuration was removed in 1.24',
  configTrialDuration: 'dynamic kubelet configuration was removed in 1.24',
};
