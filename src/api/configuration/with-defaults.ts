import type { Field, FieldTable } from './field-schema.ts';

type Fields = Record<string, unknown>;

/** Zero values count as not given where upstream's field is no pointer: that is how Go's zero values are defaulted. */
export function withDefaults(table: FieldTable, given: Readonly<Fields>): Fields {
  const complete: Fields = {};
  for (const [name, field] of Object.entries(table)) {
    const value = given[name];
    if (typeof field.type === 'object' && 'object' in field.type) {
      const nested = withDefaults(field.type.object, (value as Fields | undefined) ?? {});
      if (field.keepZero || Object.keys(nested).length > 0) complete[name] = nested;
    } else if (isUnset(field, value)) {
      if (field.default !== undefined) complete[name] = field.default;
    } else complete[name] = value;
  }
  return complete;
}

function isUnset(field: Field, value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (field.default === undefined) return false;
  if (field.type === 'duration') return value === '0s';
  return !field.keepZero && (value === 0 || value === '');
}
