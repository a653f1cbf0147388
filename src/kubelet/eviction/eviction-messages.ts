/** What an evicted pod is told, in upstream's words. Pure. */
import type { V1Pod } from '../../api/gen/types.ts';
import { canonicalQuantity } from '../../api/machinery/quantity.ts';
import { byteAmount } from '../cgroups/amounts.ts';
import type { ContainerSnapshot, PodSnapshot } from '../stats/node-snapshot.ts';
import { type Observations, type PressureCondition, resourceOf, type StarvedResource } from './signals.ts';
import { amountOf, formatAmount, type Threshold } from './thresholds.ts';

export function pressureMessage(
  resource: StarvedResource,
  pod: V1Pod,
  snapshot: PodSnapshot | undefined,
  thresholds: readonly Threshold[],
  observations: Observations,
): string {
  let message = `The node was low on resource: ${resource}. `;
  const crossed = thresholds.find(({ signal }) => resourceOf(signal) === resource && observations.has(signal));
  if (crossed) {
    const { capacity, available } = observations.get(crossed.signal)!;
    const amount = formatAmount(amountOf(crossed.value, capacity), resource);
    message += `Threshold quantity: ${amount}, available: ${formatAvailable(available, resource)}. `;
  }
  const blamed = [
    ...(pod.spec?.containers ?? []),
    ...(pod.spec?.initContainers ?? []).filter((c) => c.restartPolicy === 'Always'),
  ];
  for (const container of snapshot?.containers ?? []) {
    const spec = blamed.find(({ name }) => name === container.name);
    const usage = useOf(container, resource);
    if (!spec || usage === undefined) continue;
    const request = spec.resources?.requests?.[resource];
    if (usage > byteAmount(request))
      message += `Container ${container.name} was using ${formatAvailable(usage, resource)}, request is ${request === undefined ? '0' : canonicalQuantity(request)}, has larger consumption of ${resource}. `;
  }
  return message;
}

/** Measured bytes are told to the kibibyte where that is exact, as quantities are. */
const formatAvailable = formatAmount;

function useOf(container: ContainerSnapshot, resource: StarvedResource): number | undefined {
  if (resource === 'memory') return container.cgroup?.sample.memory?.workingSetBytes;
  if (resource !== 'ephemeral-storage' || !container.writableLayer || !container.logs) return undefined;
  return container.writableLayer.usedBytes + container.logs.usedBytes;
}

export const admissionMessage = (conditions: readonly PressureCondition[]) =>
  `The node had condition: [${conditions.join(' ')}]. `;
export const emptyDirMessage = (volume: string, limit: string) =>
  `Usage of EmptyDir volume ${JSON.stringify(volume)} exceeds the limit ${JSON.stringify(limit)}. `;
export const podStorageMessage = (limit: string) =>
  `Pod ephemeral local storage usage exceeds the total limit of containers ${limit}. `;
export const containerStorageMessage = (container: string, limit: string) =>
  `Container ${container} exceeded its local ephemeral storage limit ${JSON.stringify(limit)}. `;
