import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  addQuantities,
  canonicalQuantity,
  compareQuantities,
  formatQuantity,
  parseQuantity,
  quantityMilliValue,
  quantityValue,
  subtractQuantities,
} from './quantity.ts';

const canonical: readonly [string | number, string][] = [
  ['0', '0'],
  ['0Ki', '0'],
  ['-0', '0'],
  ['1', '1'],
  [2, '2'],
  [0.5, '500m'],
  [1e21, '1e21'],
  ['7e19', '70e18'],
  ['9223372036854775808', '9223372036854775808'],
  ['1500P', '1500P'],
  ['m', '0'],
  ['.Gi', '0'],
  ['-', '0'],
  ['0.1', '100m'],
  ['1.5', '1500m'],
  ['1000m', '1'],
  ['100m', '100m'],
  ['1000', '1k'],
  ['1000000', '1M'],
  ['1024', '1024'],
  ['1024Ki', '1Mi'],
  ['1.5Gi', '1536Mi'],
  ['0.5Ki', '512'],
  ['0.5Mi', '512Ki'],
  ['0.0001Ki', '102400u'],
  ['3e3', '3e3'],
  ['12e2', '1200'],
  ['1200E3', '1200e3'],
  ['1E', '1E'],
  ['16Ei', '9223372036854775807'],
  ['0.0000000001', '1n'],
  ['-1.1n', '-2n'],
  ['+5', '5'],
  ['.5', '500m'],
  ['5.', '5'],
];

test('a quantity is written in canonical form', () => {
  for (const [text, expected] of canonical) assert.equal(canonicalQuantity(text), expected, String(text));
});

test('what is not a quantity is refused in upstream words', () => {
  for (const text of ['', 'x', '1KI', '1 Gi', '1.2.3', '1.2.3Q', '0x1', '9'.repeat(600)])
    assert.throws(() => parseQuantity(text), /quantities must match the regular expression/, text);
  for (const text of ['1mm', '1e', '1ek', '1Ki5', '--1', '1K', '5ki']) assert.throws(() => parseQuantity(text), /suffix/, text);
  for (const text of ['Pi', 'Ei', 'e-10']) assert.throws(() => parseQuantity(text), /numeric part/, text);
});

test('an enormous exponent costs nothing', () => {
  assert.equal(canonicalQuantity('1e999999999'), '9223372036854775807');
  assert.equal(canonicalQuantity('1e-999999999'), '1n'.replace('n', 'e-9'));
  assert.equal(canonicalQuantity('0e999999999'), '0');
});

const amounts = fc.record({
  nano: fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }),
  format: fc.constantFrom('decimal', 'binary', 'exponent'),
});

test('formatting and parsing again keeps the amount, and canonical text stays as it is', () => {
  fc.assert(
    fc.property(amounts, (quantity) => {
      const text = formatQuantity(quantity);
      assert.equal(parseQuantity(text).nano, quantity.nano);
      assert.equal(canonicalQuantity(text), text);
    }),
  );
});

test('the short way to a canonical text gives what the long way gives', () => {
  fc.assert(
    fc.property(fc.nat(), fc.constantFrom('', 'm', 'k', 'M', 'G', 'T', 'Ki', 'Mi', 'e3'), (number, suffix) => {
      const text = `${number}${suffix}`;
      assert.equal(canonicalQuantity(text), formatQuantity(parseQuantity(text)));
    }),
  );
});

test('sums can be taken apart again, and order agrees with differences', () => {
  fc.assert(
    fc.property(amounts, amounts, (a, b) => {
      assert.equal(compareQuantities(subtractQuantities(addQuantities(a, b), b), a), 0);
      assert.equal(
        Math.sign(compareQuantities(a, b)),
        Number(subtractQuantities(a, b).nano > 0n) - Number(subtractQuantities(a, b).nano < 0n),
      );
    }),
  );
});

test('whole units and thousandths are rounded away from zero', () => {
  assert.equal(quantityValue(parseQuantity('1100m')), 2n);
  assert.equal(quantityValue(parseQuantity('-1100m')), -2n);
  assert.equal(quantityMilliValue(parseQuantity('1.5')), 1500n);
  assert.equal(quantityMilliValue(parseQuantity('1u')), 1n);
});
