import { isJsonMap } from '../../machinery/clone.ts';

/**
 * A structure that somebody wrote as JSON into an annotation, with its texts: what is left out or null is empty there, as Go reads it.
 * Undefined for what is no structure, or has something else where a text is to be.
 */
export function withTexts(value: unknown, fields: readonly string[]): Record<string, unknown> | undefined {
  if (!isJsonMap(value)) return undefined;
  const texts = fields.map((field) => [field, value[field] ?? ''] as const);
  return texts.every(([, text]) => typeof text === 'string') ? { ...value, ...Object.fromEntries(texts) } : undefined;
}
