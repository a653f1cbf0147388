import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TYPE } from './constants.ts';
import { MessageError } from './message-error.ts';
import { parseRecord } from './record-text.ts';

test('records are read as zone files have them', () => {
  const { name, type, ttl, data } = parseRecord('www.example.org 60 IN A 192.0.2.1');
  assert.deepEqual([name, type, ttl, data], ['www.example.org.', TYPE.A, 60, { raw: Uint8Array.of(192, 0, 2, 1) }]);
  assert.deepEqual(parseRecord('a. IN 1h30m CNAME b.').ttl, 5400);
  assert.deepEqual(parseRecord('a. CNAME b').data, { target: 'b.' });
  assert.equal(parseRecord('a. CNAME b').ttl, 3600);
  assert.deepEqual(parseRecord('a. 5 IN MX 10 mail.example.').data, { preference: 10, exchange: 'mail.example.' });
  assert.deepEqual(parseRecord('a. 5 IN SRV 1 2 53 h.').data, { priority: 1, weight: 2, port: 53, host: 'h.' });
  assert.deepEqual(parseRecord('z. 60 IN SOA ns.z. admin.z. (1 60 2m 1w 3600) ; a comment').data, {
    ...{ primary: 'ns.z.', mailbox: 'admin.z.', serial: 1, refresh: 60, retry: 120, expire: 604_800, minimum: 3600 },
  });
  const { data: text } = parseRecord('a. 5 IN TXT "with white space" plain \\"');
  assert.equal(Buffer.from((text as { raw: Uint8Array }).raw).toString('latin1'), '\x10with white space\x05plain\x01"');
  const { data: long } = parseRecord(`a. TXT ${'x'.repeat(300)}`);
  assert.deepEqual([(long as { raw: Uint8Array }).raw.length, (long as { raw: Uint8Array }).raw[0]], [302, 255]);
});

test('what is no record is named', () => {
  for (const [text, message] of [
    ['', /needs a name/],
    ['a.', /no type of a record/],
    ['a. 60 IN A 192.0.2', /A ".*": "192\.0\.2" is no address of IPv4/],
    ['a. 60 IN AAAA 192.0.2.1', /no address of IPv6/],
    ['a. 60 IN A <no value>', /it takes 1 words, not 2/],
    ['a. 60 IN CAA 0 issue "x"', /CAA are not supported/],
    ['a. 60 IN TXT "open', /quotation mark is open/],
    ['a..b 60 IN A 192.0.2.1', /is no domain name/],
    ['a. 60 IN MX 70000 b.', /no number up to 65535/],
  ] as const)
    assert.throws(() => parseRecord(text), { message }, text);
});

test('whatever is written, it is a record or a MessageError', () => {
  const word = fc.oneof(fc.constantFrom('a.', 'IN', 'A', 'TXT', '60', '(', '"', '\\', ';', 'SOA', '192.0.2.1'), fc.string());
  fc.assert(
    fc.property(fc.array(word, { maxLength: 9 }), (words) => {
      try {
        parseRecord(words.join(' '));
      } catch (error) {
        assert.ok(error instanceof MessageError, String(error));
      }
    }),
  );
});
