import type { FieldError } from '../../api/machinery/status-error.ts';

/** Several problems as upstream tells them together: one alone as it is, more in brackets, none twice. */
export function listProblems(problems: readonly string[]): string {
  const different = [...new Set(problems)];
  return different.length === 1 ? different[0]! : `[${different.join(', ')}]`;
}

/** The same of fields: `rules[0].level: Required value`. */
export const listFieldErrors = (errors: readonly FieldError[]): string =>
  listProblems(errors.map(({ field, message }) => `${field}: ${message}`));
