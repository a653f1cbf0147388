import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configMapKind } from '../../api/core/v1/config-map.ts';
import { parseLabelSelector } from '../../api/machinery/label-selector.ts';
import { CachedObject } from '../watch-cache/cached-object.ts';
import { matching } from './selection.ts';

const OBJECTS = 3_000;
const objects = Array.from({ length: OBJECTS }, (_, i) => {
  const object = { metadata: { name: `m${i}`, labels: { n: `${i % 3}` } }, data: { k: 'v'.repeat(1_000) } };
  return CachedObject.unsaved(configMapKind, 'a', object as never, 7 + i);
});

test('what a selector chooses is looked for in turns', async () => {
  let turns = 0;
  let looking = true;
  const turn = () => {
    if (!looking) return;
    turns++;
    setImmediate(turn);
  };
  setImmediate(turn);
  const labels = parseLabelSelector('n=1');
  const found = await matching(objects, (object) => labels.matches(object.labels));
  looking = false;
  assert.deepEqual(
    found.map(({ name }) => name),
    Array.from({ length: OBJECTS / 3 }, (_, i) => `m${1 + 3 * i}`),
  );
  assert.ok(turns >= 2, `${turns} turns for ${OBJECTS} objects of a kilobyte`);
});

test('how long the bytes of an object are is known before they are made', () => {
  const [object] = objects;
  const known = object!.byteLength;
  assert.equal(object!.bytes.length, known);
  assert.equal(object!.byteLength, known);
});
