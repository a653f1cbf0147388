import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Deployment, V1ReplicaSet } from '../../api/gen/types.ts';
import { annotationsOfNewest, MAX_REPLICAS, numberIn, REVISION, REVISION_HISTORY } from './annotations.ts';

const deployment = { metadata: { name: 'web' }, spec: { replicas: 1 } } as V1Deployment;
const setWith = (annotations: Record<string, string>) => ({ metadata: { name: 'web-1', annotations } }) as V1ReplicaSet;
const historyAfter = (history: string | undefined) =>
  annotationsOfNewest(
    deployment,
    setWith({ [REVISION]: '7', ...(history !== undefined && { [REVISION_HISTORY]: history }) }),
    9n,
  )[REVISION_HISTORY];

test('a set that is the newest again keeps the revisions that it had', () => {
  assert.equal(historyAfter(undefined), '7');
  assert.equal(historyAfter(''), '7');
  assert.equal(historyAfter('1,3'), '1,3,7');
});

test('of a history that grows too long the oldest revisions go', () => {
  const long = Array.from({ length: 500 }, (_, i) => 1000 + i);
  const kept = historyAfter(long.join()) ?? '';
  assert.ok(kept.length <= 2000, `${kept.length} characters`);
  assert.ok(kept.endsWith(',1499,7'));
  assert.ok(`${long.join()},7`.endsWith(kept));
  assert.equal(historyAfter('1'.repeat(3000)), '7');
});

test('a history as long as annotations may be is cut at once', () => {
  const kept = historyAfter(','.repeat(250_000)) ?? '';
  assert.equal(kept.length, 2000);
  assert.ok(kept.endsWith(',7'));
});

test('a number that 32 bits cannot hold is none, as upstream reads it', () => {
  assert.equal(numberIn(setWith({ [MAX_REPLICAS]: '2147483647' }), MAX_REPLICAS), 2147483647);
  for (const text of ['2147483648', '9'.repeat(400), '-1', '', 'x'])
    assert.equal(numberIn(setWith({ [MAX_REPLICAS]: text }), MAX_REPLICAS), undefined);
});
