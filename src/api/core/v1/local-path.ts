/** Paths below a directory that is not named: of mounts, keys and profiles (core/validation validateLocalDescendingPath). */
import { invalidField } from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/status-error.ts';

/** One complaint is enough for `../../..`. */
export function checkNoBacksteps(path: string, field: string, errors: FieldError[]): void {
  if (path.includes('..') && path.split('/').includes('..')) errors.push(invalidField(field, path, "must not contain '..'"));
}

/** Neither absolute nor upwards. */
export function checkDescendingPath(path: string, field: string, errors: FieldError[]): void {
  if (path.startsWith('/')) errors.push(invalidField(field, path, 'must be a relative path'));
  checkNoBacksteps(path, field, errors);
}

/** Nor does it begin like the names that the kubelet keeps for itself. */
export function checkUnreservedPath(path: string, field: string, errors: FieldError[]): void {
  checkDescendingPath(path, field, errors);
  if (path.startsWith('..') && path !== '..' && !path.startsWith('../'))
    errors.push(invalidField(field, path, "must not start with '..'"));
}

const FILE_MODE = 'must be a number between 0 and 0777 (octal), both inclusive';

export function checkFileMode(mode: number | undefined, field: string, errors: FieldError[]): void {
  if (mode !== undefined && (mode < 0 || mode > 0o777)) errors.push(invalidField(field, mode, FILE_MODE));
}
