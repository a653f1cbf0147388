import { flag } from '../client/serving/component-flags.ts';
import type { FlagDefinition, FlagValues } from '../std/flags.ts';

/** Which flag says how many objects a controller works on at a time. */
const FLAGS: Readonly<Record<string, string>> = {
  'concurrent-deployment-syncs': 'deployment-controller',
  'concurrent-replicaset-syncs': 'replicaset-controller',
  'concurrent-endpoint-syncs': 'endpoints-controller',
  'concurrent-service-endpoint-syncs': 'endpointslice-controller',
  'mirroring-concurrent-service-endpoint-syncs': 'endpointslice-mirroring-controller',
  'concurrent-daemonset-syncs': 'daemonset-controller',
  'concurrent-statefulset-syncs': 'statefulset-controller',
  'concurrent-job-syncs': 'job-controller',
  'concurrent-cron-job-syncs': 'cronjob-controller',
  'concurrent-ttl-after-finished-syncs': 'ttl-after-finished-controller',
  'concurrent-ephemeralvolume-syncs': 'ephemeral-volume-controller',
  'concurrent-horizontal-pod-autoscaler-syncs': 'horizontal-pod-autoscaler-controller',
  'concurrent-rc-syncs': 'replicationcontroller-controller',
  'concurrent-namespace-syncs': 'namespace-controller',
  'concurrent-resourceclaim-syncs': 'resourceclaim-controller',
  'concurrent-serviceaccount-token-syncs': 'serviceaccount-token-controller',
};
/** Where upstream's default is another than 5. */
const DEFAULTS: Readonly<Record<string, number>> = { 'concurrent-namespace-syncs': 10, 'concurrent-resourceclaim-syncs': 10 };

export const concurrencyFlags: readonly FlagDefinition[] = Object.entries(FLAGS).map(([name, controller]) =>
  flag(name, 'int', `objects that the ${controller} works on at a time`, { default: DEFAULTS[name] ?? 5 }),
);

/** By the controller's name. */
export function readConcurrency(values: FlagValues): Record<string, number> {
  return Object.fromEntries(Object.entries(FLAGS).map(([name, controller]) => [controller, Math.max(1, values.int(name))]));
}
