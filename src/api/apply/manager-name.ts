import { invalidField, tooLongField } from '../machinery/field-error.ts';
import type { FieldError } from '../machinery/status-error.ts';

/** Longer names are refused, and cut when they are taken from a user agent. */
export const LONGEST_MANAGER = 128;

const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

/** Who writes, as managed fields name it: the `fieldManager` given, or the program's name in the User-Agent (endpoints/handlers, managerOrUserAgent). */
export function managerName(fieldManager: string, userAgent: string): string {
  return fieldManager || prefixOfUserAgent(userAgent) || 'unknown';
}

function prefixOfUserAgent(userAgent: string): string {
  const program = userAgent.split('/', 1)[0]!;
  // Nearly always: letters, shorter than what may be.
  if (/^[\w .-]{0,128}$/.test(program)) return program;
  let name = '';
  let bytes = 0;
  for (const character of program) {
    if (!PRINTABLE.test(character)) continue;
    bytes += Buffer.byteLength(character);
    if (bytes > LONGEST_MANAGER) break;
    name += character;
  }
  return name;
}

/** What is wrong with a name that a client gave (apis/meta/v1/validation, ValidateFieldManager). */
export function validateManager(name: string, field: string): FieldError[] {
  const errors: FieldError[] = [];
  if (Buffer.byteLength(name) > LONGEST_MANAGER) errors.push(tooLongField(field, LONGEST_MANAGER));
  let at = 0;
  for (const character of name) {
    if (!PRINTABLE.test(character)) {
      const code = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
      errors.push(invalidField(field, name, `invalid character U+${code} (at position ${at})`));
    }
    at += Buffer.byteLength(character);
  }
  return errors;
}
