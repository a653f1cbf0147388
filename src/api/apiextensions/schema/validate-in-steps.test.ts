import assert from 'node:assert/strict';
import { test } from 'node:test';
import { validateListItems, validateListItemsInSteps } from './list-items.ts';
import { validateValue, validateValueInSteps } from './validate-value.ts';

function pausesOf(value: unknown, schema: Parameters<typeof validateValue>[1]) {
  const steps = validateValueInSteps(value, schema);
  let pauses = 0;
  let next = steps.next();
  for (; !next.done; next = steps.next()) pauses++;
  return { pauses, errors: next.value };
}

test('a long list is validated in parts, as it is at once', () => {
  const schema = { type: 'array', items: { type: 'integer', maximum: 5 } };
  const value = [...Array.from({ length: 50_000 }, () => 1), 6];
  const { pauses, errors } = pausesOf(value, schema);
  assert.ok(pauses >= 10, `${pauses} pauses`);
  assert.deepEqual(errors, validateValue(value, schema));
  assert.equal(errors.length, 1);
  assert.equal(pausesOf([1, 2, 6], schema).pauses, 0);
});

test('there are pauses for what is compared, too: alternatives, values that are allowed, patterns', () => {
  const anyOf = Array.from({ length: 200 }, (_, i) => ({ minLength: 10 + i }));
  const alternatives = pausesOf(
    Array.from({ length: 100 }, () => 'v'.repeat(300)),
    { type: 'array', items: { type: 'string', anyOf } },
  );
  assert.ok(alternatives.pauses >= 4, `${alternatives.pauses} for alternatives`);
  const numbers = Array.from({ length: 2_000 }, (_, i) => i);
  const allowed = pausesOf(numbers, { type: 'array', items: { type: 'integer', enum: numbers } });
  assert.ok(allowed.pauses >= 10, `${allowed.pauses} for values`);
  assert.deepEqual(allowed.errors, []);
  let state = 1;
  const letter = () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >> 16) & 1 ? 'a' : 'b';
  };
  const text = Array.from({ length: 10_000 }, letter).join('');
  const texts = Array.from({ length: 20 }, () => text);
  const matched = pausesOf(texts, { type: 'array', items: { type: 'string', pattern: '^(a|b)*a(a|b){100}$' } });
  assert.ok(matched.pauses >= 5, `${matched.pauses} for patterns`);
});

test('texts among the allowed values are told from numbers that look like them', () => {
  const schema = { enum: ['1', 'a', 2] };
  assert.deepEqual(validateValue('1', schema), []);
  assert.deepEqual(validateValue(2, schema), []);
  assert.equal(validateValue('2', schema).length, 1);
  assert.equal(validateValue('b', schema).length, 1);
});

test('items of sets and of lists by key are the same only where their values are of one type', () => {
  const set = { type: 'array', 'x-kubernetes-list-type': 'set' as const, items: {} };
  assert.deepEqual(validateListItems(['1', 1, '"1"', true, 'true'], set), []);
  assert.equal(validateListItems(['1', 1, '1'], set).length, 1);
  const map = { type: 'array', 'x-kubernetes-list-type': 'map' as const, 'x-kubernetes-list-map-keys': ['k'], items: {} };
  assert.deepEqual(validateListItems([{ k: '1' }, { k: 1 }, {}], map), []);
  const [error] = validateListItems(
    [
      { k: 'a', v: 1 },
      { k: 'a', v: 2 },
    ],
    map,
  );
  assert.match(String(error?.message), /^Duplicate value: \{"k":"a"\}/);
});

test('others have their turn while long sets and lists by key are looked through', () => {
  const lists = {
    set: { schema: { type: 'array', 'x-kubernetes-list-type': 'set' }, item: (i: number) => `t${i}` },
    map: {
      schema: { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['k'] },
      item: (i: number) => ({ k: `t${i}` }),
    },
  } as const;
  for (const { schema, item } of Object.values(lists)) {
    const steps = validateListItemsInSteps(
      Array.from({ length: 50_000 }, (_, i) => item(i)),
      schema,
    );
    let pauses = 0;
    while (!steps.next().done) pauses++;
    assert.ok(pauses >= 10, `${pauses}`);
  }
});
