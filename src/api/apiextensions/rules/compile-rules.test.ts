import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileRules } from './compile-rules.ts';

const schema = (rule: string, messageExpression?: string) => ({
  type: 'object',
  properties: {
    any: { 'x-kubernetes-int-or-string': true },
    flags: { type: 'object', additionalProperties: { type: 'boolean' } },
  },
  'x-kubernetes-validations': [{ rule, ...(messageExpression && { messageExpression }) }],
});

test('a rule is of bool and its message of string, none of a type that is known only when it runs', () => {
  const wrong = 'cel expression must evaluate to a bool';
  for (const [rule, error] of [
    ['self.flags.x', undefined],
    ['[true][0]', undefined],
    ['dyn(true)', wrong],
    ['self.any', wrong],
    ['optional.of(true)', wrong],
    // The type is looked at before constants are.
    ["uint('-5')", wrong],
    ["uint('-5') == 1u", "program instantiation failed: type conversion error from 'string' to 'uint'"],
  ] as const)
    assert.equal(compileRules(schema(rule), false).rules[0]!.error, error, rule);
  const [rule] = compileRules(schema('true', "dyn('a')"), false).rules;
  assert.equal(rule!.messageError, 'messageExpression must evaluate to a string');
});

test('what a rule makes itself is taken for as large as the value that it is about', () => {
  const schema = {
    type: 'object',
    properties: {
      text: { type: 'string', maxLength: 100 },
      list: { type: 'array', maxItems: 10, items: { type: 'string', maxLength: 20 } },
    },
  };
  for (const [rule, cost] of [
    ["['a', 'b'].exists(x, x.contains('yy'))", 21],
    ["self.list.filter(x, x != 'a')[0].contains('b')", 172],
    ["self.text.split(',')[1].contains('b')", 83],
  ] as const) {
    const { rules, declared } = compileRules({ ...schema, 'x-kubernetes-validations': [{ rule }] }, false);
    assert.equal(rules[0]!.program!.estimateCost(declared!.type).max, cost, rule);
  }
});

test('the keys of a map are taken for empty texts at worst, its values for as long as they may be', () => {
  const labels = { type: 'object', maxProperties: 100, additionalProperties: { type: 'string', maxLength: 63 } };
  for (const [rule, cost] of [
    ["self.all(key, key.find('^([^/]+)').endsWith('example.com'))", 802],
    ["self.all(key, self[key].find('^([^/]+)').endsWith('example.com'))", 6002],
  ] as const) {
    const { rules, declared } = compileRules({ ...labels, 'x-kubernetes-validations': [{ rule }] }, false);
    assert.equal(rules[0]!.program!.estimateCost(declared!.type).max, cost, rule);
  }
});
