import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Pod, V1StatefulSet } from '../../api/gen/types.ts';
import { REVISION_LABEL } from '../workloads/revisions.ts';
import { planStatefulSet } from './plan.ts';

/** Members as `old`, `new`, each up or (with `!`) down; `-` is a member that is missing. */
function planOf(members: string, updateStrategy: object | undefined, podManagementPolicy = 'Parallel') {
  const words = members.split(' ');
  const pods = words.flatMap((word, i) =>
    word === '-'
      ? []
      : [
          {
            metadata: { name: `db-${i}`, labels: { [REVISION_LABEL]: word.replace('!', '') } },
            status: { phase: 'Running', conditions: [{ type: 'Ready', status: word.endsWith('!') ? 'False' : 'True' }] },
          } as unknown as V1Pod,
        ],
  );
  const set = {
    metadata: { name: 'db' },
    spec: { replicas: words.length, podManagementPolicy, ...(updateStrategy && { updateStrategy }) },
  } as unknown as V1StatefulSet;
  const { create, remove } = planStatefulSet({ set, pods, currentRevision: 'old', updateRevision: 'new', nowMs: 0 });
  return {
    create: create.map(({ revision }) => revision),
    remove: remove.map(({ metadata }) => Number(metadata?.name?.slice(3))),
  };
}

const rolling = (rollingUpdate?: object) => ({ type: 'RollingUpdate', ...(rollingUpdate && { rollingUpdate }) });

const LOST: readonly [title: string, strategy: object | undefined, revision: string][] = [
  ['without a partition it comes back as it was', rolling(), 'old'],
  ['with the partition that the server sets it comes back renewed', rolling({ partition: 0 }), 'new'],
  ['below the partition it comes back as it was', rolling({ partition: 1 }), 'old'],
  ['where pods are renewed by hand it comes back renewed', { type: 'OnDelete' }, 'new'],
];

for (const [title, strategy, revision] of LOST)
  test(`a member lost in the middle of a rollout: ${title}`, () => {
    const expected = revision === 'old' ? 'current' : 'update';
    assert.deepEqual(planOf('- old new', strategy, 'OrderedReady').create, [expected]);
  });

const RENEWED: readonly [title: string, members: string, strategy: object, remove: number[]][] = [
  ['one at a time, the last first', 'old old old', rolling(), [2]],
  ['as many as may be away', 'old old old', rolling({ maxUnavailable: 2 }), [2, 1]],
  ['a share rounds up', 'old old old', rolling({ maxUnavailable: '34%' }), [2, 1]],
  ['a share of nothing is one', 'old old old', rolling({ maxUnavailable: '0%' }), [2]],
  ['those that are down already cost nothing, wherever they stand', 'old! old old', rolling({ maxUnavailable: 2 }), [2, 0]],
  ['nobody who is up while another is down', 'old old new!', rolling(), []],
  ['those below the partition stay', 'old! old old', rolling({ partition: 1, maxUnavailable: 3 }), [2, 1]],
];

for (const [title, members, strategy, remove] of RENEWED)
  test(`a rolling update renews: ${title}`, () => assert.deepEqual(planOf(members, strategy).remove, remove));

test('of a set that wants two thousand million members at once some are made, then the next', () => {
  const set = { metadata: { name: 'db' }, spec: { replicas: 2 ** 31 - 1, podManagementPolicy: 'Parallel' } } as V1StatefulSet;
  const planned = (pods: V1Pod[]) =>
    planStatefulSet({ set, pods, currentRevision: 'new', updateRevision: 'new', nowMs: 0 }).create.map(({ ordinal }) => ordinal);
  const first = planned([]);
  assert.deepEqual([first[0], first.length], [0, 500]);
  const pods = first.map((ordinal) => ({ metadata: { name: `db-${ordinal}` } }));
  assert.deepEqual([planned(pods)[0], planned(pods).length], [500, 500]);
});
