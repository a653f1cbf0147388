import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defineKind } from '../../api/machinery/define-kind.ts';
import type { KindDefinition, RemoteConversion } from '../../api/machinery/kind.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { deferred } from '../../std/lifecycle.ts';
import { encodeStored, storedForm } from '../store-access/encoding.ts';
import { CachedEvent } from './cached-event.ts';
import { CachedObject } from './cached-object.ts';
import { ConvertedFeed } from './converted-feed.ts';

const form = storedForm('example.com/v1', 'Widget');

function kindWith(convert: RemoteConversion['convert']): KindDefinition {
  const stored = { group: 'example.com', version: 'v1', kind: 'Widget' };
  return defineKind({
    group: 'example.com',
    version: 'v2',
    kind: 'Widget',
    resource: 'widgets',
    namespaced: true,
    storedAs: { ...stored, fromStored: (object) => object, toStored: (object) => object, remote: { convert } },
  });
}

const convertAll: RemoteConversion['convert'] = async (objects, apiVersion) =>
  objects.map((object) => ({ ...object, apiVersion, seen: true }));

function cached(name: string, revision: number, more: object = {}): CachedObject {
  const object = { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name }, ...more } as DynamicObject;
  return new CachedObject({ key: `/widgets/${name}`, namespace: 'ns', name }, form, encodeStored(form, object), revision);
}

function start(kind: KindDefinition, matches?: (object: CachedObject) => boolean) {
  const told: string[] = [];
  const failures: unknown[] = [];
  const feed = new ConvertedFeed({
    kind,
    matches,
    item: ({ type, object }) => told.push(`${type} ${object.name} ${object.object.apiVersion}`),
    failed: (error) => failures.push(error),
  });
  const rest = () => {
    const reached = deferred();
    feed.afterwards(() => reached.resolve());
    return reached.promise;
  };
  return { feed, told, failures, rest };
}

test('what is there and what changes is told converted and in order, also what was replaced meanwhile', async () => {
  const { feed, told, rest } = start(kindWith(convertAll));
  const before = cached('a', 1);
  const after = cached('a', 2);
  feed.take(before);
  feed.take(new CachedEvent(2, 0, after, before));
  before.forgetParsed();
  feed.take(new CachedEvent(3, 0, undefined, after));
  after.forgetParsed();
  await rest();
  assert.deepEqual(told, ['ADDED a example.com/v2', 'MODIFIED a example.com/v2', 'DELETED a example.com/v2']);
});

test('what nobody else must convert is told at once when it is small, and after large ones that are read in turns', async () => {
  const { storedAs, ...kind } = kindWith(convertAll);
  const { remote: _, ...local } = storedAs!;
  const { feed, told, rest } = start({
    ...kind,
    storedAs: { ...local, fromStored: (object) => ({ ...object, apiVersion: 'example.com/v2' }) },
  });
  feed.take(cached('a', 1));
  assert.deepEqual(told, ['ADDED a example.com/v2']);
  const large = cached('b', 2, { text: 'x'.repeat(200_000) });
  feed.take(new CachedEvent(2, 0, large, undefined));
  feed.take(new CachedEvent(3, 0, cached('c', 3), undefined));
  assert.equal(told.length, 1);
  await rest();
  assert.deepEqual(told.slice(1), ['ADDED b example.com/v2', 'ADDED c example.com/v2']);
  feed.take(new CachedEvent(4, 0, cached('d', 4), undefined));
  assert.equal(told.at(-1), 'ADDED d example.com/v2');
});

test('conditions are about the converted form', async () => {
  const { feed, told, rest } = start(kindWith(convertAll), (object) => object.object['seen'] === true);
  feed.take(cached('a', 1));
  await rest();
  assert.deepEqual(told, ['ADDED a example.com/v2']);
});

test('what comes while a conversion runs goes in the next question, all of it in one', async () => {
  const asked: number[] = [];
  const first = deferred();
  const { feed, told, rest } = start(
    kindWith(async (objects, apiVersion) => {
      asked.push(objects.length);
      if (asked.length === 1) await first.promise;
      return convertAll(objects, apiVersion);
    }),
  );
  feed.take(cached('a', 1));
  for (const name of ['b', 'c', 'd']) feed.take(cached(name, 2));
  first.resolve();
  await rest();
  assert.deepEqual(asked, [1, 3]);
  assert.equal(told.length, 4);
});

test('after a conversion that failed nothing more is told', async () => {
  const { feed, told, failures } = start(kindWith(() => Promise.reject(new Error('no'))));
  feed.take(cached('a', 1));
  await new Promise((resolve) => setImmediate(resolve));
  feed.take(cached('b', 2));
  assert.deepEqual([told, failures.length], [[], 1]);
});

test('changes of large objects that wait for a conversion are bounded by their bytes', async () => {
  const never = deferred<readonly DynamicObject[]>();
  const { feed, told, failures } = start(kindWith(() => never.promise));
  const large = { spec: 'x'.repeat(10 * 1024 * 1024) };
  for (let i = 0; i < 9; i++) feed.take(new CachedEvent(i, 0, cached('a', i, large), undefined));
  assert.match(String(failures[0]), /conversions take longer than changes/);
  never.resolve([]);
  assert.deepEqual(told, []);
});
