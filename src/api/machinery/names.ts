/** What names, keys and label values must look like; each check returns what is wrong, in upstream's words, or nothing. */

import { canonicalIpComplaints } from './ip.ts';

/** Returns every complaint about a value; an empty list means that it is fine. */
export type NameCheck = (value: string) => string[];

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`;
const LABEL_1035 = '[a-z]([-a-z0-9]*[a-z0-9])?';
const QUALIFIED = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const LABEL_VALUE = `(${QUALIFIED})?`;
const CONFIG_KEY = '[-._a-zA-Z0-9]+';

const whole = (pattern: string) => new RegExp(`^(?:${pattern})$`);
const isLabel = whole(LABEL);
const isSubdomain = whole(SUBDOMAIN);
const isLabel1035 = whole(LABEL_1035);
const isQualified = whole(QUALIFIED);
const isLabelValue = whole(LABEL_VALUE);
const isConfigKey = whole(CONFIG_KEY);

/** Upstream's way of saying that a value does not match (the doubled blank before "or" is upstream's). */
function mismatch(rule: string, pattern: string, ...examples: string[]): string {
  const shown = examples.map((example) => `'${example}', `).join(' or ');
  return `${rule} (${shown && `e.g. ${shown}`}regex used for validation is '${pattern}')`;
}

const tooLong = (max: number) => `must be no more than ${max} characters`;
const tooManyBytes = (max: number) => `must be no more than ${max} bytes`;

export const checkDnsLabel: NameCheck = (value) => {
  const complaints: string[] = [];
  if (value.length > 63) complaints.push(tooLong(63));
  if (isLabel.test(value)) return complaints;
  if (isSubdomain.test(value)) complaints.push('must not contain dots');
  else
    complaints.push(
      mismatch(
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
        LABEL,
        'my-name',
        '123-abc',
      ),
    );
  return complaints;
};

export const checkDnsSubdomain: NameCheck = (value) => {
  const complaints: string[] = [];
  if (value.length > 253) complaints.push(tooLong(253));
  if (!isSubdomain.test(value))
    complaints.push(
      mismatch(
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
        SUBDOMAIN,
        'example.com',
      ),
    );
  return complaints;
};

export const checkDns1035Label: NameCheck = (value) => {
  const complaints: string[] = [];
  if (value.length > 63) complaints.push(tooLong(63));
  if (!isLabel1035.test(value))
    complaints.push(
      mismatch(
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
        LABEL_1035,
        'my-name',
        'abc-123',
      ),
    );
  return complaints;
};

/** What may stand between two slashes of a path: all that RBAC names and CSR names must be. */
export const checkPathSegment: NameCheck = (value) => {
  if (value === '.' || value === '..') return [`may not be '${value}'`];
  return ['/', '%'].filter((character) => value.includes(character)).map((character) => `may not contain '${character}'`);
};

const QUALIFIED_RULE =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
const QUALIFIED_EXAMPLES = ['MyName', 'my.name', '123-abc'] as const;
const NOT_QUALIFIED = `name part ${mismatch(QUALIFIED_RULE, QUALIFIED, ...QUALIFIED_EXAMPLES)}`;

/** A label key, finalizer or other name with an optional DNS prefix: `example.com/name`. */
export const checkQualifiedName: NameCheck = (value) => {
  const complaints: string[] = [];
  const parts = value.split('/');
  const name = parts.at(-1)!;
  if (parts.length > 2)
    return [
      `a valid label key ${mismatch(QUALIFIED_RULE, QUALIFIED, ...QUALIFIED_EXAMPLES)} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  if (parts.length === 2) {
    if (parts[0] === '') complaints.push('prefix part must be non-empty');
    else complaints.push(...checkDnsSubdomain(parts[0]!).map((complaint) => `prefix part ${complaint}`));
  }
  if (name === '') complaints.push('name part must be non-empty');
  else if (Buffer.byteLength(name) > 63) complaints.push(`name part ${tooManyBytes(63)}`);
  if (!isQualified.test(name)) complaints.push(NOT_QUALIFIED);
  return complaints;
};

const NO_LABEL_VALUE = mismatch(
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  LABEL_VALUE,
  'MyValue',
  'my_value',
  '12345',
);

export const checkLabelValue: NameCheck = (value) => {
  const complaints: string[] = [];
  if (Buffer.byteLength(value) > 63) complaints.push(tooManyBytes(63));
  if (!isLabelValue.test(value)) complaints.push(NO_LABEL_VALUE);
  return complaints;
};

/** A key of a ConfigMap or Secret. */
export const checkConfigKey: NameCheck = (value) => {
  const complaints: string[] = [];
  if (value.length > 253) complaints.push(tooLong(253));
  if (!isConfigKey.test(value))
    complaints.push(
      mismatch(
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
        CONFIG_KEY,
        'key.name',
        'KEY_NAME',
        'key-name',
      ),
    );
  if (value === '.' || value === '..') complaints.push(`must not be '${value}'`);
  else if (value.startsWith('..')) complaints.push("must not start with '..'");
  return complaints;
};

export const checkEnvironmentName: NameCheck = (value) =>
  value !== '' && /^[\x20-\x3c\x3e-\x7e]+$/.test(value)
    ? []
    : ["a valid environment variable name must consist only of printable ASCII characters other than '='"];

/** An IANA service name, as ports have them. */
export const checkPortName: NameCheck = (value) => {
  const complaints: string[] = [];
  if (value.length > 15) complaints.push(tooLong(15));
  if (!/^[-a-z0-9]+$/.test(value)) complaints.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  if (!/[a-z]/.test(value)) complaints.push('must contain at least one letter (a-z)');
  if (value.includes('--')) complaints.push('must not contain consecutive hyphens');
  if (value.startsWith('-') || value.endsWith('-')) complaints.push('must not begin or end with a hyphen');
  return complaints;
};

/** The check for each of a kind's name rules. */
export const NAME_RULES = {
  'dns-subdomain': checkDnsSubdomain,
  'dns-label': checkDnsLabel,
  'dns-1035-label': checkDns1035Label,
  'path-segment': checkPathSegment,
  'config-key': checkConfigKey,
  'ip-address': canonicalIpComplaints,
} as const satisfies Record<string, NameCheck>;

/** Without vowels and look-alikes, so that no words arise. */
const SUFFIX_ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';
const LONGEST_GENERATED = 63;
const SUFFIX_LENGTH = 5;

/** `prefix` (cut so that the whole fits in 63 characters) and five random characters. `random` returns numbers in [0, 1). */
export function generateName(prefix: string, random: () => number): string {
  let name = prefix.slice(0, LONGEST_GENERATED - SUFFIX_LENGTH);
  for (let i = 0; i < SUFFIX_LENGTH; i++) name += SUFFIX_ALPHABET[Math.floor(random() * SUFFIX_ALPHABET.length)];
  return name;
}
