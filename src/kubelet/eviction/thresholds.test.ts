import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SIGNALS } from './signals.ts';
import { amountOf, formatAmount, isMet, parseThresholds, withContainerFs } from './thresholds.ts';

test('amounts and percentages are read, hard ones without and soft ones with a grace period', () => {
  assert.deepEqual(
    parseThresholds({
      evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '10%' },
      evictionSoft: { 'memory.available': '300Mi' },
      evictionSoftGracePeriod: { 'memory.available': '1m30s' },
      evictionMinimumReclaim: { 'nodefs.available': '1Gi' },
    }),
    [
      { signal: 'memory.available', value: { amount: 100 * 2 ** 20 }, gracePeriodMs: 0 },
      { signal: 'nodefs.available', value: { fraction: 0.1 }, gracePeriodMs: 0, minimumReclaim: { amount: 2 ** 30 } },
      { signal: 'memory.available', value: { amount: 300 * 2 ** 20 }, gracePeriodMs: 90_000 },
    ],
  );
});

test('where pods are held to allocatable, their cgroup has the hard memory threshold too', () => {
  const signals = parseThresholds({ evictionHard: { 'memory.available': '1Mi' }, enforceNodeAllocatable: ['pods'] }).map(
    ({ signal }) => signal,
  );
  assert.deepEqual(signals, ['memory.available', 'allocatableMemory.available']);
});

test('0 and 100 % switch a threshold off', () => {
  assert.deepEqual(
    parseThresholds({ evictionHard: { 'nodefs.available': '0%', 'imagefs.available': '100%', 'pid.available': '0' } }),
    [],
  );
});

for (const [what, settings, words] of [
  ['an unknown signal', { evictionHard: { 'cpu.available': '1' } }, /unsupported eviction signal cpu.available/],
  ['a negative amount', { evictionHard: { 'memory.available': '-1Mi' } }, /must be positive/],
  ['a negative percentage', { evictionHard: { 'memory.available': '-1%' } }, /must be positive/],
  ['more than all', { evictionHard: { 'memory.available': '101%' } }, /must be > 0% and < 100%/],
  ['no quantity', { evictionHard: { 'memory.available': 'much' } }, /is no quantity: "much"/],
  ['a soft one without a grace period', { evictionSoft: { 'memory.available': '1Mi' } }, /grace period must be specified/],
  [
    'a prototype name',
    { evictionHard: JSON.parse('{"__proto__":"1"}') as Record<string, string> },
    /unsupported eviction signal __proto__/,
  ],
] as const)
  test(`${what} is refused by name`, () => {
    assert.throws(() => parseThresholds(settings), words);
  });

test('any statement is read to a sensible threshold or refused by code', () => {
  const text = fc.oneof(
    fc.string(),
    fc.tuple(fc.double(), fc.constantFrom('%', 'Mi', '', 'e3', 'm')).map(([n, s]) => `${n}${s}`),
  );
  fc.assert(
    fc.property(
      fc.dictionary(fc.oneof(fc.constantFrom(...SIGNALS), fc.string()), text),
      fc.nat(2 ** 40),
      (evictionHard, capacity) => {
        try {
          for (const { value } of parseThresholds({ evictionHard })) assert.ok(amountOf(value, capacity) >= 0);
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'EVICTION_INVALID');
        }
      },
    ),
  );
});

test('a threshold is crossed below it, and resolved only beyond the minimum reclaim', () => {
  const threshold = {
    signal: 'memory.available',
    value: { fraction: 0.1 },
    gracePeriodMs: 0,
    minimumReclaim: { amount: 50 },
  } as const;
  const at = (available: number) => ({ available, capacity: 1000, timeMs: 0 });
  assert.deepEqual([isMet(threshold, at(99)), isMet(threshold, at(100))], [true, false]);
  assert.deepEqual([isMet(threshold, at(149), true), isMet(threshold, at(150), true)], [true, false]);
});

test('the disk of layers has the thresholds of the disk that it is on', () => {
  const thresholds = parseThresholds({
    evictionHard: { 'nodefs.available': '10%', 'imagefs.available': '15%', 'containerfs.available': '1%' },
  });
  const ofContainers = (dedicatedImageFs: boolean, splitContainerFs: boolean) =>
    withContainerFs(thresholds, { dedicatedImageFs, splitContainerFs })
      .filter(({ signal }) => signal === 'containerfs.available')
      .map(({ value }) => value);
  assert.deepEqual(ofContainers(false, false), [{ fraction: 0.1 }]);
  assert.deepEqual(ofContainers(true, false), [{ fraction: 0.15 }]);
  assert.deepEqual(ofContainers(true, true), [{ fraction: 0.1 }]);
});

test('bytes are told in binary steps, things in decimal ones', () => {
  assert.deepEqual(
    [formatAmount(100 * 2 ** 20, 'memory'), formatAmount(5000, 'inodes'), formatAmount(3_000, 'memory')],
    ['100Mi', '5k', '3000'],
  );
});
