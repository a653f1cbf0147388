import { Counter, Gauge, Histogram, type Metric } from '../std/metric.ts';
import type { ProxyMode } from './rule-backend.ts';

/** 1 ms, doubled, up to about 16 s. */
const SYNC_BUCKETS = Array.from({ length: 15 }, (_, i) => 0.001 * 2 ** i);
const PROGRAMMING_BUCKETS = [
  0.25, 0.5, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 105, 150, 195, 240, 285,
];
const FAMILY = ['ip_family'];

/** What kube-proxy counts and measures, under upstream's names (pkg/proxy/metrics). */
export function createProxyMetrics(mode: ProxyMode) {
  const gauge = (name: string, help: string, labels: readonly string[] = FAMILY) => {
    const values = new Map<string, readonly [readonly string[], number]>();
    const metric = new Gauge(name, help, labels, () => values.values());
    return { metric, set: (value: number, ...of: string[]) => void values.set(of.join('\0'), [of, value]) };
  };
  const sync = (what: string, help: string, labels = FAMILY) =>
    new Histogram(`kubeproxy_sync_${what}proxy_rules_duration_seconds`, help, labels, SYNC_BUCKETS);
  const metrics = {
    syncDuration: sync('', 'SyncProxyRules latency in seconds'),
    fullSyncDuration: sync('full_', 'SyncProxyRules latency in seconds for full resyncs'),
    partialSyncDuration: sync('partial_', 'SyncProxyRules latency in seconds for partial resyncs'),
    networkProgramming: new Histogram(
      'kubeproxy_network_programming_duration_seconds',
      'In Cluster Network Programming Latency in seconds',
      FAMILY,
      PROGRAMMING_BUCKETS,
    ),
    endpointChanges: new Counter(
      'kubeproxy_sync_proxy_rules_endpoint_changes_total',
      'Cumulative proxy rules Endpoint changes',
      [],
    ),
    serviceChanges: new Counter('kubeproxy_sync_proxy_rules_service_changes_total', 'Cumulative proxy rules Service changes', []),
    failures:
      mode === 'nftables'
        ? new Counter(
            'kubeproxy_sync_proxy_rules_nftables_sync_failures_total',
            'Cumulative proxy nftables sync failures',
            FAMILY,
          )
        : new Counter(
            'kubeproxy_sync_proxy_rules_iptables_restore_failures_total',
            'Cumulative proxy iptables restore failures',
            FAMILY,
          ),
    healthz: new Counter('kubeproxy_proxy_healthz_total', 'Cumulative proxy healthz HTTP status', ['code']),
    livez: new Counter('kubeproxy_proxy_livez_total', 'Cumulative proxy livez HTTP status', ['code']),
  };
  const gauges = {
    lastSync: gauge('kubeproxy_sync_proxy_rules_last_timestamp_seconds', 'The last time proxy rules were successfully synced'),
    lastQueued: gauge(
      'kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds',
      'The last time a sync of proxy rules was queued',
      [],
    ),
    pendingEndpoints: gauge('kubeproxy_sync_proxy_rules_endpoint_changes_pending', 'Pending proxy rules Endpoint changes', []),
    pendingServices: gauge('kubeproxy_sync_proxy_rules_service_changes_pending', 'Pending proxy rules Service changes', []),
    noLocalEndpoints: gauge(
      'kubeproxy_sync_proxy_rules_no_local_endpoints_total',
      'Number of services with a Local traffic policy and no endpoints',
      ['traffic_policy', 'ip_family'],
    ),
    rules: gauge('kubeproxy_sync_proxy_rules_iptables_total', 'Total number of iptables rules owned by kube-proxy', [
      'table',
      'ip_family',
    ]),
    rulesWritten: gauge(
      'kubeproxy_sync_proxy_rules_iptables_last',
      'Number of iptables rules written by kube-proxy in last sync',
      ['table', 'ip_family'],
    ),
  };
  return {
    ...metrics,
    ...gauges,
    render: (): string =>
      [...Object.values<Metric>(metrics), ...Object.values(gauges).map(({ metric }) => metric)]
        .map((metric) => metric.render())
        .join(''),
  };
}

export type ProxyMetrics = ReturnType<typeof createProxyMetrics>;
