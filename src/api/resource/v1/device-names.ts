/** What devices, pools, requests and attributes are called (pkg/apis/resource/validation). */
import { checkDriverName } from '../../machinery/domain-names.ts';
import { checkEach, checkField } from '../../machinery/field-checks.ts';
import { duplicateField, invalidField, requiredField, tooLongField, tooManyField } from '../../machinery/field-error.ts';
import { checkDnsLabel, checkDnsSubdomain, checkQualifiedName } from '../../machinery/names.ts';
import type { FieldError } from '../../machinery/status-error.ts';

const LONGEST_POOL = 253;
const LONGEST_IDENTIFIER = 32;
const MOST_CONDITIONS = 4;
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
  const errors = Buffer.byteLength(id) > LONGEST_IDENTIFIER ? [tooLongField(field, LONGEST_IDENTIFIER)] : [];
  if (isIdentifier.test(id)) return errors;
  const complaint = `a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is '${IDENTIFIER}')`;
  return [...errors, invalidField(field, id, complaint)];
}

/** `model`, or `driver.example.com/model`. */
export function checkAttributeName(field: string, name: string): FieldError[] {
  const [domain = '', id, ...more] = name.split('/');
  if (id === undefined) return checkIdentifier(field, domain);
  if (more.length) return [invalidField(field, name, 'must not contain more than one slash')];
  return [
    ...(domain ? checkDriverName(field, domain) : [invalidField(field, '', 'the domain must not be empty')]),
    ...(id ? checkIdentifier(field, id) : [invalidField(field, '', 'the name must not be empty')]),
  ];
}

export function checkFullAttributeName(field: string, name: string): FieldError[] {
  const errors = checkAttributeName(field, name);
  if (name.includes('/')) return errors;
  return [...errors, invalidField(field, name, 'a fully qualified name must be a domain and a name separated by a slash')];
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** What tells shares of a device apart. */
export function checkShareId(field: string, id: string | undefined): FieldError[] {
  if (id === undefined || UUID.test(id)) return [];
  if (UUID.test(id.toLowerCase()))
    return [
      invalidField(
        field,
        id,
        'uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal characters',
      ),
    ];
  const wrong = id.length === 36 ? 'invalid UUID format' : `invalid UUID length: ${Buffer.byteLength(id)}`;
  return [invalidField(field, id, `error validating uid: ${wrong}`)];
}

export interface BindingConditions {
  readonly bindingConditions?: readonly string[];
  readonly bindingFailureConditions?: readonly string[];
}

/** What must hold before a pod is bound to devices, and what says that it never will. */
export function checkBindingConditions(given: BindingConditions, path: string): FieldError[] {
  const { bindingConditions: wanted = [], bindingFailureConditions: failures = [] } = given;
  const [at, atFailures] = [`${path}.bindingConditions`, `${path}.bindingFailureConditions`];
  const checkName = (name: string, place: string) => checkField(place, name, checkQualifiedName);
  const errors = [
    ...checkSet(wanted, at, MOST_CONDITIONS, checkName),
    ...checkSet(failures, atFailures, MOST_CONDITIONS, checkName),
    ...repeated(wanted, at),
    ...checkEach(failures, atFailures, (name, place, i) => [
      ...(failures.indexOf(name) < i ? [duplicateField(place, name)] : []),
      ...(wanted.includes(name)
        ? [invalidField(place, name, 'bindingFailureConditions must not overlap with bindingConditions')]
        : []),
    ]),
  ];
  if (!wanted.length && failures.length)
    errors.push(invalidField(at, given.bindingConditions, 'bindingConditions are required to use bindingFailureConditions'));
  if (!failures.length && wanted.length)
    errors.push(
      invalidField(atFailures, given.bindingFailureConditions, 'bindingFailureConditions are required to use bindingConditions'),
    );
  return errors;
}

const repeated = (names: readonly string[], path: string): FieldError[] =>
  checkEach(names, path, (name, place, i) => (names.indexOf(name) < i ? [duplicateField(place, name)] : []));

/** Complaints about items, or that there are too many, and about those whose key was there before. */
export function checkSet<T>(
  items: readonly T[] | undefined,
  path: string,
  most: number,
  check: (item: T, path: string) => FieldError[],
  keyOf?: (item: T) => string,
): FieldError[] {
  if (items && items.length > most) return [tooManyField(path, items.length, most)];
  const errors = checkEach(items, path, check);
  if (!keyOf) return errors;
  const seen = new Set<string>();
  return [
    ...errors,
    ...checkEach(items, path, (item, at) => {
      const key = keyOf(item);
      if (seen.has(key)) return [duplicateField(at, key)];
      seen.add(key);
      return [];
    }),
  ];
}

/** Complaints about the names in a map, which are told of the map, and about what they stand for. */
export function checkEntries<T>(
  entries: Readonly<Record<string, T>> | undefined,
  path: string,
  most: number,
  {
    name,
    value,
  }: { readonly name: (path: string, key: string) => FieldError[]; readonly value: (item: T, path: string) => FieldError[] },
): FieldError[] {
  const all = Object.entries(entries ?? {});
  if (all.length > most) return [tooManyField(path, all.length, most)];
  return all.flatMap(([key, item]) => [...name(path, key), ...value(item, `${path}[${shortened(key)}]`)]);
}

/** So much of a name is shown. */
const LONGEST_SHOWN = 63 + 1 + LONGEST_IDENTIFIER;

function shortened(key: string): string {
  if (key.length <= LONGEST_SHOWN) return key;
  const left = LONGEST_SHOWN - '...'.length;
  return `${key.slice(0, Math.floor((left + 1) / 2))}...${key.slice(key.length - Math.floor(left / 2))}`;
}
