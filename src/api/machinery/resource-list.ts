/** Amounts by resource name (core/v1 ResourceList): exact, and harmless for names such as `__proto__`. */
import {
  addQuantities,
  compareQuantities,
  formatQuantity,
  parseQuantity,
  type Quantity,
  quantityValue,
  subtractQuantities,
} from './quantity.ts';

export type ResourceList = ReadonlyMap<string, Quantity>;

/** As the fields of objects hold them. */
type Written = Readonly<Record<string, string | number>> | undefined;

const ZERO: Quantity = { nano: 0n, format: 'decimal' };

/** Throws QUANTITY_INVALID for a text that is no quantity. */
export function parseResourceList(written: Written): Map<string, Quantity> {
  return new Map(Object.entries(written ?? {}).map(([name, quantity]) => [name, parseQuantity(String(quantity))]));
}

/** In the order of the names, with quantities in canonical form. */
export function formatResourceList(list: ResourceList): Record<string, string> {
  return Object.fromEntries(sortedNames(list.keys()).map((name) => [name, formatQuantity(list.get(name)!)]));
}

/** `cpu=1,memory=2Gi`, as error messages show them. */
export function describeResourceList(list: ResourceList): string {
  return sortedNames(list.keys())
    .map((name) => `${name}=${formatQuantity(list.get(name)!)}`)
    .join(',');
}

export function sortedNames(names: Iterable<string>): string[] {
  return [...names].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

/** A number of things. */
export function countOf(amount: number): Quantity {
  return { nano: BigInt(amount) * 1_000_000_000n, format: 'decimal' };
}

/** Adds `list` to `total`, in place. */
export function addToResourceList(total: Map<string, Quantity>, list: ResourceList): void {
  for (const [name, quantity] of list) {
    const sum = total.get(name);
    total.set(name, sum ? addQuantities(sum, quantity) : quantity);
  }
}

/** Raises `total` to `list` where that is more, in place. */
export function raiseToResourceList(total: Map<string, Quantity>, list: ResourceList): void {
  for (const [name, quantity] of list) {
    const present = total.get(name);
    if (!present || compareQuantities(quantity, present) > 0) total.set(name, quantity);
  }
}

export function sumResourceLists(a: ResourceList, b: ResourceList): Map<string, Quantity> {
  const sum = new Map(a);
  addToResourceList(sum, b);
  return sum;
}

/** What `a` is more than `b`, and nothing where it is less; names that only `b` has are left out. */
export function excessOf(a: ResourceList, b: ResourceList): Map<string, Quantity> {
  return new Map(
    [...a].map(([name, quantity]) => {
      const difference = subtractQuantities(quantity, b.get(name) ?? ZERO);
      return [name, difference.nano < 0n ? ZERO : difference];
    }),
  );
}

/** The part of a list that names these. */
export function maskResourceList(list: ResourceList, names: ReadonlySet<string> | ResourceList): Map<string, Quantity> {
  return new Map([...list].filter(([name]) => names.has(name)));
}

export function withoutZeros(list: ResourceList): Map<string, Quantity> {
  return new Map([...list].filter(([, quantity]) => quantity.nano !== 0n));
}

/** Whether both name the same resources in the same amounts, however written. */
export function equalResourceLists(a: ResourceList, b: ResourceList): boolean {
  return a.size === b.size && [...a].every(([name, quantity]) => b.get(name)?.nano === quantity.nano);
}

/** The names of which `list` has more than `limits`; what has no limit is not more. */
export function namesBeyond(list: ResourceList, limits: ResourceList): Set<string> {
  const beyond = [...list].filter(([name, quantity]) => {
    const limit = limits.get(name);
    return limit !== undefined && compareQuantities(quantity, limit) > 0;
  });
  return new Set(beyond.map(([name]) => name));
}

/** Whole units, a started one being counted. */
export function roundUp(quantity: Quantity): Quantity {
  return { nano: quantityValue(quantity) * 1_000_000_000n, format: quantity.format };
}
