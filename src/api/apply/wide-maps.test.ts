import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { runAtOnce, type Steps } from '../../std/pauses.ts';
import type { JsonMap } from '../machinery/clone.ts';
import { builtInType } from './built-in-type.ts';
import { compareObjects } from './compare.ts';
import { EMPTY, type FieldSet, union } from './field-set.ts';
import { fieldsOf, fieldsOfWide } from './fields-of.ts';
import { compareInSteps } from './in-steps.ts';
import { KnownItems } from './known-items.ts';
import { mergeInSteps, mergeInto } from './merge.ts';
import { presentFields, presentFieldsInSteps } from './present-fields.ts';
import { trackCreate, trackCreateInSteps } from './track-update.ts';
import { wideMaps } from './wide-maps.ts';

const WRITER = { manager: 'a', operation: 'Update', apiVersion: 'v1', subresource: '', time: undefined } as const;
const name = fc.constantFrom('a', 'b', 'c', 'd', '1', '.', '__proto__', 'constructor');
const map = fc.dictionary(name, fc.constantFrom('1', '2', null, undefined), { noNullPrototype: true });
const some = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 3 });
const metadata = fc.record({ name: fc.constant('x'), labels: some(map), annotations: some(map) });
const configMap = fc.record({ metadata, data: some(map), binaryData: some(map), immutable: some(fc.boolean()) });
const pod = fc.record({
  metadata,
  spec: some(
    fc.record({ nodeSelector: some(map), containers: fc.constant([{ name: 'web', resources: { limits: { cpu: '1' } } }]) }),
  ),
  status: some(fc.record({ phase: fc.constant('Running') })),
});
const types = { V1ConfigMap: configMap, V1Pod: pod };
const atOnce = fc.integer({ min: 1, max: 4 });

const ownedAtOnce = (type: string, object: object) => trackCreate(builtInType(type), object, WRITER, ['status']);
const ownedInSteps = (type: string, object: object, keys: number) =>
  runAtOnce(trackCreateInSteps(builtInType(type), object, WRITER, ['status'], keys));

for (const [type, object] of Object.entries<fc.Arbitrary<object>>(types)) {
  test(`what a creator owns is the same whether it is found in steps or at once, to the letter: ${type}`, () => {
    fc.assert(
      fc.property(object, atOnce, (made, keys) => {
        assert.equal(JSON.stringify(ownedInSteps(type, made, keys)), JSON.stringify(ownedAtOnce(type, made)));
      }),
      { numRuns: 500 },
    );
  });

  test(`what changed and what is said is the same in steps and at once: ${type}`, () => {
    fc.assert(
      fc.property(object, object, atOnce, fc.constantFrom([], ['status'], ['data']), (before, after, keys, except) => {
        const [old, now] = [before as JsonMap, after as JsonMap];
        const found = runAtOnce(compareInSteps(builtInType(type), old, now, except, undefined, keys));
        assert.deepEqual(found, compareObjects(builtInType(type), old, now, except));
        const said = runAtOnce(fieldsOfWide(builtInType(type), now, undefined, keys));
        assert.deepEqual(said, fieldsOf(builtInType(type), now));
      }),
      { numRuns: 1000 },
    );
  });

  test(`a configuration is merged the same in steps and at once, to the letter: ${type}`, () => {
    fc.assert(
      fc.property(object, object, (live, configuration) => {
        const merged = runAtOnce(mergeInSteps(builtInType(type), live, configuration, new KnownItems()));
        assert.equal(JSON.stringify(merged), JSON.stringify(mergeInto(builtInType(type), live, configuration)));
      }),
      { numRuns: 500 },
    );
  });

  test(`what is still there of a set is the same in steps and at once: ${type}`, () => {
    const owned = (made: object) => (ownedAtOnce(type, made)?.[0]?.fieldsV1 ?? EMPTY) as FieldSet;
    fc.assert(
      fc.property(object, object, atOnce, (made, other, keys) => {
        const own = owned(made);
        for (const set of [own, union(own, owned(other))]) {
          const expected = presentFields(builtInType(type), made, set);
          const found = runAtOnce(presentFieldsInSteps(builtInType(type), made, set, keys));
          assert.equal(JSON.stringify(found), JSON.stringify(expected));
          // Who sees the same set knows that nothing has changed.
          assert.equal(found === set, expected === set);
        }
      }),
      { numRuns: 500 },
    );
  });
}

test('others have their turn after every few thousand keys', () => {
  const many = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`k${i}`, 'v']));
  const type = builtInType('V1ConfigMap');
  const object = { metadata: { name: 'x', labels: many }, data: many };
  const turnsOf = (steps: Steps<unknown>) => {
    let turns = 1;
    while (!steps.next().done) turns++;
    return turns;
  };
  assert.deepEqual(
    runAtOnce(wideMaps(type, object as JsonMap, 4096))
      .map(({ path }) => path.join('.'))
      .sort(),
    ['data', 'metadata.labels'],
  );
  assert.ok(turnsOf(trackCreateInSteps(type, object, WRITER, [])) >= 8);
  const changed = { ...object, data: Object.fromEntries(Object.keys(many).map((key) => [key, 'w'])) };
  assert.ok(turnsOf(compareInSteps(type, object, changed, [], undefined)) >= 8);
  const set = trackCreate(type, object, WRITER, [])![0]!.fieldsV1 as FieldSet;
  assert.ok(turnsOf(presentFieldsInSteps(type, object, set)) >= 8);
});
