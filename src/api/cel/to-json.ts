/** Values as JSON, for what expressions make: objects to apply, values of patches. */

import { integer64 } from '../../std/exact-json.ts';
import { formatCelDuration, formatTimestamp } from './time-values.ts';
import { Duration, ListValue, MapValue, Optional, Timestamp, typeNameOf, Uint, type Value } from './values.ts';

/** What has no place in JSON. */
export class NotJson extends Error {}

const DEEPEST = 500;
/**
 * Parts of values and characters of texts: no object that can be stored has more. A list of one list many times over, and so on within it,
 * would have more than there is memory for.
 */
const LARGEST = 10_000_000;

/** Throws NotJson. Maps must have strings for keys; bytes become base64. `size`: shared by values that become one object. */
export function toJson(value: Value, size: JsonSize = { counted: 0 }): unknown {
  return new Conversion(size).of(value, 0);
}

/** Parts of values and characters of texts that were met. */
export interface JsonSize {
  counted: number;
}

class Conversion {
  readonly #size: JsonSize;

  constructor(size: JsonSize) {
    this.#size = size;
  }

  of(value: Value, depth: number): unknown {
    if (depth > DEEPEST) throw new NotJson('value is nested too deep');
    countJson(this.#size, typeof value === 'string' || value instanceof Uint8Array ? value.length : 0);
    if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
    if (typeof value === 'bigint') return integer64(value);
    if (typeof value === 'number') {
      if (!Number.isFinite(value)) throw new NotJson(`${value} has no form in JSON`);
      return value;
    }
    if (value instanceof Uint) return integer64(value.value);
    if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
    if (value instanceof ListValue) return Array.from(value, (item) => this.of(item, depth + 1));
    if (value instanceof MapValue) return this.#map(value, depth);
    if (value instanceof Timestamp) return formatTimestamp(value);
    if (value instanceof Duration) return formatCelDuration(value);
    if (value instanceof Optional && value.value !== undefined) return this.of(value.value, depth + 1);
    throw new NotJson(`a value of type ${typeNameOf(value)} has no form in JSON`);
  }

  #map(map: MapValue, depth: number): Record<string, unknown> {
    const entries: [string, unknown][] = [];
    for (const key of map.keys()) {
      if (typeof key !== 'string') throw new NotJson(`map key is of type ${typeNameOf(key)}, not string`);
      countJson(this.#size, key.length);
      entries.push([key, this.of(map.get(key)!, depth + 1)]);
    }
    return Object.fromEntries(entries);
  }
}

function countJson(size: JsonSize, characters: number): void {
  size.counted += 1 + characters;
  if (size.counted > LARGEST) throw new NotJson('value is too large');
}

/** Names of types that do not say where their objects stand: `Object.spec` must be the value of `spec`. Throws NotJson. */
export function misplacedTypes(value: Value, path: string): string[] {
  const wrong: string[] = [];
  collectMisplaced(value, path, wrong, { counted: 0 });
  return wrong;
}

function collectMisplaced(value: Value, path: string, wrong: string[], size: JsonSize, depth = 0): void {
  countJson(size, 0);
  if (depth > DEEPEST) throw new NotJson('value is nested too deep');
  if (value instanceof ListValue) {
    for (const item of value) collectMisplaced(item, path, wrong, size, depth + 1);
    return;
  }
  if (!(value instanceof MapValue)) return;
  const named = value.typeName !== undefined;
  if (named && value.typeName !== path)
    wrong.push(
      `unexpected type name ${JSON.stringify(value.typeName)}, expected ${JSON.stringify(path)}, which matches field name path from root Object type`,
    );
  for (const key of value.keys())
    collectMisplaced(value.get(key)!, named ? `${path}.${String(key)}` : path, wrong, size, depth + 1);
}
