/** What is wrong with values, in the words of kube-openapi (pkg/validation/errors) as the API server passes them on. */

import { exactJsonText } from '../../../std/exact-json.ts';
import { goFloat, goQuote } from '../../../std/go-text.ts';
import { invalidField, notSupportedField, requiredField, tooLongField, tooManyField } from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { byName } from './list-items.ts';

/** The root of an object has no path, which Go writes so. */
const fieldOf = (path: string) => path.replace(/^\./, '') || '<nil>';

const invalidAt = (path: string, value: unknown, what: string): FieldError =>
  invalidField(fieldOf(path), value ?? '', `${path} in body ${what}`);

/** @param found the text of the wrong format, or the name of the type or format that the value has */
export const wrongType = (path: string, types: string, found: string): FieldError => ({
  ...invalidAt(path, found, `must be of type ${types}: ${goQuote(found)}`),
  reason: 'FieldValueTypeInvalid',
});
export const missing = (path: string): FieldError => requiredField(fieldOf(path));
export const tooLong = (path: string, most: number): FieldError => tooLongField(fieldOf(path), most);
export const tooShort = (path: string, value: string, least: number): FieldError =>
  invalidAt(path, value, `should be at least ${least} chars long`);
export const noMatch = (path: string, value: string, pattern: string): FieldError =>
  invalidAt(path, value, `should match '${pattern}'`);
/** Ours alone: upstream compares for minutes. */
export const notCompared = (path: string, value: string, why: string): FieldError =>
  invalidAt(path, value, `cannot be compared with its pattern: ${why}`);
export const notMultiple = (path: string, value: number | bigint, of: number | bigint): FieldError =>
  invalidAt(path, value, `should be a multiple of ${shown(of)}`);
export const multipleOfNothing = (path: string, of: number | bigint): FieldError =>
  invalidField(fieldOf(path), of, `factor MultipleOf declared for ${path} must be positive: ${shown(of)}`);
export const tooLarge = (path: string, value: number | bigint, most: number | bigint, exclusive: boolean): FieldError =>
  invalidAt(path, value, `should be less than ${exclusive ? '' : 'or equal to '}${shown(most)}`);
export const tooSmall = (path: string, value: number | bigint, least: number | bigint, exclusive: boolean): FieldError =>
  invalidAt(path, value, `should be greater than ${exclusive ? '' : 'or equal to '}${shown(least)}`);
const shown = (limit: number | bigint) => (typeof limit === 'bigint' ? String(limit) : goFloat(limit));
/** Of a value or a limit that is no number of the type: told at the root, with the path in the text. */
export const outOfRange = (what: string, path: string, { type, format }: { type: string; format: string }): FieldError =>
  invalidField(
    '<nil>',
    '',
    `${what} value must be of type ${type} ${format ? `with format ${format}` : '(default format)'} in ${path}`,
  );
export const tooFewItems = (path: string, size: number, least: number): FieldError =>
  invalidAt(path, size, `should have at least ${least} items`);
export const tooManyItems = (path: string, size: number, most: number): FieldError => tooManyField(fieldOf(path), size, most);
export const duplicateItems = (path: string): FieldError => invalidAt(path, '', "shouldn't contain duplicates");
export const tooFewProperties = (path: string, size: number, least: number): FieldError =>
  invalidAt(path, size, `should have at least ${least} properties`);
export const forbiddenProperty = (path: string, name: string): FieldError =>
  invalidField(fieldOf(path), name, `${path}.${name} in body is a forbidden property`);

export function notInEnum(path: string, value: unknown, allowed: readonly unknown[]): FieldError {
  const texts = allowed.map((each) => (typeof each === 'string' ? each : exactJsonText(byName(each))));
  return notSupportedField(fieldOf(path), byName(value), texts);
}

/** About several schemas at once: told at the root, with the path in the text. */
const composite = (path: string, what: string): FieldError => invalidField('<nil>', '', `${JSON.stringify(path)} must ${what}`);

export const noneOfAny = (path: string): FieldError => composite(path, 'validate at least one schema (anyOf)');
export const notExactlyOne = (path: string, valid: number): FieldError =>
  composite(
    path,
    `validate one and only one schema (oneOf). ${valid === 0 ? 'Found none valid' : `Found ${valid} valid alternatives`}`,
  );
export const notAll = (path: string, valid: number): FieldError =>
  composite(path, `validate all the schemas (allOf)${valid === 0 ? '. None validated' : ''}`);
export const matchesNot = (path: string): FieldError => composite(path, 'not validate the schema (not)');
