import omittedZeros from '../gen/omitted-zeros.json' with { type: 'json' };
import { originalSchema } from './schema.ts';

const table: Readonly<Record<string, string>> = omittedZeros;

/** A schema's fields whose zeros (empty text, nought, false) Go leaves out of JSON, because it cannot tell them from what is not there. */
export function fieldsWithoutZeros(schema: string): ReadonlySet<string> {
  const original = originalSchema(schema);
  return new Set(Object.hasOwn(table, original) ? table[original]!.split(' ') : []);
}
