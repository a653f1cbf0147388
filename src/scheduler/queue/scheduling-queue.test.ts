import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { V1Pod, V1PodSpec } from '../../api/gen/types.ts';
import { VirtualClock } from '../../std/clock.ts';
import type { ClusterEvent } from './cluster-event.ts';
import { Heap } from './heap.ts';
import { type QueuedPod, SchedulingQueue } from './scheduling-queue.ts';

const EVENT: ClusterEvent = { resource: 'NodeGone', node: { metadata: { name: 'n' } } };

function waiting(name: string, spec: Partial<V1PodSpec> = {}): V1Pod {
  return { metadata: { name, namespace: 'default', uid: name, generation: 1 }, spec: { containers: [], ...spec } };
}

function start(mayHelp: (event: ClusterEvent, pod: QueuedPod) => boolean = () => true) {
  const clock = new VirtualClock(0);
  const queue = new SchedulingQueue({ clock, mayHelp });
  const take = async () => {
    const pod = await queue.take();
    assert.ok(pod);
    return pod;
  };
  return { clock, queue, take };
}

const counts = (queue: SchedulingQueue) =>
  (['active', 'backoff', 'unschedulable', 'gated'] as const).map((part) => queue.count(part));
const refusedBy = new Set(['NodeResourcesFit']);

test('the highest priority goes first, then the oldest', async () => {
  const { clock, queue, take } = start();
  for (const [name, priority] of [
    ['old', 0],
    ['urgent', 10],
    ['new', 0],
  ] as const) {
    queue.set(waiting(name, { priority }));
    await clock.advance(1);
  }
  assert.deepEqual([(await take()).info.uid, (await take()).info.uid, (await take()).info.uid], ['urgent', 'old', 'new']);
});

for (const [when, waitedMs] of [
  ['long ago', 1000],
  ['just now', 0],
] as const)
  test(`of pods refused ${when} that one event lets try again the highest priority goes first, to who waits already`, async () => {
    const { clock, queue, take } = start();
    for (const [name, priority] of [
      ['low', 0],
      ['high', 10],
      ['middle', 5],
    ] as const) {
      queue.set(waiting(name, { priority }));
      queue.refuse(await take(), refusedBy);
    }
    await clock.advance(waitedMs);
    const next = take();
    queue.notice(EVENT);
    assert.deepEqual([(await next).info.uid, (await take()).info.uid, (await take()).info.uid], ['high', 'middle', 'low']);
  });

test('when delays end together the highest priority goes first, to who waits already', async () => {
  const { clock, queue, take } = start();
  for (const [name, priority] of [
    ['low', 0],
    ['high', 10],
  ] as const) {
    queue.set(waiting(name, { priority }));
    queue.retry(await take());
  }
  const next = take();
  await clock.advance(1000);
  assert.equal((await next).info.uid, 'high');
});

test('a refused pod waits for an event that may help, and its delay doubles from one second to ten', async () => {
  const { clock, queue, take } = start();
  queue.set(waiting('p'));
  for (const delayMs of [1000, 2000, 4000, 8000, 10_000, 10_000]) {
    queue.refuse(await take(), refusedBy);
    assert.deepEqual(counts(queue), [0, 0, 1, 0]);
    queue.notice(EVENT);
    await clock.advance(delayMs - 1);
    assert.deepEqual(counts(queue), [0, 1, 0, 0]);
    await clock.advance(1);
    assert.deepEqual(counts(queue), [1, 0, 0, 0]);
  }
});

/** Somebody else who is active as long as he is not taken. */
const other = waiting('other', { priority: -1 });

test('a refused pod waits no longer than others are active', async () => {
  const { clock, queue, take } = start();
  queue.set(waiting('p'));
  queue.refuse(await take(), refusedBy);
  queue.set(other);
  queue.notice(EVENT);
  assert.deepEqual(counts(queue), [1, 1, 0, 0]);
  assert.equal((await take()).info.uid, 'other');
  const again = await take();
  assert.deepEqual([again.info.uid, again.attempts, clock.now()], ['p', 2, 0]);
  assert.deepEqual(counts(queue), [0, 0, 0, 0]);
  await clock.advance(20_000);
  assert.deepEqual(counts(queue), [0, 0, 0, 0], 'the end of its delay does not bring it twice');
  // Also when somebody waits for the next one already.
  queue.refuse(again, refusedBy);
  const next = take();
  queue.notice(EVENT);
  assert.equal((await next).info.uid, 'p');
});

test('of refused pods that wait the one goes first whose delay ends in an earlier second, then by priority', async () => {
  const { clock, queue, take } = start();
  queue.set(waiting('twice refused', { priority: 9 }));
  queue.refuse(await take(), refusedBy);
  queue.notice(EVENT);
  queue.refuse(await take(), refusedBy);
  queue.set(waiting('low'));
  queue.refuse(await take(), refusedBy);
  await clock.advance(10);
  queue.set(waiting('high', { priority: 5 }));
  queue.refuse(await take(), refusedBy);
  queue.notice(EVENT);
  assert.deepEqual(counts(queue), [0, 3, 0, 0]);
  const order = [await take(), await take(), await take()].map(({ info }) => info.uid);
  assert.deepEqual(order, ['high', 'low', 'twice refused']);
});

test('a pod for which something went wrong waits though nobody else is active', async () => {
  const { clock, queue, take } = start();
  queue.set(waiting('p'));
  queue.retry(await take());
  const next = take();
  await clock.advance(999);
  assert.deepEqual(counts(queue), [0, 1, 0, 0]);
  await clock.advance(1);
  assert.equal((await next).info.uid, 'p');
  assert.equal(clock.now(), 1000);
});

test('an event that cannot help lets nobody try again', async () => {
  const { clock, queue, take } = start((_event, { refusedBy: by }) => by.has('NodeName'));
  queue.set(waiting('p'));
  queue.refuse(await take(), refusedBy);
  queue.notice(EVENT);
  await clock.advance(60_000);
  assert.deepEqual(counts(queue), [0, 0, 1, 0]);
});

test('what happens while a pod is tried is not missed', async () => {
  const { queue, take } = start();
  queue.set(waiting('p'));
  const pod = await take();
  queue.notice(EVENT);
  queue.refuse(pod, refusedBy);
  assert.deepEqual(counts(queue), [0, 1, 0, 0]);
});

test('after five minutes a pod is tried though nothing has happened, and nothing ticks while nobody waits', async () => {
  const { clock, queue, take } = start(() => false);
  queue.set(waiting('p'));
  queue.refuse(await take(), refusedBy);
  await clock.advance(299_999);
  assert.deepEqual(counts(queue), [0, 0, 1, 0]);
  await clock.advance(1);
  assert.deepEqual(counts(queue), [1, 0, 0, 0]);
  assert.equal(clock.pending, 0);
});

test('a gated pod is not tried until its gates are gone', async () => {
  const { queue, take } = start();
  queue.set(waiting('p', { schedulingGates: [{ name: 'example.com/wait' }] }));
  assert.deepEqual(counts(queue), [0, 0, 0, 1]);
  queue.set(waiting('p'));
  assert.equal((await take()).info.uid, 'p');
});

test('a status that changes lets a refused pod wait on; new wishes do not', async () => {
  const { clock, queue, take } = start();
  queue.set(waiting('p'));
  queue.refuse(await take(), refusedBy);
  queue.set({ ...waiting('p'), status: { phase: 'Pending' } });
  assert.deepEqual(counts(queue), [0, 0, 1, 0]);
  await clock.advance(5000);
  queue.set(waiting('p', { tolerations: [{ operator: 'Exists' }] }));
  assert.deepEqual(counts(queue), [1, 0, 0, 0]);
});

test('a pod that is deleted while it is tried does not come back', async () => {
  const { queue, take } = start();
  queue.set(waiting('p'));
  const pod = await take();
  queue.delete('p');
  queue.retry(pod);
  assert.deepEqual(counts(queue), [0, 0, 0, 0]);
});

test('closing ends waiting', async () => {
  const { queue } = start();
  const taken = queue.take();
  queue.close();
  assert.equal(await taken, undefined);
});

test('a heap gives back what was put in, in order, whatever was taken out meanwhile', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer()), fc.array(fc.nat()), (numbers, removed) => {
      const items = numbers.map((value) => ({ value }));
      const heap = new Heap<{ value: number }>((a, b) => a.value < b.value);
      for (const item of items) heap.push(item);
      const gone = new Set(removed.filter((i) => i < items.length).map((i) => items[i]!));
      for (const item of gone) assert.ok(heap.delete(item));
      const left: number[] = [];
      for (let item = heap.pop(); item; item = heap.pop()) left.push(item.value);
      const wanted = items.filter((item) => !gone.has(item)).map(({ value }) => value);
      assert.deepEqual(
        left,
        wanted.sort((a, b) => a - b),
      );
    }),
  );
});
