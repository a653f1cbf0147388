import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AuthenticationV1TokenRequest } from '../../api/gen/types.ts';
import type { Client } from '../../client/client.ts';
import { VirtualClock } from '../../std/clock.ts';
import { silentLogger } from '../../std/logger.ts';
import { createServiceAccountTokens } from './service-account-tokens.ts';

const NOW = Date.UTC(2026, 0, 1);
const pod = { metadata: { name: 'p', namespace: 'n', uid: 'u' }, spec: { containers: [] } };

test('a node whose clock is hours ahead of the server asks for tokens with pauses all the same', async () => {
  const clock = new VirtualClock(NOW);
  let asked = 0;
  const client = {
    resource: () => ({
      async create({ spec }: AuthenticationV1TokenRequest) {
        asked++;
        const expirationTimestamp = new Date(clock.now() - 2 * 3_600_000).toISOString();
        return { spec, status: { token: `t${asked}`, expirationTimestamp } };
      },
    }),
  } as unknown as Client;
  const tokens = createServiceAccountTokens({ client, clock, logger: silentLogger, random: () => 0 });
  // As volumes do: a pod whose token is due is looked at.
  tokens.subscribe(() => void tokens.token(pod, {}));
  assert.equal((await tokens.token(pod, {})).token, 't1');
  await clock.advance(60_000);
  assert.equal(asked, 7);
  tokens.close();
  assert.equal(clock.pending, 0);
});
