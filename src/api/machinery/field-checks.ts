/** Small checks that many kinds share; each returns its complaints, in upstream's words (apimachinery/pkg/api/validation). */
import { isJsonMap } from './clone.ts';
import { IMMUTABLE, invalidField, notSupportedField, requiredField } from './field-error.ts';
import { checkPathSegment, type NameCheck } from './names.ts';
import { compareQuantities, parseQuantity, quantityValue } from './quantity.ts';
import type { FieldError } from './status-error.ts';

/** What a name check says of a field's value. */
export const checkField = (field: string, value: string, check: NameCheck): FieldError[] =>
  check(value).map((complaint) => invalidField(field, value, complaint));

/** The same for a field that must be there. */
export const checkRequired = (field: string, value: string | undefined, check: NameCheck): FieldError[] =>
  value ? checkField(field, value, check) : [requiredField(field)];

/** A kind or a name in a reference: anything that can stand between two slashes. */
export const checkReference = (field: string, value: string | undefined): FieldError[] =>
  checkRequired(field, value, checkPathSegment);

/** The value must be one of those named; they are shown sorted, as upstream shows sets. */
export const checkOneOf = (field: string, value: string, supported: readonly string[]): FieldError[] =>
  supported.includes(value) ? [] : [notSupportedField(field, value, [...supported].sort())];

export const NOT_NEGATIVE = 'must be greater than or equal to 0';

export const checkNotNegative = (field: string, value: number | undefined): FieldError[] =>
  (value ?? 0) < 0 ? [invalidField(field, value, NOT_NEGATIVE)] : [];

const ZERO = parseQuantity('0');

export const checkQuantityNotNegative = (field: string, value: string): FieldError[] =>
  compareQuantities(parseQuantity(value), ZERO) < 0 ? [invalidField(field, value, NOT_NEGATIVE)] : [];

/** Of amounts of storage, of which upstream says it in other words, and of the value in whole units. */
export function checkBasicQuantity(field: string, value: string): FieldError[] {
  const units = quantityValue(parseQuantity(value));
  return units < 0n ? [invalidField(field, Number(units), 'must be a valid resource quantity')] : [];
}

export const checkQuantityPositive = (field: string, value: string): FieldError[] =>
  compareQuantities(parseQuantity(value), ZERO) <= 0 ? [invalidField(field, value, 'must be greater than zero')] : [];

/** A field that keeps its value. An empty list is as good as none. */
export const checkImmutable = (field: string, after: unknown, before: unknown): FieldError[] =>
  sameMeaning(after, before) ? [] : [invalidField(field, after, IMMUTABLE)];

/** Whether two values mean the same (upstream's semantic equality): absent fields and empty lists are the same. */
export function sameMeaning(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (isNothing(a) && isNothing(b)) return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => sameMeaning(item, b[i]));
  if (!isJsonMap(a) || !isJsonMap(b)) return false;
  // Without a list of all keys: each change of a pod compares all of its spec.
  for (const key of Object.keys(a)) if (!sameMeaning(a[key], own(b, key))) return false;
  for (const key of Object.keys(b)) if (!Object.hasOwn(a, key) && !isNothing(b[key])) return false;
  return true;
}

const own = (map: Record<string, unknown>, key: string) => (Object.hasOwn(map, key) ? map[key] : undefined);

const isNothing = (value: unknown) => value === undefined || value === null || (Array.isArray(value) && value.length === 0);

/** The complaints about every item of a list, which may be missing. */
export const checkEach = <T>(
  items: readonly T[] | undefined,
  path: string,
  check: (item: T, path: string, index: number) => FieldError[],
): FieldError[] => (items ?? []).flatMap((item, i) => check(item, `${path}[${i}]`, i));
