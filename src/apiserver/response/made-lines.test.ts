import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configMapKind } from '../../api/core/v1/config-map.ts';
import { secretKind } from '../../api/core/v1/secret.ts';
import type { CachedObject } from '../watch-cache/cached-object.ts';
import { MadeLines } from './made-lines.ts';

const object = (sizeBytes = 0) => ({ sizeBytes }) as CachedObject;

test('a line is made once for all who want it, while it is made and behind that', async () => {
  const lines = new MadeLines();
  const one = object();
  let times = 0;
  const make = async () => Buffer.from(`${++times}`);
  const making = [lines.take(configMapKind, one, 'a', make), lines.take(configMapKind, one, 'a', make)];
  assert.deepEqual((await Promise.all(making)).map(String), ['1', '1']);
  assert.equal(String(lines.take(configMapKind, one, 'a', make)), '1');
  assert.equal(String(await lines.take(configMapKind, one, 'b', make)), '2');
  assert.equal(String(await lines.take(secretKind, one, 'a', make)), '3', 'a definition has changed meanwhile');
});

test('the oldest are forgotten where there is too much, and what failed is tried again', async () => {
  const lines = new MadeLines(25);
  const objects = [object(), object(), object()];
  let times = 0;
  const take = (i: number) => lines.take(configMapKind, objects[i]!, '', async () => Buffer.alloc(10, ++times));
  for (const i of [0, 1, 2]) await take(i);
  assert.equal(Buffer.isBuffer(take(2)), true);
  assert.equal(Buffer.isBuffer(take(1)), true);
  assert.equal((await take(0))[0], 4);
  const failing = lines.take(configMapKind, objects[0]!, 'other', async () => assert.fail('no'));
  await assert.rejects(async () => failing, /no/);
  assert.equal(String(await lines.take(configMapKind, objects[0]!, 'other', async () => Buffer.from('yes'))), 'yes');
});

test('an object is not kept by small lines of it, as of its metadata alone', async () => {
  const lines = new MadeLines(25);
  const [large, next] = [object(20), object(20)];
  const make = async () => Buffer.from('.');
  await lines.take(configMapKind, large, '', make);
  assert.equal(Buffer.isBuffer(lines.take(configMapKind, large, '', make)), true);
  await lines.take(configMapKind, next, '', make);
  assert.equal(Buffer.isBuffer(lines.take(configMapKind, next, '', make)), true);
  assert.equal(Buffer.isBuffer(lines.take(configMapKind, large, '', make)), false);
});
