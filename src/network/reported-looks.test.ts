import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CodedError } from '../std/coded-error.ts';
import { silentLogger } from '../std/logger.ts';
import { createReportedLooks } from './reported-looks.ts';

function looksThat(sync: () => void | Promise<void>) {
  const lines: string[] = [];
  const logger = {
    ...silentLogger,
    warn: (text: string) => void lines.push(`warning: ${text}`),
    error: (text: string) => void lines.push(`error: ${text}`),
  };
  const looks = createReportedLooks({ logger, sync: async () => sync(), tellUp: () => void lines.push('up') });
  return { looks, lines };
}
const { signal } = new AbortController();
const missing = new CodedError('node "a" is not registered', { code: 'NODE_NOT_READY' });

test('what a look waits for is said once, and again after all was well', async () => {
  let failure: Error | undefined = missing;
  const { looks, lines } = looksThat(() => {
    if (failure) throw failure;
  });
  await assert.rejects(looks.look('change', signal), missing);
  await assert.rejects(looks.look('change', signal), missing);
  assert.equal(looks.isHealthy, false);
  failure = undefined;
  await looks.look('change', signal);
  await looks.look('change', signal);
  assert.equal(looks.isHealthy, true);
  failure = missing;
  await assert.rejects(looks.look('change', signal), missing);
  assert.deepEqual(lines, ['warning: waiting: node "a" is not registered', 'up', 'warning: waiting: node "a" is not registered']);
});

test('a failure is told each time, and none when the agent is to stop', async () => {
  const { looks, lines } = looksThat(() => {
    throw new Error('no such device');
  });
  await assert.rejects(looks.look('change', signal), /no such device/);
  await assert.rejects(looks.look('period', signal), /no such device/);
  await looks.look('change', AbortSignal.abort());
  assert.deepEqual(lines, Array(2).fill('error: Failed to set up the network of pods; it is tried again soon'));
});

test('a topic is told again when it is another thing, and when it came back', () => {
  const { looks, lines } = looksThat(() => undefined);
  for (const text of ['one', 'one', 'two', '', 'two']) looks.sayOnce('nodes', text);
  assert.deepEqual(lines, ['warning: one', 'warning: two', 'warning: two']);
});
