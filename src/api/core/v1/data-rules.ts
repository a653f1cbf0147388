/** What ConfigMaps and Secrets have in common: keys, size, and that they can be made immutable. */

import { equalJson } from '../../machinery/clone.ts';
import { forbiddenField, invalidField, tooLongField } from '../../machinery/field-error.ts';
import { checkConfigKey } from '../../machinery/names.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';

/** Of all values together. */
export const LARGEST_DATA_BYTES = 1024 * 1024;

type Data = Readonly<Record<string, string>>;

/** What is wrong with the keys, and how many bytes the values are: in one look, since to list 100,000 keys takes longer than to look at them. */
export function examineData(
  data: Data | undefined,
  path: string,
  sizeOf: (value: string) => number,
): { readonly errors: FieldError[]; readonly bytes: number } {
  const errors: FieldError[] = [];
  let bytes = 0;
  for (const key in data) {
    for (const complaint of checkConfigKey(key)) errors.push(invalidField(`${path}[${key}]`, key, complaint));
    bytes += sizeOf(data[key]!);
  }
  return { errors, bytes };
}

/** `path` is where the complaint is shown. */
export function validateSize(bytes: number, path: string): FieldError[] {
  return bytes > LARGEST_DATA_BYTES ? [tooLongField(path, LARGEST_DATA_BYTES)] : [];
}

export const textBytes = (value: string): number => Buffer.byteLength(value);

/** How many bytes a base64 text stands for. */
export const decodedBytes = (value: string): number => Buffer.byteLength(value, 'base64');

/** Complaints about changes of an object that was made immutable; `fields` are those that hold data. */
export function validateImmutability(updated: DynamicObject, existing: DynamicObject, fields: readonly string[]): FieldError[] {
  if (!existing['immutable']) return [];
  const errors: FieldError[] = [];
  const fixed = 'field is immutable when `immutable` is set';
  if (!updated['immutable']) errors.push(forbiddenField('immutable', fixed));
  for (const field of fields)
    if (!equalJson(updated[field] ?? {}, existing[field] ?? {})) errors.push(forbiddenField(field, fixed));
  return errors;
}
