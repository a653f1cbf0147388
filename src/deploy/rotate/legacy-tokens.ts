import { createPublicKey, verify } from 'node:crypto';
import { secretKind } from '../../api/core/v1/secret.ts';
import type { V1Secret } from '../../api/gen/types.ts';
import type { Client } from '../../client/client.ts';
import { unlessReason } from '../../client/unless-reason.ts';
import type { Clock } from '../../std/clock.ts';
import { CodedError } from '../../std/coded-error.ts';

const TYPE = 'kubernetes.io/service-account-token';
const REMADE_MS = 60_000;
const POLL_MS = 500;

export interface RemakeOptions {
  readonly client: Client;
  /** The public half of the key that signs now, as PEM. */
  readonly publicKey: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Whether a service account's token was signed with this key. What is no token was not. */
export function isTokenOf(publicKey: string, token: string): boolean {
  const [header, payload, signature, ...more] = token.split('.');
  if (header === undefined || payload === undefined || signature === undefined || more.length > 0) return false;
  const bytes = Buffer.from(`${header}.${payload}`);
  return verify('RSA-SHA256', bytes, createPublicKey(publicKey), Buffer.from(signature, 'base64url'));
}

/**
 * Has tokens that lie in Secrets made again with the key that signs now: the token controller fills in what is missing. Answers how many.
 *
 * @throws CodedError TOKENS_NOT_REMADE naming the Secrets that stayed without one
 */
export async function remakeLegacyTokens({ client, publicKey, clock, signal }: RemakeOptions): Promise<number> {
  const secrets = client.resource<V1Secret>(secretKind);
  const old = async () =>
    (await secrets.list({ fieldSelector: `type=${TYPE}`, signal })).items.filter(
      ({ data }) => !isTokenOf(publicKey, Buffer.from(data?.['token'] ?? '', 'base64').toString()),
    );
  const found = await old();
  for (const { metadata } of found) {
    const own = client.resource<V1Secret>(secretKind, metadata?.namespace ?? '');
    await unlessReason(own.patch(metadata?.name ?? '', { data: { token: null } }, { type: 'merge', signal }), 'NotFound');
  }
  const endMs = clock.now() + REMADE_MS;
  for (let left = found.length > 0 ? await old() : []; left.length > 0; left = await old()) {
    if (clock.now() > endMs)
      throw new CodedError(
        `Secrets of service accounts have no token of the new key: ${left.map(({ metadata }) => `${metadata?.namespace}/${metadata?.name}`).join(', ')}`,
        { code: 'TOKENS_NOT_REMADE', retryable: true },
      );
    await clock.sleep(POLL_MS, signal);
  }
  return found.length;
}
