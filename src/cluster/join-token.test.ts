import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Secret } from '../api/gen/types.ts';
import { StatusError } from '../api/machinery/status-error.ts';
import type { Client } from '../client/client.ts';
import { VirtualClock } from '../std/clock.ts';
import { bootstrapTokenOf } from './bootstrap-token.ts';
import { createJoinTokens } from './join-token.ts';

const START_MS = Date.UTC(2026, 0, 1);

function setUp() {
  const secrets = new Map<string, V1Secret>();
  let refusals = 0;
  const resource = {
    async create(secret: V1Secret) {
      if (refusals-- > 0) throw new Error('the API server is away');
      secrets.set(secret.metadata!.name!, secret);
      return secret;
    },
    async delete(name: string) {
      if (!secrets.delete(name)) throw new StatusError({ kind: 'Status', reason: 'NotFound', code: 404 } as never);
    },
  };
  const client = { resource: () => resource } as unknown as Client;
  const clock = new VirtualClock(START_MS);
  const refuse = (times: number) => {
    refusals = times;
  };
  return { secrets, clock, tokens: createJoinTokens({ client, clock }), refuse };
}

test('nodes that join together share one token, which goes with the last of them', async () => {
  const { secrets, tokens } = setUp();
  const [one, two] = await Promise.all([tokens.lend('node-1'), tokens.lend('node-2')]);
  assert.equal(one, two);
  assert.equal(secrets.size, 1);
  const token = bootstrapTokenOf([...secrets.values()][0]!);
  assert.equal(`${token.id}.${token.secret}`, one);
  assert.deepEqual([token.usages, token.groups, token.expiresMs], [['authentication'], [], START_MS + 3_600_000]);
  await tokens.takeBack('node-1');
  await tokens.takeBack('node-1');
  await tokens.takeBack('stranger');
  assert.equal(secrets.size, 1);
  await tokens.takeBack('node-2');
  assert.equal(secrets.size, 0);
  assert.notEqual(await tokens.lend('node-3'), one);
});

test('what is lent lasts for half an hour at least, and what was lent before is deleted too', async () => {
  const { secrets, clock, tokens } = setUp();
  const first = await tokens.lend('node-1');
  await clock.advance(29 * 60_000);
  assert.equal(await tokens.lend('node-2'), first);
  await clock.advance(60_000);
  assert.notEqual(await tokens.lend('node-2'), first);
  assert.equal(secrets.size, 2);
  secrets.delete([...secrets.keys()][0]!); // the token cleaner has been there
  await tokens.takeBack('node-1');
  await tokens.takeBack('node-2');
  assert.equal(secrets.size, 0);
});

test('a token that could not be made is made for the next one that asks', async () => {
  const { secrets, tokens, refuse } = setUp();
  refuse(1);
  await assert.rejects(tokens.lend('node-1'), /is away/);
  assert.ok(await tokens.lend('node-1'));
  assert.equal(secrets.size, 1);
});
