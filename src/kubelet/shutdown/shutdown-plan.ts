/** How long each pod has when the node goes down (pkg/kubelet/nodeshutdown). Pure. */
import type { V1Pod } from '../../api/gen/types.ts';
import { parseGoDuration } from '../../std/go-duration.ts';
import type { KubeletConfiguration } from '../configuration/kubelet-configuration.ts';
import { SYSTEM_CRITICAL_PRIORITY } from '../pods/critical-pod.ts';

/** Pods from this priority on, up to the next one's, have so long. */
export interface ShutdownPeriod {
  readonly priority: number;
  readonly graceSeconds: number;
}

export interface ShutdownGroup extends ShutdownPeriod {
  readonly pods: readonly V1Pod[];
}

/** From the lowest priority to the highest; none: pods are not ended before the node goes down. */
export function shutdownPeriods(configuration: KubeletConfiguration): ShutdownPeriod[] {
  const fields: Readonly<Record<string, unknown>> = configuration;
  if (configuration.featureGates?.['GracefulNodeShutdown'] === false) return [];
  const listed = fields['shutdownGracePeriodByPodPriority'] as
    | readonly { priority?: number; shutdownGracePeriodSeconds?: number }[]
    | undefined;
  if (listed && listed.length > 0)
    return listed
      .map(({ priority = 0, shutdownGracePeriodSeconds = 0 }) => ({ priority, graceSeconds: shutdownGracePeriodSeconds }))
      .sort((a, b) => a.priority - b.priority);
  const totalMs = parseGoDuration((fields['shutdownGracePeriod'] as string | undefined) ?? '0s');
  const criticalMs = parseGoDuration((fields['shutdownGracePeriodCriticalPods'] as string | undefined) ?? '0s');
  if (totalMs <= 0 || criticalMs > totalMs) return [];
  const seconds = (ms: number) => Math.floor(ms / 1000);
  return [
    { priority: 0, graceSeconds: seconds(totalMs - criticalMs) },
    { priority: SYSTEM_CRITICAL_PRIORITY, graceSeconds: seconds(criticalMs) },
  ];
}

/** What logind must grant: all groups, one after the other. */
export const totalSeconds = (periods: readonly ShutdownPeriod[]) =>
  periods.reduce((sum, { graceSeconds }) => sum + graceSeconds, 0);

/** Each pod with the highest period that is not above its priority; below all of them, with the lowest. Groups without pods are left out. */
export function groupByPriority(periods: readonly ShutdownPeriod[], pods: readonly V1Pod[]): ShutdownGroup[] {
  const groups = periods.map((period) => ({ ...period, pods: [] as V1Pod[] }));
  for (const pod of pods) {
    const priority = pod.spec?.priority ?? 0;
    const group = groups.findLast((candidate) => candidate.priority <= priority) ?? groups[0];
    group?.pods.push(pod);
  }
  return groups.filter((group) => group.pods.length > 0);
}

/** A pod that needs less time keeps its own. */
export function graceOf(pod: V1Pod, group: ShutdownPeriod): number {
  return Math.min(pod.spec?.terminationGracePeriodSeconds ?? group.graceSeconds, group.graceSeconds);
}
