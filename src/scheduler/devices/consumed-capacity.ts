import type { V1CapacityRequestPolicy, V1CapacityRequestPolicyRange, V1Device, V1DeviceCapacity } from '../../api/gen/types.ts';
import { formatQuantity, parseQuantity, type Quantity } from '../../api/machinery/quantity.ts';

/** By the capacity's name with its domain, in billionths. */
export type Amounts = ReadonlyMap<string, bigint>;

/** What one use of a device takes of its capacity. */
export interface Consumption {
  readonly amounts: Amounts;
  /** By the names that the driver has published, as claims tell it. */
  readonly shown: Readonly<Record<string, string>>;
}

interface Published {
  readonly name: string;
  readonly capacity: V1DeviceCapacity;
}

/** A device's capacities by their names with a domain: one without is of the driver's, and gives way to one that says so. */
function capacitiesOf(driver: string, { capacity = {} }: V1Device): Map<string, Published> {
  const found = new Map<string, Published>();
  for (const [name, each] of Object.entries(capacity)) {
    const full = fullNameOf(driver, name);
    if (name === full || !found.has(full)) found.set(full, { name, capacity: each });
  }
  return found;
}

const fullNameOf = (driver: string, name: string): string => (name.includes('/') ? name : `${driver}/${name}`);

/**
 * What a request takes of a device: what it asks for, rounded up as the device's policy wants it; of what it does not speak of the policy's
 * default, or all (https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/#consumable-capacity).
 *
 * @returns undefined when the device has no such capacity, has too little, or its policy is against it
 */
export function consumptionOf(
  driver: string,
  device: V1Device,
  requests: Readonly<Record<string, string>> = {},
): Consumption | undefined {
  const asked = new Map(Object.entries(requests).map(([name, amount]) => [fullNameOf(driver, name), amount]));
  const capacities = capacitiesOf(driver, device);
  for (const name of asked.keys()) if (!capacities.has(name)) return undefined;
  const amounts = new Map<string, bigint>();
  const shown: Record<string, string> = {};
  for (const [full, { name, capacity }] of capacities) {
    const consumed = amountOf(asked.get(full), capacity);
    if (consumed.nano > parseQuantity(capacity.value).nano || violates(consumed, capacity.requestPolicy)) return undefined;
    amounts.set(full, consumed.nano);
    shown[name] = formatQuantity(consumed);
  }
  return { amounts, shown };
}

/** What a device has of each capacity. */
export const totalsOf = (driver: string, device: V1Device): Amounts =>
  new Map([...capacitiesOf(driver, device)].map(([name, { capacity }]) => [name, parseQuantity(capacity.value).nano]));

function amountOf(asked: string | undefined, { value, requestPolicy }: V1DeviceCapacity): Quantity {
  if (asked === undefined) return parseQuantity(requestPolicy?.default ?? value);
  const wanted = parseQuantity(asked);
  if (requestPolicy?.validRange?.min !== undefined) return roundedIn(wanted, requestPolicy.validRange);
  return requestPolicy?.validValues?.map(parseQuantity).find(({ nano }) => nano >= wanted.nano) ?? wanted;
}

/** The lowest amount of a range that is enough: in steps from its beginning. */
function roundedIn(wanted: Quantity, { min, step }: V1CapacityRequestPolicyRange): Quantity {
  const lowest = parseQuantity(min);
  if (wanted.nano <= lowest.nano) return lowest;
  if (step === undefined) return wanted;
  const { nano: size, format } = parseQuantity(step);
  if (size <= 0n) return wanted;
  const steps = (wanted.nano - lowest.nano + size - 1n) / size;
  return { nano: lowest.nano + steps * size, format };
}

function violates({ nano }: Quantity, policy: V1CapacityRequestPolicy | undefined): boolean {
  if (!policy || (policy.default !== undefined && nano === parseQuantity(policy.default).nano)) return false;
  const { validRange, validValues = [] } = policy;
  if (validRange) return validRange.max !== undefined && nano > parseQuantity(validRange.max).nano;
  return validValues.length > 0 && !validValues.some((value) => parseQuantity(value).nano === nano);
}

/** What claims have taken of a device, by the names in their status. */
export const amountsIn = (driver: string, consumed: Readonly<Record<string, string>>): Amounts =>
  new Map(Object.entries(consumed).map(([name, amount]) => [fullNameOf(driver, name), parseQuantity(amount).nano]));
