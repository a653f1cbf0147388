import { equalJson } from '../../machinery/clone.ts';
import { forbiddenField, invalidField, requiredField, tooLongField } from '../../machinery/field-error.ts';
import { checkQualifiedName } from '../../machinery/names.ts';
import type { FieldError } from '../../machinery/status-error.ts';

const MOST_PARAMETERS = 512;
const LARGEST_PARAMETERS_BYTES = 256 * 1024;

/** What a driver is told of its volumes. */
export function validateParameters(parameters: Readonly<Record<string, string>> = {}, { needed = false } = {}): FieldError[] {
  const entries = Object.entries(parameters);
  if (entries.length > MOST_PARAMETERS) return [tooLongField('parameters', MOST_PARAMETERS)];
  if (needed && !entries.length) return [requiredField('parameters', 'must contain at least one key/value pair')];
  const errors: FieldError[] = [];
  if (Object.hasOwn(parameters, '')) errors.push(invalidField('parameters', '', 'field can not be empty.'));
  const bytes = entries.reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0);
  if (bytes > LARGEST_PARAMETERS_BYTES) errors.push(tooLongField('parameters', LARGEST_PARAMETERS_BYTES));
  return errors;
}

/** Who makes volumes: `example.com/driver`. */
export function validateDriver(field: string, driver: string): FieldError[] {
  if (!driver) return [requiredField(field)];
  return checkQualifiedName(driver.toLowerCase()).map((complaint) => invalidField(field, driver, complaint));
}

/** What a class says is what its volumes were made by. */
export const refuseUpdates = <T extends object>(after: T, before: T, fields: readonly (keyof T & string)[]): FieldError[] =>
  fields
    .filter((field) => !equalJson(after[field] ?? {}, before[field] ?? {}))
    .map((field) => forbiddenField(field, `updates to ${field} are forbidden.`));
