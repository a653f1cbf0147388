import { isJsonMap } from '../../api/machinery/clone.ts';
import { goFormat } from '../../api/machinery/go-format.ts';
import { isExactInteger } from '../../std/exact-json.ts';

/** What upstream says of a field that a path leads to and that holds something else: `.spec.replicas accessor error: a is of the type string, expected int64`. */
export function accessorError(path: string, value: unknown, expected: 'int64' | 'string' | 'map[string]interface{}'): string {
  return `${path} accessor error: ${goFormat(value)} is of the type ${goType(value)}, expected ${expected}`;
}

/** What a path breaks off at that is neither a map nor nothing, in the same words; undefined where there is no such thing. */
export function brokenPath(object: unknown, names: readonly string[]): string | undefined {
  let value = object;
  for (const [i, name] of names.entries()) {
    if (value === null || value === undefined) return undefined;
    if (!isJsonMap(value)) return accessorError(`.${names.slice(0, i + 1).join('.')}`, value, 'map[string]interface{}');
    value = Object.hasOwn(value, name) ? value[name] : undefined;
  }
  return undefined;
}

function goType(value: unknown): string {
  if (value === null) return '<nil>';
  if (Array.isArray(value)) return '[]interface {}';
  if (typeof value === 'object') return 'map[string]interface {}';
  if (isExactInteger(value)) return 'int64';
  if (typeof value === 'number') return 'float64';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}
