import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../std/clock.ts';
import { SettableClock } from '../../std/settable-clock.test-support.ts';
import { createTestTransport, type TestAnswer } from '../test-transport.ts';
import { createTokenBucket, withRateLimit } from './rate-limit.ts';
import { withRetry } from './retry.ts';
import { TransportError } from './transport-error.ts';

const get = { method: 'GET', path: '/', headers: {} };
const interrupted = new TransportError('https://x: connection lost', { code: 'TRANSPORT_INTERRUPTED', unsent: false });

function retrying(answers: (TestAnswer | Error)[], maxRetries?: number) {
  const clock = new VirtualClock(0);
  const inner = createTestTransport(() => {
    const answer = answers.shift() ?? {};
    if (answer instanceof Error) throw answer;
    return answer;
  });
  return { clock, inner, transport: withRetry(inner, { clock, maxRetries }) };
}

test('what the server is too busy for is sent again after the time that it names', async () => {
  const busy = (status: number, seconds: string) => ({ status, headers: { 'retry-after': seconds }, body: 'busy' });
  const { clock, inner, transport } = retrying([busy(429, '2'), busy(503, '1')]);
  const answer = transport.request({ ...get, method: 'POST', body: 'x' });
  await clock.advance(1_999);
  assert.equal(inner.requests.length, 1);
  await clock.advance(1);
  assert.equal(inner.requests.length, 2);
  await clock.advance(1_000);
  assert.equal((await answer).status, 200);
  assert.deepEqual(
    inner.requests.map(({ body }) => body),
    ['x', 'x', 'x'],
  );
});

test('failures without a time to come back are answers', async () => {
  for (const answer of [{ status: 503 }, { status: 429 }, { status: 409, headers: { 'retry-after': '1' } }]) {
    const { transport, inner } = retrying([answer]);
    assert.equal((await transport.request(get)).status, answer.status);
    assert.equal(inner.requests.length, 1);
  }
});

test('after the last retry the answer is what it is', async () => {
  const busy = { status: 429, headers: { 'retry-after': '1' } };
  const { clock, transport, inner } = retrying([busy, busy, busy], 2);
  const answer = transport.request(get);
  await clock.advance(10_000);
  assert.equal((await answer).status, 429);
  assert.equal(inner.requests.length, 3);
});

test('a read whose connection was lost is sent again, a write is not', async () => {
  const read = retrying([interrupted]);
  const answer = read.transport.request(get);
  await read.clock.advance(1_000);
  assert.equal((await answer).status, 200);
  const write = retrying([interrupted]);
  await assert.rejects(write.transport.request({ ...get, method: 'POST' }), interrupted);
});

test('aborting ends the waiting for a retry', async () => {
  const { clock, transport } = retrying([{ status: 429, headers: { 'retry-after': '60' } }]);
  const controller = new AbortController();
  const reason = new Error('enough');
  const answer = assert.rejects(transport.request({ ...get, signal: controller.signal }), reason);
  await clock.advance(1);
  controller.abort(reason);
  await answer;
  assert.equal(clock.pending, 0);
});

test('a rate limit lets a burst through at once and then no more than its rate', async () => {
  const clock = new VirtualClock(0);
  const inner = createTestTransport(() => ({}));
  const transport = withRateLimit(inner, { qps: 10, burst: 5, clock });
  const all = Promise.all(Array.from({ length: 20 }, (_, i) => transport.request({ ...get, path: `/${i}` })));
  await clock.advance(0);
  assert.equal(inner.requests.length, 5);
  await clock.advance(500);
  assert.equal(inner.requests.length, 10);
  await clock.advance(1_000);
  await all;
  assert.deepEqual(
    inner.requests.map(({ path }) => path),
    Array.from({ length: 20 }, (_, i) => `/${i}`),
  );
  await clock.advance(100_000);
  void Promise.all(Array.from({ length: 9 }, () => transport.request(get)));
  await clock.advance(0);
  assert.equal(inner.requests.length, 25);
});

test('no rate means no limit', () => {
  const inner = createTestTransport(() => ({}));
  assert.equal(withRateLimit(inner, { qps: -1, burst: 0, clock: new VirtualClock(0) }), inner);
});

test('a bucket gives what is there now, and nothing on credit, when only tried', async () => {
  const clock = new VirtualClock(0);
  const bucket = createTokenBucket({ qps: 1, burst: 2, clock });
  assert.deepEqual([bucket.tryTake(), bucket.tryTake(), bucket.tryTake()], [true, true, false]);
  await clock.advance(1_000);
  assert.deepEqual([bucket.tryTake(), bucket.tryTake()], [true, false]);
});

test('a bucket fills as time passes, whatever is done to the clock on the wall meanwhile', async () => {
  const clock = new SettableClock(0);
  clock.aheadMs = 600_000;
  const bucket = createTokenBucket({ qps: 1, burst: 2, clock });
  assert.deepEqual([bucket.take(), bucket.take(), bucket.take()], [0, 0, 1_000]);
  clock.aheadMs = 0;
  await clock.advance(1_000);
  assert.equal(bucket.take(), 1_000);
  clock.aheadMs = 600_000;
  assert.equal(bucket.tryTake(), false);
});
