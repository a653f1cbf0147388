/** A device as expressions see it (dynamic-resource-allocation/cel). Heavy to load: it brings the CEL engine. */
import { QuantityValue } from '../../cel/library/quantities.ts';
import { parseSemver } from '../../cel/library/semvers.ts';
import { MapValue, PlainList, PlainMap, type Value } from '../../cel/values.ts';
import type { V1Device, V1DeviceAttribute } from '../../gen/types.ts';

const EMPTY = new PlainMap(new Map());

/** Whatever domain is asked for is there: with nothing in it when the device has none of it. */
class Domains extends MapValue {
  readonly #own: PlainMap;
  constructor(own: PlainMap) {
    super();
    this.#own = own;
  }
  get size(): number {
    return this.#own.size;
  }
  get(key: Value): Value | undefined {
    return this.#own.get(key) ?? (typeof key === 'string' ? EMPTY : undefined);
  }
  keys(): Iterable<Value> {
    return this.#own.keys();
  }
}

const mapOf = (entries: Iterable<readonly [string, Value]>, typeName?: string) =>
  new PlainMap(new Map([...entries].map(([key, value]) => [`s${key}`, [key, value] as const])), typeName);

/** `device` of selectors. */
export function deviceValue(
  driver: string,
  { attributes = {}, capacity = {}, allowMultipleAllocations = false }: V1Device,
): Value {
  const quantities = Object.entries(capacity).map(([name, { value }]) => [name, QuantityValue.parse(value)] as const);
  return mapOf(
    [
      ['driver', driver],
      ['allowMultipleAllocations', allowMultipleAllocations],
      [
        'attributes',
        byDomain(
          driver,
          Object.entries(attributes).map(([name, attribute]) => [name, attributeValue(attribute)]),
        ),
      ],
      ['capacity', byDomain(driver, quantities)],
    ],
    'kubernetes.DRADevice',
  );
}

/** A name without a domain is of the driver's. */
export const fullName = (driver: string, name: string): string => (name.includes('/') ? name : `${driver}/${name}`);

function byDomain(driver: string, values: readonly (readonly [string, Value])[]): Value {
  const domains = new Map<string, Map<string, Value>>();
  for (const [name, value] of values) {
    const [domain = '', id = ''] = fullName(driver, name).split('/');
    const known = domains.get(domain) ?? new Map<string, Value>();
    domains.set(domain, known.set(id, value));
  }
  return new Domains(mapOf([...domains].map(([domain, ids]) => [domain, mapOf(ids)] as const)));
}

function attributeValue({ bool, int, string, version, bools, ints, strings, versions }: V1DeviceAttribute): Value {
  if (bool !== undefined) return bool;
  if (int !== undefined) return BigInt(int);
  if (string !== undefined) return string;
  if (version !== undefined) return parseSemver(version);
  const list: readonly Value[] = bools ?? ints?.map(BigInt) ?? strings ?? versions?.map((each) => parseSemver(each)) ?? [];
  return new PlainList(list);
}
