import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile, createEnvironment } from './cel.ts';
import { compileRegularExpression } from './regular-expression.ts';
import { STRING } from './types.ts';

const MEGABYTE = 'ab'.repeat(500_000);

test('a pattern whose repeats come to too much is refused before it is compiled', () => {
  const letters = Array.from({ length: 500 }, (_, i) => `${String.fromCodePoint(0x4e00 + i)}{1000}`);
  assert.throws(() => compileRegularExpression(letters.join('')), {
    code: 'REGULAR_EXPRESSION_INVALID',
    message: 'error parsing regexp: expression too large',
  });
  assert.ok(compileRegularExpression(letters.slice(0, 3).join('')));
});

test('a pattern of many states is not compared with a text that would take seconds, and is with a shorter one', () => {
  const pattern = compileRegularExpression('^(a|b)*a(a|b){500}$');
  const refusal = {
    code: 'REGULAR_EXPRESSION_TOO_COSTLY',
    message: /^the pattern is too complex for a text of 1000000 characters/,
  };
  assert.throws(() => pattern.test(MEGABYTE), refusal);
  assert.throws(() => pattern.find(MEGABYTE), refusal);
  assert.throws(() => pattern.findAll(MEGABYTE, 1), refusal);
  assert.equal(pattern.test(`${'ab'.repeat(500)}b`), true);
});

test('patterns as people write them are compared with a megabyte', () => {
  for (const text of [
    '^[a-z]+$',
    '^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)?$',
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?',
  ])
    assert.equal(compileRegularExpression(text).test(MEGABYTE), true, text);
});

test('an expression with such a call fails in words, whether the pattern is known before or not', () => {
  const environment = createEnvironment({ variables: { text: STRING, pattern: STRING } });
  const values: Record<string, string> = { text: MEGABYTE, pattern: '^(a|b)*a(a|b){500}$' };
  for (const source of ["text.matches('^(a|b)*a(a|b){500}$')", 'text.matches(pattern)']) {
    const { value } = compile(source, environment).evaluate((name) => values[name]);
    assert.match(String((value as { message?: string }).message), /too complex for a text of 1000000 characters|cost/, source);
  }
});
