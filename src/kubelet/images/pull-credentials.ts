import { createHash } from 'node:crypto';
import type { V1Secret } from '../../api/gen/types.ts';
import { nextTurn } from '../../std/next-turn.ts';
import type { RegistryCredentials } from '../runtime/runtime-abilities.ts';
import { RegistryIndex } from './registry-match.ts';

/** Where credentials come from: whoever may use that object may use what was pulled with them. */
export interface SecretSource {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
}

export interface TrackedCredentials {
  readonly credentials: RegistryCredentials;
  /** Undefined: the node's own, which every pod on it may use. */
  readonly secret?: SecretSource;
  /** Tells credentials apart without holding them. */
  readonly hash: string;
}

/** Of one secret are looked at in one turn of the event loop. */
const ENTRIES_AT_ONCE = 2000;
/** As long as the data of a Secret may be, in base64. */
const MOST_CHARACTERS = Math.ceil((1 << 20) / 3) * 4;

/**
 * The credentials that a pod's secrets hold for a repository, those for the longest path first (`kubernetes.io/dockerconfigjson` and
 * `kubernetes.io/dockercfg`; secrets of other types hold none).
 *
 * Rejects for a secret that cannot be read, without a word of what is in it
 */
export async function secretCredentials(secrets: readonly V1Secret[], repository: string): Promise<TrackedCredentials[]> {
  const found: TrackedCredentials[] = [];
  for (const secret of secrets) {
    const index = new RegistryIndex<RegistryCredentials>();
    for (const [at, [location, entry]] of registriesOf(secret).entries()) {
      // A pod names as many secrets as it likes, each with tens of thousands of entries.
      if (at % ENTRIES_AT_ONCE === 0) await nextTurn();
      const credentials = credentialsOf(entry);
      if (!credentials) throw malformed(secret);
      if (!isEmpty(credentials)) index.add(location, credentials);
    }
    const { uid = '', namespace = '', name = '' } = secret.metadata ?? {};
    for (const credentials of index.find(repository))
      found.push({ credentials, secret: { uid, namespace, name }, hash: hashOf(credentials) });
  }
  return found;
}

export function hashOf({ username = '', password = '' }: RegistryCredentials): string {
  return createHash('sha256')
    .update(JSON.stringify([username, password]))
    .digest('hex');
}

function registriesOf(secret: V1Secret): [string, unknown][] {
  const read = (key: string): unknown => {
    const base64 = secret.data && Object.hasOwn(secret.data, key) ? secret.data[key]! : '';
    if (base64.length > MOST_CHARACTERS) throw malformed(secret);
    try {
      return JSON.parse(Buffer.from(base64, 'base64').toString('utf8'));
    } catch {
      // What the parser says of the text is a part of the text.
      throw malformed(secret);
    }
  };
  const isOf = (type: string, key: string) => secret.type === type && Boolean(secret.data?.[key]);
  let entries: unknown;
  if (isOf('kubernetes.io/dockerconfigjson', '.dockerconfigjson'))
    entries = (read('.dockerconfigjson') as { auths?: unknown } | null)?.auths;
  else if (isOf('kubernetes.io/dockercfg', '.dockercfg')) entries = read('.dockercfg');
  if (typeof entries !== 'object' || entries === null) return [];
  return Object.entries(entries);
}

/** Of an entry of Docker's files: user and password, or both in `auth`. Undefined for what is no entry. */
export function credentialsOf(entry: unknown): RegistryCredentials | undefined {
  if (typeof entry !== 'object' || entry === null) return undefined;
  const { username, password, auth } = entry as Record<string, unknown>;
  if (typeof auth !== 'string' || auth === '') {
    const [user, secret] = [username ?? '', password ?? ''];
    return typeof user === 'string' && typeof secret === 'string' ? { username: user, password: secret } : undefined;
  }
  const text = Buffer.from(auth, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon === -1 ? undefined : { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** An entry of a credential helper, or one of a token only: of no use to a runtime. */
export const isEmpty = ({ username, password }: RegistryCredentials) => !username && !password;

const malformed = ({ metadata }: V1Secret) =>
  new Error(`secret ${metadata?.namespace}/${metadata?.name} does not hold credentials of registries`);
