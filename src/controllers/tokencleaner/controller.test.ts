import assert from 'node:assert/strict';
import { test } from 'node:test';
import { secretKind } from '../../api/core/v1/secret.ts';
import { runController } from '../framework/testing-client.test-support.ts';
import { createTokenCleanerController } from './controller.ts';
import { planTokenCleaning } from './plan.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const token = (expiration: string | undefined, name = 'bootstrap-token-abcdef') => ({
  metadata: { name, namespace: 'kube-system' },
  type: 'bootstrap.kubernetes.io/token',
  data: Object.fromEntries(expiration === undefined ? [] : [['expiration', Buffer.from(expiration).toString('base64')]]),
});

const table: [string, string | undefined, ReturnType<typeof planTokenCleaning>][] = [
  ['none', undefined, 'keep'],
  ['past', '2025-12-31T23:59:59Z', 'delete'],
  ['now', '2026-01-01T00:00:00Z', 'delete'],
  ['with offset', '2026-01-01T02:00:01+02:00', { againAtMs: NOW + 1000 }],
  ['not a time', 'tomorrow', 'delete'],
  ['a date alone', '2027-01-01', 'delete'],
];
for (const [title, expiration, expected] of table)
  test(`expiration ${title}`, () => {
    assert.deepEqual(planTokenCleaning(token(expiration), NOW), expected);
  });

test('a token is deleted at the second at which it expires, others stay', async () => {
  await using run = await runController(createTokenCleanerController);
  const { cluster } = run;
  cluster.put(secretKind, token('2026-01-01T00:10:00Z'));
  cluster.put(secretKind, token(undefined, 'bootstrap-token-123456'));
  cluster.put(secretKind, { ...token('2025-01-01T00:00:00Z', 'opaque'), type: 'Opaque' });
  await run.settle(599_999);
  assert.equal(cluster.list(secretKind).length, 3);
  await run.settle(1);
  assert.deepEqual(
    cluster.list<{ metadata: { name: string } }>(secretKind).map((s) => s.metadata.name),
    ['bootstrap-token-123456', 'opaque'],
  );
});

test('a token whose life was made longer meanwhile is not deleted', async () => {
  await using run = await runController(createTokenCleanerController);
  run.cluster.put(secretKind, token('2026-01-01T00:10:00Z'));
  await run.settle(300_000);
  run.cluster.put(secretKind, token('2026-01-01T01:00:00Z'));
  await run.settle(600_000);
  assert.equal(run.cluster.list(secretKind).length, 1);
});
