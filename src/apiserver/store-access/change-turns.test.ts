import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { deferred } from '../../std/lifecycle.ts';
import { ChangeTurns } from './change-turns.ts';

/** Lets so much time go that whoever does not wait for something has gone on. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await turn();
}

test('who comes while another writes waits until that is written, and is not kept by other objects', async () => {
  const turns = new ChangeTurns();
  const first = await turns.take('a');
  first.decides();
  const write = deferred();
  const written = first.writes(write.promise);
  let came = false;
  const second = turns.take('a').then((taken) => {
    came = true;
    return taken;
  });
  (await turns.take('b')).ends();
  await settle();
  assert.equal(came, false);
  write.resolve();
  await written;
  first.ends();
  (await second).ends();
});

test('a hundred who change one object read it one behind the other', async () => {
  const turns = new ChangeTurns();
  let reading = 0;
  let value = 0;
  await Promise.all(
    Array.from({ length: 100 }, async () => {
      const mine = await turns.take('a');
      try {
        assert.equal(++reading, 1);
        const read = value;
        mine.decides();
        await mine.writes(turn().then(() => (value = read + 1)));
        reading--;
      } finally {
        mine.ends();
      }
    }),
  );
  assert.equal(value, 100);
});

test('nobody waits for one who asks somebody else what to do, who may want to change the object himself', async () => {
  const turns = new ChangeTurns();
  const asking = await turns.take('a');
  asking.decides();
  const other = await turns.take('a'); // would never come
  other.decides();
  other.ends();
  // The same after a write that has lost.
  await asking.writes(turn());
  (await turns.take('a')).ends();
  asking.ends();
});

test('a write that fails keeps nobody, and is told to its own writer only', async () => {
  const turns = new ChangeTurns();
  const first = await turns.take('a');
  first.decides();
  const write = deferred();
  const written = first.writes(write.promise);
  const second = turns.take('a');
  await settle();
  write.reject(new Error('the disk is full'));
  await assert.rejects(written, { message: 'the disk is full' });
  (await second).ends();
  first.ends();
});

test('one who cannot even read the object lets the next one try', async () => {
  const turns = new ChangeTurns();
  const first = await turns.take('a');
  const second = turns.take('a');
  first.ends();
  (await second).ends();
});
