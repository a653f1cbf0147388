import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1DaemonSet, V1Pod } from '../../api/gen/types.ts';
import { REVISION_LABEL } from '../workloads/revisions.ts';
import { type DaemonView, daemonStatus, planDaemons, planRollingUpdate, podsByNode } from './plan.ts';

/** Pods as `NODE:REVISION`, each up or (with `!`) not ready; the first is the oldest. */
function viewOf(words: string, rollingUpdate: object): DaemonView {
  const pods = words.split(' ').map((word, i) => {
    const [nodeName, revision] = word.replace('!', '').split(':');
    return {
      metadata: {
        name: word,
        creationTimestamp: `2026-01-01T00:00:0${i}Z`,
        labels: { [REVISION_LABEL]: revision },
      },
      spec: { nodeName },
      status: { phase: 'Running', conditions: [{ type: 'Ready', status: word.endsWith('!') ? 'False' : 'True' }] },
    } as unknown as V1Pod;
  });
  const byNode = podsByNode(pods);
  return {
    set: { spec: { updateStrategy: { type: 'RollingUpdate', rollingUpdate } } } as unknown as V1DaemonSet,
    fits: new Map([...byNode.keys()].map((name) => [name, { shouldRun: true, mayStay: true }])),
    byNode,
    hash: 'new',
    nowMs: 0,
    backoffMs: () => 0,
  };
}

const SURGE = { maxSurge: 1, maxUnavailable: 0 };
const names = (pods: readonly V1Pod[]) => pods.map(({ metadata }) => metadata?.name);

const PAIRS: readonly [title: string, words: string, remove: string[]][] = [
  ['while the newer is not available both stay', 'n1:old n1:new!', []],
  ['the older goes when the newer is available', 'n1:old n1:new', ['n1:old']],
  ['the older goes at once when it is of no use any more', 'n1:old! n1:new!', ['n1:old!']],
  ['of several of one revision the oldest stays', 'n1:old n1:old! n1:new! n1:new', ['n1:old!', 'n1:new']],
];

for (const [title, words, remove] of PAIRS)
  test(`two pods on a node in a rollout with surge: ${title}`, () => {
    assert.deepEqual(names(planDaemons(viewOf(words, SURGE)).remove), remove);
  });

test('without surge the oldest stays, but one that waits for the node goes before one that is on it', () => {
  const view = viewOf('n1:old n1:new', { maxUnavailable: 1 });
  const [oldest, second] = view.byNode.get('n1')!;
  assert.deepEqual(planDaemons(view).remove, [second]);
  const waiting = { ...oldest!, spec: {} } as V1Pod;
  assert.deepEqual(planDaemons({ ...view, byNode: new Map([['n1', [waiting, second!]]]) }).remove, [waiting]);
});

const REPLACED: readonly [title: string, words: string, maxUnavailable: number | string, remove: string[]][] = [
  ['one at a time', 'n1:old n2:old n3:old', 1, ['n1:old']],
  ['a share rounds up', 'n1:old n2:old n3:old', '34%', ['n1:old', 'n2:old']],
  ['those that are down already, first', 'n1:old n2:old! n3:old', 1, ['n2:old!']],
  ['nobody while a new one is down', 'n1:old n2:new! n3:old', 1, []],
  ['nobody while a node has two', 'n1:old n2:old n2:new', 1, []],
];

for (const [title, words, maxUnavailable, remove] of REPLACED)
  test(`a rolling update takes: ${title}`, () => {
    assert.deepEqual(names(planRollingUpdate(viewOf(words, { maxUnavailable })).remove), remove);
  });

test('a node counts as updated when its older pod has gone, and not before', () => {
  assert.equal(daemonStatus(viewOf('n1:old n1:new n2:old', SURGE)).updatedNumberScheduled, undefined);
  assert.equal(daemonStatus(viewOf('n1:new n2:old', SURGE)).updatedNumberScheduled, 1);
});
