import type { V1Container, V1Pod, V1ResourceFieldSelector } from '../../api/gen/types.ts';
import { parseQuantity, quantityMilliValue, quantityValue } from '../../api/machinery/quantity.ts';

type Amounts = Readonly<Record<string, string>>;

/** What a limit is taken from when a container has none. */
const DEFAULTED = ['cpu', 'memory', 'ephemeral-storage'];
/** Of those, what a pod as a whole can have a limit for. */
const POD_LEVEL = new Set(['cpu', 'memory']);

/**
 * A limit or request of a container in units of the divisor, rounded up, as variables and files of the downward API show it. A limit
 * that the container does not have is the pod's, and else what the node can give.
 *
 * @param container - whom `selector` means when it names none
 * @throws Error in upstream's words for an unknown container or resource
 */
export function resourceField(
  selector: V1ResourceFieldSelector,
  pod: V1Pod,
  container: V1Container | undefined,
  allocatable: Amounts,
): string {
  const named = selector.containerName ? findContainer(pod, selector.containerName) : container;
  if (!named) throw new Error(`container ${selector.containerName ?? ''} not found`);
  const [, list, resource] = /^(limits|requests)\.(cpu|memory|ephemeral-storage|hugepages-.+)$/.exec(selector.resource) ?? [];
  if (!list || !resource) throw new Error(`unsupported container resource : ${selector.resource}`);
  const written = named.resources?.[list as 'limits' | 'requests'];
  let amount = ownAmount(written, resource);
  if (list === 'limits' && DEFAULTED.includes(resource) && isZero(amount)) {
    const ofPod = POD_LEVEL.has(resource) ? ownAmount(pod.spec?.resources?.limits, resource) : undefined;
    amount = isZero(ofPod) ? (ownAmount(allocatable, resource) ?? amount) : ofPod;
  }
  return divide(amount ?? '0', selector.divisor || '0', resource === 'cpu');
}

function divide(amount: string, divisor: string, inMillis: boolean): string {
  const unit = isZero(divisor) ? '1' : divisor;
  const measure = inMillis ? quantityMilliValue : quantityValue;
  const [dividend, by] = [measure(parseQuantity(amount)), measure(parseQuantity(unit))];
  return String((dividend + by - 1n) / by);
}

const isZero = (amount: string | undefined) => amount === undefined || parseQuantity(amount).nano === 0n;

const ownAmount = (amounts: Amounts | undefined, name: string) =>
  amounts && Object.hasOwn(amounts, name) ? String(amounts[name]) : undefined;

function findContainer({ spec }: V1Pod, wanted: string): V1Container | undefined {
  return [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].find(({ name }) => name === wanted);
}
