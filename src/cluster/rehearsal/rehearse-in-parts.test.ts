import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { rehearse } from './rehearse.ts';
import { defaultParts, partsOf, rehearseInParts } from './rehearse-in-parts.ts';
import { parseFault, type Scenario } from './scenario.ts';

const DAY_MS = 86_400_000;
const { signal } = new AbortController();

function scenarioOf(nodes: number, changes: Partial<Scenario> = {}, ...faults: string[]): Scenario {
  const names = Array.from({ length: nodes }, (_, i) => `node-${i + 1}`);
  return {
    nodes: names,
    startMs: Date.parse('2026-01-01T00:00:00Z'),
    durationMs: 5 * DAY_MS,
    certificateLifetimeMs: DAY_MS,
    caLifetimeMs: 3650 * DAY_MS,
    faults: faults.map((fault) => parseFault(fault, names)),
    rejoin: false,
    seed: 1,
    ...changes,
  };
}

test('parts tell one story: counts of all, what befell the control plane once, what befell nodes of each', async () => {
  const scenario = scenarioOf(4, {}, 'approver-away@26h+30h', 'node-off@26h+48h:node-1,node-4');
  const { summary, entries } = await rehearseInParts(scenario, 2, { signal });
  assert.deepEqual([summary.nodes, summary.joined, summary.simulatedDays], [4, 4, 5]);
  assert.deepEqual(summary.lost, ['node-1', 'node-4']);
  const told = (what: string) => entries.filter((entry) => entry.what === what).map(({ who }) => who);
  assert.deepEqual(told('away'), ['approver']);
  assert.deepEqual(told('back'), ['approver']);
  assert.deepEqual(told('went off'), ['node-1', 'node-4']);
  assert.deepEqual(told('cannot come back'), ['node-1', 'node-4']);
  // Serving certificates of those that were on ran out in both parts, and came right.
  assert.deepEqual(told('has a certificate again').sort(), ['node-2', 'node-3']);
  assert.equal(summary.missed, 2);
  assert.ok(summary.longestGapMs > 0);
  assert.equal(summary.firstBroken?.what, 'renewal failed');
  assert.deepEqual(
    entries.map(({ atMs }) => atMs),
    entries.map(({ atMs }) => atMs).sort((a, b) => a - b),
  );
  assert.deepEqual(await rehearseInParts(scenario, 2, { signal }), { summary, entries }, 'the same seed, another story');
});

test('all nodes in one part are rehearsed as they are', async () => {
  const scenario = scenarioOf(2, { durationMs: DAY_MS });
  assert.deepEqual(await rehearseInParts(scenario, 1, { signal }), await rehearse(scenario, { signal }));
  assert.deepEqual([1, 10, 249, 250, 1000, 5000].map(defaultParts), [1, 1, 1, 2, 8, 40]);
});

test('every node and each of its faults is in exactly one part, and faults of the control plane are in all', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 60 }), fc.integer(), (nodes, wanted, seed) => {
      const parts = Math.min(nodes, wanted);
      const last = `node-${nodes}`;
      const scenario = scenarioOf(
        nodes,
        { seed },
        `node-off@1d+1d:${[...new Set(['node-1', last])].join()}`,
        'signer-away@1d+1h',
      );
      const all = partsOf(scenario, parts);
      assert.equal(all.length, parts);
      assert.deepEqual(
        all.flatMap((part) => part.nodes),
        scenario.nodes,
      );
      const sizes = all.map((part) => part.nodes.length);
      assert.ok(Math.min(...sizes) >= 1 && Math.max(...sizes) - Math.min(...sizes) <= 1, sizes.join());
      const off = all.flatMap((part) => part.faults.filter(({ kind }) => kind === 'node-off').flatMap((fault) => fault.nodes));
      assert.deepEqual(off, scenario.faults[0]!.nodes);
      for (const part of all) {
        assert.ok(part.faults.some(({ kind }) => kind === 'signer-away'));
        for (const fault of part.faults) for (const name of fault.nodes) assert.ok(part.nodes.includes(name));
      }
      assert.equal(all[0]!.seed, seed);
      assert.equal(new Set(all.map((part) => part.seed)).size, parts);
    }),
  );
});

test('what cannot be played is said, and what is given up ends', async () => {
  // An authority that never was.
  await assert.rejects(
    rehearseInParts(scenarioOf(2, { caLifetimeMs: Number.NaN }), 2, { signal }),
    /^Error: a certificate from 2025-12-31T23:55:00.000Z to NaN would never be valid$/,
  );
  const abort = new AbortController();
  const given = rehearseInParts(scenarioOf(2, { durationMs: 3650 * DAY_MS }), 2, { signal: abort.signal });
  setImmediate(() => abort.abort(new Error('enough')));
  await assert.rejects(given, /^Error: enough$/);
});
