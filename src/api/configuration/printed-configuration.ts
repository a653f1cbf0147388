import type { Field, FieldTable } from './field-schema.ts';

type Fields = Record<string, unknown>;

/** A configuration as Go prints it: keys in upstream's order, empty values left out as `omitempty` does. */
export function printedConfiguration(table: FieldTable, values: Readonly<Fields>): Fields {
  const document: Fields = {};
  for (const [name, field] of Object.entries(table)) {
    const value = values[name];
    if (value === undefined || value === null) continue;
    const shown = printedValue(field, value);
    if (field.keepZero || !isZero(shown)) document[name] = shown;
  }
  return document;
}

function printedValue(field: Field, value: unknown): unknown {
  if (typeof field.type === 'object') {
    if ('object' in field.type) return printedConfiguration(field.type.object, value as Fields);
    const { list } = field.type;
    return (value as Fields[]).map((item) => printedConfiguration(list, item));
  }
  if (field.type.endsWith('map')) {
    // Go prints maps with their keys sorted.
    return Object.fromEntries(Object.entries(value as Fields).sort(([a], [b]) => (a < b ? -1 : 1)));
  }
  return value;
}

function isZero(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0;
  return value === false || value === 0 || value === '' || value === '0s';
}
