import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Steps } from './pauses.ts';
import { runInTurns, TurnPace } from './turn-pace.ts';

function* steps(count: number, act: () => void): Steps<string> {
  for (let i = 0; i < count; i++) {
    act();
    yield;
  }
  return 'done';
}

test('work that takes no time is done at once', () => {
  assert.equal(
    runInTurns(
      steps(1000, () => undefined),
      new TurnPace(() => 0),
    ),
    'done',
  );
});

test('long work lets others have their turn, and its result is the same', async () => {
  let nowMs = 0;
  let parts = 0;
  const result = runInTurns(
    steps(100, () => {
      nowMs += 2;
      parts++;
    }),
    new TurnPace(() => nowMs),
  );
  assert.equal(parts, 3);
  assert.equal(await result, 'done');
  assert.equal(parts, 100);
});

test('what a later step throws rejects', async () => {
  let nowMs = 0;
  const result = runInTurns(
    steps(10, () => {
      nowMs += 5;
      if (nowMs > 20) throw new Error('no');
    }),
    new TurnPace(() => nowMs),
  );
  await assert.rejects(Promise.resolve(result), /no/);
});
