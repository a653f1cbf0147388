import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AddressRange, canonicalAddress, parseAddressRanges } from './address-range.ts';
import { Pool } from './pool.ts';
import { PortRange } from './port-range.ts';
import { Taking } from './taking.ts';

test('a range gives neither its network nor, for IPv4, its broadcast address', () => {
  const range = new AddressRange('10.0.0.9/24');
  assert.deepEqual([range.text, range.size, range.at(0), range.at(253)], ['10.0.0.0/24', 254, '10.0.0.1', '10.0.0.254']);
  assert.deepEqual(
    ['10.0.0.0', '10.0.0.255', '10.0.1.1', 'fd00::1'].map((ip) => range.offsetOf(ip)),
    Array(4).fill(undefined),
  );
  const six = new AddressRange('fd00:10:96::/112');
  assert.deepEqual([six.size, six.at(0), six.at(six.size - 1)], [65_535, 'fd00:10:96::1', 'fd00:10:96::ffff']);
  assert.equal(six.offsetOf('FD00:0010:96:0::2'), 1);
  assert.equal(canonicalAddress('FD00:0010:96:0::2'), 'fd00:10:96::2');
  assert.equal(new AddressRange('fd00::/64').size, 2 ** 32);
});

test('every offset of a range is one address, and that address is the offset', () => {
  fc.assert(
    fc.property(
      fc.ipV4(),
      fc.integer({ min: 1, max: 30 }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (ip, bits, at) => {
        const range = new AddressRange(`${ip}/${bits}`);
        const offset = Math.floor(at * range.size);
        assert.equal(range.offsetOf(range.at(offset)), offset);
      },
    ),
  );
});

test('what is no range is refused by its text', () => {
  for (const text of ['', '10.0.0.0', '10.0.0.0/31', '10.0.0.0/33', '10.0.0.0/x', 'fd00::/128', '10.0.0.0/24,', '10.0.0.0/24/8x'])
    assert.throws(() => parseAddressRanges(text), { code: 'INVALID_RANGE' }, text);
  for (const text of ['10.0.0.0/24,10.1.0.0/24', '10.0.0.0/24,fd00::/112,fd01::/112'])
    assert.throws(() => parseAddressRanges(text), /at most one of IPv4 and one of IPv6/);
  for (const text of ['', 'x', '0-10', '30000-29999', '30000-70000', '1-2-3'])
    assert.throws(() => new PortRange(text), { code: 'INVALID_RANGE' }, text);
  assert.deepEqual(
    ['30000-32767', '30000+10', '8080'].map((text) => new PortRange(text).text),
    ['30000-32767', '30000-30010', '8080-8080'],
  );
});

test("the static bands are upstream's", () => {
  // The tables of KEP-3070 and KEP-3668.
  const bands = { '/28': 0, '/24': 16, '/23': 32, '/22': 64, '/20': 256, '/16': 256, '/12': 256 };
  for (const [length, band] of Object.entries(bands))
    assert.equal(new AddressRange(`10.0.0.0${length}`).staticBand, band, length);
  const ports = { '30000-30015': 0, '30000-30127': 16, '30000-32767': 86, '30000-36000': 128 };
  for (const [text, band] of Object.entries(ports)) assert.equal(new PortRange(text).staticBand, band, text);
});

test('a pool gives each once, the static band last, and what comes back again', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 60 }),
      fc.nat(60),
      fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
      (size, band, numbers) => {
        const staticBand = Math.min(band, size);
        const pool = new Pool({ size, staticBand });
        const taking = new Taking(pool, () => numbers.next().value as number);
        const given = Array.from({ length: size }, () => taking.next()!);
        assert.equal(new Set(given).size, size);
        assert.ok(given.slice(0, size - staticBand).every((offset) => offset >= staticBand));
        assert.equal(taking.next(), undefined);
        const other = new Taking(pool, () => 0);
        assert.equal(other.next(), undefined);
        taking.clear();
        pool.hold(given[0]!);
        assert.equal(other.take(given[0]!), false);
        pool.release(given[0]!);
        assert.equal(other.take(given[0]!), true);
      },
    ),
  );
});
