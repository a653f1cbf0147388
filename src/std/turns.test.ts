import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Turns } from './turns.ts';

test('work for one key is done in turn, also after a failure, and other keys do not wait', async () => {
  const turns = new Turns<string>();
  const log: string[] = [];
  const first = Promise.withResolvers<void>();
  const a1 = turns.take('a', async () => {
    await first.promise;
    log.push('a1');
    throw new Error('broken');
  });
  const a2 = turns.take('a', async () => log.push('a2'));
  await turns.take('b', async () => log.push('b'));
  assert.deepEqual(log, ['b']);
  first.resolve();
  await assert.rejects(a1, /broken/);
  await a2;
  assert.deepEqual(log, ['b', 'a1', 'a2']);
  await Promise.resolve();
  assert.equal(turns.size, 0);
});
