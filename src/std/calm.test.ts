import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCalm } from './calm.ts';
import { VirtualClock } from './clock.ts';

/** An event loop that is as busy as the test says, by the clock. */
function setUp() {
  const clock = new VirtualClock(0);
  const loop = { share: 0, atMs: 0, active: 0, idle: 0 };
  const utilization = (now = { ...pass(), utilization: 0 }, before = { idle: 0, active: 0, utilization: 0 }) => {
    const idle = now.idle - before.idle;
    const active = now.active - before.active;
    return { idle, active, utilization: idle + active > 0 ? active / (idle + active) : 0 };
  };
  const pass = () => {
    const lasted = clock.now() - loop.atMs;
    loop.atMs = clock.now();
    loop.active += lasted * loop.share;
    loop.idle += lasted * (1 - loop.share);
    return { idle: loop.idle, active: loop.active };
  };
  const become = (share: number) => {
    pass();
    loop.share = share;
  };
  return { clock, become, calm: createCalm({ clock, utilization }) };
}

test('on a calm event loop nothing is put off, however often it is asked', async () => {
  const { clock, calm } = setUp();
  for (let i = 0; i < 5; i++) {
    await clock.advance(10);
    assert.equal(calm.come(), undefined);
  }
});

test('a busy one is let alone until it has time, for all who wait at once', async () => {
  const { clock, calm, become } = setUp();
  become(1);
  await clock.advance(50);
  let came = 0;
  for (let i = 0; i < 3; i++) void calm.come()?.then(() => came++);
  await clock.advance(50);
  assert.equal(came, 0);
  become(0.2);
  await clock.advance(10);
  assert.equal(came, 3);
  await clock.advance(10);
  assert.equal(calm.come(), undefined);
});

test('what is put off is done after a tenth of a second, although the loop is busy still', async () => {
  const { clock, calm, become } = setUp();
  become(1);
  await clock.advance(50);
  let came = 0;
  void calm.come()?.then(() => came++);
  await clock.advance(99);
  assert.equal(came, 0);
  await clock.advance(1);
  assert.equal(came, 1);
});
