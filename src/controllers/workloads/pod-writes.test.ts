import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Pod } from '../../api/gen/types.ts';
import { VirtualClock } from '../../std/clock.ts';
import { PodWrites } from './pod-writes.ts';

const pod = (name: string, metadata: object = {}): V1Pod => ({
  metadata: { name, namespace: 'a', uid: `${name}-uid`, ...metadata },
});

/** An informer that shows what it is told to show. */
function lagging() {
  const clock = new VirtualClock(0);
  const shown = new Map<string, V1Pod>();
  const informer = { resourceVersion: '10', get: (name: string) => shown.get(name) };
  return { clock, shown, informer, writes: new PodWrites(clock, informer) };
}

test('after a create nothing is done for the owner until the informer has come as far', () => {
  const { informer, writes } = lagging();
  assert.equal(writes.areSeen('owner'), true);
  writes.written('owner', pod('new', { resourceVersion: '12' }));
  writes.written('owner', pod('newer', { resourceVersion: '11' }));
  assert.equal(writes.areSeen('owner'), false);
  assert.equal(writes.areSeen('other'), true, 'others need not wait');
  informer.resourceVersion = '11';
  assert.equal(writes.areSeen('owner'), false);
  informer.resourceVersion = '12';
  assert.equal(writes.areSeen('owner'), true);
});

test('after a delete it waits until the pod is gone, goes, or is another of its name', () => {
  for (const change of [undefined, pod('old', { deletionTimestamp: '2026-01-01T00:00:00Z' }), pod('old', { uid: 'made-anew' })]) {
    const { shown, writes } = lagging();
    shown.set('old', pod('old'));
    writes.deleted('owner', pod('old'));
    assert.equal(writes.areSeen('owner'), false);
    if (change) shown.set('old', change);
    else shown.delete('old');
    assert.equal(writes.areSeen('owner'), true);
  }
});

test('who waits for five minutes has missed something and goes on; an owner that is gone waits for nothing', async () => {
  const { clock, writes } = lagging();
  writes.written('owner', pod('new', { resourceVersion: '99' }));
  await clock.advance(299_999);
  assert.equal(writes.areSeen('owner'), false);
  await clock.advance(1);
  assert.equal(writes.areSeen('owner'), true);
  writes.written('owner', pod('new', { resourceVersion: '99' }));
  writes.forget('owner');
  assert.equal(writes.areSeen('owner'), true);
});
