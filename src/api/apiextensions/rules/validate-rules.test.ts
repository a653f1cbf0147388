import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runAtOnce } from '../../../std/pauses.ts';
import type { JsonSchema } from '../schema/json-schema.ts';
import { validateRules } from './validate-rules.ts';

/** A list of numbers, of whose rules each looks at all pairs. */
function schemaOf(rules: number): JsonSchema {
  const rule = 'self.all(a, self.all(b, a + b >= 0)) && size(self) < 100';
  const validations = Array.from({ length: rules }, (_, i) => ({ rule, message: `rule ${i}` }));
  return { type: 'array', items: { type: 'integer' }, 'x-kubernetes-validations': validations } as JsonSchema;
}

function run(value: readonly number[], rules: number): { steps: number; messages: string[] } {
  const checking = validateRules({ value, schema: schemaOf(rules), path: 'spec' });
  let steps = 0;
  for (;;) {
    const { done, value: errors } = checking.next();
    if (done) return { steps, messages: errors.map(({ message }) => message) };
    steps++;
  }
}

test('between costly rules others have their turn, and what they say is the same', () => {
  const many = Array.from({ length: 200 }, (_, i) => i);
  const { steps, messages } = run(many, 4);
  assert.equal(steps, 3);
  assert.equal(messages.length, 4);
  assert.deepEqual(
    messages,
    runAtOnce(validateRules({ value: many, schema: schemaOf(4), path: 'spec' })).map(({ message }) => message),
  );
});

test('cheap rules are all run in one step', () => {
  assert.deepEqual(run([1, 2, 3], 4), { steps: 0, messages: [] });
});

test('a field that is null is not there, and a value of a map that is null is', () => {
  const text = { type: 'string', nullable: true };
  const properties = { o: { type: 'object', properties: { f: text } }, m: { type: 'object', additionalProperties: text } };
  const holds = (rule: string) =>
    runAtOnce(
      validateRules({
        value: { o: { f: null }, m: { f: null } },
        schema: { type: 'object', properties, 'x-kubernetes-validations': [{ rule }] } as JsonSchema,
        path: '',
      }),
    ).map(({ message }) => message);
  for (const rule of ['!has(self.o.f)', '!self.o.?f.hasValue()', 'has(self.m.f)', "'f' in self.m"])
    assert.deepEqual(holds(rule), [], rule);
  assert.match(holds("self.o.f == 'x'").join(), /no such key: f/);
});
