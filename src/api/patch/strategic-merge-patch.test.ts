import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fieldsOfSchema, goTypeName, schemaNames } from '../machinery/schema.ts';
import { StatusError } from '../machinery/status-error.ts';
import { patchStrategyFields, patchStrategyOf } from './merge-keys.ts';
import { applyStrategicMergePatch } from './strategic-merge-patch.ts';

const containers = (...names: string[]) => names.map((name) => ({ name, image: `${name}:1` }));
const patchPodSpec = (spec: object, patch: object): Record<string, unknown> =>
  applyStrategicMergePatch<{ spec: Record<string, unknown> }>({ spec: { ...spec } }, { spec: patch }, 'V1Pod').spec;

test('items of a merged list are found by their key', () => {
  assert.deepEqual(patchPodSpec({ containers: containers('a', 'b') }, { containers: [{ name: 'b', image: 'b:2' }] }), {
    containers: [
      { name: 'a', image: 'a:1' },
      { name: 'b', image: 'b:2' },
    ],
  });
});

test('a new item comes before those that only the server has', () => {
  assert.deepEqual(patchPodSpec({ containers: containers('a') }, { containers: containers('new') }), {
    containers: containers('new', 'a'),
  });
});

test('a list without a merge key is replaced, a map is merged', () => {
  assert.deepEqual(
    patchPodSpec(
      { tolerations: [{ key: 'a' }], nodeSelector: { a: '1', b: '2' }, hostname: 'x' },
      { tolerations: [{ key: 'b' }], nodeSelector: { b: null, c: '3' }, hostname: null },
    ),
    { tolerations: [{ key: 'b' }], nodeSelector: { a: '1', c: '3' } },
  );
});

test('$patch deletes an item, or replaces a list or map', () => {
  assert.deepEqual(patchPodSpec({ containers: containers('a', 'b') }, { containers: [{ $patch: 'delete', name: 'a' }] }), {
    containers: containers('b'),
  });
  assert.deepEqual(
    patchPodSpec({ containers: containers('a', 'b') }, { containers: [{ $patch: 'replace' }, ...containers('c')] }),
    {
      containers: containers('c'),
    },
  );
  assert.deepEqual(patchPodSpec({ nodeSelector: { a: '1' } }, { nodeSelector: { $patch: 'replace', b: '2' } }), {
    nodeSelector: { b: '2' },
  });
  assert.deepEqual(patchPodSpec({ nodeSelector: { a: '1' } }, { nodeSelector: { $patch: 'delete' } }), { nodeSelector: {} });
});

test('directives in what is added as a whole are obeyed, not stored', () => {
  assert.deepEqual(
    patchPodSpec(
      {},
      {
        containers: [
          { $patch: 'delete', name: 'a' },
          { name: 'b', env: [{ $patch: 'delete', name: 'X' }], image: null },
        ],
      },
    ),
    { containers: [{ name: 'b', env: [] }] },
  );
});

test('$retainKeys switches a union', () => {
  const deployment = { spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } } };
  const patch = { spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' } } };
  assert.deepEqual(applyStrategicMergePatch(deployment, patch, 'V1Deployment'), { spec: { strategy: { type: 'Recreate' } } });
  assert.deepEqual(
    patchPodSpec(
      { volumes: [{ name: 'v', emptyDir: {} }] },
      { volumes: [{ name: 'v', $retainKeys: ['name', 'hostPath'], hostPath: { path: '/' } }] },
    ),
    { volumes: [{ name: 'v', hostPath: { path: '/' } }] },
  );
});

test('$setElementOrder orders what the patch knows of among what it does not', () => {
  assert.deepEqual(
    patchPodSpec(
      { containers: containers('a', 'x', 'b') },
      {
        '$setElementOrder/containers': [{ name: 'new' }, { name: 'b' }, { name: 'a' }],
        containers: [{ name: 'new', image: 'new:1' }],
      },
    ),
    { containers: containers('new', 'x', 'b', 'a') },
  );
  assert.deepEqual(
    patchPodSpec(
      { containers: containers('a', 'b', 'c') },
      { '$setElementOrder/containers': [{ name: 'c' }, { name: 'b' }, { name: 'a' }] },
    ),
    { containers: containers('c', 'b', 'a') },
  );
});

test('lists of plain values are unions, and items leave by $deleteFromPrimitiveList', () => {
  const patch = (finalizers: string[], changes: object) =>
    applyStrategicMergePatch({ metadata: { finalizers } }, { metadata: changes }, 'V1Pod').metadata.finalizers;
  assert.deepEqual(patch(['a', 'b'], { finalizers: ['b', 'c'] }), ['a', 'b', 'c']);
  assert.deepEqual(patch(['a', 'b', 'c'], { '$deleteFromPrimitiveList/finalizers': ['b'] }), ['a', 'c']);
  assert.deepEqual(
    patch(['a', 'b', 'x'], {
      '$setElementOrder/finalizers': ['c', 'a'],
      '$deleteFromPrimitiveList/finalizers': ['b'],
      finalizers: ['c'],
    }),
    ['c', 'a', 'x'],
  );
});

test('patches that make no sense are refused in upstream words, most of them as its own failure', () => {
  const cases: readonly [number, object, string][] = [
    [500, { containers: [{ image: 'x' }] }, 'map: map[image:x] does not contain declared merge key: name'],
    [500, { nodeSelector: { $patch: 'merge' } }, 'unknown patch type: merge in map: map[$patch:merge]'],
    [500, { nodeSelector: { $patch: 7 } }, 'unknown patch type: %!s(int64=7) in map: map[$patch:7]'],
    [500, { nodeSelector: { $patch: null } }, 'unknown patch type: %!s(<nil>) in map: map[$patch:<nil>]'],
    [
      500,
      { nodeSelector: { $patch: { toString: 1 } } },
      'unknown patch type: map[toString:%!s(int64=1)] in map: map[$patch:map[toString:1]]',
    ],
    [500, { containers: [{ $patch: 'merge', name: 'a' }] }, 'merging lists cannot yet be specified in the patch'],
    [
      500,
      { containers: [{ name: 'a', $patch: [true] }] },
      'unknown patch type: [%!s(bool=true)] in map: map[$patch:[true] name:a]',
    ],
    [400, { nodeSelector: { $retainKeys: ['a'], b: '1' } }, 'invalid patch format of retainKeys'],
    [400, { nodeSelector: { $retainKeys: 'a' } }, 'invalid patch format of retainKeys'],
    [400, { '$setElementOrder-containers': [] }, 'invalid patch format of setElementOrder list'],
    [400, { $deleteFromPrimitiveList: ['a'] }, 'invalid patch format of primitive list'],
    [
      500,
      { '$setElementOrder/containers': [{ name: 'b' }], containers: [{ name: 'a' }] },
      "The order in patch list:\n[map[name:a]]\n doesn't match $setElementOrder list:\n[map[name:b]]\n",
    ],
    [500, { '$setElementOrder/containers': 1 }, 'expected a []interface {}, but received a int64'],
    [500, { '$setElementOrder/containers': ['a'] }, 'value for key 0 is not a map'],
    [500, { '$setElementOrder/nope': [] }, 'unable to find api field in struct PodSpec for the json field "nope"'],
    [500, { containers: ['a'] }, 'list element types are not identical: [[map[image:a:1 name:a]] [a]]'],
    [422, { imagePullSecrets: [[]] }, 'the server rejected our request due to an error in our request'],
    [500, { imagePullSecrets: [], '$setElementOrder/imagePullSecrets': [] }, 'no elements in any of the given slices'],
  ];
  const spec = { containers: containers('a'), nodeSelector: { a: '1' }, imagePullSecrets: [] };
  for (const [code, patch, message] of cases) assert.throws(() => patchPodSpec(spec, patch), { code, message });
  assert.throws(() => applyStrategicMergePatch({}, [], 'V1Pod'), { code: 400 });
});

test('maps by name and JSON of no type are merged one level deep, and no further', () => {
  const data = (value: unknown) => ({ data: { a: value } });
  const patched = applyStrategicMergePatch({ data: { a: 1, b: 2 } }, { data: { b: null, c: { d: 3 } } }, 'V1ControllerRevision');
  assert.deepEqual(patched, { data: { a: 1, c: { d: 3 } } });
  assert.throws(() => applyStrategicMergePatch(data({ b: 1 }), data({ c: 1 }), 'V1ControllerRevision'), {
    code: 500,
    message: 'unable to find api field in struct RawExtension for the json field "a"',
  });
});

test('what is replaced as a whole keeps its directives and nulls, for the reader to complain of', () => {
  assert.deepEqual(
    patchPodSpec({ tolerations: [{ key: 'a' }] }, { tolerations: [{ $patch: 'delete', key: 'b', value: null }] }),
    {
      tolerations: [{ $patch: 'delete', key: 'b', value: null }],
    },
  );
  assert.deepEqual(patchPodSpec({ nodeSelector: { a: '1' } }, { nodeSelector: { $patch: 'replace', b: null } }), {
    nodeSelector: { b: null },
  });
  assert.deepEqual(patchPodSpec({ containers: containers('a') }, { containers: [{ name: 'b', $retainKeys: ['name'] }] }), {
    containers: [{ name: 'b', $retainKeys: ['name'] }, ...containers('a')],
  });
});

test('match conditions are merged by name in both kinds of admission policies', () => {
  const condition = (name: string, expression: string) => ({ name, expression });
  for (const schema of ['V1MutatingAdmissionPolicy', 'V1ValidatingAdmissionPolicy'])
    assert.deepEqual(
      applyStrategicMergePatch(
        { spec: { matchConditions: [condition('a', 'true'), condition('b', 'true')] } },
        { spec: { matchConditions: [condition('b', 'false')] } },
        schema,
      ),
      { spec: { matchConditions: [condition('a', 'true'), condition('b', 'false')] } },
    );
});

test('every strategy names a field that exists, with a merge key that its items have', () => {
  const known = new Set<string>();
  for (const schema of schemaNames())
    for (const [field, { type }] of fieldsOfSchema(schema)) {
      const strategy = patchStrategyOf(goTypeName(schema).name, field);
      if (!strategy) continue;
      known.add(`${goTypeName(schema).name}.${field}`);
      if (!strategy.mergeKey) continue;
      assert.ok(type.form === 'list' && type.of.form === 'structure', `${schema}.${field} is no list of structures`);
      assert.ok(fieldsOfSchema(type.of.schema).has(strategy.mergeKey), `${schema}.${field} has no ${strategy.mergeKey}`);
    }
  assert.deepEqual(
    patchStrategyFields().filter((field) => !known.has(field)),
    [],
  );
});

const name = fc.constantFrom('a', 'b', 'c', 'd', 'e');
const items = fc.uniqueArray(fc.record({ name, image: fc.constantFrom('1', '2') }, { noNullPrototype: true }), {
  selector: (item) => item.name,
});

test('merging a list is merging a map by key, whatever the order', () => {
  fc.assert(
    fc.property(items, items, (current, patch) => {
      const merged = patchPodSpec({ containers: current }, { containers: patch }).containers as { name: string }[];
      const byName = (list: readonly { name: string }[]) => Object.fromEntries(list.map((item) => [item.name, item]));
      assert.deepEqual(byName(merged), { ...byName(current), ...byName(patch) });
      assert.equal(merged.length, new Set(merged.map((item) => item.name)).size);
    }),
  );
});

test('a second time changes nothing, and neither argument is touched', () => {
  fc.assert(
    fc.property(items, items, fc.shuffledSubarray(['a', 'b', 'c', 'd', 'e']), (current, patch, order) => {
      fc.pre(current.length + patch.length > 0);
      const names = [...new Set([...patch.map((item) => item.name), ...order])];
      const changes = { containers: patch, '$setElementOrder/containers': names.map((each) => ({ name: each })) };
      const before = JSON.stringify([current, changes]);
      const once = patchPodSpec({ containers: current }, changes);
      assert.deepEqual(patchPodSpec(once, changes), once);
      assert.equal(JSON.stringify([current, changes]), before);
    }),
  );
});

test('any JSON as a patch is either applied or refused', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom('spec', 'metadata', '$patch', '$retainKeys'), fc.jsonValue()), (patch) => {
      try {
        applyStrategicMergePatch({ spec: { containers: containers('a') }, metadata: { finalizers: ['x'] } }, patch, 'V1Pod');
      } catch (error) {
        assert.ok(error instanceof StatusError, String(error));
      }
    }),
  );
});

test('a long list is merged in the time that its length takes', { timeout: 30_000 }, () => {
  // Each item searched for among all others took minutes.
  const conditions = Array.from({ length: 100_000 }, (_, i) => ({ type: `t${i}`, status: 'True' }));
  const merged = applyStrategicMergePatch({ status: { conditions } }, { status: { conditions } }, 'V1Node');
  assert.equal(merged.status.conditions.length, 100_000);
  const deletions = conditions.map(({ type }) => ({ type, $patch: 'delete' }));
  const emptied = applyStrategicMergePatch({ status: { conditions } }, { status: { conditions: deletions } }, 'V1Node');
  assert.deepEqual(emptied.status.conditions, []);
  const finalizers = conditions.map(({ type }) => type);
  const patch = { metadata: { '$deleteFromPrimitiveList/finalizers': [...finalizers].reverse() } };
  assert.deepEqual(applyStrategicMergePatch({ metadata: { finalizers } }, patch, 'V1Node'), { metadata: { finalizers: [] } });
});

test('what is in a Secret is not said, though its patch makes no sense', () => {
  const secret = { metadata: { name: 's' }, data: { a: 'b2xk' } };
  for (const patch of [{ $patch: 'x', data: { word: 'aHVudGVyMg==' } }, { data: { $patch: 'x', word: 'aHVudGVyMg==' } }])
    assert.throws(() => applyStrategicMergePatch(secret, patch, 'V1Secret'), { message: 'unknown patch type: x' });
});
