import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Labels, parseLabelSelector, selectorFromLabelSelector, selectorFromLabels } from './label-selector.ts';

const labels = { app: 'web', tier: 'front', count: '5', empty: '' };

test('requirements select as upstream defines them', () => {
  const selects: readonly [string, boolean][] = [
    ['', true],
    ['app=web', true],
    ['app==web', true],
    ['app=db', false],
    ['app!=db', true],
    ['other!=x', true],
    ['app', true],
    ['!app', false],
    ['!other', true],
    ['app in (web, db)', true],
    ['app notin (web)', false],
    ['other notin (web)', true],
    ['count>4', true],
    ['count>5', false],
    ['count<6', true],
    ['app>1', false],
    ['empty=', true],
    ['empty in (,x)', true],
    ['app=web,tier=front', true],
    ['app=web,tier=back', false],
    [' app = web , tier in ( front ) ', true],
    ['app in ()', false],
    ['in in (in)', false],
    ['toString', false],
  ];
  for (const [text, expected] of selects) assert.equal(parseLabelSelector(text).matches(labels), expected, text);
  assert.equal(parseLabelSelector('!a').matches(undefined), true);
});

test('a thousand values select as a few do', () => {
  const values = Array.from({ length: 1_000 }, (_, i) => `v${i}`).join();
  const [of, notOf] = ['in', 'notin'].map((operator) => parseLabelSelector(`a ${operator} (${values})`));
  for (const [labels, expected] of [
    [{ a: 'v999' }, true],
    [{ a: 'v1000' }, false],
    [{ b: 'v1' }, false],
  ] as const)
    assert.deepEqual([of!.matches(labels), notOf!.matches(labels)], [expected, !expected], JSON.stringify(labels));
});

test('many requirements select as each of them does', () => {
  const labels = fc.dictionary(fc.constantFrom('a', 'b', 'c', '__proto__'), fc.constantFrom('', '1', '2'), { maxKeys: 4 });
  const texts = ['a=1', 'a!=1', 'b', '!b', 'c in (1,2)', 'c notin (1,2)', 'a>1', 'b<2', '!d', 'd!=1', '!constructor'];
  fc.assert(
    fc.property(labels, fc.array(fc.constantFrom(...texts), { minLength: 16, maxLength: 40 }), (given, chosen) => {
      const expected = chosen.every((text) => parseLabelSelector(text).matches(given));
      assert.equal(parseLabelSelector(chosen.join()).matches(given), expected);
    }),
  );
  const none = parseLabelSelector(Array.from({ length: 100 }, (_, i) => `!x${i}`).join());
  for (const given of [undefined, {}, { y: '' }] as Labels[]) assert.equal(none.matches(given), true);
  assert.equal(none.matches({ x99: '' }), false);
});

test('the canonical text is sorted by key', () => {
  assert.equal(parseLabelSelector('z,a in (c,b),!m,k!=v,g>1').toString(), 'a in (b,c),g>1,k!=v,!m,z');
});

test('bad selectors are refused in upstream words', () => {
  const errors: readonly [string, string][] = [
    [',', "found ',', expected: !, identifier, or 'end of string'"],
    ['a,', "found '', expected: identifier after ','"],
    ['a b', "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
    ['a=b c', "found 'c', expected: ',' or 'end of string'"],
    ['a in b', "unable to parse requirement: found 'b' expected: '('"],
    ['a in (b', "unable to parse requirement: found '', expected: ',' or ')'"],
    ['a in (', "unable to parse requirement: found '', expected: ',', ')' or identifier"],
    ['a in (,', "unable to parse requirement: found '', expected: ',', or identifier"],
    ['a in (=)', "unable to parse requirement: found '=', expected: ',', ')' or identifier"],
    ['a=!', "unable to parse requirement: found '!', expected: identifier"],
    ['!', "unable to parse requirement: found '', expected: identifier"],
  ];
  for (const [text, message] of errors) assert.throws(() => parseLabelSelector(text), { message }, text);
  assert.throws(
    () => parseLabelSelector('a/b/c=d'),
    /unable to parse requirement: <nil>: Invalid value: "a\/b\/c": a valid label key must/,
  );
  assert.throws(
    () => parseLabelSelector('a=b_'),
    /unable to parse requirement: values\[0\]\[a\]: Invalid value: "b_": a valid label must/,
  );
  assert.throws(() => parseLabelSelector('a>b'), /for 'Gt', 'Lt' operators, the value must be an integer/);
});

test('a bad selector is a bad request', () => {
  assert.throws(() => parseLabelSelector('a b'), { code: 400 });
});

test('the selector of a spec selects nothing when it is missing and everything when it is empty', () => {
  assert.equal(selectorFromLabelSelector(undefined).matches(labels), false);
  assert.equal(selectorFromLabelSelector({}).matches(labels), true);
  const selector = selectorFromLabelSelector({
    matchLabels: { app: 'web' },
    matchExpressions: [
      { key: 'tier', operator: 'In', values: ['front', 'back'] },
      { key: 'other', operator: 'DoesNotExist' },
    ],
  });
  assert.equal(selector.toString(), 'app=web,!other,tier in (back,front)');
  assert.equal(selector.matches(labels), true);
  assert.throws(
    () => selectorFromLabelSelector({ matchExpressions: [{ key: 'a', operator: 'Near' }] }),
    /"Near" is not a valid label selector operator/,
  );
  assert.throws(
    () => selectorFromLabelSelector({ matchExpressions: [{ key: 'a', operator: 'In' }] }),
    /values set can't be empty/,
  );
});

const key = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/);
const value = fc.stringMatching(/^([A-Za-z0-9]([-A-Za-z0-9_.]{0,5}[A-Za-z0-9])?)?$/);
const requirement = fc.oneof(
  fc.tuple(key, fc.constantFrom('=', '==', '!='), value).map((parts) => parts.join('')),
  fc
    .tuple(key, fc.constantFrom('in', 'notin'), fc.array(value, { minLength: 1, maxLength: 3 }))
    .map(([k, op, vs]) => `${k} ${op} (${vs.join(',')})`),
  key,
  key.map((k) => `!${k}`),
);

test('the canonical text means the same as the selector', () => {
  fc.assert(
    fc.property(fc.array(requirement, { maxLength: 4 }), fc.dictionary(key, value), (requirements, set) => {
      const selector = parseLabelSelector(requirements.join(','));
      const again = parseLabelSelector(selector.toString());
      assert.equal(again.toString(), selector.toString());
      assert.equal(again.matches(set), selector.matches(set));
    }),
  );
});

test('a selector of labels selects whatever has them', () => {
  fc.assert(
    fc.property(fc.dictionary(key, value), fc.dictionary(key, value), (wanted, more) => {
      assert.equal(selectorFromLabels(wanted).matches({ ...more, ...wanted }), true);
    }),
  );
});

test('any text is either a selector or a bad request', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[ab,=!()<> in]{0,20}$/)), (text) => {
      try {
        parseLabelSelector(text);
      } catch (error) {
        assert.equal((error as { code?: number }).code, 400, text);
      }
    }),
  );
});
