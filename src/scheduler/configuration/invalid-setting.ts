import { CodedError } from '../../std/coded-error.ts';

/** A value that is not legal, named by its field. */
export function invalid(field: string, value: unknown, why: string): CodedError {
  return new CodedError(`${field}: Invalid value: ${JSON.stringify(value) ?? 'null'}: ${why}`, { code: 'CONFIGURATION_INVALID' });
}
