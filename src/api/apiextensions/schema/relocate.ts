import type { FieldError } from '../../machinery/status-error.ts';

/** Errors of a value that was checked by itself, below the path that it has. */
export function relocate(errors: readonly FieldError[], path: string): FieldError[] {
  return errors.map((error) => {
    if (error.field === '<nil>') return { ...error, field: path };
    return { ...error, field: `${path}.${error.field}` };
  });
}
