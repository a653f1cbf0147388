import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WriteTurns } from './write-turns.ts';

/** A loop whose turns are taken by hand. */
class Loop {
  readonly waiting: (() => void)[] = [];
  readonly later = (turn: () => void) => void this.waiting.push(turn);

  turn(): void {
    for (const callback of this.waiting.splice(0)) callback();
  }
}

test('writers are called in their order, a few a turn, and each once', () => {
  const loop = new Loop();
  const turns = new WriteTurns(loop.later);
  const called: number[] = [];
  for (let i = 0; i < 40; i++) turns.enlist(() => called.push(i));
  assert.deepEqual(called, [], 'nobody before the first turn');
  loop.turn();
  assert.equal(called.length, 16);
  loop.turn();
  loop.turn();
  assert.deepEqual(
    called,
    Array.from({ length: 40 }, (_, i) => i),
  );
  assert.equal(loop.waiting.length, 0, 'no turn without anybody in line');
});

test('who gets in line during a turn, or behind thousands of others, has a turn too', () => {
  const loop = new Loop();
  const turns = new WriteTurns(loop.later);
  const called: string[] = [];
  for (let i = 0; i < 3_000; i++) turns.enlist(() => called.push(`${i}`));
  turns.enlist(() => {
    turns.enlist(() => called.push('from within'));
    return 0;
  });
  while (loop.waiting.length) loop.turn();
  assert.equal(called.length, 3_001);
  assert.equal(called.at(-1), 'from within');
  turns.enlist(() => called.push('later'));
  loop.turn();
  assert.equal(called.at(-1), 'later');
});

test('what is large ends a turn', () => {
  const loop = new Loop();
  const turns = new WriteTurns(loop.later);
  const called: number[] = [];
  const sizes = [1024 * 1024, 600_000, 600_000, 1, 2, 3];
  for (const size of sizes)
    turns.enlist(() => {
      called.push(size);
      return size;
    });
  const counts: number[] = [];
  for (; loop.waiting.length; counts.push(called.length)) loop.turn();
  assert.deepEqual([called, counts], [sizes, [1, 3, 6]]);
});
