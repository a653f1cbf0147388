import type { V1Pod } from '../../api/gen/types.ts';
import { compareQuantities, parseQuantity, quantityValue } from '../../api/machinery/quantity.ts';

/** Guaranteed, Burstable or BestEffort, by the CPU and memory that its containers ask for and may use. */
export function qosClass(pod: V1Pod): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
  let asks = false;
  let guaranteed = containers.length > 0;
  for (const { resources } of containers)
    for (const name of ['cpu', 'memory']) {
      const request = positive(resources?.requests?.[name]);
      const limit = positive(resources?.limits?.[name]);
      asks ||= Boolean(request ?? limit);
      if (!limit || (request && compareQuantities(parseQuantity(request), parseQuantity(limit)) !== 0)) guaranteed = false;
    }
  if (!asks) return 'BestEffort';
  return guaranteed ? 'Guaranteed' : 'Burstable';
}

const positive = (text: string | undefined) => (text !== undefined && quantityValue(parseQuantity(text)) > 0n ? text : undefined);
