import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkRemoval, planDefragmentation, type SeenMember } from './member-plan.ts';

const problems = (members: readonly SeenMember[], name: string) =>
  checkRemoval(members, members.find((one) => one.name === name)!);
const member = (name: string, more: { away?: boolean; learner?: boolean; leader?: string } = {}): SeenMember => ({
  id: `id of ${name}`,
  name,
  peerUrls: [],
  isLearner: more.learner ?? false,
  status: more.away
    ? undefined
    : { version: '3.5.30', dbSizeBytes: 2, dbSizeInUseBytes: 1, leader: more.leader ?? 'id of b', id: `id of ${name}` },
});

test('a member goes only where a majority of those that stay serves', () => {
  const three = [member('a'), member('b'), member('c')];
  assert.deepEqual(problems(three, 'a'), []);
  const oneAway = [member('a', { away: true }), member('b'), member('c')];
  assert.deepEqual(problems(oneAway, 'a'), []);
  assert.deepEqual(problems(oneAway, 'b'), ['without b 1 of 2 members of etcd would serve, and 2 are needed']);
  assert.deepEqual(problems([member('a'), member('b', { away: true }), member('c', { away: true })], 'b'), [
    'etcd has no majority now: 1 of 3 members serve',
  ]);
  assert.deepEqual(problems([member('a')], 'a'), ['a is the only member of etcd']);
  assert.deepEqual(problems([member('a'), member('b'), member('new', { learner: true })], 'new'), []);
});

test('a member that knows no leader does not count', () => {
  const split = [member('a', { leader: '0' }), member('b'), member('c')];
  assert.deepEqual(problems(split, 'b'), ['without b 1 of 2 members of etcd would serve, and 2 are needed']);
});

test('members are defragmented one at a time, who leads as the last, and not while one is away', () => {
  const names = (members: readonly SeenMember[]) => members.map(({ name }) => name);
  const { order, problems } = planDefragmentation([member('a'), member('b'), member('c')]);
  assert.deepEqual([names(order), problems], [['a', 'c', 'b'], []]);
  assert.deepEqual(planDefragmentation([member('a', { away: true }), member('b')]).problems, ['member a does not serve']);
  assert.deepEqual(planDefragmentation([member('a'), member('b', { learner: true })]).problems, ['member b is still learning']);
});
