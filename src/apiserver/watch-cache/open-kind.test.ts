import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configMapKind } from '../../api/core/v1/config-map.ts';
import { defineKind } from '../../api/machinery/define-kind.ts';
import { VirtualClock } from '../../std/clock.ts';
import { silentLogger } from '../../std/logger.ts';
import { createMemoryStore } from '../../store/memory/memory-store.ts';
import { type Store, StoreError, type WatchSink } from '../../store/store.ts';
import { Keyspace } from '../store-access/keyspace.ts';
import { WatchCache } from './watch-cache.ts';

const widget = defineKind({
  group: 'example.com',
  version: 'v1',
  kind: 'Widget',
  resource: 'widgets',
  namespaced: true,
  storagePath: 'example.com/widgets',
});

const bytes = (name: string) =>
  Buffer.from(JSON.stringify({ apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name, namespace: 'ns' } }));

async function start(store: Store = createMemoryStore({ clock: new VirtualClock(0) })) {
  const clock = new VirtualClock(0);
  const keyspace = new Keyspace('/registry', [configMapKind]);
  const cache = new WatchCache({ store, keyspace, kinds: [configMapKind], clock, logger: silentLogger, random: () => 0 });
  await cache.start();
  const put = (name: string) =>
    store.transact([], [{ type: 'put', key: `/registry/example.com/widgets/ns/${name}`, value: bytes(name) }]);
  const remove = (name: string) => store.transact([], [{ type: 'delete', key: `/registry/example.com/widgets/ns/${name}` }]);
  const names = () =>
    cache
      .kind(widget)
      .objects.range('/registry/example.com/widgets/')
      .map((object) => object.name);
  return { store, cache, keyspace, put, remove, names };
}

test('a kind that is opened shows what is stored of it and every change from then on', async () => {
  const { cache, put, remove, names } = await start();
  await put('a');
  await cache.fresh();
  await cache.open(widget);
  assert.deepEqual(names(), ['a']);
  await put('b');
  await remove('a');
  await cache.fresh();
  assert.deepEqual(names(), ['b']);
  cache.stop();
});

test('changes that come while a kind is opened are neither lost nor told twice', async () => {
  const memory = createMemoryStore({ clock: new VirtualClock(0) });
  let whileListing = async (): Promise<void> => undefined;
  const store = changed(memory, {
    list: async (prefix, options) => {
      const list = await memory.list(prefix, options);
      await whileListing();
      return list;
    },
  });
  const { cache, put, remove, names } = await start(store);
  await put('a');
  await put('b');
  await cache.fresh();
  whileListing = async () => {
    await put('c');
    await remove('a');
    await cache.fresh();
  };
  await cache.open(widget);
  assert.deepEqual(names(), ['b', 'c']);
  cache.stop();
});

test('a store that is listed anew while a kind is opened hides no change from it', async () => {
  const memory = createMemoryStore({ clock: new VirtualClock(0) });
  let sink: WatchSink | undefined;
  let whileListing = async (prefix: string): Promise<void> => void prefix;
  const store = changed(memory, {
    watch: (prefix, from, given) => {
      sink = given;
      return memory.watch(prefix, from, given);
    },
    list: async (prefix, options) => {
      const list = await memory.list(prefix, options);
      await whileListing(prefix);
      return list;
    },
  });
  const { cache, keyspace, put, names } = await start(store);
  await put('a');
  whileListing = async (prefix) => {
    if (prefix === keyspace.root) return;
    whileListing = async () => undefined;
    await put('b');
    sink!.closed(new StoreError('compacted', 'too old'));
    await cache.fresh();
  };
  await cache.open(widget);
  assert.deepEqual(names(), ['a', 'b']);
  cache.stop();
});

test('a kind that is closed ends its watches and is known no more', async () => {
  const { cache, keyspace, put } = await start();
  await put('a');
  await cache.open(widget);
  let closed = 0;
  cache
    .kind(widget)
    .watch({ kind: widget, keyPrefix: keyspace.collectionPrefix(widget), item: () => undefined, closed: () => closed++ }, 'now');
  cache.close(widget.storagePath);
  assert.equal(closed, 1);
  assert.throws(() => cache.kind(widget), { reason: 'NotFound' });
  assert.equal(keyspace.parse('/registry/example.com/widgets/ns/a'), undefined);
  await put('b');
  await cache.fresh();
  cache.stop();
});

/** The store with some of its methods replaced. */
function changed(store: Store, changes: Partial<Store>): Store {
  return new Proxy(store, {
    get(target, name) {
      if (Object.hasOwn(changes, name)) return changes[name as keyof Store];
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
