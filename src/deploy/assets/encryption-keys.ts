import { randomBytes } from 'node:crypto';
import { ENCRYPTION_PROVIDERS, type EncryptionProvider } from '../../api/config/v1/inventory.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { AssetFiles } from './asset-files.ts';

/** A way in which Secrets lie in etcd: plain, or by a provider and a key. */
export type StoredForm =
  | { readonly provider: 'none' }
  | {
      readonly provider: Exclude<EncryptionProvider, 'none'>;
      /** In front of each value in etcd, so that who reads it knows which key it was. */
      readonly name: string;
      /** 32 bytes, as base64. */
      readonly secret: string;
    };

/**
 * How far the replacement of a key is. All API servers are through one before the next begins, so none ever meets what it cannot read:
 *
 * ```
 * settled    [own]           all is written and read by one
 * known      [own, next]     the next can be read by all
 * writing    [next, own]     the next is written, then all that lies there is written anew
 * dropping   [next]          the old one is told to nobody any more
 * ```
 */
export type EncryptionStage = 'settled' | 'known' | 'writing' | 'dropping';

/** How Secrets of a cluster are kept. */
export interface EncryptionKeys {
  readonly stage: EncryptionStage;
  /** How many keys were ever made: names are not used twice. */
  readonly made: number;
  /** The first is written, all are read. */
  readonly forms: readonly [StoredForm, ...StoredForm[]];
}

/** One file, so that every step is one write. */
const FILE = 'encryption.json';
const KEY_BYTES = 32;
const LENGTHS: Readonly<Record<EncryptionStage, number>> = { settled: 1, known: 2, writing: 2, dropping: 1 };

/** How a cluster begins. */
export const newEncryptionKeys = (provider: EncryptionProvider): EncryptionKeys => {
  const form = newForm(provider, 1);
  return { stage: 'settled', made: Number(form.provider !== 'none'), forms: [form] };
};

/**
 * The keys among the assets.
 *
 * @param provider with which the cluster begins, where nothing is written of it yet
 * @throws CodedError ASSETS_MALFORMED
 */
export async function openEncryptionKeys(files: AssetFiles, provider: EncryptionProvider): Promise<EncryptionKeys> {
  const text = await files.read(FILE);
  if (text !== undefined) return parse(text);
  const keys = newEncryptionKeys(provider);
  // Assets that were made before there was encryption stay as they are.
  if (provider !== 'none') await writeEncryptionKeys(files, keys);
  return keys;
}

export const writeEncryptionKeys = (files: AssetFiles, keys: EncryptionKeys): Promise<void> =>
  files.write(FILE, `${JSON.stringify(keys)}\n`, true);

/** What is written when the replacement that goes on, if one does, is through. */
export function lastingForm({ stage, forms }: EncryptionKeys): StoredForm {
  return stage === 'known' ? forms[1]! : forms[0];
}

/** The step behind the one where keys are. @param provider of what is to come, behind `settled` */
export function advanceKeys(keys: EncryptionKeys, provider: EncryptionProvider): EncryptionKeys {
  const [first, second] = keys.forms;
  switch (keys.stage) {
    case 'settled': {
      const next = newForm(provider, keys.made + 1);
      return { stage: 'known', made: keys.made + Number(next.provider !== 'none'), forms: [first, next] };
    }
    case 'known':
      return { ...keys, stage: 'writing', forms: [second!, first] };
    case 'writing':
      return { ...keys, stage: 'dropping', forms: [first] };
    case 'dropping':
      return { ...keys, stage: 'settled' };
  }
}

/** What a value in etcd begins with. Empty: it is plain, and begins with none of the others' prefixes. */
export const prefixOf = (form: StoredForm): string =>
  form.provider === 'none' ? '' : `${ENCRYPTED}${form.provider}:v1:${form.name}:`;

const ENCRYPTED = 'k8s:enc:';

/** Whether a value of etcd is in this form. @param beginning its first bytes, as latin1 */
export const isInForm = (form: StoredForm, beginning: string): boolean =>
  form.provider === 'none' ? !beginning.startsWith(ENCRYPTED) : beginning.startsWith(prefixOf(form));

function newForm(provider: EncryptionProvider, number: number): StoredForm {
  if (provider === 'none') return { provider };
  return { provider, name: `key${number}`, secret: randomBytes(KEY_BYTES).toString('base64') };
}

function parse(text: string): EncryptionKeys {
  const keys = parsed(text);
  const { stage, made, forms } = keys ?? {};
  const isWhole =
    typeof stage === 'string' &&
    Object.hasOwn(LENGTHS, stage) &&
    Number.isSafeInteger(made) &&
    Array.isArray(forms) &&
    forms.length === LENGTHS[stage as EncryptionStage] &&
    forms.every(isForm);
  if (!isWhole)
    throw new CodedError(`${FILE} of the assets cannot be read; without its keys nobody can read the cluster's Secrets`, {
      code: 'ASSETS_MALFORMED',
    });
  return keys as unknown as EncryptionKeys;
}

function isForm(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { provider, name, secret } = value as Readonly<Record<string, unknown>>;
  if (provider === 'none') return true;
  if (typeof name !== 'string' || !/^key\d{1,9}$/.test(name) || typeof secret !== 'string') return false;
  return ENCRYPTION_PROVIDERS.includes(provider as 'none') && Buffer.from(secret, 'base64').length === KEY_BYTES;
}

function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
