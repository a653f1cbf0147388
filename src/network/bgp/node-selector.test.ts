import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CodedError } from '../../std/coded-error.ts';
import { parseNodeSelector } from './node-selector.ts';

const LABELS = { rack: 'a1', 'kubernetes.io/os': 'linux', empty: '' };

test('selectors select as Calico says', () => {
  const selects: readonly [string, boolean][] = [
    ['', true],
    ['all()', true],
    ['!all()', false],
    ["rack == 'a1'", true],
    ['rack == "a2"', false],
    ["rack != 'a2'", true],
    ["other != 'x'", true],
    ['has(rack)', true],
    ['!has(rack)', false],
    ['has(toString)', false],
    ["rack in { 'a1', 'b1' }", true],
    ['rack in {}', false],
    ["rack not in {'a1'}", false],
    ["other not in {'a1'}", true],
    ["rack contains '1'", true],
    ["rack starts with 'a'", true],
    ["rack ends with 'a'", false],
    ["kubernetes.io/os == 'linux' && (rack == 'x' || has(empty))", true],
    ["rack == 'x' || rack == 'a1' && has(none)", false],
  ];
  for (const [text, wanted] of selects) assert.equal(parseNodeSelector(text)(LABELS), wanted, text);
});

test('what is no selector is refused, whatever it is, and quickly', () => {
  for (const text of ['rack', "rack = 'a'", 'rack == a', 'has(', 'any()', "rack in 'a'", "(rack == 'a'", '!', "rack == 'a' rack"])
    assert.throws(() => parseNodeSelector(text), { code: 'SELECTOR_INVALID' }, text);
  assert.throws(() => parseNodeSelector('('.repeat(4000)), { code: 'SELECTOR_INVALID' });
  assert.throws(() => parseNodeSelector('x'.repeat(5000)), { code: 'SELECTOR_INVALID' });
  const words = fc.constantFrom(
    'rack',
    '==',
    '!=',
    "'a'",
    '(',
    ')',
    '!',
    '&&',
    '||',
    'in',
    '{',
    '}',
    ',',
    'has',
    'all',
    ' ',
    '$',
    'not',
  );
  fc.assert(
    fc.property(fc.array(words), (parts) => {
      try {
        assert.equal(typeof parseNodeSelector(parts.join(' '))(LABELS), 'boolean');
      } catch (error) {
        assert.ok(error instanceof CodedError && error.code === 'SELECTOR_INVALID', String(error));
      }
    }),
  );
});
