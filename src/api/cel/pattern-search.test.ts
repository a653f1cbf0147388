import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RE2JS } from 're2js';
import { patternProgram } from './pattern-program.ts';
import { PatternSearch, TooManySteps } from './pattern-search.ts';
import { compileRegularExpression } from './regular-expression.ts';

const ATOMS = 'a|b|[ab]|[^a]|.|\\b|\\B|^|$|\\d|\\w|(?i:k)|(?i:s)|é|\\n|(?m:^)|(?m:$)|\\x{1F600}|(?:)|\\pL'.split('|');
const REPEATS = ['*', '+', '?', '*?', '+?', '??', '{2}', '{0,2}', '{1,3}?'];
const LETTERS = ['a', 'b', '\n', ' ', 'K', '\u212a', 'é', '9', '_', '😀', 'ſ', 's'];

function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >> 8) % below;
  };
}

function randomPattern(random: (below: number) => number, depth: number): string {
  const inner = () => randomPattern(random, depth - 1);
  const form = depth > 0 ? random(6) : 0;
  if (form < 2) return ATOMS[random(ATOMS.length)]!;
  if (form === 2) return `(${inner()}|${inner()})`;
  return form === 3 ? `(${inner()})${REPEATS[random(REPEATS.length)]}` : inner() + inner();
}

const search = (pattern: string) => new PatternSearch(patternProgram(RE2JS.compile(pattern)));
const unlimited = () => ({ taken: 0, most: Number.MAX_SAFE_INTEGER });

test('patterns match where those of the library do', () => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
  const random = randomFrom(seed);
  for (let i = 0; i < 1500; i++) {
    const pattern = randomPattern(random, 4);
    const library = RE2JS.compile(pattern);
    const own = search(pattern);
    for (let j = 0; j < 4; j++) {
      const text = Array.from({ length: random(10) }, () => LETTERS[random(LETTERS.length)]).join('');
      const about = `seed ${seed}: ${JSON.stringify(pattern)} in ${JSON.stringify(text)}`;
      assert.equal(own.test(text, unlimited()), library.test(text), about);
      const matcher = library.matcher(text);
      const expected = matcher.find() ? [matcher.start(), matcher.end()] : undefined;
      assert.deepEqual(own.find(text, 0, unlimited()), expected, about);
    }
  }
});

test('patterns of more sets than rows are made for match where those of the library do', () => {
  const letters = Array.from({ length: 2000 }, (_, i) => String.fromCharCode(0x4e00 + i));
  const word = letters.join('');
  const pattern = `${word}|[${word.slice(0, 3)}]x(?i:k)|[^${word.slice(5, 9)}]z`;
  const library = RE2JS.compile(pattern);
  const own = search(pattern);
  for (const text of [word, word.slice(1), `${letters[1]}xK`, `${letters[4]}z`, `${letters[6]}z`, `a${word}`, '']) {
    assert.equal(own.test(text, unlimited()), library.test(text));
    const matcher = library.matcher(text);
    assert.deepEqual(own.find(text, 0, unlimited()), matcher.find() ? [matcher.start(), matcher.end()] : undefined);
  }
});

test('what a pattern of many states takes is at most its size for each character, with a match or without', () => {
  const pattern = '^(a|b)*a(a|b){50}$';
  const size = patternProgram(RE2JS.compile(pattern)).size;
  const text = Array.from({ length: 5_000 }, (_, i) => ((Math.imul(i, 2_654_435_761) >>> 13) & 1 ? 'a' : 'b')).join('');
  for (const tried of [text, `${text}c`]) {
    const steps = unlimited();
    assert.equal(search(pattern).test(tried, steps), new RegExp(pattern).test(tried));
    assert.ok(steps.taken <= (size + 1) * (tried.length + 1), `${steps.taken} steps, ${size} instructions`);
  }
});

test('a search ends when it has taken the most steps that it may', () => {
  const steps = { taken: 0, most: 10_000 };
  assert.throws(() => search('(a|b)*a(a|b){50}c').test('ab'.repeat(5_000), steps), TooManySteps);
  assert.ok(steps.taken < 11_000);
});

test('searches that each look at all that comes are refused together, not one by one', () => {
  const pattern = compileRegularExpression('a(.*b)?');
  assert.deepEqual(pattern.findAll('aaba', -1), ['aab', 'a']);
  assert.throws(() => pattern.findAll('a'.repeat(30_000), -1), { code: 'REGULAR_EXPRESSION_TOO_COSTLY' });
});

test('what is empty is not found right behind what was found', () => {
  const all = (pattern: string, text: string, limit = -1) => compileRegularExpression(pattern).findAll(text, limit);
  assert.deepEqual(all('a*', 'baaau'), ['', 'aaa', '']);
  assert.deepEqual(all('', '😀b'), ['', '', '']);
  assert.deepEqual(all('a*', 'baaau', 2), ['', 'aaa']);
  assert.deepEqual(all('a', 'aa', 0), []);
});

test('what a call takes is counted for its caller, whose limit holds too', () => {
  const pattern = compileRegularExpression('b$');
  const steps = { taken: 5, most: 1_000 };
  assert.equal(pattern.test('a'.repeat(100), steps), false);
  assert.ok(steps.taken > 100);
  assert.throws(() => pattern.test('a'.repeat(5_000), steps), { code: 'REGULAR_EXPRESSION_TOO_COSTLY' });
});
