/** What upstream says of a field that a path leads to and that holds something else: `.spec.replicas accessor error: a is of the type string, expected int64`. */
import { exactJsonText, isExactInteger } from '../../std/exact-json.ts';
export function accessorError(path: string, value: unknown, expected: 'int64' | 'string'): string {
  return `${path} accessor error: ${goText(value)} is of the type ${goType(value)}, expected ${expected}`;
}

const goText = (value: unknown) => (typeof value === 'object' ? exactJsonText(value) : String(value));

function goType(value: unknown): string {
  if (Array.isArray(value)) return '[]interface {}';
  if (typeof value === 'object') return 'map[string]interface {}';
  if (isExactInteger(value)) return 'int64';
  if (typeof value === 'number') return 'float64';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}
