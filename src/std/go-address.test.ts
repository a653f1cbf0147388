import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { goAddressProblem, goPrefixProblem } from './go-address.ts';

test('an address that Go refuses is refused in its words', () => {
  for (const [text, why] of [
    ['', 'unable to parse IP'],
    ['12', 'unable to parse IP'],
    ['%', 'missing IPv6 address'],
    ['1.2.3', 'IPv4 address too short'],
    ['1.2.3.4.5', 'IPv4 address too long'],
    ['1.2.3.', 'IPv4 field must have at least one digit (at ".")'],
    ['1..2.3', 'IPv4 field must have at least one digit (at ".2.3")'],
    ['01.2.3.4', 'IPv4 field has octet with leading zero'],
    ['1.2.3.256', 'IPv4 field has value >255'],
    ['v1.2.3', 'unexpected character (at "v1.2.3")'],
    ['1.2.3.4\n', 'unexpected character (at "\\n")'],
    ['::1%', 'zone must be a non-empty string'],
    ['::1:', 'colon must be followed by more characters (at ":")'],
    ['1::2::3', 'multiple :: in address (at ":3")'],
    ['::12345', 'each group must have 4 or less digits (at "12345")'],
    ['[::1]', 'each colon-separated field must have at least one digit (at "[::1]")'],
    ['1:2:3', 'address string too short'],
    ['1:2:3:4:5:6:7:8:9', 'trailing garbage after address (at "9")'],
    ['1:2:3:4:5:6:7:8::', 'the :: must expand to at least one field of zeros'],
    ['10:11-12', 'unexpected character, want colon (at "-12")'],
    ['1:2:1.2.3.4', 'embedded IPv4 address must replace the final 2 fields of the address (at "1.2.3.4")'],
    ['::2:3:4:5:6:7:8:1.2.3.4', 'too many hex fields to fit an embedded IPv4 at the end of the address (at "1.2.3.4")'],
    ['::1.2.3', 'IPv4 address too short'],
  ] as const)
    assert.equal(goAddressProblem(text), `ParseAddr(${JSON.stringify(text)}): ${why}`);
});

test('a prefix that Go refuses is refused in its words', () => {
  for (const [text, why] of [
    ['10.0.0.0', "no '/'"],
    ['10.0.0/8', 'ParseAddr("10.0.0"): IPv4 address too short'],
    ['fe80::1%en0/64', 'IPv6 zones cannot be present in a prefix'],
    ['10.0.0.0/08', 'bad bits after slash: "08"'],
    ['10.0.0.0/', 'bad bits after slash: ""'],
    ['10.0.0.0/33', 'prefix length out of range'],
    ['::/129', 'prefix length out of range'],
    ['10.0.0.0/99999999999999999999', 'bad bits after slash: "99999999999999999999"'],
  ] as const)
    assert.equal(goPrefixProblem(text), `netip.ParsePrefix(${JSON.stringify(text)}): ${why}`);
  assert.equal(goPrefixProblem('10.0.0.1/32'), undefined);
});

test('addresses are taken and refused as Node does it, whose rules are the same', () => {
  const piece = fc.constantFrom('1', '0', '255', '256', '.', ':', '::', 'ab', 'fffff', 'g', '%', '/', '1.2.3.4');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const text = pieces.join('');
      if (text.includes('%')) return;
      assert.equal(goAddressProblem(text) === undefined, isIP(text) !== 0, text);
    }),
  );
});
