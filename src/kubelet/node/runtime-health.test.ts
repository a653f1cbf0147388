import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../std/clock.ts';
import { deferred } from '../../std/lifecycle.ts';
import type { RuntimeStatus } from '../runtime/runtime.ts';
import { createRuntimeHealth } from './runtime-health.ts';

const WELL: RuntimeStatus = { ready: true, networkReady: true };

test('a runtime that does not answer is down, is not asked a second time meanwhile, and is well when it answers', async () => {
  const clock = new VirtualClock(0);
  const answers: PromiseWithResolvers<RuntimeStatus>[] = [];
  const health = createRuntimeHealth(
    {
      status: () => {
        answers.push(deferred<RuntimeStatus>());
        return answers.at(-1)!.promise;
      },
    },
    clock,
  );
  const ask = async (ms: number) => {
    const told = health();
    await clock.advance(ms);
    return told;
  };
  assert.deepEqual(await ask(30_000), { runtimeError: 'no answer within 30s' });
  assert.deepEqual(await ask(0), { runtimeError: 'no answer within 30s' }, 'nobody waits for it again');
  assert.equal(answers.length, 1);
  answers[0]!.resolve(WELL);
  await clock.advance(0);
  const next = health();
  answers[1]!.resolve(WELL);
  assert.deepEqual(await next, { runtime: WELL });
  const failing = health();
  answers[2]!.reject(new Error('gone'));
  assert.deepEqual(await failing, { runtimeError: 'gone' });
  assert.equal(clock.pending, 0);
});
