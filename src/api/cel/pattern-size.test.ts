import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RE2JS } from 're2js';
import { patternSize } from './pattern-size.ts';

const instructions = (pattern: string) => RE2JS.compile(pattern).programSize();

test('repeats are written out, nested ones multiplied', () => {
  assert.equal(patternSize('abc'), 3);
  assert.equal(patternSize('[a-z]{1000}'), 1000);
  assert.equal(patternSize('(a{10}){20}'), 20 * 12);
  assert.equal(patternSize('a{2,30}b{4,}'), 34);
  assert.equal(patternSize('\\pL{1000}') - patternSize('\\pL{10}'), 990);
  assert.ok(patternSize('\\pL'.repeat(3000)) > 90_000);
  assert.equal(patternSize('[]{9}]\\{9}[[:alpha:]{9}]'), 1 + 4 - 1 + 1);
});

test('what is compiled is not much larger', () => {
  const atom = fc.constantFrom('a', '.', '[a-z0-9]', '\\d', '\\pL', '\\p{Greek}', '[^]x]', '\\.');
  const repeat = fc.constantFrom('', '', '*', '?', '{3}', '{2,}', '{0,5}', '{100}');
  const part = fc.tuple(atom, repeat).map((texts) => texts.join(''));
  const group = fc.tuple(fc.array(part, { minLength: 1, maxLength: 4 }), fc.constantFrom('', '*', '{4}', '{0,9}'));
  const pattern = fc
    .array(
      group.map(([parts, times]) => `(${parts.join('|')})${times}`),
      { minLength: 1, maxLength: 4 },
    )
    .map((groups) => groups.join(''));
  fc.assert(
    fc.property(pattern, (text) => {
      assert.ok(patternSize(text) * 4 + 10 >= instructions(text), `${text}: ${patternSize(text)} for ${instructions(text)}`);
    }),
    { numRuns: 300 },
  );
});

test('any text has a size', () => {
  fc.assert(fc.property(fc.string(), (text) => Number.isFinite(patternSize(text)) && patternSize(text) >= 0));
});
