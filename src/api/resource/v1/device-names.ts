/** What devices, pools, requests and attributes are called (pkg/apis/resource/validation). */
import { checkDriverName } from '../../machinery/domain-names.ts';
import { checkEach, checkField } from '../../machinery/field-checks.ts';
import { duplicateField, invalidField, requiredField, tooLongField, tooManyField } from '../../machinery/field-error.ts';
import { checkDnsLabel, checkDnsSubdomain } from '../../machinery/names.ts';
import type { FieldError } from '../../machinery/status-error.ts';

const LONGEST_POOL = 253;
const LONGEST_IDENTIFIER = 32;
const IDENTIFIER = '[A-Za-z_][A-Za-z0-9_]*';
const isIdentifier = new RegExp(`^${IDENTIFIER}$`);

export const checkRequestName = (field: string, name: string): FieldError[] => checkField(field, name, checkDnsLabel);

/** Subdomains with slashes between. */
export function checkPoolName(field: string, name: string): FieldError[] {
  if (!name) return [requiredField(field)];
  const errors = name.length > LONGEST_POOL ? [tooLongField(field, LONGEST_POOL)] : [];
  return [...errors, ...name.split('/').flatMap((part) => checkField(field, part, checkDnsSubdomain))];
}

function checkIdentifier(field: string, id: string): FieldError[] {
  const errors = id.length > LONGEST_IDENTIFIER ? [tooLongField(field, LONGEST_IDENTIFIER)] : [];
  if (isIdentifier.test(id)) return errors;
  const detail = `a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is '${IDENTIFIER}')`;
  return [...errors, { ...invalidField(field, id, detail), reason: 'FieldValueTypeInvalid' }];
}

/** `model`, or `driver.example.com/model`. */
export function checkAttributeName(field: string, name: string): FieldError[] {
  if (!name) return [requiredField(field, 'name required')];
  const [domain = '', id, ...more] = name.split('/');
  if (id === undefined) return checkIdentifier(field, domain);
  if (more.length) return [];
  return [
    ...(domain ? checkDriverName(field, domain) : [requiredField(field, 'the domain must not be empty')]),
    ...(id ? checkIdentifier(field, id) : [requiredField(field, 'the name must not be empty')]),
  ];
}

export function checkFullAttributeName(field: string, name: string): FieldError[] {
  const errors = checkAttributeName(field, name);
  return name && !name.includes('/') ? [...errors, invalidField(field, name, 'must include a domain')] : errors;
}

/** Complaints about items, about too many of them and about those whose key was there before. */
export function checkSet<T>(
  items: readonly T[] | undefined,
  path: string,
  most: number,
  check: (item: T, path: string) => FieldError[],
  key?: { readonly of: (item: T) => string; readonly field?: string },
): FieldError[] {
  const errors = checkEach(items, path, check);
  if (items && items.length > most) errors.push(tooManyField(path, items.length, most));
  if (!key) return errors;
  const seen = new Set<string>();
  return [
    ...errors,
    ...checkEach(items, path, (item, at) => {
      const value = key.of(item);
      if (seen.has(value)) return [duplicateField(key.field ? `${at}.${key.field}` : at, value)];
      seen.add(value);
      return [];
    }),
  ];
}
