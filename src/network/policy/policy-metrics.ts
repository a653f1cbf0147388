import { Counter, Gauge, Histogram, type Metric } from '../../std/metric.ts';
import type { Direction, PolicyPlan } from './policy-plan.ts';

const SYNC_BUCKETS = Array.from({ length: 15 }, (_, i) => 0.001 * 2 ** i);

/** What the agent of network policies counts and measures. Upstream has no names for these. */
export function createPolicyMetrics() {
  let latest: PolicyPlan | undefined;
  let rules = 0;
  const each = (count: (direction: PolicyPlan[Direction]) => number) =>
    (['ingress', 'egress'] as const).map((name) => [[name], latest ? count(latest[name]) : 0] as const);
  const metrics = {
    syncDuration: new Histogram('muster_network_policy_sync_duration_seconds', 'Time to write the rules', [], SYNC_BUCKETS),
    failures: new Counter('muster_network_policy_sync_failures_total', 'Rules that could not be written', []),
    policies: new Gauge('muster_network_policy_policies', 'Policies that isolate pods of this node', ['direction'], () =>
      each(({ policies }) => policies.size),
    ),
    isolated: new Gauge('muster_network_policy_isolated_addresses', 'Addresses of isolated pods', ['direction'], () =>
      each(({ isolated }) => isolated.size),
    ),
    rules: new Gauge('muster_network_policy_rules', 'Rules in the packet filter', [], () => [[[], rules]]),
  };
  return {
    syncDuration: metrics.syncDuration,
    failures: metrics.failures,
    written(plan: PolicyPlan, ruleCount: number): void {
      latest = plan;
      rules = ruleCount;
    },
    render: (): string =>
      Object.values<Metric>(metrics)
        .map((metric) => metric.render())
        .join(''),
  };
}

export type PolicyMetrics = ReturnType<typeof createPolicyMetrics>;
