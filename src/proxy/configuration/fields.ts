import type { Field, FieldTable } from '../../api/configuration/field-schema.ts';

/*
 * KubeProxyConfiguration of kubeproxy.config.k8s.io/v1alpha1, in upstream's order
 * (https://kubernetes.io/docs/reference/config-api/kube-proxy-config.v1alpha1/), with the flags that name the same settings.
 */

type Extra = Omit<Field, 'type' | 'default'>;
const field =
  (type: Field['type']) =>
  (fallback?: unknown, extra: Extra = {}): Field => ({
    type,
    ...(fallback !== undefined && { default: fallback }),
    keepZero: true,
    ...extra,
  });
/** Zero means that the default holds. */
const defaulted =
  (type: Field['type']) =>
  (fallback: unknown, extra: Extra = {}): Field => ({ type, default: fallback, ...extra });

const bool = field('bool');
const int = field('integer');
const number = defaulted('number');
const positive = defaulted('integer');
const text = field('string');
const named = defaulted('string');
const duration = field('duration');
/** 0s counts as not given. */
const interval = defaulted('duration');
const strings = field('strings');
const object = (fields: FieldTable): Field => ({ type: { object: fields }, keepZero: true });

const SECONDS = { min: 0, max: 2 ** 31 };

export const kubeProxyFields: FieldTable = {
  featureGates: { type: 'bool-map', flag: 'feature-gates' },
  clientConnection: object({
    kubeconfig: text('', { flag: 'kubeconfig' }),
    acceptContentTypes: text(''),
    contentType: named('application/vnd.kubernetes.protobuf', { flag: 'kube-api-content-type' }),
    qps: number(5, { flag: 'kube-api-qps' }),
    burst: positive(10, { flag: 'kube-api-burst', min: 0 }),
  }),
  logging: object({
    format: named('text', { flag: 'logging-format', oneOf: ['text', 'json'] }),
    flushFrequency: { type: 'duration' },
    verbosity: int(0, { flag: 'v', min: 0 }),
    vmodule: { type: { list: { filePattern: text(), verbosity: int() } } },
    options: { type: { object: {} } },
  }),
  hostnameOverride: text('', { flag: 'hostname-override' }),
  bindAddress: named('0.0.0.0', { flag: 'bind-address' }),
  healthzBindAddress: text(undefined, { flag: 'healthz-bind-address' }),
  metricsBindAddress: text(undefined, { flag: 'metrics-bind-address' }),
  bindAddressHardFail: bool(false, { flag: 'bind-address-hard-fail' }),
  enableProfiling: bool(false, { flag: 'profiling' }),
  showHiddenMetricsForVersion: text('', { flag: 'show-hidden-metrics-for-version' }),
  mode: text('', { flag: 'proxy-mode', oneOf: ['', 'nftables', 'iptables', 'ipvs'] }),
  iptables: object({
    masqueradeBit: int(14, { flag: 'iptables-masquerade-bit', min: 0, max: 31 }),
    masqueradeAll: bool(false, { flag: 'masquerade-all' }),
    localhostNodePorts: bool(true, { flag: 'iptables-localhost-nodeports' }),
    syncPeriod: interval('30s', { ...SECONDS, flag: 'iptables-sync-period' }),
    minSyncPeriod: interval('1s', { ...SECONDS, flag: 'iptables-min-sync-period' }),
  }),
  ipvs: object({
    syncPeriod: interval('30s', { ...SECONDS, flag: 'ipvs-sync-period' }),
    minSyncPeriod: duration('0s', { ...SECONDS, flag: 'ipvs-min-sync-period' }),
    scheduler: text('', { flag: 'ipvs-scheduler' }),
    excludeCIDRs: strings(undefined, { flag: 'ipvs-exclude-cidrs' }),
    strictARP: bool(false, { flag: 'ipvs-strict-arp' }),
    tcpTimeout: duration('0s', { ...SECONDS, flag: 'ipvs-tcp-timeout' }),
    tcpFinTimeout: duration('0s', { ...SECONDS, flag: 'ipvs-tcpfin-timeout' }),
    udpTimeout: duration('0s', { ...SECONDS, flag: 'ipvs-udp-timeout' }),
  }),
  nftables: object({
    masqueradeBit: int(14, { min: 0, max: 31 }),
    masqueradeAll: bool(false),
    syncPeriod: interval('30s', SECONDS),
    minSyncPeriod: interval('1s', SECONDS),
  }),
  winkernel: object({
    networkName: text(''),
    sourceVip: text(''),
    enableDSR: bool(false),
    rootHnsEndpointName: text(''),
    forwardHealthCheckVip: bool(false),
  }),
  detectLocalMode: named('ClusterCIDR', {
    flag: 'detect-local-mode',
    oneOf: ['ClusterCIDR', 'NodeCIDR', 'BridgeInterface', 'InterfaceNamePrefix'],
  }),
  detectLocal: object({
    bridgeInterface: text('', { flag: 'pod-bridge-interface' }),
    interfaceNamePrefix: text('', { flag: 'pod-interface-name-prefix' }),
  }),
  clusterCIDR: text('', { flag: 'cluster-cidr' }),
  nodePortAddresses: strings(undefined, { flag: 'nodeport-addresses' }),
  oomScoreAdj: int(-999, { flag: 'oom-score-adj', min: -1000, max: 1000 }),
  conntrack: object({
    maxPerCore: int(32_768, { flag: 'conntrack-max-per-core', min: 0 }),
    min: int(131_072, { flag: 'conntrack-min', min: 0 }),
    tcpEstablishedTimeout: duration('24h0m0s', { ...SECONDS, flag: 'conntrack-tcp-timeout-established' }),
    tcpCloseWaitTimeout: duration('1h0m0s', { ...SECONDS, flag: 'conntrack-tcp-timeout-close-wait' }),
    tcpBeLiberal: bool(false, { flag: 'conntrack-tcp-be-liberal' }),
    udpTimeout: duration('0s', { ...SECONDS, flag: 'conntrack-udp-timeout' }),
    udpStreamTimeout: duration('0s', { ...SECONDS, flag: 'conntrack-udp-timeout-stream' }),
  }),
  configSyncPeriod: interval('15m0s', { ...SECONDS, flag: 'config-sync-period' }),
  portRange: text('', { flag: 'proxy-port-range' }),
  windowsRunAsService: bool(false),
};

/** Fields of older releases. */
export const retiredFields: Readonly<Record<string, string>> = {
  udpIdleTimeout: 'it belonged to the userspace mode, which went with Kubernetes 1.26',
  resourceContainer: 'it went with Kubernetes 1.18',
};
