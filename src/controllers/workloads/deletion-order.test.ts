import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Pod } from '../../api/gen/types.ts';
import { DELETION_COST, inDeletionOrder, inOrderOfProgress } from './deletion-order.ts';

const NOW = Date.parse('2026-01-01T12:00:00Z');
const ago = (seconds: number) => new Date(NOW - seconds * 1000).toISOString();

interface PodState {
  node?: string;
  phase?: string;
  /** Seconds; undefined: not ready. */
  readyFor?: number;
  restarts?: number;
  sidecarRestarts?: number;
  age?: number;
  cost?: string;
}

function pod(name: string, state: PodState = {}): V1Pod {
  const { node = 'n', phase = 'Running', restarts = 0, sidecarRestarts = 0, age = 3600, cost } = state;
  const readyFor = 'readyFor' in state ? state.readyFor : 1800;
  return {
    metadata: { name, uid: name, creationTimestamp: ago(age), ...(cost && { annotations: { [DELETION_COST]: cost } }) },
    spec: { ...(node && { nodeName: node }), initContainers: [{ name: 's', restartPolicy: 'Always' }, { name: 'i' }] },
    status: {
      phase,
      containerStatuses: [{ name: 'c', restartCount: restarts }],
      initContainerStatuses: [
        { name: 's', restartCount: sidecarRestarts },
        { name: 'i', restartCount: 99 },
      ],
      ...(readyFor !== undefined && { conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: ago(readyFor) }] }),
    },
  } as unknown as V1Pod;
}

const names = (pods: readonly V1Pod[]) => pods.map(({ metadata }) => metadata?.name);
/** Each is to stand before the next, whichever is given first. */
const ranked = (states: readonly PodState[]) => states.map((state, i) => pod(`${9 - i}`, state));

test('pods go in the order of what their loss costs', () => {
  const wanted = ranked([
    { node: '', phase: 'Pending', readyFor: undefined },
    { phase: 'Pending', readyFor: undefined },
    { readyFor: undefined, restarts: 9 },
    { readyFor: undefined, age: 10 },
    { cost: '-5', readyFor: 80_000 },
    { node: 'full', readyFor: 80_000 },
    { readyFor: 10, age: 3600 },
    { readyFor: 1000, restarts: 3 },
  ]);
  const siblings = (node: string) => (node === 'full' ? 4 : 1);
  assert.deepEqual(names(inDeletionOrder(wanted.toReversed(), siblings, NOW)), names(wanted));
});

test('of pods that are ready for about as long chance decides, whatever else is known of them', () => {
  const often = pod('b', { readyFor: 1100, restarts: 5 });
  const never = pod('a', { readyFor: 1200 });
  assert.deepEqual(names(inDeletionOrder([often, never], () => 1, NOW)), ['a', 'b']);
  const same = pod('a', { readyFor: 1100 });
  assert.deepEqual(names(inDeletionOrder([same, often], () => 1, NOW)), ['b', 'a'], 'of exactly as long restarts do');
});

test('restarts of sidecars count when those of the others are the same, and init containers never do', () => {
  const calm = pod('a', { restarts: 2 });
  const restless = pod('b', { restarts: 2, sidecarRestarts: 1 });
  assert.deepEqual(names(inDeletionOrder([calm, restless], () => 1, NOW)), ['b', 'a']);
});

test('pods of a Job go by their times as they are, and no annotation keeps one', () => {
  const wanted = [pod('c', { readyFor: 1000 }), pod('b', { readyFor: 1001, cost: '-10' }), pod('a', { readyFor: 1002 })];
  assert.deepEqual(names(inOrderOfProgress(wanted.toReversed())), ['c', 'b', 'a']);
});
