import type { V1Secret } from '../../api/gen/types.ts';
import type { Client } from '../../client/client.ts';
import { unlessReason } from '../../client/unless-reason.ts';
import { tokenKeyId } from '../../pki/service-account-token.ts';
import type { SeenAccountKeys } from '../observations.ts';
import { KINDS, type Lister } from './kinds.ts';

/**
 * The keys of service-account tokens by their effect: those that the API server publishes, and those that signed the tokens in Secrets of
 * kube-system. Of a token nothing is kept but the name of its key. Undefined where the API server publishes none.
 */
export async function collectAccountKeys(
  client: Client,
  list: Lister,
  signal: AbortSignal,
): Promise<SeenAccountKeys | undefined> {
  const [published, secrets] = await Promise.all([
    unlessReason(client.raw({ path: '/openid/v1/jwks', signal }), 'NotFound'),
    list<V1Secret>(KINDS.secrets, 'kube-system', { fieldSelector: 'type=kubernetes.io/service-account-token' }),
  ]);
  if (!published) return undefined;
  const { keys } = JSON.parse(published.text) as { keys?: unknown };
  const verifying = (Array.isArray(keys) ? keys : []).flatMap((key: { kid?: unknown } | null) =>
    typeof key?.kid === 'string' ? [key.kid] : [],
  );
  const signed = new Map<string, string[]>();
  for (const { metadata, data } of secrets) {
    const keyId = tokenKeyId(Buffer.from(data?.['token'] ?? '', 'base64').toString('latin1'));
    if (keyId !== undefined) signed.set(keyId, [...(signed.get(keyId) ?? []), `kube-system/${metadata?.name}`]);
  }
  return { verifying, signed };
}
