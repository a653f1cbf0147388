import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  canonicalIpComplaints,
  checkCanonicalCidr,
  checkCidr,
  checkIp,
  checkNotSpecial,
  cidrWarnings,
  ipWarnings,
  isStrictPart,
  NOT_A_CIDR,
  NOT_AN_IP,
  parseCidr,
} from './ip.ts';

const complaint = (errors: readonly { message: string }[]) =>
  errors.map(({ message }) => message.replace(/^Invalid value: "[^"]*": /, ''));

test('an address is refused in the words that say what is wrong with it', () => {
  for (const [value, expected] of [
    ['10.1.2.3', []],
    ['2001:db8::1', []],
    ['2001:DB8:0:0::1', []],
    ['010.1.2.3', ['must not have leading 0s']],
    ['::ffff:1.2.3.4', ['must not be an IPv4-mapped IPv6 address']],
    ['300.1.2.3', [NOT_AN_IP]],
    ['fe80::1%eth0', [NOT_AN_IP]],
    ['', [NOT_AN_IP]],
    ['1.2.3.4/24', [NOT_AN_IP]],
  ] as const)
    assert.deepEqual(complaint(checkIp('ip', value)), expected, value);
});

test('what is stored already may stay, and only that', () => {
  assert.deepEqual(checkIp('ip', '010.1.2.3', ['010.1.2.3']), []);
  assert.equal(checkIp('ip', '010.1.2.4', ['010.1.2.3']).length, 1);
  assert.deepEqual(checkCidr('cidr', '10.0.0.1/8', ['10.0.0.1/8']), []);
});

test('newer fields take addresses in one form only', () => {
  assert.deepEqual(canonicalIpComplaints('2001:DB8:0:0::1'), ['must be in canonical form ("2001:db8::1")']);
  assert.deepEqual(canonicalIpComplaints('2001:db8::1'), []);
  assert.deepEqual(complaint(checkCanonicalCidr('c', '2001:DB8::/64')), ['must be in canonical form ("2001:db8::/64")']);
});

test('a range is refused in the words that say what is wrong with it', () => {
  for (const [value, expected] of [
    ['10.0.0.0/8', []],
    ['2001:db8::/64', []],
    ['0.0.0.0/0', []],
    ['10.0.0.1/8', ['must not have bits set beyond the prefix length']],
    ['10.0.0.0/08', ['must not have leading 0s in IP or prefix length']],
    ['010.0.0.0/8', ['must not have leading 0s in IP or prefix length']],
    ['::ffff:10.0.0.0/104', ['must not have an IPv4-mapped IPv6 address']],
    ['10.0.0.0', [NOT_A_CIDR]],
    ['10.0.0.0/33', [NOT_A_CIDR]],
    ['', [NOT_A_CIDR]],
  ] as const)
    assert.deepEqual(complaint(checkCidr('cidr', value)), expected, value);
});

test('addresses that every machine has are no endpoints', () => {
  for (const value of ['0.0.0.0', '127.0.0.2', '169.254.1.1', '224.0.0.7', '::', '::1', 'fe80::1', 'ff02::1'])
    assert.equal(checkNotSpecial('ip', value).length, 1, value);
  for (const value of ['10.0.0.1', '224.0.1.1', '2001:db8::1', 'fd00::1'])
    assert.deepEqual(checkNotSpecial('ip', value), [], value);
});

test('a range is part of another one when it is longer and begins alike', () => {
  const part = (inner: string, outer: string) => isStrictPart(parseCidr(inner)!, parseCidr(outer)!);
  assert.equal(part('192.168.1.0/24', '192.168.0.0/16'), true);
  assert.equal(part('192.168.0.0/16', '192.168.0.0/16'), false);
  assert.equal(part('192.169.1.0/24', '192.168.0.0/16'), false);
  assert.equal(part('2001:db8:1::/48', '2001:db8::/32'), true);
  assert.equal(part('10.0.0.0/8', '::/0'), false);
});

test('addresses and ranges that are let through are spoken of when they are not written as they should be', () => {
  assert.deepEqual(ipWarnings('f', '10.0.0.1'), []);
  assert.deepEqual(ipWarnings('f', '010.0.0.1'), ['f: non-standard IP address "010.0.0.1" is invalid: use "10.0.0.1"']);
  assert.deepEqual(ipWarnings('f', '2001:DB8::1'), [
    'f: IPv6 address "2001:DB8::1" should be in RFC 5952 canonical format ("2001:db8::1")',
  ]);
  for (const value of ['10.0.0.0/8', '2001:db8::/32', '10.0.0.1']) assert.deepEqual(cidrWarnings('f', value), [], value);
  const ambiguous = 'is ambiguous in this context (should be';
  assert.deepEqual(cidrWarnings('f', '10.0.0.1/8'), [`f: CIDR value "10.0.0.1/8" ${ambiguous} "10.0.0.0/8" or "10.0.0.1/32"?)`]);
  assert.deepEqual(cidrWarnings('f', '::ffff:10.0.0.1/104'), [
    `f: CIDR value "::ffff:10.0.0.1/104" ${ambiguous} "10.0.0.0/8" or "10.0.0.1/128"?)`,
    'f: non-standard CIDR value "::ffff:10.0.0.1/104" is invalid: use "10.0.0.0/8"',
  ]);
  assert.deepEqual(cidrWarnings('f', '10.0.0.0/08'), ['f: non-standard CIDR value "10.0.0.0/08" is invalid: use "10.0.0.0/8"']);
  assert.deepEqual(cidrWarnings('f', '2001:db8:0::/48'), [
    'f: IPv6 CIDR value "2001:db8:0::/48" should be in RFC 5952 canonical format ("2001:db8::/48")',
  ]);
});
