/** Makes field errors in upstream's words (apimachinery/pkg/util/validation/field/errors.go). */

import { exactJsonText } from '../../std/exact-json.ts';
import { goFloat, goQuote } from '../../std/go-text.ts';
import type { FieldError } from './status-error.ts';

/** How a bad value is shown: texts and numbers as Go prints them, the rest as its JSON, fit for a page; what is not there is `null`. */
function show(value: unknown): string {
  if (value instanceof LateValue) return show(value.make());
  if (typeof value === 'string') return goQuote(value);
  if (typeof value === 'number' && !Number.isSafeInteger(value)) return goFloat(value);
  const json = exactJsonText(value ?? null);
  return typeof value === 'object' ? json.replace(FOR_PAGES, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`) : json;
}

/** A bad value in a form that takes time to make: it is made when it is shown. */
export class LateValue {
  readonly make: () => unknown;

  constructor(make: () => unknown) {
    this.make = make;
  }
}

const FOR_PAGES = /[<>&\u2028\u2029]/g;

const withDetail = (text: string, detail: string) => (detail ? `${text}: ${detail}` : text);

/** What the words of a complaint that shows a value are made of. */
interface Words {
  readonly label: string;
  readonly value: unknown;
  readonly detail: () => string;
}

/** Of complaints about what is long. */
const wordsOf = new WeakMap<FieldError, Words>();
const LONG_TEXT = 1000;

/**
 * What shows a value is put into words when somebody reads it: one complaint for each item of a list that shows the whole list would fill
 * the memory, and few of so many are told.
 */
function late(field: string, reason: FieldError['reason'], words: Words): FieldError {
  const error = {
    field,
    reason,
    get message() {
      return withDetail(`${words.label}: ${show(words.value)}`, words.detail());
    },
  };
  const { value } = words;
  if (typeof value === 'string' ? value.length > LONG_TEXT : typeof value === 'object' && value !== null)
    wordsOf.set(error, words);
  return error;
}

/** Whether two complaints say the same. What both show is not written for that where it is one value: it may be megabytes. */
export function isSameError(one: FieldError, other: FieldError): boolean {
  if (one.field !== other.field) return false;
  const [words, others] = [wordsOf.get(one), wordsOf.get(other)];
  if (!words || !others || words.value !== others.value) return one.message === other.message;
  return words.label === others.label && words.detail() === others.detail();
}

export const invalidField = (field: string, value: unknown, detail: string): FieldError =>
  late(field, 'FieldValueInvalid', { label: 'Invalid value', value, detail: () => detail });

export const requiredField = (field: string, detail = ''): FieldError => ({
  field,
  reason: 'FieldValueRequired',
  message: withDetail('Required value', detail),
});

export const forbiddenField = (field: string, detail: string): FieldError => ({
  field,
  reason: 'FieldValueForbidden',
  message: withDetail('Forbidden', detail),
});

export const duplicateField = (field: string, value: unknown, detail = ''): FieldError =>
  late(field, 'FieldValueDuplicate', { label: 'Duplicate value', value, detail: () => detail });

/** @param detail makes what is said besides */
export const notFoundField = (field: string, value: unknown, detail = () => ''): FieldError =>
  late(field, 'FieldValueNotFound', { label: 'Not found', value, detail });

/** `supported` is shown in the order given. */
export const notSupportedField = (field: string, value: unknown, supported: readonly string[]): FieldError => {
  const detail = () => (supported.length ? `supported values: ${supported.map((s) => JSON.stringify(s)).join(', ')}` : '');
  return late(field, 'FieldValueNotSupported', { label: 'Unsupported value', value, detail });
};

export const tooLongField = (field: string, maxBytes: number): FieldError => ({
  field,
  reason: 'FieldValueTooLong',
  message: `Too long: may not be more than ${maxBytes} bytes`,
});

export const tooManyField = (field: string, actual: number, max: number): FieldError => ({
  field,
  reason: 'FieldValueTooMany',
  message: `Too many: ${actual}: must have at most ${max} ${max === 1 ? 'item' : 'items'}`,
});

/** The path that stands for an object as a whole. */
export const WHOLE_OBJECT = '[]';

/** Adds errors one by one: of a large object there may be more than a call takes as arguments. */
export function addErrors(errors: FieldError[], more: readonly FieldError[]): void {
  for (const error of more) errors.push(error);
}

export const IMMUTABLE = 'field is immutable';

/** Several errors in one text, as Go's aggregates show them. */
export function describeErrors(errors: readonly FieldError[]): string {
  const texts = [...new Set(errors.map(({ field, message }) => `${field}: ${message}`))];
  return texts.length === 1 ? texts[0]! : `[${texts.join(', ')}]`;
}
