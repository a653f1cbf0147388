import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configMapKind } from '../../api/core/v1/config-map.ts';
import { parseLabelSelector } from '../../api/machinery/label-selector.ts';
import { CachedObject } from '../watch-cache/cached-object.ts';
import { KnownMatches, matching } from './selection.ts';

const OBJECTS = 3_000;
const objects = Array.from({ length: OBJECTS }, (_, i) => {
  const object = { metadata: { name: `m${i}`, labels: { n: `${i % 3}` } }, data: { k: 'v'.repeat(1_000) } };
  return CachedObject.unsaved(configMapKind, 'a', object as never, 7 + i);
});

/** How many turns others have while something is done. */
async function turnsDuring(action: () => Promise<unknown>): Promise<number> {
  let turns = 0;
  let looking = true;
  const turn = () => {
    if (!looking) return;
    turns++;
    setImmediate(turn);
  };
  setImmediate(turn);
  await action();
  looking = false;
  return turns;
}

test('what a selector chooses is looked for in turns', async () => {
  const labels = parseLabelSelector('n=1');
  let found: readonly CachedObject[] = [];
  const turns = await turnsDuring(async () => {
    found = await matching(objects, (object) => labels.matches(object.labels));
  });
  assert.deepEqual(
    found.map(({ name }) => name),
    Array.from({ length: OBJECTS / 3 }, (_, i) => `m${1 + 3 * i}`),
  );
  assert.ok(turns >= 2, `${turns} turns for ${OBJECTS} objects of a kilobyte`);
});

test('a selector of thousands of requirements has more of them', async () => {
  const selector = Array.from({ length: 5_000 }, (_, i) => `key-${i}!=value`).join(',');
  const labels = parseLabelSelector(selector);
  const few = objects.slice(0, 300);
  const look = () => matching(few, (object) => labels.matches(object.labels), selector.length);
  const turns = await turnsDuring(look);
  assert.ok(turns >= 15, `${turns} turns for 300 looks at ${selector.length} bytes of a selector`);
});

test('what was looked at in turns is not looked at again when the watch begins, and anew behind that', async () => {
  let looks = 0;
  const looked = new KnownMatches(({ name }) => {
    looks++;
    return name === 'm1';
  });
  const [first, second, third] = objects;
  assert.deepEqual(await matching([first!, second!], looked.matches), [second]);
  assert.deepEqual(
    [first, second, third].map((object) => looked.matches(object!)),
    [false, true, false],
  );
  assert.equal(looks, 3);
  looked.forget();
  assert.deepEqual([looked.matches(second!), looked.matches(second!), looks], [true, true, 5]);
});

test('how long the bytes of an object are is known before they are made', () => {
  const [object] = objects;
  const known = object!.byteLength;
  assert.equal(object!.bytes.length, known);
  assert.equal(object!.byteLength, known);
});
