/** A JSON value as Go's `%+v` prints it: `map[a:1 b:[x y]]`. Upstream shows patches this way. */
import { exactJsonText } from '../../std/exact-json.ts';
export function goFormat(value: unknown): string {
  if (value === null || value === undefined) return '<nil>';
  if (Array.isArray(value)) return `[${value.map(goFormat).join(' ')}]`;
  if (typeof value !== 'object') return String(value);
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `map[${fields.map(([key, inner]) => `${key}:${goFormat(inner)}`).join(' ')}]`;
}

/** JSON as Go's encoder writes a map: keys in order, and nothing that HTML would take for its own. */
export function goJson(value: unknown): string {
  return withoutHtml(exactJsonText(inOrder(value)));
}

/** JSON text as Go's encoder writes it: with nothing in it that HTML would take for its own. */
export function withoutHtml(json: string): string {
  return json.replace(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).map(([key, inner]) => [key, inOrder(inner)] as const);
  return Object.fromEntries(fields.sort(([a], [b]) => (a < b ? -1 : 1)));
}
