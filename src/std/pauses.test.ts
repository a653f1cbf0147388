import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pauses, runAtOnce, runWithPauses, type Steps } from './pauses.ts';

function* counting(said: string[]): Steps<number> {
  said.push('one');
  yield;
  said.push('two');
  yield;
  said.push('three');
  return 3;
}

/** What is said by the work and, in each turn of the event loop, by others. */
async function withOthers(sizeBytes: number): Promise<string[]> {
  const said: string[] = [];
  const pauses = new Pauses();
  pauses.heed(sizeBytes);
  pauses.heed(1);
  let working = true;
  const others = async () => {
    while (working) {
      await new Promise((resolve) => setImmediate(resolve));
      said.push('other');
    }
  };
  const done = others();
  assert.equal(await pauses.run(counting(said)), 3);
  working = false;
  await done;
  return said;
}

test('others have their turn between two passes over something large', async () => {
  assert.deepEqual(await withOthers(1024 * 1024), ['one', 'other', 'two', 'other', 'three', 'other']);
});

test('what is small is done in one turn', async () => {
  assert.equal(new Pauses().pause(), undefined);
  assert.deepEqual(await withOthers(1024), ['one', 'two', 'three', 'other']);
});

test('steps can be done at once', () => {
  const said: string[] = [];
  assert.equal(runAtOnce(counting(said)), 3);
  assert.deepEqual(said, ['one', 'two', 'three']);
});

test('work that fails in a later step fails as a whole', async () => {
  const failing = function* (): Steps<void> {
    yield;
    throw new Error('no');
  };
  await assert.rejects(new Pauses().run(failing()), /^Error: no$/);
});

test('steps that are made when enough time has gone have a pause each, however small the object', async () => {
  const said: string[] = [];
  setImmediate(() => said.push('other'));
  assert.equal(await runWithPauses(counting(said)), 3);
  assert.deepEqual(said, ['one', 'other', 'two', 'three']);
});
