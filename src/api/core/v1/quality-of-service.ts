import type { V1PodSpec } from '../../gen/types.ts';
import { compareQuantities, parseQuantity } from '../../machinery/quantity.ts';

/** Only these decide. */
const COMPUTE = ['cpu', 'memory'] as const;

const isSet = (quantity: string | undefined) => quantity !== undefined && parseQuantity(quantity).nano > 0n;

/** Who is evicted last: pods that are guaranteed all they may use, then those that are promised some. */
export function qualityOfService({ containers, initContainers = [] }: V1PodSpec): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  const all = [...containers, ...initContainers].map(({ resources = {} }) => resources);
  if (!all.some(({ limits, requests }) => COMPUTE.some((name) => isSet(limits?.[name]) || isSet(requests?.[name]))))
    return 'BestEffort';
  const guaranteed = all.every(({ limits, requests }) =>
    COMPUTE.every((name) => {
      const limit = limits?.[name];
      return isSet(limit) && compareQuantities(parseQuantity(requests?.[name] ?? limit!), parseQuantity(limit!)) === 0;
    }),
  );
  return guaranteed ? 'Guaranteed' : 'Burstable';
}
