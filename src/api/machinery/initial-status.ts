import type { DynamicObject } from './object.ts';
import { fieldOfSchema, fieldsOfSchema } from './schema.ts';
import { isWrittenAsZero } from './written-zeros.ts';

/**
 * Replaces what a creator wrote as status: by nothing but the zeros of fields that are always sent. To be used as (or in) a kind's
 * `prepareForCreate`; `schema` is the kind's.
 */
export function resetStatus(schema: string): (object: DynamicObject) => void {
  return (object) => {
    object['status'] = emptyStatus(schema);
  };
}

function emptyStatus(schema: string): Record<string, unknown> {
  const type = fieldOfSchema(schema, 'status');
  const status: Record<string, unknown> = {};
  if (type?.form !== 'structure') return status;
  for (const [field, { type: fieldType, required }] of fieldsOfSchema(type.schema)) {
    if (!(required || isWrittenAsZero(type.schema, field)) || fieldType.form !== 'scalar') continue;
    if (fieldType.name === 'boolean') status[field] = false;
    else if (fieldType.name === 'int32' || fieldType.name === 'int64') status[field] = 0;
  }
  return status;
}
