import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configMapKind } from '../../api/core/v1/config-map.ts';
import { eventKind } from '../../api/core/v1/event.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import { eventKind as eventsEventKind } from '../../api/events/v1/event.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { VirtualClock } from '../../std/clock.ts';
import { silentLogger } from '../../std/logger.ts';
import { createMemoryStore } from '../../store/memory/memory-store.ts';
import type { Store, WatchSink } from '../../store/store.ts';
import { StoreError } from '../../store/store.ts';
import { encodeStored } from '../store-access/encoding.ts';
import { Keyspace } from '../store-access/keyspace.ts';
import type { WatchItem } from './cached-event.ts';
import type { CachedObject } from './cached-object.ts';
import type { Trigger, Watcher } from './kind-cache.ts';
import { WatchCache } from './watch-cache.ts';

const kinds = [configMapKind, podKind, eventKind, eventsEventKind];
const keyspace = new Keyspace('/registry', kinds);

async function open(store: Store = createMemoryStore({ clock: new VirtualClock(0) })) {
  const clock = new VirtualClock(1_000_000);
  const cache = new WatchCache({ store, keyspace, kinds, clock, logger: silentLogger, random: () => 0.5 });
  await cache.start();
  const put = async (name: string, data: Record<string, string>, labels: Record<string, string> = {}) => {
    const key = keyspace.objectKey(configMapKind, 'ns', name);
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'ns', labels }, data } as DynamicObject;
    const { entry } = await store.get(key);
    const result = await store.transact(
      [{ key, modRevision: entry?.modRevision ?? 0 }],
      [{ type: 'put', key, value: encodeStored(cache.form(configMapKind), object) }],
    );
    return result.revision;
  };
  const remove = (name: string) => store.transact([], [{ type: 'delete', key: keyspace.objectKey(configMapKind, 'ns', name) }]);
  return { store, cache, clock, put, remove };
}

class Recorder implements Watcher {
  readonly kind = configMapKind;
  readonly keyPrefix = keyspace.collectionPrefix(configMapKind, 'ns');
  readonly seen: string[] = [];
  readonly lines: Buffer[] = [];
  isClosed = false;
  readonly matches?: (object: CachedObject) => boolean;
  readonly trigger?: Trigger;

  constructor(matches?: (object: CachedObject) => boolean, trigger?: Trigger) {
    if (matches) this.matches = matches;
    if (trigger) this.trigger = trigger;
  }

  item({ type, object, line }: WatchItem): void {
    this.seen.push(`${type} ${object.name}@${object.object.metadata.resourceVersion}`);
    this.lines.push(line);
  }

  closed(): void {
    this.isClosed = true;
  }
}

const labelled = (object: CachedObject) => object.object.metadata.labels?.['a'] === '1';

test('a watch from now shows what is there and then every change', async () => {
  const { cache, put, remove } = await open();
  const first = await put('x', {});
  await cache.fresh();
  const watcher = new Recorder();
  cache.kind(configMapKind).watch(watcher, 'now');
  const second = await put('x', { k: 'v' });
  const { revision: third } = await remove('x');
  await cache.fresh();
  assert.deepEqual(watcher.seen, [`ADDED x@${first}`, `MODIFIED x@${second}`, `DELETED x@${third}`]);
});

test('a watch with a selector sees objects come and go as they begin and cease to match', async () => {
  const { cache, put, remove } = await open();
  const watcher = new Recorder(labelled);
  cache.kind(configMapKind).watch(watcher, 'now');
  await put('x', {});
  const r2 = await put('x', {}, { a: '1' });
  const r3 = await put('x', { k: '' }, { a: '1' });
  const r4 = await put('x', {}, { a: '2' });
  await put('y', {}, { a: '3' });
  await remove('y');
  await cache.fresh();
  assert.deepEqual(watcher.seen, [`ADDED x@${r2}`, `MODIFIED x@${r3}`, `DELETED x@${r4}`]);
  const gone = JSON.parse(watcher.lines[2]!.toString());
  assert.deepEqual(gone.object.metadata.labels, { a: '1' }, 'the object is shown as it last matched');
});

test('watchers of one kind get the very same line', async () => {
  const { cache, put } = await open();
  const [one, two] = [new Recorder(), new Recorder(labelled)];
  for (const watcher of [one, two]) cache.kind(configMapKind).watch(watcher, 'now');
  await put('x', {}, { a: '1' });
  await cache.fresh();
  assert.equal(one.lines[0], two.lines[0]);
});

test('a watch behind an old revision replays the history, and one that is too old is refused', async () => {
  const { cache, put, clock } = await open();
  const r1 = await put('x', {});
  const r2 = await put('x', { k: '1' });
  await cache.fresh();
  const watcher = new Recorder();
  assert.ok(cache.kind(configMapKind).watch(watcher, { after: r1 }));
  assert.deepEqual(watcher.seen, [`MODIFIED x@${r2}`]);
  await clock.advance(80_000);
  for (let i = 0; i < 150; i++) await put('x', { k: `${i}` });
  await cache.fresh();
  await clock.advance(80_000);
  for (let i = 0; i < 10; i++) await put('x', { k: `again ${i}` });
  await cache.fresh();
  assert.equal(cache.kind(configMapKind).watch(new Recorder(), { after: r1 }), undefined);
  assert.ok(cache.kind(configMapKind).watch(new Recorder(), { after: cache.kind(configMapKind).oldestStart }));
});

test('a trigger finds the watchers of the old and of the new value, and no others', async () => {
  const { cache, put } = await open();
  const nodeOf = (object: CachedObject) => object.object.metadata.labels?.['node'] ?? '';
  const on = (value: string) => new Recorder((object) => nodeOf(object) === value, { field: 'node', value, valueOf: nodeOf });
  const [a, b, c] = [on('a'), on('b'), on('c')];
  for (const watcher of [a, b, c]) cache.kind(configMapKind).watch(watcher, 'now');
  const r1 = await put('x', {}, { node: 'a' });
  const r2 = await put('x', {}, { node: 'b' });
  await cache.fresh();
  assert.deepEqual([a.seen, b.seen, c.seen], [[`ADDED x@${r1}`, `DELETED x@${r2}`], [`ADDED x@${r2}`], []]);
});

test('a watch that was ended hears nothing more', async () => {
  const { cache, put } = await open();
  const watcher = new Recorder();
  const end = cache.kind(configMapKind).watch(watcher, 'now')!;
  end();
  end();
  await put('x', {});
  await cache.fresh();
  assert.deepEqual(watcher.seen, []);
});

test('a fresh read is behind every acknowledged write, also of keys that are nobody’s', async () => {
  const { cache, store, put } = await open();
  for (let i = 0; i < 20; i++) {
    const revision = await put(`n${i}`, {});
    await cache.fresh();
    assert.ok(cache.revision >= revision);
    assert.ok(cache.kind(configMapKind).objects.get(keyspace.objectKey(configMapKind, 'ns', `n${i}`)));
  }
  const { revision } = await store.transact([], [{ type: 'put', key: '/elsewhere', value: Buffer.from('x') }]);
  await cache.fresh();
  assert.equal(cache.revision, revision);
});

test('lists are in the order of the keys, whatever order they were written in', async () => {
  const { cache, put } = await open();
  for (const name of ['m', 'a', 'z', 'b', 'a-1']) await put(name, {});
  await cache.fresh();
  const names = cache.kind(configMapKind).objects.range(keyspace.collectionPrefix(configMapKind, 'ns'));
  assert.deepEqual(
    names.map((o) => o.name),
    ['a', 'a-1', 'b', 'm', 'z'],
  );
});

test('an event stored in one version is shown in the other', async () => {
  const { cache, store } = await open();
  const key = keyspace.objectKey(eventKind, 'ns', 'e');
  const value = encodeStored(cache.form(eventKind), {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: 'e', namespace: 'ns' },
    involvedObject: { kind: 'Pod', name: 'p' },
    message: 'hello',
  });
  await store.transact([], [{ type: 'put', key, value }]);
  await cache.fresh();
  const stored = cache.kind(eventKind).objects.get(key)!;
  assert.equal(stored.as(eventKind).object.apiVersion, 'v1');
  const shown = stored.as(eventsEventKind).object;
  assert.equal(shown.apiVersion, 'events.k8s.io/v1');
  assert.equal(shown['note'], 'hello');
});

test('after the store lost its history, watchers are closed and listeners hear what differs', async () => {
  const inner = createMemoryStore({ clock: new VirtualClock(0) });
  let sink: WatchSink | undefined;
  const store: Store = Object.assign(Object.create(inner) as Store, {
    get: inner.get.bind(inner),
    list: inner.list.bind(inner),
    transact: inner.transact.bind(inner),
    revision: inner.revision.bind(inner),
    watch: (prefix: string, from: number, given: WatchSink) => {
      sink = given;
      return inner.watch(prefix, from, given);
    },
  });
  const { cache, put, remove } = await open(store);
  await put('kept', {});
  await put('gone', {});
  await cache.fresh();
  const watcher = new Recorder();
  cache.kind(configMapKind).watch(watcher, 'now');
  const changes: string[] = [];
  cache
    .kind(configMapKind)
    .subscribe(({ current, previous }) => changes.push(`${previous?.name ?? '-'}>${current?.name ?? '-'}`));
  const lost = sink!;
  sink = undefined;
  lost.closed(new StoreError('compacted', 'history is gone'));
  assert.equal(watcher.isClosed, false);
  await remove('gone');
  await put('new', {});
  while (!sink) await new Promise(setImmediate);
  await cache.fresh();
  assert.equal(watcher.isClosed, true);
  assert.ok(changes.includes('gone>-'));
  assert.ok(changes.includes('->new'));
  assert.deepEqual(
    cache
      .kind(configMapKind)
      .objects.all()
      .map((o) => o.name),
    ['kept', 'new'],
  );
});

test('a parsed object that nobody asks for any more is parsed anew for the next who does', async () => {
  const { cache, clock, put } = await open();
  await put('x', { k: 'v' });
  await cache.fresh();
  const [object] = cache.kind(configMapKind).objects.all();
  const parsed = object!.object;
  await clock.advance(30_000);
  assert.equal(object!.object, parsed, 'it was asked for since');
  await clock.advance(80_000);
  assert.notEqual(object!.object, parsed);
  assert.deepEqual(object!.object, parsed);
});
