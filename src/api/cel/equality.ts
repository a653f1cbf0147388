/** Equality and order of values. Numbers are compared across their types; nothing else is. */
import {
  Duration,
  ErrorValue,
  hashKey,
  ListValue,
  MapValue,
  OpaqueValue,
  Optional,
  Timestamp,
  TypeValue,
  Uint,
  type Value,
} from './values.ts';
import { look, type Work } from './work.ts';

/** -1, 0 or 1; undefined when one of them is not a number (NaN). */
export function compareNumbers(a: bigint | number | Uint, b: bigint | number | Uint): -1 | 0 | 1 | undefined {
  let left = a instanceof Uint ? a.value : a;
  let right = b instanceof Uint ? b.value : b;
  // As cel-go: beside a double, integers are doubles.
  if (typeof left === 'number') right = Number(right);
  else if (typeof right === 'number') left = Number(left);
  if (left < right) return -1;
  if (left > right) return 1;
  return left === right ? 0 : undefined;
}

const isNumber = (value: Value): value is bigint | number | Uint =>
  typeof value === 'bigint' || typeof value === 'number' || value instanceof Uint;

/** By code points, as UTF-8 is ordered. */
export function compareStrings(a: string, b: string): -1 | 0 | 1 {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const left = a.charCodeAt(i);
    const right = b.charCodeAt(i);
    if (left === right) continue;
    const surrogates = (left >= 0xd800 && left < 0xe000) !== (right >= 0xd800 && right < 0xe000);
    return left < right !== surrogates ? -1 : 1;
  }
  return a.length === b.length ? 0 : a.length < b.length ? -1 : 1;
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** Values nested deeper than any request can make them are taken for unequal. */
const DEEPEST = 2000;

/** Parts of values that a comparison of two counts as: what is read of JSON is made into values for it. */
const COMPARED = 3;

/** Whether two values are equal; values of different types are not. Throws CostLimitReached when `work` comes to too much. */
export function equalValues(a: Value, b: Value, work: Work, depth = 0): boolean {
  look(work, COMPARED);
  if (a === b) return true;
  if (depth > DEEPEST) return false;
  if (isNumber(a)) return isNumber(b) && compareNumbers(a, b) === 0;
  if (typeof a !== 'object' || a === null || typeof b !== 'object' || b === null) return false;
  if (a instanceof ListValue) return b instanceof ListValue && equalLists(a, b, work, depth + 1);
  if (a instanceof MapValue) return b instanceof MapValue && equalMaps(a, b, work, depth + 1);
  if (a instanceof Uint8Array) return b instanceof Uint8Array && equalBytes(a, b);
  if (a instanceof Timestamp) return b instanceof Timestamp && a.nanos === b.nanos;
  if (a instanceof Duration) return b instanceof Duration && a.nanos === b.nanos;
  if (a instanceof TypeValue) return b instanceof TypeValue && a.name === b.name;
  if (a instanceof Optional)
    return (
      b instanceof Optional &&
      (a.value === undefined ? b.value === undefined : b.value !== undefined && equalValues(a.value, b.value, work, depth + 1))
    );
  if (a instanceof OpaqueValue) return b instanceof OpaqueValue && a.constructor === b.constructor && a.equals(b);
  return false;
}

function equalLists(a: ListValue, b: ListValue, work: Work, depth: number): boolean {
  if (a.size !== b.size) return false;
  if (a.listType === 'set') return equalSets(a, b, work, depth);
  if (a.listType === 'map') return equalKeyed(a, b, work, depth);
  for (let i = 0; i < a.size; i++) if (!equalValues(a.at(i), b.at(i), work, depth)) return false;
  return true;
}

function equalSets(a: ListValue, b: ListValue, work: Work, depth: number): boolean {
  const hashes = new Set<string>();
  let hashable = true;
  for (const item of b) {
    const hash = hashKey(item);
    if (hash === undefined) hashable = false;
    else hashes.add(hash);
  }
  for (const item of a) {
    const hash = hashKey(item);
    if (hash !== undefined && hashes.has(hash)) continue;
    if (hashable || !contains(b, item, work, depth)) return false;
  }
  return true;
}

export function contains(list: ListValue, wanted: Value, work: Work, depth = 0): boolean {
  for (const item of list) if (equalValues(item, wanted, work, depth)) return true;
  return false;
}

/** What names an element of a list of the type `map`; undefined when it is no object. */
export function elementKey(list: ListValue, element: Value): string | undefined {
  if (!(element instanceof MapValue)) return undefined;
  return JSON.stringify(list.listKeys.map((key) => hashKey(element.get(key) ?? '') ?? null));
}

function equalKeyed(a: ListValue, b: ListValue, work: Work, depth: number): boolean {
  const others = new Map<string | undefined, Value>();
  for (const element of b) others.set(elementKey(b, element), element);
  for (const element of a) {
    const other = others.get(elementKey(a, element));
    if (other === undefined || !equalValues(element, other, work, depth)) return false;
  }
  return true;
}

function equalMaps(a: MapValue, b: MapValue, work: Work, depth: number): boolean {
  if (a.size !== b.size) return false;
  for (const key of a.keys()) {
    const [left, right] = [a.get(key), b.get(key)];
    if (left === undefined || right === undefined || !equalValues(left, right, work, depth)) return false;
  }
  return true;
}

/** -1, 0, 1 for values of one ordered type (or numbers), an error for others. */
export function compareValues(a: Value, b: Value): -1 | 0 | 1 | ErrorValue {
  if (isNumber(a) && isNumber(b)) return compareNumbers(a, b) ?? new ErrorValue('NaN values cannot be ordered');
  if (typeof a === 'string' && typeof b === 'string') return compareStrings(a, b);
  if (typeof a === 'boolean' && typeof b === 'boolean') return a === b ? 0 : a ? 1 : -1;
  if (a instanceof Timestamp && b instanceof Timestamp) return compareNumbers(a.nanos, b.nanos)!;
  if (a instanceof Duration && b instanceof Duration) return compareNumbers(a.nanos, b.nanos)!;
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b);
  return new ErrorValue('no such overload');
}
