import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DynamicObject, KubeObject } from '../api/machinery/object.ts';
import { VirtualClock } from '../std/clock.ts';
import { runAtOnce } from '../std/pauses.ts';
import { createSharedReader } from './shared-reader.ts';

const MANAGED = [{ manager: 'kubelet', operation: 'Update', fieldsV1: { 'f:status': {} } }];

function pod(name: string, more: object = {}): DynamicObject {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, managedFields: MANAGED }, ...more } as DynamicObject;
}

const line = (type: string, object: object) => JSON.stringify({ type, object });

test('who is told of a change in the same bytes gets the very same object, whatever it is to him', () => {
  const reader = createSharedReader({ clock: new VirtualClock(0) });
  const added = reader.event(line('ADDED', pod('a')));
  const modified = reader.event(line('MODIFIED', pod('a')));
  assert.deepEqual([added.type, modified.type], ['ADDED', 'MODIFIED']);
  assert.equal(added.object, modified.object);
  assert.notEqual(reader.event(line('MODIFIED', pod('a', { spec: {} }))).object, modified.object);
});

test('objects come without their managed fields, in lists and in events, and are else as they were sent', () => {
  const reader = createSharedReader({ clock: new VirtualClock(0) });
  const bare = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' }, spec: { managedFields: [1], text: '","object":{}}' } };
  const sent = pod('a', { spec: bare.spec });
  assert.deepEqual(reader.event(line('DELETED', sent)), { type: 'DELETED', object: bare });
  const list = {
    apiVersion: 'v1',
    kind: 'PodList',
    metadata: { resourceVersion: '7' },
    items: [sent, { metadata: { name: 'b' } }],
  };
  assert.deepEqual(reader.list(JSON.stringify(list)), { ...list, items: [bare, { metadata: { name: 'b' } }] });
  assert.deepEqual(reader.list('{"metadata":{},"items":null}'), { metadata: {}, items: null });
  assert.deepEqual(runAtOnce(reader.listInSteps(JSON.stringify(list))), { ...list, items: [bare, { metadata: { name: 'b' } }] });
  assert.deepEqual(runAtOnce(reader.listInSteps('{"metadata":{},"items":null}')), { metadata: {}, items: null });
});

test('long lines are read in steps, once for all, or each by itself where they are too long to be kept', () => {
  const read = (reader: ReturnType<typeof createSharedReader>, text: string) => runAtOnce(reader.eventInSteps(text));
  const texts = (count: number) => Array.from({ length: count }, (_, i) => `${i}`.padStart(60));
  for (const [count, kept] of [
    [5_000, true],
    [40_000, false],
  ] as const) {
    const reader = createSharedReader({ clock: new VirtualClock(0) });
    const text = line('ADDED', pod('a', { spec: texts(count) }));
    const event = read(reader, text);
    assert.deepEqual(event, {
      type: 'ADDED',
      object: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' }, spec: texts(count) },
    });
    assert.equal(read(reader, text).object === event.object, kept);
    assert.equal(reader.event(text).object === event.object, kept);
    assert.throws(() => read(reader, `${text.slice(0, -3)}}}`), SyntaxError);
  }
});

test('whoever reads the same line in steps at the same time gets the very same object', () => {
  const reader = createSharedReader({ clock: new VirtualClock(0) });
  const text = line('ADDED', pod('a', { spec: { text: 'x'.repeat(100_000), list: Array(50_000).fill(1) } }));
  const [one, two] = [reader.eventInSteps(text), reader.eventInSteps(text)];
  let first = one.next();
  let second = two.next();
  while (!first.done || !second.done) {
    if (!first.done) first = one.next();
    if (!second.done) second = two.next();
  }
  assert.ok(first.done && second.done && first.value.object === second.value.object);
});

test('objects of lists are the caller’s own', () => {
  const reader = createSharedReader({ clock: new VirtualClock(0), freeze: true });
  const text = JSON.stringify({ metadata: {}, items: [pod('a')] });
  const [one, two] = [reader.list(text).items[0]!, reader.list(text).items[0]!];
  assert.notEqual(one, two);
  one.kind = 'Other';
});

test('bookmarks, failures and what is written in another order are read as they are', () => {
  const reader = createSharedReader({ clock: new VirtualClock(0) });
  const status = { kind: 'Status', code: 410, metadata: {} };
  const bookmark = { kind: 'Pod', metadata: { resourceVersion: '9' } };
  assert.deepEqual(reader.event(line('ERROR', status)), { type: 'ERROR', object: status });
  assert.deepEqual(reader.event(line('BOOKMARK', bookmark)), { type: 'BOOKMARK', object: bookmark });
  assert.deepEqual(reader.event(JSON.stringify({ object: pod('a'), type: 'ADDED' })), {
    type: 'ADDED',
    object: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' } },
  });
  assert.throws(() => reader.event('{"type":"ADDED","object":{"metadata":{'), SyntaxError);
});

test('who is too late gets an object of his own, which says the same', async () => {
  const clock = new VirtualClock(0);
  const reader = createSharedReader({ clock });
  const first = reader.event(line('ADDED', pod('a'))).object;
  await clock.advance(5_000);
  assert.equal(reader.event(line('ADDED', pod('a'))).object, first, 'a generation is kept while the next one grows');
  await clock.advance(11_000);
  const late = reader.event(line('ADDED', pod('a'))).object;
  assert.notEqual(late, first);
  assert.deepEqual(late, first);
});

test('many changes at once are not all kept', () => {
  const reader = createSharedReader({ clock: new VirtualClock(0) });
  const big = (name: string) => line('ADDED', pod(name, { data: 'x'.repeat(60_000) }));
  const first = reader.event(big('0')).object;
  for (let i = 1; i < 100; i++) reader.event(big(`${i}`));
  assert.notEqual(reader.event(big('0')).object, first);
});

test('objects that are shared can be frozen', () => {
  const reader = createSharedReader({ clock: new VirtualClock(0), freeze: true });
  const object: KubeObject = reader.event(line('ADDED', pod('a', { spec: { nodeName: 'n' } }))).object;
  assert.throws(() => {
    object.metadata!.name = 'b';
  }, TypeError);
});
