/** Reading and writing the API's times. */

const CANONICAL = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const RFC3339 = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/;

/** In UTC and whole seconds (later fractions are cut off), or undefined when the text is no RFC 3339 time. */
export function canonicalTime(text: string): string | undefined {
  if (!RFC3339.test(text)) return undefined;
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) return undefined;
  return CANONICAL.test(text) ? text : `${new Date(Math.floor(ms / 1000) * 1000).toISOString().slice(0, 19)}Z`;
}

/** The same with six digits of fraction, as MicroTime. */
export function canonicalMicroTime(text: string): string | undefined {
  const parts = RFC3339.exec(text);
  if (!parts) return undefined;
  const ms = Date.parse(parts[1]! + parts[3]!);
  if (Number.isNaN(ms)) return undefined;
  return `${new Date(ms).toISOString().slice(0, 19)}.${(parts[2] ?? '').padEnd(6, '0').slice(0, 6)}Z`;
}
