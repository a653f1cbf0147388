import type { KindDefinition } from '../../api/machinery/kind.ts';
import type { Metric } from '../../std/metric.ts';
import type { InFlightCounts } from '../filters/max-in-flight.ts';
import { derivedFrom, type KindRegistry } from '../kinds/kind-registry.ts';
import type { WatchCache } from '../watch-cache/watch-cache.ts';
import { type FeatureGate, ServerMetrics } from './server-metrics.ts';

export interface MetricsSources {
  readonly kinds: KindRegistry;
  readonly cache: Pick<WatchCache, 'counts' | 'eventCounts'>;
  readonly inFlight: InFlightCounts;
  readonly startMs: number;
  readonly features?: readonly FeatureGate[];
}

/** What this server tells of itself, with what its parts count. */
export function openMetrics(
  { kinds, cache, inFlight, startMs, features = [] }: MetricsSources,
  parts: readonly Metric[],
): ServerMetrics {
  const resourceNames = derivedFrom(kinds, nameStoragePaths);
  const metrics = new ServerMetrics({
    inFlight,
    objectCounts: () => cache.counts(),
    eventCounts: () => cache.eventCounts(),
    features,
    resourceOf: (storagePath) => resourceNames()(storagePath),
    startMs,
  });
  for (const part of parts) metrics.include(part);
  return metrics;
}

/** `services/specs` is the resource `services`, in metrics' labels. */
function nameStoragePaths(kinds: readonly KindDefinition[]) {
  const names = new Map<string, { readonly group: string; readonly resource: string }>();
  for (const { storagePath, storedAs, group, resource } of kinds) if (!storedAs) names.set(storagePath, { group, resource });
  return (path: string) => names.get(path) ?? { group: '', resource: path };
}
