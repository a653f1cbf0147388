import { secretKind } from '../api/core/v1/secret.ts';
import type { V1Secret } from '../api/gen/types.ts';
import type { Client } from '../client/client.ts';
import { unlessReason } from '../client/unless-reason.ts';
import type { Clock } from '../std/clock.ts';
import {
  bootstrapTokenSecret,
  generateBootstrapToken,
  splitBootstrapToken,
  TOKEN_NAMESPACE,
  TOKEN_SECRET_PREFIX,
} from './bootstrap-token.ts';

/** A node that could not join for so long gets a new token at its next start. */
const TOKEN_LIFETIME_MS = 3_600_000;
/** What is lent must last for as long as a node may take to join. */
const LENT_FOR_MS = TOKEN_LIFETIME_MS / 2;

/** The bootstrap token by which a cluster's own nodes join: those that join together share one, which is taken back when all have joined. */
export interface JoinTokens {
  /** The token for `node`, made when there is none that lasts long enough. */
  lend(node: string): Promise<string>;
  /** `node` has joined, or never will. The last one's return deletes the token; one that was not lent to is no matter. */
  takeBack(node: string): Promise<void>;
}

export function createJoinTokens({ client, clock }: { readonly client: Client; readonly clock: Pick<Clock, 'now'> }): JoinTokens {
  const secrets = client.resource<V1Secret>(secretKind, TOKEN_NAMESPACE);
  const holders = new Set<string>();
  /** To be deleted, the current one too. */
  let ids: string[] = [];
  let current: { readonly text: Promise<string>; readonly untilMs: number } | undefined;

  const make = async (): Promise<string> => {
    const text = generateBootstrapToken();
    const token = splitBootstrapToken(text);
    await secrets.create(
      bootstrapTokenSecret({
        ...token,
        description: 'joins nodes of this cluster',
        expiresMs: clock.now() + TOKEN_LIFETIME_MS,
        usages: ['authentication'],
        groups: [],
      }),
    );
    ids.push(token.id);
    return text;
  };

  return {
    async lend(node) {
      holders.add(node);
      if (!current || clock.now() >= current.untilMs) {
        const made = { text: make(), untilMs: clock.now() + LENT_FOR_MS };
        current = made;
        // Whoever asked for it is told; the next one tries anew.
        made.text.catch(() => {
          if (current === made) current = undefined;
        });
      }
      return current.text;
    },
    async takeBack(node) {
      if (!holders.delete(node) || holders.size > 0) return;
      const gone = ids;
      ids = [];
      current = undefined;
      await Promise.all(gone.map((id) => unlessReason(secrets.delete(`${TOKEN_SECRET_PREFIX}${id}`), 'NotFound')));
    },
  };
}
