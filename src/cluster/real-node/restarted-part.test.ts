import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../std/clock.ts';
import type { Component } from '../../std/lifecycle.ts';
import { silentLogger } from '../../std/logger.ts';
import { createRestartedPart, type PartLife } from './restarted-part.ts';

const part = (clock: VirtualClock, run: (life: PartLife) => Promise<void>) =>
  createRestartedPart({ what: 'the part', clock, logger: silentLogger, random: () => 0, run });

function component() {
  const done = Promise.withResolvers<void>();
  const ended: string[] = [];
  const one: Component = {
    name: 'one',
    done: done.promise,
    async start(signal) {
      signal.addEventListener('abort', () => {
        ended.push('one');
        done.resolve();
      });
    },
  };
  return { one, ended, fail: (error: Error) => done.reject(error) };
}

test('a part that fails is started again after a while, and whoever waits for its start is told after the first failure', async () => {
  const clock = new VirtualClock(0);
  const components = [component(), component()];
  let attempts = 0;
  const restarted = part(clock, async (life) => {
    attempts++;
    if (attempts === 1) throw new Error('not yet');
    const { one } = components[attempts - 2]!;
    if (await life.start(one)) await life.work(one);
  });
  await restarted.start();
  assert.equal(attempts, 1);
  await clock.advance(1000);
  assert.equal(attempts, 2);
  components[0]!.fail(new Error('broken'));
  await clock.advance(1000);
  assert.equal(attempts, 3);
  await restarted.stop();
  assert.deepEqual(components[1]!.ended, ['one']);
});

test('a part that is stopped while it starts ends, and is not started again', async () => {
  const clock = new VirtualClock(0);
  let attempts = 0;
  let went: boolean | undefined;
  const never: Component = { name: 'never', done: Promise.resolve(), start: () => new Promise(() => undefined) };
  const restarted = part(clock, async (life) => {
    attempts++;
    went = await life.start(never);
  });
  const starting = restarted.start();
  await restarted.stop();
  await starting;
  await clock.advance(120_000);
  assert.deepEqual([attempts, went], [1, false]);
});
