import { secretKind } from '../../api/core/v1/secret.ts';
import type { V1Secret } from '../../api/gen/types.ts';
import { timeMs } from '../../api/machinery/time-text.ts';
import type { Client } from '../../client/client.ts';
import { unlessReason } from '../../client/unless-reason.ts';
import { CodedError } from '../../std/coded-error.ts';
import { formatAge, formatTable } from '../../std/table-text.ts';
import { bootstrapGroup, groupsOf } from '../nodes/membership.ts';

const NAMESPACE = 'kube-system';

/** A bootstrap token of one node. Its secret half is told to nobody. */
export interface NodeToken {
  readonly node: string;
  readonly id: string;
  /** Undefined: it never ends. */
  readonly expiresMs: number | undefined;
}

/** The tokens by which these nodes may join, of those that are there: expired ones are cleaned away after a time. */
export async function listNodeTokens(client: Client, nodes: readonly string[], signal: AbortSignal): Promise<NodeToken[]> {
  const secrets = client.resource<V1Secret>(secretKind, NAMESPACE);
  const { items } = await secrets.list({ fieldSelector: 'type=bootstrap.kubernetes.io/token', signal });
  return items.flatMap((secret) => {
    const groups = groupsOf(secret);
    const node = nodes.find((name) => groups.includes(bootstrapGroup(name)));
    return node === undefined ? [] : [tokenOf(node, secret)];
  });
}

function tokenOf(node: string, { metadata, data }: V1Secret): NodeToken {
  const expiration = Buffer.from(data?.['expiration'] ?? '', 'base64').toString();
  // What is no time has never been valid.
  const expiresMs = expiration ? (timeMs(expiration) ?? 0) : undefined;
  return { node, id: metadata?.name?.slice('bootstrap-token-'.length) ?? '', expiresMs };
}

export const isExpired = ({ expiresMs }: NodeToken, nowMs: number) => expiresMs !== undefined && expiresMs <= nowMs;

/**
 * The tokens that words name: by their ids, as whole tokens, or all of a host's. A host may have none; a token has to be there.
 *
 * @throws CodedError TOKEN_UNKNOWN naming the first word that is neither
 */
export function chooseTokens(
  words: readonly string[],
  tokens: readonly NodeToken[],
  hosts: ReadonlySet<string>,
): readonly NodeToken[] {
  const chosen = words.flatMap((word) => {
    if (hosts.has(word)) return tokens.filter(({ node }) => node === word);
    const found = tokens.find(({ id }) => id === word.split('.')[0]);
    // Of a whole token only the half that is no secret is shown.
    if (!found)
      throw new CodedError(`the inventory has no host, and its nodes no token, called ${JSON.stringify(word.split('.')[0])}`, {
        code: 'TOKEN_UNKNOWN',
      });
    return [found];
  });
  return [...new Set(chosen)];
}

/** Deletes tokens that are of no use any more. */
export async function deleteTokens(client: Client, tokens: readonly NodeToken[], signal: AbortSignal): Promise<void> {
  const secrets = client.resource<V1Secret>(secretKind, NAMESPACE);
  for (const { id } of tokens) await unlessReason(secrets.delete(`bootstrap-token-${id}`, { signal }), 'NotFound');
}

/** Who may join, by what, and until when. @param joined nodes that need none */
export function formatTokens(tokens: readonly NodeToken[], joined: ReadonlySet<string>, nowMs: number): string {
  return formatTable([
    ['NODE', 'TOKEN', 'ENDS', 'NODE HAS JOINED'],
    ...tokens.map((token) => [
      token.node,
      token.id,
      token.expiresMs === undefined ? 'never' : isExpired(token, nowMs) ? 'expired' : `in ${formatAge(token.expiresMs - nowMs)}`,
      joined.has(token.node) ? 'yes' : 'no',
    ]),
  ]);
}

/** Which nodes get another token: those that have not joined, and have none that is valid for long enough to do so. */
export function planTokens(
  unjoined: readonly string[],
  tokens: readonly NodeToken[],
  nowMs: number,
): { readonly renewed: readonly string[]; readonly deleted: readonly NodeToken[] } {
  const soonMs = nowMs + 3_600_000;
  const renewed = unjoined.filter((name) => !tokens.some((token) => token.node === name && !isExpired(token, soonMs)));
  return { renewed, deleted: tokens.filter((token) => isExpired(token, nowMs)) };
}
