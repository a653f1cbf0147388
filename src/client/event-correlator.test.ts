import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../std/clock.ts';
import { EventCorrelator, makeEvent } from './event-correlator.ts';

function setUp() {
  const clock = new VirtualClock(0);
  const correlator = new EventCorrelator(clock);
  const plan = (name: string, message = 'm') => {
    const subject = { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default', uid: name } };
    const event = makeEvent(subject, { component: 'c' }, { type: 'Normal', reason: 'Why', message }, clock.now(), 0);
    const made = correlator.plan(event);
    if (made.action !== 'drop') correlator.wasWritten(made.key, made.event);
    return made.action;
  };
  return { clock, correlator, plan };
}

test('objects that nothing more is heard of are forgotten by and by, and the memory of any number has an end', async () => {
  const { clock, correlator, plan } = setUp();
  for (let i = 0; i < 1000; i++) plan(`pod-${i}`);
  assert.equal(correlator.size, 3000);
  await clock.advance(601_000);
  plan('another');
  // Every one has its one token back after five minutes; what is alike is compared for ten.
  assert.equal(correlator.size, 1001 + 2);
  for (let i = 0; i < 10_000; i++) plan(`later-${i}`);
  assert.equal(correlator.size, 3 * 4096);
});

test('what is forgotten makes no difference to what is written', async () => {
  const { clock, plan } = setUp();
  assert.equal(plan('talker'), 'create');
  for (let i = 1; i < 25; i++) assert.equal(plan('talker'), 'patch');
  assert.equal(plan('talker'), 'drop');
  for (let i = 0; i < 100; i++) {
    await clock.advance(3_000);
    assert.equal(plan(`pod-${i}`), 'create');
  }
  // Five minutes: one token is back, and no more than one.
  assert.deepEqual([plan('talker'), plan('talker')], ['patch', 'drop']);
});
