import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CLASS, TYPE } from './constants.ts';
import type { Message, RecordData, ResourceRecord } from './message.ts';
import { MessageError } from './message-error.ts';
import { isWithin, labelsOf, normalName, readName, zoneOf } from './names.ts';
import { readMessage } from './read-message.ts';
import { addressOfReverseName, addressRecord } from './records.ts';
import { MessageWriter } from './write-message.ts';

const EMPTY: Message = {
  id: 1,
  response: true,
  opcode: 0,
  authoritative: false,
  truncated: false,
  recursionDesired: true,
  recursionAvailable: false,
  authenticData: false,
  checkingDisabled: false,
  rcode: 0,
  question: undefined,
  answers: [],
  authorities: [],
  additionals: [],
  edns: undefined,
};

const label = fc
  .uint8Array({ minLength: 1, maxLength: 12 })
  .map((bytes) =>
    [...bytes]
      .map((byte) =>
        byte === 0x2e || byte === 0x5c
          ? `\\${String.fromCharCode(byte)}`
          : byte <= 0x20 || byte >= 0x7f
            ? `\\${String(byte).padStart(3, '0')}`
            : String.fromCharCode(byte),
      )
      .join(''),
  );
const name = fc
  .array(label, { maxLength: 6 })
  .map((labels) => (labels.length === 0 ? '.' : labels.map((one) => `${one}.`).join('')));
const uint16 = fc.integer({ min: 0, max: 0xffff });
const uint31 = fc.integer({ min: 0, max: 0x7fffffff });
const typedData: fc.Arbitrary<{ type: number; data: RecordData }> = fc.oneof(
  fc.record({ type: fc.constant(TYPE.A), data: fc.record({ raw: fc.uint8Array({ minLength: 4, maxLength: 4 }) }) }),
  fc.record({ type: fc.constant(TYPE.TXT), data: fc.record({ raw: fc.uint8Array({ maxLength: 40 }) }) }),
  fc.record({ type: fc.constantFrom(TYPE.CNAME, TYPE.PTR, TYPE.NS, TYPE.DNAME), data: fc.record({ target: name }) }),
  fc.record({ type: fc.constant(TYPE.MX), data: fc.record({ preference: uint16, exchange: name }) }),
  fc.record({ type: fc.constant(TYPE.SRV), data: fc.record({ priority: uint16, weight: uint16, port: uint16, host: name }) }),
  fc.record({
    type: fc.constant(TYPE.SOA),
    data: fc.record({
      primary: name,
      mailbox: name,
      serial: uint31,
      refresh: uint31,
      retry: uint31,
      expire: uint31,
      minimum: uint31,
    }),
  }),
);
const record: fc.Arbitrary<ResourceRecord> = fc
  .tuple(name, typedData, uint31)
  .map(([owner, { type, data }, ttl]) => ({ name: owner, type, class: CLASS.IN, ttl, data }));
const message: fc.Arbitrary<Message> = fc.record({
  id: uint16,
  response: fc.boolean(),
  opcode: fc.integer({ min: 0, max: 15 }),
  authoritative: fc.boolean(),
  truncated: fc.boolean(),
  recursionDesired: fc.boolean(),
  recursionAvailable: fc.boolean(),
  authenticData: fc.boolean(),
  checkingDisabled: fc.boolean(),
  rcode: fc.integer({ min: 0, max: 15 }),
  question: fc.option(fc.record({ name, type: uint16, class: uint16 }), { nil: undefined }),
  answers: fc.array(record, { maxLength: 5 }),
  authorities: fc.array(record, { maxLength: 3 }),
  additionals: fc.array(record, { maxLength: 3 }),
  edns: fc.option(fc.record({ size: uint16, version: fc.integer({ min: 0, max: 255 }), dnssecOk: fc.boolean() }), {
    nil: undefined,
  }),
});

/** Without the difference between a Buffer and its bytes. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return [...value];
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]));
}

test('what is written is read as it was, whatever is in it', () => {
  const writer = new MessageWriter();
  fc.assert(
    fc.property(message, (written) => {
      assert.deepEqual(plain(readMessage(writer.write(written, 65_535))), plain(written));
    }),
    { verbose: 1 },
  );
});

test('bytes that are no message are refused and do no harm', () => {
  const writer = new MessageWriter();
  fc.assert(
    fc.property(
      message,
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 6 }),
      fc.nat(),
      (written, changes, cut) => {
        const bytes = writer.write(written, 65_535);
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        try {
          readMessage(bytes.subarray(0, bytes.length - (cut % 4)));
        } catch (error) {
          assert.ok(error instanceof MessageError, String(error));
        }
      },
    ),
    { verbose: 1 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      try {
        readMessage(Buffer.from(bytes));
      } catch (error) {
        assert.ok(error instanceof MessageError, String(error));
      }
    }),
  );
});

test('names that go round, forward, or on for ever are refused', () => {
  const refused = (bytes: number[], at: number) => assert.throws(() => readName(Buffer.from(bytes), at), MessageError);
  refused([0xc0, 0x00], 0);
  refused([0xc0, 0x02, 0xc0, 0x00], 2 - 2);
  refused([1, 97, 0xc0, 0x00], 0);
  refused([1, 97, 0xc0, 0x04, 0xc0, 0x00], 4);
  refused([0x41, 97], 0);
  refused([5, 97], 0);
  refused([1, 97], 0);
  // Each pointer leads back, and the name grows by 60 bytes each time.
  const chain: number[] = [60, ...new Array<number>(60).fill(97), 0];
  for (let last = 0, i = 0; i < 5; i++) {
    const start = chain.length;
    chain.push(60, ...new Array<number>(60).fill(98), 0xc0 | (last >> 8), last & 0xff);
    last = start;
  }
  assert.equal(readName(Buffer.from(chain), 62 + 63).name.length, 183);
  refused(chain, chain.length - 63);
  // Nothing but pointers, each to the one before.
  const pointers = [0, 0];
  for (let i = 0; i < 200; i++) pointers.push(0xc0 | ((2 * i) >> 8), (2 * i) & 0xff);
  assert.equal(readName(Buffer.from(pointers), 100).name, '.');
  refused(pointers, 400);
});

test('a message that is too long for its datagram loses its last records and says so', () => {
  const answers = Array.from({ length: 100 }, (_, i) => addressRecord('web.default.svc.cluster.local.', `10.0.0.${i + 1}`, 5)!);
  const question = { name: 'web.default.svc.cluster.local.', type: TYPE.A, class: CLASS.IN };
  const edns = { size: 512, version: 0, dnssecOk: false };
  const bytes = new MessageWriter().write({ ...EMPTY, question, answers, edns }, 512);
  assert.ok(bytes.length <= 512 && bytes.length > 480, String(bytes.length));
  const read = readMessage(bytes);
  assert.equal(read.truncated, true);
  assert.deepEqual(plain(read.answers), plain(answers.slice(0, read.answers.length)));
  assert.deepEqual(read.edns, edns);
  assert.equal(readMessage(new MessageWriter().write({ ...EMPTY, question, answers }, 65_535)).truncated, false);
});

test('strangers may send one question and little else', () => {
  const limits = { answers: 1, authorities: 1, additionals: 2 };
  const answers = [addressRecord('a.', '10.0.0.1', 1)!, addressRecord('a.', '10.0.0.2', 1)!];
  assert.throws(() => readMessage(new MessageWriter().write({ ...EMPTY, answers }, 512), limits), /more records/);
  const two = new MessageWriter().write({ ...EMPTY, question: { name: '.', type: 1, class: 1 } }, 512);
  two.writeUInt16BE(2, 4);
  assert.throws(() => readMessage(two), /more than one question/);
  assert.throws(() => readMessage(Buffer.concat([two.subarray(0, 12).fill(0, 4), Buffer.from([1])])), /behind the end/);
});

test('names are compared by labels', () => {
  for (const [one, zone, within] of [
    ['a.example.', 'example.', true],
    ['example.', 'example.', true],
    ['badexample.', 'example.', false],
    ['a\\.example.', 'example.', false],
    ['anything.', '.', true],
  ] as const)
    assert.equal(isWithin(one, zone), within, `${one} in ${zone}`);
  assert.equal(zoneOf('a.b.example.', ['.', 'example.', 'b.example.']), 'b.example.');
  assert.equal(zoneOf('a.', ['example.']), undefined);
  assert.equal(normalName('WWW.Example'), 'www.example.');
  for (const bad of ['a..b', '.a', `${'a'.repeat(64)}.`, 'é.example', 'a\\', `${'a.'.repeat(128)}`])
    assert.throws(() => labelsOf(bad), MessageError, bad);
});

test('reverse names stand for addresses', () => {
  assert.equal(addressOfReverseName('4.3.2.1.in-addr.arpa.'), '1.2.3.4');
  assert.equal(addressOfReverseName(`${'1.0.0.0.'.repeat(1)}${'0.'.repeat(24)}0.0.d.f.ip6.arpa.`), 'fd00::1');
  for (const none of ['3.2.1.in-addr.arpa.', '400.3.2.1.in-addr.arpa.', 'x.ip6.arpa.', 'in-addr.arpa.', 'a.b.'])
    assert.equal(addressOfReverseName(none), undefined);
});
