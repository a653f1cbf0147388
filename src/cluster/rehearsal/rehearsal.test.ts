import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RehearsalClock } from './rehearsal-clock.ts';
import { rehearse } from './rehearse.ts';
import { parseDays, parseFault, type Scenario, seededRandom } from './scenario.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const START_MS = Date.parse('2026-01-01T00:00:00Z');
const NODES = ['node-1', 'node-2', 'node-3', 'node-4'];
const signal = new AbortController().signal;

function play(changes: Partial<Scenario>, ...faults: string[]) {
  const scenario: Scenario = {
    nodes: NODES,
    startMs: START_MS,
    durationMs: 365 * DAY_MS,
    certificateLifetimeMs: 365 * DAY_MS,
    caLifetimeMs: 3650 * DAY_MS,
    faults: faults.map((fault) => parseFault(fault, NODES)),
    rejoin: false,
    seed: 1,
    ...changes,
  };
  return rehearse(scenario, { signal });
}
const story = (entries: Awaited<ReturnType<typeof play>>['entries']) => entries.map(({ who, what }) => `${who} ${what}`);

test('a year passes, every certificate is renewed once, and nothing is missed', async () => {
  const { summary, entries } = await play({});
  assert.equal(summary.joined, 4);
  assert.deepEqual(summary.renewals, { client: 4, serving: 8 });
  assert.deepEqual([summary.missed, summary.failedTries, summary.lost], [0, 0, []]);
  assert.deepEqual(entries, []);
});

test('in ten years no renewal is missed, nor in a week of certificates that live for a day', async () => {
  const { summary, entries } = await play({ durationMs: 3650 * DAY_MS, caLifetimeMs: 7300 * DAY_MS });
  assert.deepEqual([summary.missed, summary.failedTries, summary.lost, entries], [0, 0, [], []]);
  // Each is renewed when 70 to 90 % of its life is over: after 256 to 329 days.
  for (const count of [summary.renewals.client, summary.renewals.serving])
    assert.ok(count >= 4 * 11 && count <= 4 * 16, `${count} renewals`);
  const short = await play({ durationMs: 7 * DAY_MS, certificateLifetimeMs: DAY_MS });
  assert.deepEqual([short.summary.missed, short.summary.failedTries, short.summary.lost], [0, 0, []]);
});

test('hundreds of nodes join one group after the other, and none is turned away', async () => {
  const nodes = Array.from({ length: 104 }, (_, i) => `node-${i + 1}`);
  const { summary } = await play({ nodes, durationMs: HOUR_MS });
  assert.deepEqual([summary.joined, summary.failedTries, summary.lost], [104, 0, []]);
});

test('the same seed plays the same story', async () => {
  const [a, b] = await Promise.all([play({ certificateLifetimeMs: 90 * DAY_MS }), play({ certificateLifetimeMs: 90 * DAY_MS })]);
  assert.deepEqual(a, b);
});

test('an approver that is away for two hours costs tries, and no certificate', async () => {
  // Certificates of a day: somebody renews in any two hours.
  const { summary, entries } = await play({ durationMs: 5 * DAY_MS, certificateLifetimeMs: DAY_MS }, 'approver-away@50h+2h');
  assert.equal(summary.missed, 0);
  assert.deepEqual(summary.lost, []);
  assert.ok(summary.renewals.serving >= 4 * 5);
  assert.ok(story(entries).includes('approver back'));
});

test('an approver that is away for longer than a certificate lives: serving certificates run out, and come right by themselves', async () => {
  const { summary, entries } = await play({ durationMs: DAY_MS, certificateLifetimeMs: 4 * HOUR_MS }, 'approver-away@6h+6h');
  assert.ok(summary.missed >= 4, JSON.stringify(summary));
  assert.deepEqual(summary.lost, []);
  assert.equal(summary.firstBroken?.what, 'renewal failed');
  assert.equal(story(entries).filter((line) => line.endsWith('has a certificate again')).length, 4);
});

test('a node that is off for fourteen months is lost without a token, and joins again with one', async () => {
  const lost = await play({ durationMs: 500 * DAY_MS }, 'node-off@30d+420d:node-2');
  assert.deepEqual(lost.summary.lost, ['node-2']);
  assert.deepEqual(story(lost.entries), ['node-2 went off', 'node-2 came back', 'node-2 cannot come back']);
  const rejoined = await play({ durationMs: 500 * DAY_MS, rejoin: true }, 'node-off@30d+420d:node-2');
  assert.deepEqual(rejoined.summary.lost, []);
  assert.equal(rejoined.summary.joined, 5);
});

test('a clock that is seven minutes wrong breaks nothing in a year', async () => {
  for (const offset of ['+7m', '-7m']) {
    const { summary } = await play({}, `clock@1d+360d:node-3:${offset}`);
    assert.deepEqual([summary.missed, summary.lost], [0, []], offset);
  }
});

test('when the authority ends everything ends, and until then nobody asks every second', async () => {
  const { summary, entries } = await play({
    durationMs: 101 * DAY_MS,
    certificateLifetimeMs: 365 * DAY_MS,
    caLifetimeMs: 100 * DAY_MS,
  });
  assert.equal(summary.firstBroken?.what, 'authority ended');
  assert.deepEqual(summary.lost, NODES);
  assert.ok(story(entries).includes('node-1 certificate ran out'));
  const { client, serving } = summary.renewals;
  assert.ok(client + serving < 4 * 2 * 60, `${client + serving} renewals towards the end`);
});

test('an authority that is replaced in time ends unnoticed; replaced too late it leaves all nodes to be rescued', async () => {
  const changes = { durationMs: 200 * DAY_MS, certificateLifetimeMs: 365 * DAY_MS, caLifetimeMs: 100 * DAY_MS };
  const inTime = await play(changes, 'ca-replaced@60d+10y');
  assert.deepEqual(story(inTime.entries), ['cluster authority replaced', 'cluster authority ended']);
  assert.deepEqual([inTime.summary.missed, inTime.summary.lost], [0, []]);
  const late = await play(changes, 'ca-replaced@101d+10y');
  assert.deepEqual(late.summary.lost, NODES);
  const rescued = await play({ ...changes, rejoin: true }, 'ca-replaced@101d+10y', `node-off@102d+1h:${NODES.join(',')}`);
  assert.deepEqual(rescued.summary.lost, []);
});

test('a clock fires in order, leaps once over what repeats, and forgets what is cancelled', () => {
  const clock = new RehearsalClock(0);
  const fired: string[] = [];
  const repeat = () => {
    fired.push(`repeat ${clock.now()}`);
    clock.setTimer(10, repeat);
  };
  clock.setTimer(10, repeat);
  clock.setTimer(5, () => fired.push('cancelled')).cancel();
  clock.setTimer(7, () => fired.push(`once ${clock.now()}`));
  clock.step();
  clock.leapTo(1000);
  assert.deepEqual(fired, ['once 7', 'repeat 1000']);
  assert.equal(clock.nextDueMs, 1010);
  fc.assert(
    fc.property(fc.array(fc.nat(1000), { maxLength: 60 }), (delays) => {
      const own = new RehearsalClock(0);
      const seen: number[] = [];
      for (const delay of delays) own.setTimer(delay, () => seen.push(delay));
      while (own.nextDueMs !== undefined) own.step();
      assert.deepEqual(
        seen,
        [...delays].sort((a, b) => a - b),
      );
    }),
  );
});

test('faults and durations are read strictly', () => {
  assert.deepEqual(parseFault('clock@10d+1h:node-3,node-1:-7m', NODES), {
    ...{ kind: 'clock', atMs: 10 * DAY_MS, forMs: 3_600_000, nodes: ['node-3', 'node-1'], offsetMs: -420_000 },
  });
  assert.equal(parseDays('10y'), 3650 * DAY_MS);
  const wrong = [
    '',
    'fire@1d+1d',
    'node-off@1d+1d',
    'node-off@1d+1d:node-9',
    'clock@1d+1d:node-1',
    'approver-away@x+1d',
    'approver-away@1d',
  ];
  for (const text of wrong) assert.throws(() => parseFault(text, NODES), { code: 'FLAG_INVALID' }, text);
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        parseFault(text, NODES);
      } catch (error) {
        assert.equal((error as { code: string }).code, 'FLAG_INVALID');
      }
    }),
  );
  const random = seededRandom(7);
  for (let i = 0; i < 1000; i++) assert.ok(random() < 1);
});
