/** Who the server is to its webhooks: users of a kubeconfig file, told apart by the webhook's host (apiserver/pkg/util/webhook/authentication.go). */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createTokenFile } from '../../../client/transport/credentials.ts';
import type { Kubeconfig, KubeconfigUser } from '../../../pki/kubeconfig.ts';
import { absolutePath } from '../../../pki/kubeconfig-paths.ts';
import type { Clock } from '../../../std/clock.ts';
import { CodedError } from '../../../std/coded-error.ts';

/** What one question takes along. */
export interface WebhookIdentity {
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly certificate?: { readonly cert: string; readonly key: string };
  /** The same for identities that may share a connection. */
  readonly connectionKey: string;
}

/** Who to be for `host:port`; undefined: nobody. */
export type WebhookUsers = (target: string) => Promise<WebhookIdentity> | undefined;

const HTTPS_PORT = ':443';

/** `a.b.c:1`, `*.b.c:1`, `*.c:1`. */
function namesOf(target: string): string[] {
  const parts = target.split('.');
  return [target, ...parts.slice(1).map((_, i) => `*.${parts.slice(i + 1).join('.')}`)];
}

/**
 * The user that the file has for a webhook: by its host and port, by the end of its name (`*.svc:443`), by either without the port 443,
 * then `*`, then the current context's.
 */
export function userFor(config: Kubeconfig, target: string): KubeconfigUser | undefined {
  const bare = target.endsWith(HTTPS_PORT) ? namesOf(target.slice(0, -HTTPS_PORT.length).replace(/^\[(.*)\]$/, '$1')) : [];
  const context = config.contexts.find(({ name }) => name === config['current-context'])?.context;
  for (const name of [...namesOf(target), ...bare, '*', ...(context?.user ? [context.user] : [])]) {
    const found = config.users.find((user) => user.name === name);
    if (found) return found.user ?? {};
  }
  return undefined;
}

/** What would need another program's answer, or upstream refuses, too. */
const UNSUPPORTED = ['exec', 'auth-provider'];
const TEXTS = ['token', 'tokenFile', 'username', 'password', 'as', 'as-uid'];

/** Throws a CodedError for users of a file that cannot be used here; the message names the field, never what it holds. */
export function checkWebhookUsers({ users }: Kubeconfig): void {
  for (const { name, user } of users) {
    const fail = (field: string, why: string) =>
      new CodedError(`user ${JSON.stringify(name)} ${field}: ${why}`, { code: 'KUBECONFIG_UNSUPPORTED' });
    const fields: Readonly<Record<string, unknown>> = user ?? {};
    const refused = UNSUPPORTED.find((field) => fields[field]);
    if (refused) throw fail(refused, 'is not supported');
    for (const field of TEXTS)
      if (fields[field] !== undefined && typeof fields[field] !== 'string') throw fail(field, 'must be a string');
    if (!isTexts(fields['as-groups'] ?? [])) throw fail('as-groups', 'must be a list of strings');
    const extra: unknown = fields['as-user-extra'] ?? {};
    if (typeof extra !== 'object' || extra === null || !Object.values(extra).every(isTexts))
      throw fail('as-user-extra', 'must be lists of strings');
    if ((fields['token'] || fields['tokenFile']) && (fields['username'] || fields['password']))
      throw fail('username', 'username/password or bearer token may be set, but not both');
    const has = (field: string) => Boolean(fields[field] || fields[`${field}-data`]);
    if (has('client-certificate') !== has('client-key')) throw fail('client-certificate', 'needs client-key, and the other way');
  }
}

const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every((each) => typeof each === 'string');

/** Files that users name are read again: certificates for each question, tokens once a minute. */
export function createWebhookUsers(config: Kubeconfig, clock: Pick<Clock, 'now'>): WebhookUsers {
  checkWebhookUsers(config);
  const known = new Map<KubeconfigUser, () => Promise<WebhookIdentity>>();
  return (target) => {
    const user = userFor(config, target);
    if (!user) return undefined;
    let identity = known.get(user);
    if (!identity) {
      identity = identityOf(user, config, clock);
      known.set(user, identity);
    }
    return identity();
  };
}

function identityOf(user: KubeconfigUser, config: Kubeconfig, clock: Pick<Clock, 'now'>): () => Promise<WebhookIdentity> {
  const tokenFile = user.tokenFile ? createTokenFile(absolutePath(config, user.tokenFile), clock) : undefined;
  const load = async (field: 'client-certificate' | 'client-key'): Promise<string | undefined> => {
    const data = user[`${field}-data`];
    if (typeof data === 'string' && data) return Buffer.from(data, 'base64').toString('utf8');
    const path = user[field];
    return path ? readFile(absolutePath(config, path), 'utf8') : undefined;
  };
  return async () => {
    const [cert, key] = await Promise.all([load('client-certificate'), load('client-key')]);
    const headers = headersOf(user, tokenFile?.read() ?? user.token);
    if (cert === undefined || key === undefined) return { headers, connectionKey: '' };
    return { headers, certificate: { cert, key }, connectionKey: createHash('sha256').update(cert).update(key).digest('hex') };
  };
}

function headersOf(user: KubeconfigUser, token: string | undefined): Record<string, string | string[]> {
  const { username, password } = user;
  const basic = username || password ? Buffer.from(`${username ?? ''}:${password ?? ''}`).toString('base64') : undefined;
  return {
    ...(token && { authorization: `Bearer ${token}` }),
    ...(!token && basic && { authorization: `Basic ${basic}` }),
    ...(user['as'] ? impersonationOf(user) : {}),
  };
}

function impersonationOf(user: KubeconfigUser): Record<string, string | string[]> {
  const extra = Object.entries((user['as-user-extra'] ?? {}) as Readonly<Record<string, string[]>>);
  return {
    'impersonate-user': user['as'] as string,
    'impersonate-group': (user['as-groups'] ?? []) as string[],
    ...Object.fromEntries(extra.map(([key, values]) => [`impersonate-extra-${encodeURIComponent(key)}`, values])),
  };
}
