import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { runAtOnce } from '../../std/pauses.ts';
import { builtInType } from './built-in-type.ts';
import { compareObjects } from './compare.ts';
import { fieldsOf, fieldsOfWide } from './fields-of.ts';
import { KnownItems } from './known-items.ts';
import { mergeInSteps, mergeInto } from './merge.ts';

const type = builtInType('V1ServiceAccount');
const secret = fc.record({
  name: fc.constantFrom('a', 'b', 'c', 'd'),
  fieldPath: fc.option(fc.constantFrom('x', 'y'), { nil: undefined }),
});
const account = fc.record({
  metadata: fc.record({
    name: fc.constant('x'),
    finalizers: fc.option(fc.array(fc.constantFrom('e/a', 'e/b', 'e/c'), { maxLength: 5 }), { nil: undefined }),
  }),
  secrets: fc.option(
    fc.array(fc.oneof({ arbitrary: secret, weight: 9 }, { arbitrary: fc.constant({}), weight: 1 }), { maxLength: 5 }),
    {
      nil: undefined,
    },
  ),
});

test('with what is known of long lists everything is the same, to the letter', () => {
  fc.assert(
    fc.property(account, account, fc.integer({ min: 1, max: 3 }), (live, configuration, long) => {
      const known = new KnownItems(long);
      runAtOnce(known.learn(type, live));
      runAtOnce(known.learn(type, configuration));
      const results = (knownOrNot?: KnownItems) => [
        fieldsOf(type, live, knownOrNot),
        knownOrNot ? runAtOnce(fieldsOfWide(type, live, knownOrNot, 2)) : fieldsOf(type, live),
        compareObjects(type, live, configuration, [], knownOrNot),
        mergeInto(type, live, configuration, knownOrNot),
        knownOrNot ? runAtOnce(mergeInSteps(type, live, configuration, knownOrNot)) : mergeInto(type, live, configuration),
      ];
      assert.equal(JSON.stringify(results(known)), JSON.stringify(results()));
    }),
    { numRuns: 500 },
  );
});

test('others have their turn while a long list is learnt, and what is not long is not learnt', () => {
  const names = (count: number) => Array.from({ length: count }, (_, i) => `example.com/f${i}`);
  const known = new KnownItems();
  const turnsOf = (finalizers: string[]) => {
    const steps = known.learn(type, { metadata: { finalizers } });
    let turns = 1;
    while (!steps.next().done) turns++;
    return turns;
  };
  assert.ok(turnsOf(names(50_000)) >= 10);
  assert.equal(turnsOf(names(100)), 1);
});
