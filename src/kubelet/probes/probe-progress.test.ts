import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firstTryDelayMs, initialProgress, type ProbeProgress, progressAfter } from './probe-progress.ts';

const after = (kind: 'startup' | 'readiness' | 'liveness', probe: object, tries: string): ProbeProgress =>
  [...tries].reduce((progress, t) => progressAfter(progress, kind, probe, t === '+'), initialProgress(kind));

for (const [kind, probe, tries, verdict] of [
  ['readiness', {}, '', 'failure'],
  ['readiness', {}, '+', 'success'],
  ['readiness', { successThreshold: 2 }, '+', 'failure'],
  ['readiness', { successThreshold: 2 }, '+-+', 'failure'],
  ['readiness', { successThreshold: 2 }, '++', 'success'],
  ['readiness', {}, '+--', 'success'],
  ['readiness', {}, '+--+--', 'success'],
  ['readiness', {}, '+---', 'failure'],
  ['readiness', { failureThreshold: 1 }, '+-', 'failure'],
  ['liveness', {}, '--', 'success'],
  ['liveness', {}, '---', 'failure'],
  ['startup', {}, '--', 'unknown'],
  ['startup', {}, '--+', 'success'],
  ['startup', { failureThreshold: 2 }, '--', 'failure'],
] as const)
  test(`a ${kind} probe of ${JSON.stringify(probe)} that went ${tries || 'nowhere'} says ${verdict}`, () => {
    assert.equal(after(kind, probe, tries).verdict, verdict);
  });

test('only what must be killed for it is not tried any more', () => {
  assert.equal(after('liveness', {}, '---').onHold, true);
  assert.equal(after('startup', {}, '---').onHold, true);
  assert.equal(after('readiness', {}, '---').onHold, false);
  assert.equal(after('liveness', {}, '--').onHold, false);
});

const moment = {
  nowMs: 100_000,
  startedAtMs: 100_000,
  initialDelaySeconds: 0,
  periodSeconds: 10,
  kubeletStartedAtMs: 0,
  random: 0.5,
};

test('the first try waits for the initial delay, counted from the start of the container', () => {
  assert.equal(firstTryDelayMs(moment), 0);
  assert.equal(firstTryDelayMs({ ...moment, initialDelaySeconds: 7, startedAtMs: 98_000 }), 5_000);
  assert.equal(firstTryDelayMs({ ...moment, initialDelaySeconds: 7, startedAtMs: 50_000 }), 0);
  assert.equal(firstTryDelayMs({ ...moment, initialDelaySeconds: 7, startedAtMs: 3_600_000 }), 7_000, 'the clock was set back');
});

test('containers found at the start of the kubelet are tried at moments spread over a period', () => {
  const found = { ...moment, startedAtMs: 50_000, kubeletStartedAtMs: 99_000 };
  assert.equal(firstTryDelayMs(found), 5_000);
  assert.equal(firstTryDelayMs({ ...found, kubeletStartedAtMs: 80_000 }), 0);
  assert.equal(firstTryDelayMs({ ...found, startedAtMs: 99_500 }), 0);
});
