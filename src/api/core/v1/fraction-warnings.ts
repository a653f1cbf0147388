import { parseQuantity, quantityMilliValue } from '../../machinery/quantity.ts';

/** Amounts of bytes that are not whole. `names`: of the resources that are counted in bytes. */
export function fractionWarnings(
  amounts: Readonly<Record<string, string>> | undefined,
  path: string,
  names: readonly string[],
): string[] {
  return names.flatMap((name) => {
    const amount = amounts && Object.hasOwn(amounts, name) ? amounts[name]! : '0';
    if (!/[mun]$|e-/i.test(amount) || quantityMilliValue(parseQuantity(amount)) % 1000n === 0n) return [];
    return [`${path}[${name}]: fractional byte value ${JSON.stringify(amount)} is invalid, must be an integer`];
  });
}
