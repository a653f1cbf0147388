import type { V1Secret } from '../../gen/types.ts';
import { setField } from '../../machinery/clone.ts';
import { IMMUTABLE, invalidField, requiredField } from '../../machinery/field-error.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { decodedBytes, validateImmutability, validateKeys, validateSize } from './data-rules.ts';

const SERVICE_ACCOUNT_NAME = 'kubernetes.io/service-account.name';

/** Types whose data must have certain keys: all of them, or (`any`) at least one. */
const NEEDED_KEYS: Readonly<Record<string, { readonly keys: readonly string[]; readonly any?: true }>> = {
  'kubernetes.io/basic-auth': { keys: ['username', 'password'], any: true },
  'kubernetes.io/ssh-auth': { keys: ['ssh-privatekey'] },
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

export function validateSecret(object: DynamicObject): FieldError[] {
  const { data, type, metadata } = object as V1Secret;
  const errors = [...validateKeys(data, 'data'), ...validateSize(decodedBytes(data), 'data')];
  if (type === 'kubernetes.io/service-account-token' && !metadata?.annotations?.[SERVICE_ACCOUNT_NAME])
    errors.push(requiredField(`metadata.annotations[${SERVICE_ACCOUNT_NAME}]`));
  errors.push(...validateNeededKeys(type ?? '', data ?? {}));
  return errors;
}

function validateNeededKeys(type: string, data: Readonly<Record<string, string>>): FieldError[] {
  const needed = Object.hasOwn(NEEDED_KEYS, type) ? NEEDED_KEYS[type]! : undefined;
  if (!needed) return [];
  const missing = needed.keys.filter((key) => !Object.hasOwn(data, key));
  if (needed.any && missing.length < needed.keys.length) return [];
  const errors = missing.map((key) => requiredField(`data[${key}]`));
  for (const key of needed.keys.filter((each) => each.startsWith('.docker') && Object.hasOwn(data, each)))
    if (!isJson(Buffer.from(data[key]!, 'base64').toString()))
      errors.push(invalidField(`data[${key}]`, '<secret contents redacted>', 'invalid character in JSON'));
  return errors;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    // Asked whether it is JSON: it is not.
    return false;
  }
}

/** A secret that is updated without a type keeps the one it has. */
export function prepareSecretUpdate(updated: DynamicObject, existing: DynamicObject): void {
  if (!updated['type']) updated['type'] = existing['type'];
}

export function validateSecretUpdate(updated: DynamicObject, existing: DynamicObject): FieldError[] {
  const errors = validateImmutability(updated, existing, ['data']);
  if (updated['type'] !== existing['type']) errors.push(invalidField('type', updated['type'], IMMUTABLE));
  return errors;
}
