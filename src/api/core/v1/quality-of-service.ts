import type { V1PodSpec, V1ResourceRequirements } from '../../gen/types.ts';
import { compareQuantities, parseQuantity } from '../../machinery/quantity.ts';

/** Only these decide. */
const COMPUTE = ['cpu', 'memory'] as const;

const isSet = (quantity: string | undefined) => quantity !== undefined && quantity !== '0' && parseQuantity(quantity).nano > 0n;

/**
 * Who is evicted last: pods that are guaranteed all they may use, then those that are promised some (core/helper/qos). What is said of
 * the pod as a whole counts, not what is said of its containers.
 */
export function qualityOfService({
  containers,
  initContainers = [],
  resources,
}: V1PodSpec): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  const all: V1ResourceRequirements[] = resources
    ? [resources]
    : [...containers, ...initContainers].map(({ resources: own = {} }) => own);
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
