import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createPatch } from 'rfc6902';
import { StatusError } from '../machinery/status-error.ts';
import { applyJsonPatch, applyJsonPatchInSteps } from './json-patch.ts';

test('every operation does what RFC 6902 says', () => {
  const document = { a: { b: [1, 2, 3] }, c: 'x', 'd/e~f': 0 };
  const cases: readonly [object[], unknown][] = [
    [[{ op: 'add', path: '/a/b/1', value: 9 }], { ...document, a: { b: [1, 9, 2, 3] } }],
    [[{ op: 'add', path: '/a/b/-', value: 9 }], { ...document, a: { b: [1, 2, 3, 9] } }],
    [[{ op: 'add', path: '/new', value: null }], { ...document, new: null }],
    [[{ op: 'remove', path: '/a/b/0' }], { ...document, a: { b: [2, 3] } }],
    [[{ op: 'replace', path: '/d~1e~0f', value: { g: 1 } }], { ...document, 'd/e~f': { g: 1 } }],
    [[{ op: 'move', from: '/a/b', path: '/c' }], { ...document, a: {}, c: [1, 2, 3] }],
    [[{ op: 'copy', from: '/a', path: '/c' }], { ...document, c: { b: [1, 2, 3] } }],
    [[{ op: 'test', path: '/a', value: { b: [1, 2, 3] } }], document],
    [[{ op: 'test', path: '/nothing', value: null }], document],
    [[{ op: 'replace', path: '', value: { d: 1 } }], { d: 1 }],
    // Where RFC 6902 demands a value, upstream's library takes none for null.
    [[{ op: 'add', path: '/c' }], { ...document, c: null }],
    [[{ op: 'replace', path: '/a' }], { ...document, a: null }],
  ];
  for (const [patch, expected] of cases) assert.deepEqual(applyJsonPatch(document, patch), expected, JSON.stringify(patch));
});

test('what upstream’s library takes beyond RFC 6902 is taken', () => {
  const document = { a: { b: [1, 2, 3] } };
  const list = (...b: unknown[]) => ({ a: { b } });
  const cases: readonly [object, unknown][] = [
    [{ op: 'replace', path: '/a/c', value: 4 }, { a: { b: [1, 2, 3], c: 4 } }],
    [
      { op: 'copy', from: '/a/c', path: '/d' },
      { ...document, d: null },
    ],
    [{ op: 'add', path: '/a/b/-1', value: 4 }, list(1, 2, 3, 4)],
    [{ op: 'add', path: '/a/b/-4', value: 4 }, list(4, 1, 2, 3)],
    [{ op: 'replace', path: '/a/b/-1', value: 4 }, list(1, 2, 4)],
    [{ op: 'remove', path: '/a/b/-3' }, list(2, 3)],
    [{ op: 'test', path: '/a/b/-2', value: 2 }, document],
    [{ op: 'remove', path: '/a/b/+01' }, list(1, 3)],
    [{ op: 'remove', path: '/a/b/-0' }, list(2, 3)],
    [{ op: 'remove', path: 'unseen/a' }, {}],
  ];
  for (const [operation, expected] of cases)
    assert.deepEqual(applyJsonPatch(document, [operation]), expected, JSON.stringify(operation));
});

const refusal = (patch: unknown): StatusError => {
  try {
    applyJsonPatch({ a: { b: [1] } }, patch);
  } catch (error) {
    assert.ok(error instanceof StatusError);
    return error;
  }
  throw new Error('applied');
};

test('an operation that does not apply is unprocessable, and the cause says why', () => {
  const cases: readonly [object, string][] = [
    [{ op: 'remove', path: '/x' }, "error in remove for path: '/x': Unable to remove nonexistent key: x: missing value"],
    [{ op: 'remove', path: '/x/y' }, 'remove operation does not apply: doc is missing path: "/x/y": missing value'],
    [{ op: 'remove', path: '/a/b/0/c' }, 'remove operation does not apply: doc is missing path: "/a/b/0/c": missing value'],
    [{ op: 'replace', path: '/x/y', value: 1 }, 'replace operation does not apply: doc is missing path: /x/y: missing value'],
    [{ op: 'replace', path: '/a/b/1', value: 1 }, 'replace operation does not apply: doc is missing key: /a/b/1: missing value'],
    [{ op: 'replace', path: '', value: 1 }, 'replace operation value must be object or array'],
    [{ op: 'test', path: '/a', value: 1 }, 'testing value /a failed: test failed'],
    [{ op: 'test', path: '/x/y', value: 1 }, 'test operation does not apply: is missing path: /x/y: missing value'],
    [{ op: 'add', path: '', value: {} }, 'add operation does not apply: doc is missing path: "": missing value'],
    [
      { op: 'add', path: '/a/b/7', value: 1 },
      "error in add for path: '/a/b/7': Unable to access invalid index: 7: invalid index referenced",
    ],
    [
      { op: 'add', path: '/a/b/x', value: 1 },
      `error in add for path: '/a/b/x': value was not a proper array index: 'x': strconv.Atoi: parsing "x": invalid syntax`,
    ],
    [
      { op: 'remove', path: '/a/b/-2' },
      "error in remove for path: '/a/b/-2': Unable to access invalid index: -2: invalid index referenced",
    ],
    [
      { op: 'test', path: '/a/b/99999999999999999999', value: 1 },
      `error in test for path: '/a/b/99999999999999999999': strconv.Atoi: parsing "99999999999999999999": value out of range`,
    ],
    [{ op: 'move', from: '/x', path: '/y' }, "error in move for path: 'x': Unable to remove nonexistent key: x: missing value"],
    [
      { op: 'move', from: '/a', path: '/a/c' },
      'move operation does not apply: doc is missing destination path: /a/c: missing value',
    ],
    [{ op: 'copy', from: '/x/y', path: '/y' }, 'copy operation does not apply: doc is missing from path: /x/y: missing value'],
    [{ op: 'copy', path: '/y' }, 'copy operation failed to decode from: operation, missing from field: missing value'],
    [{ op: 'add', value: 1 }, 'add operation failed to decode path: missing value'],
    [{ op: 'test', value: 1 }, 'test operation failed to decode path: operation missing path field: missing value'],
    [{ op: 'frob', path: '/a' }, 'Unexpected kind: frob'],
  ];
  for (const [operation, cause] of cases) {
    const error = refusal([operation]);
    assert.equal(error.code, 422);
    assert.equal(error.message, 'the server rejected our request due to an error in our request');
    assert.equal((error.cause as Error).message, cause);
  }
});

test('what is no patch is a bad request, and a patch without end is too large', () => {
  for (const patch of [{}, [1], [{ op: 1, path: '/a' }]]) assert.equal(refusal(patch).code, 400);
  assert.equal(
    refusal([1]).message,
    'error decoding patch: json: cannot unmarshal number into Go value of type handlers.jsonPatchOp',
  );
  for (const patch of [[{ op: 'add' }], [{ op: 'move', path: '/a' }], [{ path: '/a' }]]) assert.equal(refusal(patch).code, 422);
  const many = new Array(10_001).fill({ op: 'test', path: '/a/b/0', value: 1 });
  assert.equal(refusal(many).message, 'The allowed maximum operations in a JSON patch is 10000, got 10001');
});

test('copies that double the document again and again end at a limit', () => {
  const doubling = Array.from({ length: 60 }, (_, i) => ({ op: 'copy', from: '/data', path: `/data/c${i}` }));
  const error = refusal([{ op: 'add', path: '/data', value: { a: 'x'.repeat(1000) } }, ...doubling]);
  assert.equal(error.code, 422);
  assert.match((error.cause as Error).message, /accumulated size increase of copy is \d+, exceeding the limit 3145728/);
});

test('the document stays as it was, and prototypes are out of reach', () => {
  const document = Object.freeze({ a: Object.freeze([1]) });
  assert.deepEqual(applyJsonPatch(document, [{ op: 'add', path: '/a/-', value: 2 }]), { a: [1, 2] });
  assert.equal(refusal([{ op: 'add', path: '/__proto__/x', value: 1 }]).code, 422);
  const patched = applyJsonPatch({}, [{ op: 'add', path: '/__proto__', value: { x: 1 } }]);
  assert.equal(JSON.stringify(patched), '{"__proto__":{"x":1}}');
});

test('a patch made from two documents leads from one to the other', () => {
  const key = fc.stringMatching(/^[a-z/~]{1,3}$/);
  const documents = fc.dictionary(key, fc.jsonValue({ maxDepth: 3 })).map((value) => JSON.parse(JSON.stringify(value)));
  fc.assert(fc.property(documents, documents, (from, to) => assert.deepEqual(applyJsonPatch(from, createPatch(from, to)), to)));
});

test('operations that move much in a long list are applied in parts, to the same', () => {
  const list = Array.from({ length: 400_000 }, (_, i) => i);
  const patch = Array.from({ length: 100 }, (_, i) => ({ op: 'add', path: '/list/0', value: -i }));
  const steps = applyJsonPatchInSteps({ list }, patch);
  let pauses = 0;
  let next = steps.next();
  for (; !next.done; next = steps.next()) pauses++;
  assert.ok(pauses >= 10, `${pauses} pauses`);
  assert.deepEqual(next.value.list.slice(0, 3), [-99, -98, -97]);
  assert.equal(next.value.list.length, 400_100);
  assert.equal(applyJsonPatchInSteps({ list: [1] }, [{ op: 'remove', path: '/list/0' }]).next().done, true);
});

test('others have their turn between copies of much', () => {
  const document = { a: Array.from({ length: 40_000 }, (_, i) => `item ${i}`) };
  const steps = applyJsonPatchInSteps(
    document,
    Array.from({ length: 4 }, (_, i) => ({ op: 'copy', from: '/a', path: `/b${i}` })),
  );
  let pauses = 0;
  while (!steps.next().done) pauses++;
  assert.ok(pauses >= 3, `${pauses}`);
});
