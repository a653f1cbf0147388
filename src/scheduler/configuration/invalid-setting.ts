import { FieldsError } from '../../api/configuration/read-configuration.ts';
import { invalidField } from '../../api/machinery/field-error.ts';
import type { FieldError } from '../../api/machinery/status-error.ts';

/** Values that are not legal, each named by its field; as Go prints several errors. */
export function refusal(errors: readonly FieldError[]): FieldsError {
  const remarks = errors.map(({ field, message }) => `${field}: ${message}`);
  return new FieldsError(remarks.length === 1 ? remarks[0]! : `[${remarks.join(', ')}]`, remarks);
}

export const invalid = (field: string, value: unknown, why: string): FieldsError => refusal([invalidField(field, value, why)]);
