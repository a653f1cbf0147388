import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { allKinds } from '../all-kinds.ts';
import { deploymentKind } from '../apps/v1/deployment.ts';
import { cloneJson, equalJson } from '../machinery/clone.ts';
import { decodeObject } from '../machinery/decode.ts';
import type { DynamicObject } from '../machinery/object.ts';
import { Applied } from './apply-fixture.ts';
import { builtInType } from './built-in-type.ts';
import { checkConfiguration } from './check-configuration.ts';
import { allOf, compareObjects } from './compare.ts';
import { difference, equalSets, isEmptySet, pathsOf } from './field-set.ts';
import { fieldsOf } from './fields-of.ts';
import { mergeInto } from './merge.ts';
import { ownable } from './ownership.ts';
import { formatPath } from './path-element.ts';
import { presentFields } from './present-fields.ts';

const name = fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor');
const text = fc.constantFrom('1', '2');
const some = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 2 });
const map = fc.dictionary(name, text, { maxKeys: 3, noNullPrototype: true });
const listBy = <T extends object>(key: string, keys: fc.Arbitrary<unknown>, item: fc.Arbitrary<T>) =>
  fc
    .uniqueArray(fc.tuple(keys, item), { maxLength: 3, selector: ([k]) => JSON.stringify(k) })
    .map((items) => items.map(([k, rest]) => ({ [key]: k, ...rest })));
const container = fc.record(
  {
    image: some(text),
    env: some(listBy('name', name, fc.record({ value: some(text) }))),
    ports: some(listBy('containerPort', fc.constantFrom(80, 81), fc.record({ name: some(text) }))),
    args: some(fc.array(text, { maxLength: 2 })),
    resources: some(
      fc.record({ limits: some(fc.dictionary(fc.constantFrom('cpu', 'memory'), fc.constantFrom(1, '1', '1000m'))) }),
    ),
  },
  { requiredKeys: [] },
);
const configuration = fc
  .record({
    labels: some(map),
    finalizers: some(fc.uniqueArray(fc.constantFrom('x/a', 'x/b', 'x/c'))),
    replicas: some(fc.constantFrom(1, 2, null)),
    paused: some(fc.boolean()),
    selector: some(fc.record({ matchLabels: map })),
    podLabels: some(map),
    nodeSelector: some(map),
    containers: some(listBy('name', fc.constantFrom('web', 'side'), container)),
  })
  .map(({ labels, finalizers, replicas, paused, selector, podLabels, nodeSelector, containers }) => {
    const podSpec = { ...(nodeSelector && { nodeSelector }), ...(containers && { containers }) };
    return {
      metadata: { name: 'x', ...(labels && { labels }), ...(finalizers && { finalizers }) },
      spec: {
        ...(replicas !== undefined && { replicas }),
        ...(paused !== undefined && { paused }),
        ...(selector && { selector }),
        template: { ...(podLabels && { metadata: { labels: podLabels } }), spec: podSpec },
      },
    };
  })
  // Undefined fields are none, as in any body.
  .map((config) => JSON.parse(JSON.stringify(config)) as DynamicObject);

type Step = { readonly by: 'a' | 'b' | 'kubectl-edit'; readonly config: DynamicObject };
const steps = fc.array(fc.record<Step>({ by: fc.constantFrom('a', 'b', 'kubectl-edit'), config: configuration }), {
  maxLength: 5,
});

const run = (all: readonly Step[]) => {
  const applied = new Applied(deploymentKind);
  for (const { by, config } of all) {
    if (by === 'kubectl-edit') applied.write(by, config);
    else applied.apply(by, config, { force: true });
  }
  return applied;
};

const hasEmpty = (value: unknown): boolean =>
  value === null || (typeof value === 'object' && (Object.keys(value).length === 0 || Object.values(value).some(hasEmpty)));

/** Lists by key and sets without their order. */
const unordered = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(unordered).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, unordered(inner)]),
  );
};

test('applying the same a second time changes nothing, whatever was there', () => {
  fc.assert(
    fc.property(steps, configuration, (before, config) => {
      const applied = run(before).apply('a', config, { force: true });
      const { object, entries } = structuredClone({ object: applied.object, entries: applied.entries });
      applied.apply('a', config);
      assert.deepEqual(applied.object, object);
      assert.deepEqual(applied.entries, entries);
    }),
    { numRuns: 300 },
  );
});

test('managed fields never name a field that is not there', () => {
  fc.assert(
    fc.property(steps, (all) => {
      const { object, managers, type } = run(all);
      for (const { fields } of managers.values()) {
        assert.equal(presentFields(type, object, fields), fields);
        // Told apart by other means than those that made it so.
        const there = new Set([...pathsOf(allOf(type, object))].map(formatPath));
        for (const path of pathsOf(fields)) {
          const always = [
            '.spec',
            '.spec.template',
            '.spec.template.spec',
            '.spec.template.metadata',
            '.spec.selector',
            '.spec.template.spec.containers',
            // Left out when it is false.
            '.spec.paused',
          ];
          const shown = formatPath(path);
          assert.ok(there.has(shown) || always.includes(shown) || /\.resources$/.test(shown), shown);
        }
      }
    }),
    { numRuns: 300 },
  );
});

test('what two apply that do not speak of the same is merged the same in either order', () => {
  fc.assert(
    fc.property(configuration, configuration, (one, other) => {
      // What is empty or null is there for who comes second, and not for who comes first: decoding leaves it out.
      fc.pre(!hasEmpty(one) && !hasEmpty(other));
      const both = (configs: readonly [string, DynamicObject][]) => {
        const applied = new Applied(deploymentKind);
        for (const [by, config] of configs) applied.apply(by, config);
        return applied;
      };
      const attempt = (configs: readonly [string, DynamicObject][]) => {
        try {
          return both(configs);
        } catch {
          return undefined; // they do speak of the same
        }
      };
      const [ab, ba] = [
        attempt([
          ['a', one],
          ['b', other],
        ]),
        attempt([
          ['b', other],
          ['a', one],
        ]),
      ];
      assert.equal(ab === undefined, ba === undefined, 'a conflict in one order is one in the other');
      if (!ab || !ba) return;
      assert.deepEqual(unordered(ab.object), unordered(ba.object));
      assert.deepEqual(ab.owned('a'), ba.owned('a'));
      assert.deepEqual(ab.owned('b'), ba.owned('b'));
    }),
    { numRuns: 500 },
  );
});

test('after a forced apply everything is as the configuration says, and nobody but its applier owns what differed', () => {
  fc.assert(
    fc.property(steps, configuration, (before, config) => {
      fc.pre(!hasEmpty(config));
      const applied = run(before).apply('a', config, { force: true });
      const checked = cloneJson({ ...config, apiVersion: 'apps/v1', kind: 'Deployment' });
      assert.deepEqual(checkConfiguration(applied.type, checked), []);
      assert.deepEqual(applied.kind.schema, 'V1Deployment');
      // Merging it in again leaves all as it is.
      const merged = cloneJson(mergeInto(applied.type, applied.object, checked)) as DynamicObject;
      assert.deepEqual(unordered(decodeObject(applied.kind, merged).object), unordered(applied.object));
      const mentioned = ownable(fieldsOf(applied.type, checked));
      const own = [...applied.managers.values()].find(({ manager }) => manager === 'a')?.fields ?? {};
      assert.ok(equalSets(mentioned, own));
    }),
    { numRuns: 300 },
  );
});

test('what differs between two objects is what has to be done to get from one to the other', () => {
  fc.assert(
    fc.property(configuration, configuration, (one, other) => {
      const type = builtInType('V1Deployment');
      const there = compareObjects(type, one, other);
      const back = compareObjects(type, other, one);
      assert.deepEqual(compareObjects(type, one, structuredClone(one)), { changed: {}, removed: {} });
      // What is gone one way is new the other way.
      assert.ok(isEmptySet(difference(there.removed, back.changed)));
      if (equalJson(one, other)) assert.ok(isEmptySet(there.changed));
    }),
    { numRuns: 300 },
  );
});

test('any JSON as a configuration of any kind is checked without a crash, and what passes is merged', () => {
  const anything = fc.dictionary(
    fc.constantFrom('metadata', 'spec', 'status', 'data', 'rules', '__proto__', 'x'),
    fc.oneof(
      fc.jsonValue({ maxDepth: 5 }),
      fc.dictionary(fc.constantFrom('template', 'containers', 'ports', 'labels'), fc.jsonValue()),
    ),
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(fc.constantFrom(...allKinds), anything, (kind, json) => {
      const type = builtInType(kind.schema);
      const errors = checkConfiguration(type, json);
      assert.ok(errors.every((error) => error.length < 1_000));
      if (errors.length) return;
      const fields = fieldsOf(type, json);
      assert.ok(equalSets(fields, fieldsOf(type, structuredClone(json))));
    }),
    { numRuns: 1_000 },
  );
});
