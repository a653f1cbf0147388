import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Slots } from './slots.ts';

test('never more than so many run at a time, each in its turn, and one that fails lets the next one in', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 5 }), fc.array(fc.boolean(), { maxLength: 30 }), async (atOnce, fails) => {
      const slots = new Slots(atOnce);
      const begun: number[] = [];
      let running = 0;
      const ends = await Promise.allSettled(
        fails.map((isFailing, i) =>
          slots.run(async () => {
            begun.push(i);
            assert.ok(++running <= atOnce);
            for (let turns = i % 3; turns >= 0; turns--) await Promise.resolve();
            running--;
            if (isFailing) throw new Error('failed');
            return i;
          }),
        ),
      );
      assert.deepEqual(
        begun,
        fails.map((_, i) => i),
      );
      assert.deepEqual(
        ends.map(({ status }) => status === 'rejected'),
        fails,
      );
    }),
  );
});
