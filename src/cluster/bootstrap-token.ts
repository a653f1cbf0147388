import { randomInt } from 'node:crypto';
import type { V1Secret } from '../api/gen/types.ts';
import { timeMs } from '../api/machinery/time-text.ts';
import { CodedError } from '../std/coded-error.ts';

/** Bootstrap token Secrets (k8s.io/cluster-bootstrap/token/api/types.go), as kubeadm writes and reads them. */

export const TOKEN_NAMESPACE = 'kube-system';
export const TOKEN_SECRET_TYPE = 'bootstrap.kubernetes.io/token';
export const TOKEN_SECRET_PREFIX = 'bootstrap-token-';
export const TOKEN_PATTERN = String.raw`\A([a-z0-9]{6})\.([a-z0-9]{16})\z`;
export const TOKEN_ID_PATTERN = String.raw`\A([a-z0-9]{6})\z`;
export const DEFAULT_TOKEN_GROUP = 'system:bootstrappers:kubeadm:default-node-token';
const TOKEN = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const TOKEN_ID = /^[a-z0-9]{6}$/;
const GROUP = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;
const USAGES = ['signing', 'authentication'] as const;

export interface BootstrapToken {
  readonly id: string;
  readonly secret: string;
  readonly description: string;
  /** Undefined: it never expires. */
  readonly expiresMs: number | undefined;
  readonly usages: readonly string[];
  readonly groups: readonly string[];
}

/** A token with all its bits from the system's secure random source, as `kubeadm token generate` prints one. */
export function generateBootstrapToken(): string {
  const characters = 'abcdefghijklmnopqrstuvwxyz0123456789';
  const pick = (length: number) => Array.from({ length }, () => characters[randomInt(characters.length)]).join('');
  return `${pick(6)}.${pick(16)}`;
}

/** @throws CodedError TOKEN_MALFORMED; the message does not repeat the secret half */
export function splitBootstrapToken(token: string): { id: string; secret: string } {
  const match = TOKEN.exec(token);
  if (!match) throw new CodedError(`the bootstrap token was not of the form "${TOKEN_PATTERN}"`, { code: 'TOKEN_MALFORMED' });
  return { id: match[1]!, secret: match[2]! };
}

/**
 * The id in `text`, which may be an id or a whole token.
 *
 * @throws CodedError TOKEN_MALFORMED
 */
export function tokenIdOf(text: string): string {
  if (TOKEN_ID.test(text)) return text;
  if (TOKEN.test(text)) return text.slice(0, 6);
  throw new CodedError(`given token didn't match pattern "${TOKEN_ID_PATTERN}" or "${TOKEN_PATTERN}"`, {
    code: 'TOKEN_MALFORMED',
  });
}

/**
 * The Secret that makes the API server accept a token.
 *
 * @throws CodedError for a group or usage that the API server would not honour
 */
export function bootstrapTokenSecret(token: BootstrapToken): V1Secret {
  for (const group of token.groups) {
    if (!GROUP.test(group))
      throw new CodedError(
        String.raw`bootstrap group ${JSON.stringify(group)} is invalid (must match \Asystem:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]\z)`,
        {
          code: 'TOKEN_GROUP_INVALID',
        },
      );
  }
  const unknown = token.usages.filter((usage) => !(USAGES as readonly string[]).includes(usage));
  if (unknown.length)
    throw new CodedError(`invalid bootstrap token usage string: ${unknown.join(',')}, valid usage options: ${USAGES.join(',')}`, {
      code: 'TOKEN_USAGE_INVALID',
    });
  const values: Record<string, string | undefined> = {
    'token-id': token.id,
    'token-secret': token.secret,
    description: token.description || undefined,
    expiration: token.expiresMs === undefined ? undefined : `${new Date(token.expiresMs).toISOString().slice(0, 19)}Z`,
    'auth-extra-groups': token.groups.join(',') || undefined,
    ...Object.fromEntries(token.usages.map((usage) => [`usage-bootstrap-${usage}`, 'true'])),
  };
  const data: Record<string, string> = {};
  for (const [key, value] of Object.entries(values)) if (value !== undefined) data[key] = Buffer.from(value).toString('base64');
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: `${TOKEN_SECRET_PREFIX}${token.id}`, namespace: TOKEN_NAMESPACE },
    type: TOKEN_SECRET_TYPE,
    data,
  };
}

/**
 * The token that a Secret holds.
 *
 * @throws CodedError TOKEN_SECRET_INVALID naming the Secret and what is wrong with it
 */
export function bootstrapTokenOf(secret: V1Secret): BootstrapToken {
  const name = secret.metadata?.name ?? '';
  const value = (key: string) => Buffer.from(secret.data?.[key] ?? '', 'base64').toString();
  const wrong = (what: string) =>
    new CodedError(`bootstrap token secret "${TOKEN_NAMESPACE}/${name}" ${what}`, { code: 'TOKEN_SECRET_INVALID' });
  const id = value('token-id');
  if (!TOKEN_ID.test(id)) throw wrong('has no valid token-id');
  if (name !== `${TOKEN_SECRET_PREFIX}${id}`) throw wrong(`should be named "${TOKEN_SECRET_PREFIX}${id}"`);
  if (!TOKEN.test(`${id}.${value('token-secret')}`)) throw wrong('has no valid token-secret');
  const expiration = value('expiration');
  const expiresMs = expiration ? timeMs(expiration) : undefined;
  if (expiration && expiresMs === undefined) throw wrong(`has an expiration that is no time: ${JSON.stringify(expiration)}`);
  return {
    id,
    secret: value('token-secret'),
    description: value('description'),
    expiresMs,
    usages: Object.keys(secret.data ?? {})
      .filter((key) => key.startsWith('usage-bootstrap-') && value(key) === 'true')
      .map((key) => key.slice('usage-bootstrap-'.length))
      .sort(),
    groups: value('auth-extra-groups').split(',').filter(Boolean).sort(),
  };
}
