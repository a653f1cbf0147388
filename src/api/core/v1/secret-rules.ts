import type { V1Secret } from '../../gen/types.ts';
import { setField } from '../../machinery/clone.ts';
import { addErrors, IMMUTABLE, invalidField, requiredField } from '../../machinery/field-error.ts';
import type { WriteContext } from '../../machinery/kind.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { decodedBytes, examineData, validateImmutability, validateSize } from './data-rules.ts';

const SERVICE_ACCOUNT_NAME = 'kubernetes.io/service-account.name';

interface NeededKeys {
  readonly keys: readonly string[];
  /** One of them is enough. */
  readonly any?: true;
  /** They may not be empty. */
  readonly filled?: true;
}

/** Types whose data must have certain keys: all of them, or (`any`) at least one. */
const NEEDED_KEYS: Readonly<Record<string, NeededKeys>> = {
  'kubernetes.io/basic-auth': { keys: ['username', 'password'], any: true },
  'kubernetes.io/ssh-auth': { keys: ['ssh-privatekey'], filled: true },
  'kubernetes.io/tls': { keys: ['tls.crt', 'tls.key'] },
  'kubernetes.io/dockerconfigjson': { keys: ['.dockerconfigjson'] },
  'kubernetes.io/dockercfg': { keys: ['.dockercfg'] },
};

/** `stringData` is a way of writing only: it goes into `data`. */
export function setSecretDefaults(object: DynamicObject): void {
  const secret = object as V1Secret;
  if (secret.stringData) {
    const data = { ...secret.data };
    for (const [key, text] of Object.entries(secret.stringData)) setField(data, key, Buffer.from(text).toString('base64'));
    if (Object.keys(data).length) secret.data = data;
    delete secret.stringData;
  }
  secret.type ||= 'Opaque';
}

/** What may not change first. */
export function validateSecret(object: DynamicObject, _context?: WriteContext, existing?: DynamicObject): FieldError[] {
  const { data, type, metadata } = object as V1Secret;
  const errors = existing ? validateChange(object, existing) : [];
  const examined = examineData(data, 'data', decodedBytes);
  addErrors(errors, examined.errors);
  addErrors(errors, validateSize(examined.bytes, 'data'));
  if (type === 'kubernetes.io/service-account-token' && !metadata?.annotations?.[SERVICE_ACCOUNT_NAME])
    errors.push(requiredField(`metadata.annotations[${SERVICE_ACCOUNT_NAME}]`));
  addErrors(errors, validateNeededKeys(type ?? '', data ?? {}));
  return errors;
}

function validateNeededKeys(type: string, data: Readonly<Record<string, string>>): FieldError[] {
  const needed = Object.hasOwn(NEEDED_KEYS, type) ? NEEDED_KEYS[type]! : undefined;
  if (!needed) return [];
  const { keys, any, filled } = needed;
  const missing = keys.filter((key) => !Object.hasOwn(data, key) || (filled && !data[key]));
  if (any && missing.length < keys.length) return [];
  const errors = missing.map((key) => requiredField(`data[${key}]`));
  for (const key of keys.filter((each) => each.startsWith('.docker') && Object.hasOwn(data, each))) {
    const complaint = objectComplaint(Buffer.from(data[key]!, 'base64').toString());
    if (complaint) errors.push(invalidField(`data[${key}]`, '<secret contents redacted>', complaint));
  }
  return errors;
}

/** What is wrong with a text that should be a JSON object, without showing any of it. */
function objectComplaint(text: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own words would show a piece of the secret.
    return text.trim() === '' ? 'unexpected end of JSON input' : 'invalid character in JSON';
  }
  const name = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
  return value === null || name === 'object'
    ? undefined
    : `json: cannot unmarshal ${name} into Go value of type map[string]interface {}`;
}

/** A secret that is updated without a type keeps the one it has. */
export function prepareSecretUpdate(updated: DynamicObject, existing: DynamicObject): void {
  if (!updated['type']) updated['type'] = existing['type'];
}

const validateChange = (updated: DynamicObject, existing: DynamicObject): FieldError[] => [
  ...(updated['type'] === existing['type'] ? [] : [invalidField('type', updated['type'], IMMUTABLE)]),
  ...validateImmutability(updated, existing, ['data']),
];
