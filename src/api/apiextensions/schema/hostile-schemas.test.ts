import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { runAtOnce } from '../../../std/pauses.ts';
import { declareType } from '../rules/declared-type.ts';
import { prepareSchema } from '../rules/rule-checks.ts';
import { validateRules } from '../rules/validate-rules.ts';
import type { JsonSchema } from './json-schema.ts';
import { validateListItems } from './list-items.ts';
import { comparePattern, patternError } from './pattern.ts';
import { setSchemaDefaults } from './set-defaults.ts';
import { validateValue } from './validate-value.ts';

const TEXT: JsonSchema = { type: 'string' };
const texts = (count: number, prefix = 'p') => Array.from({ length: count }, (_, i) => `${prefix}${i}`);
const list = (items: JsonSchema): JsonSchema => ({ type: 'object', properties: { l: { type: 'array', items } } });

describe('defaults that multiply', () => {
  const large = list({ type: 'object', properties: { d: { ...TEXT, default: 'x'.repeat(100_000) } } });

  test('are refused when they come to more than a request may have', () => {
    const many = { l: Array.from({ length: 5000 }, () => ({})) };
    assert.throws(() => setSchemaDefaults(many, large), /defaults of its fields make the object more than 3145728 bytes larger/);
    const few = { l: [{}, {}] };
    assert.equal(setSchemaDefaults(few, large), true);
    assert.equal((few.l[1] as { d: string }).d.length, 100_000);
  });

  test('are left out of what is stored already', () => {
    const many: { l: { d?: string }[] } = { l: Array.from({ length: 5000 }, () => ({})) };
    assert.equal(setSchemaDefaults(many, large, 'left-out'), true);
    assert.equal(many.l.filter(({ d }) => d !== undefined).length, 31);
  });

  test('are refused within each other', () => {
    let schema: JsonSchema = { ...TEXT, default: 'x' };
    for (let i = 0; i < 6; i++)
      schema = { type: 'array', default: Array(40).fill({}), items: { type: 'object', properties: { d: schema } } };
    assert.throws(() => setSchemaDefaults({}, { type: 'object', properties: { d: schema } }), /defaults of its fields/);
  });
});

describe('schemas of tens of thousands of parts', () => {
  test('are told the first of what is missing', () => {
    const required = texts(40_000);
    const errors = validateValue({}, { type: 'object', required });
    assert.equal(errors.length, 200);
    assert.equal(errors[199]!.field, 'p199');
  });

  test('may have more values in an enum than a call has arguments', () => {
    const declared = declareType({ ...TEXT, enum: [...texts(300_000), 'the longest of all'] }, 'selfType');
    assert.equal(declared?.type.maxElements, 18);
  });

  test('may have more keys than their items have fields', () => {
    const keys = texts(5000, 'k');
    const schema: JsonSchema = {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': keys,
      items: { type: 'object', properties: Object.fromEntries(keys.map((name) => [name, TEXT])) },
    };
    const errors = validateListItems([{ k7: 'a' }, { k7: 'b' }, { k8: 'a' }, { k8: 'a', other: 1 }], schema, 'l');
    assert.deepEqual(
      errors.map(({ field, message }) => `${field}: ${message}`),
      ['l[3]: Duplicate value: {"k8":"a"}'],
    );
  });

  test('end with the thousandth value that breaks a rule', () => {
    const schema: JsonSchema = { type: 'array', items: { type: 'integer', 'x-kubernetes-validations': [{ rule: 'self < 0' }] } };
    assert.equal(runAtOnce(validateRules({ value: Array(5000).fill(1), schema, path: 'l' })).length, 1000);
  });
});

describe('patterns', () => {
  test('are compiled again when others have taken their place, and say the same', () => {
    const steps = { taken: 0, most: Number.MAX_SAFE_INTEGER };
    const large = (i: number) => `^${i}(?:[a-z]{999}){0,1}[a-z]{0,900}$`;
    for (let round = 0; round < 2; round++)
      for (let i = 0; i < 3; i++) {
        assert.equal(comparePattern(large(i), `${i}abc`, steps), true);
        assert.equal(comparePattern(large(i), 'abc', steps), false);
      }
    // Compiling counts, or nobody would have a turn meanwhile.
    assert.ok(steps.taken > 1_000_000);
    assert.match(patternError('(') ?? '', /missing closing/);
    assert.match(patternError('(') ?? '', /missing closing/);
    assert.equal(patternError('a+'), undefined);
  });

  test('and rules are compiled with pauses before they are checked', () => {
    const rules = texts(100).map((name) => ({ rule: `self.a != '${name}' && self.a.size() < 1000 && self.a.startsWith('a')` }));
    const pauses = [...prepareSchema({ type: 'object', properties: { a: TEXT }, 'x-kubernetes-validations': rules })].length;
    assert.ok(pauses >= 3, `${pauses} pauses`);
  });
});
