import { TYPE } from './constants.ts';
import type { Edns, Header, Message, Question, RecordData, ResourceRecord } from './message.ts';
import { MessageError } from './message-error.ts';
import { readName } from './names.ts';

export const HEADER_BYTES = 12;

/** How many records of each section a message may have: what a server takes from strangers, or any number. */
export interface SectionLimits {
  readonly answers: number;
  readonly authorities: number;
  readonly additionals: number;
}

const NO_LIMITS: SectionLimits = { answers: 0xffff, authorities: 0xffff, additionals: 0xffff };

/** @throws MessageError when there is no whole header */
export function readHeader(bytes: Buffer): Header {
  if (bytes.length < HEADER_BYTES) throw new MessageError('a message has no whole header');
  const flags = bytes.readUInt16BE(2);
  return {
    id: bytes.readUInt16BE(0),
    response: (flags & 0x8000) !== 0,
    opcode: (flags >> 11) & 0xf,
    authoritative: (flags & 0x0400) !== 0,
    truncated: (flags & 0x0200) !== 0,
    recursionDesired: (flags & 0x0100) !== 0,
    recursionAvailable: (flags & 0x0080) !== 0,
    authenticData: (flags & 0x0020) !== 0,
    checkingDisabled: (flags & 0x0010) !== 0,
    rcode: flags & 0xf,
  };
}

/**
 * Reads a message (RFC 1035) of at most one question, strictly: whatever is cut short, stands behind the end, or leads astray is refused.
 *
 * @throws MessageError
 */
export function readMessage(bytes: Buffer, limits: SectionLimits = NO_LIMITS): Message {
  const header = readHeader(bytes);
  const questions = bytes.readUInt16BE(4);
  if (questions > 1) throw new MessageError('a message has more than one question');
  let at = HEADER_BYTES;
  let question: Question | undefined;
  if (questions === 1) {
    const { name, end } = readName(bytes, at);
    if (end + 4 > bytes.length) throw new MessageError('a question is cut short');
    question = { name, type: bytes.readUInt16BE(end), class: bytes.readUInt16BE(end + 2) };
    at = end + 4;
  }
  let edns: Edns | undefined;
  let extendedRcode = 0;
  const section = (count: number, limit: number, last: boolean): readonly ResourceRecord[] => {
    if (count === 0) return [];
    if (count > limit) throw new MessageError('a message has more records than are taken');
    const records: ResourceRecord[] = [];
    for (let i = 0; i < count; i++) {
      const { name, end } = readName(bytes, at);
      if (end + 10 > bytes.length) throw new MessageError('a record is cut short');
      const type = bytes.readUInt16BE(end);
      const recordClass = bytes.readUInt16BE(end + 2);
      const ttl = bytes.readUInt32BE(end + 4);
      const start = end + 10;
      at = start + bytes.readUInt16BE(end + 8);
      if (at > bytes.length) throw new MessageError('a record is cut short');
      if (type === TYPE.OPT) {
        if (!last || edns || name !== '.') throw new MessageError('an OPT record stands where none may be');
        edns = { size: recordClass, version: (ttl >> 16) & 0xff, dnssecOk: (ttl & 0x8000) !== 0 };
        extendedRcode = ttl >>> 24;
      } else
        records.push({ name, type, class: recordClass, ttl: ttl > 0x7fffffff ? 0 : ttl, data: readData(bytes, type, start, at) });
    }
    return records;
  };
  const answers = section(bytes.readUInt16BE(6), limits.answers, false);
  const authorities = section(bytes.readUInt16BE(8), limits.authorities, false);
  const additionals = section(bytes.readUInt16BE(10), limits.additionals, true);
  if (at !== bytes.length) throw new MessageError('something stands behind the end of the message');
  return { ...header, rcode: header.rcode | (extendedRcode << 4), question, answers, authorities, additionals, edns };
}

function readData(bytes: Buffer, type: number, start: number, end: number): RecordData {
  const exactly = (read: number) => {
    if (read !== end) throw new MessageError("a record's data is not as long as it says");
  };
  const atLeast = (count: number) => {
    if (start + count > end) throw new MessageError("a record's data is cut short");
  };
  switch (type) {
    case TYPE.NS:
    case TYPE.CNAME:
    case TYPE.PTR:
    case TYPE.DNAME: {
      const target = readName(bytes, start);
      exactly(target.end);
      return { target: target.name };
    }
    case TYPE.MX: {
      atLeast(3);
      const exchange = readName(bytes, start + 2);
      exactly(exchange.end);
      return { preference: bytes.readUInt16BE(start), exchange: exchange.name };
    }
    case TYPE.SRV: {
      atLeast(7);
      const host = readName(bytes, start + 6);
      exactly(host.end);
      const [priority, weight, port] = [0, 2, 4].map((offset) => bytes.readUInt16BE(start + offset)) as [number, number, number];
      return { priority, weight, port, host: host.name };
    }
    case TYPE.SOA: {
      const primary = readName(bytes, start);
      const mailbox = readName(bytes, primary.end);
      exactly(mailbox.end + 20);
      const number = (i: number) => bytes.readUInt32BE(mailbox.end + 4 * i);
      return {
        primary: primary.name,
        mailbox: mailbox.name,
        serial: number(0),
        refresh: number(1),
        retry: number(2),
        expire: number(3),
        minimum: number(4),
      };
    }
    case TYPE.A:
      exactly(start + 4);
      break;
    case TYPE.AAAA:
      exactly(start + 16);
      break;
  }
  return { raw: Buffer.from(bytes.subarray(start, end)) };
}
