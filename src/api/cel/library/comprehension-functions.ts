/** What the macros `transformMap` and `transformMapEntry` call (cel-go ext/comprehensions.go). No expression can name it. */
import { declare, type FunctionDeclaration, overload } from '../declarations.ts';
import { mapOf, parameter } from '../types.ts';
import { ErrorValue, hashKey, type MapValue, type PlainMap, type Value } from '../values.ts';

const K = parameter('K');
const V = parameter('V');
const MAP = mapOf(K, V);

/** Changes the map in place: it is the accumulator of one loop, made when that begins, and nothing else can see it before the loop ends. */
function insert(map: PlainMap, key: Value, value: Value): Value {
  const entries = map.entries as Map<string, readonly [Value, Value]>;
  const hash = hashKey(key);
  if (hash === undefined) return new ErrorValue('unsupported key type');
  if (entries.has(hash)) return new ErrorValue(`insert failed: key ${String(key)} already exists`);
  entries.set(hash, [key, value]);
  return map;
}

export const comprehensionFunctions: readonly FunctionDeclaration[] = [
  declare(
    'cel.@mapInsert',
    overload('@mapInsert_map_key_value', [MAP, K, V], MAP, insert),
    overload('@mapInsert_map_map', [MAP, MAP], MAP, (map: PlainMap, added: MapValue) => {
      for (const key of added.keys()) {
        const result = insert(map, key, added.get(key)!);
        if (result instanceof ErrorValue) return result;
      }
      return map;
    }),
  ),
];
