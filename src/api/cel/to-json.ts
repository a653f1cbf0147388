/** Values as JSON, for what expressions make: objects to apply, values of patches. */

import { integer64 } from '../../std/exact-json.ts';
import { formatCelDuration, formatTimestamp } from './time-values.ts';
import { Duration, ListValue, MapValue, Optional, Timestamp, typeNameOf, Uint, type Value } from './values.ts';

/** What has no place in JSON. */
export class NotJson extends Error {}

const DEEPEST = 500;

/** Throws NotJson. Maps must have strings for keys; bytes become base64. */
export function toJson(value: Value, depth = 0): unknown {
  if (depth > DEEPEST) throw new NotJson('value is nested too deep');
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'bigint') return integer64(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new NotJson(`${value} has no form in JSON`);
    return value;
  }
  if (value instanceof Uint) return integer64(value.value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (value instanceof ListValue) return [...value].map((item) => toJson(item, depth + 1));
  if (value instanceof MapValue) return mapToJson(value, depth);
  if (value instanceof Timestamp) return formatTimestamp(value);
  if (value instanceof Duration) return formatCelDuration(value);
  if (value instanceof Optional && value.value !== undefined) return toJson(value.value, depth + 1);
  throw new NotJson(`a value of type ${typeNameOf(value)} has no form in JSON`);
}

function mapToJson(map: MapValue, depth: number): Record<string, unknown> {
  const entries: [string, unknown][] = [];
  for (const key of map.keys()) {
    if (typeof key !== 'string') throw new NotJson(`map key is of type ${typeNameOf(key)}, not string`);
    entries.push([key, toJson(map.get(key)!, depth + 1)]);
  }
  return Object.fromEntries(entries);
}

/** Names of types that do not say where their objects stand: `Object.spec` must be the value of `spec`. */
export function misplacedTypes(value: Value, path: string): string[] {
  if (value instanceof ListValue) return [...value].flatMap((item) => misplacedTypes(item, path));
  if (!(value instanceof MapValue)) return [];
  const named = value.typeName !== undefined;
  const wrong =
    named && value.typeName !== path
      ? [
          `unexpected type name ${JSON.stringify(value.typeName)}, expected ${JSON.stringify(path)}, which matches field name path from root Object type`,
        ]
      : [];
  for (const key of value.keys()) wrong.push(...misplacedTypes(value.get(key)!, named ? `${path}.${String(key)}` : path));
  return wrong;
}
