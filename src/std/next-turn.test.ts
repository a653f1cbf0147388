import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextTurn, TurnShare } from './next-turn.ts';

/** Works that each take so long a part; what each turn did of them. */
async function turnsOf(works: number, parts: number, partMs: number): Promise<string[]> {
  let nowMs = 0;
  const turns: string[] = [];
  const share = new TurnShare({
    now: () => nowMs,
    later: (turn) =>
      setImmediate(() => {
        turns.push('');
        turn();
      }),
  });
  const work = async (name: string) => {
    for (let part = 0; part < parts; part++) {
      await share.nextTurn();
      // Some steps further, as work is that awaits something already there.
      await Promise.resolve().then(() => undefined);
      turns[turns.length - 1] += name;
      nowMs += partMs;
    }
  };
  await Promise.all(Array.from({ length: works }, (_, i) => work(String.fromCharCode(97 + i))));
  return turns;
}

test('short parts of all that wait are done in one turn, which ends when it has lasted long enough', async () => {
  assert.deepEqual(await turnsOf(4, 2, 1), ['abcd', 'abcd']);
  assert.deepEqual(await turnsOf(4, 2, 5), ['ab', 'cd', 'ab', 'cd']);
});

test('a part that takes long is the last of its turn', async () => {
  assert.deepEqual(await turnsOf(3, 2, 50), ['a', 'b', 'c', 'a', 'b', 'c']);
});

test('others have their turn before what waits goes on', async () => {
  const said: string[] = [];
  setImmediate(() => said.push('other'));
  await nextTurn();
  said.push('went on');
  assert.deepEqual(said, ['other', 'went on']);
});
