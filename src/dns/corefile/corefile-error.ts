import { CodedError } from '../../std/coded-error.ts';

/** A Corefile that cannot be used; the message begins with the file and the line: `Corefile:3 - …`. */
export class CorefileError extends CodedError {
  constructor(where: { readonly file: string; readonly line: number }, message: string, cause?: unknown) {
    super(`${where.file}:${where.line} - ${message}`, { code: 'COREFILE_INVALID', cause });
    this.name = 'CorefileError';
  }
}
