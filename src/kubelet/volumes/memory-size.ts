import type { V1Container, V1Pod } from '../../api/gen/types.ts';
import { parseQuantity, quantityValue } from '../../api/machinery/quantity.ts';

/**
 * How large a volume in memory may become, in bytes: the least of its own limit, the pod's memory limits together, and what the node
 * can give. Undefined where none of them is known: the kernel's own (half of the memory).
 */
export function memoryVolumeBytes(
  pod: V1Pod,
  sizeLimit: string | undefined,
  allocatableMemory: string | undefined,
): bigint | undefined {
  const limits = [bytesOf(sizeLimit), podMemoryLimit(pod), bytesOf(allocatableMemory)];
  return limits.filter((bytes) => bytes > 0n).sort(byAmount)[0];
}

/** The pod's own, else those of its containers together; init containers that go on running count with them. 0: none. */
function podMemoryLimit({ spec }: V1Pod): bigint {
  const own = bytesOf(spec?.resources?.limits?.['memory']);
  if (own > 0n) return own;
  const limitOf = ({ resources }: V1Container) => bytesOf(resources?.limits?.['memory']);
  const init = spec?.initContainers ?? [];
  const sidecars = init.filter(({ restartPolicy }) => restartPolicy === 'Always');
  const together = [...(spec?.containers ?? []), ...sidecars].reduce((sum, container) => sum + limitOf(container), 0n);
  return [together, ...init.map(limitOf)].sort(byAmount).at(-1)!;
}

const byAmount = (a: bigint, b: bigint) => (a < b ? -1 : a > b ? 1 : 0);
const bytesOf = (amount: string | undefined) => (amount === undefined ? 0n : quantityValue(parseQuantity(amount)));
