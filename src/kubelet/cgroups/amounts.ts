/** Quantities as the numbers that the kernel takes; beyond 2^53 a limit is as good as none. */
import { parseQuantity, type Quantity, quantityMilliValue, quantityValue } from '../../api/machinery/quantity.ts';

const toNumber = (value: bigint) => Number(value > BigInt(Number.MAX_SAFE_INTEGER) ? BigInt(Number.MAX_SAFE_INTEGER) : value);

/** Whole units (bytes, things) of a quantity or its text; 0 for none. */
export function byteAmount(quantity: Quantity | string | undefined): number {
  if (quantity === undefined) return 0;
  return toNumber(quantityValue(typeof quantity === 'string' ? parseQuantity(quantity) : quantity));
}

/** Thousandths of a quantity or its text; 0 for none. */
export function milliAmount(quantity: Quantity | string | undefined): number {
  if (quantity === undefined) return 0;
  return toNumber(quantityMilliValue(typeof quantity === 'string' ? parseQuantity(quantity) : quantity));
}
