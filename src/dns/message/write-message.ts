import { TYPE } from './constants.ts';
import type { Edns, Message, ResourceRecord } from './message.ts';
import { MessageError } from './message-error.ts';
import { labelsOf } from './names.ts';
import { HEADER_BYTES } from './read-message.ts';

export const MAX_MESSAGE_BYTES = 65_535;
const OPT_BYTES = 11;
/** Pointers have 14 bits. */
const MAX_POINTER = 0x3fff;

/**
 * Writes messages with compressed names into one buffer of its own. A message that is longer than it may be loses its last records and
 * says so by its TC bit (RFC 2181, 9), as CoreDNS does.
 */
export class MessageWriter {
  #bytes = Buffer.allocUnsafe(MAX_MESSAGE_BYTES);
  #at = 0;
  #limit = MAX_MESSAGE_BYTES;
  #names = new Map<string, number>();

  /**
   * @param limit in bytes
   * @returns bytes that nobody else has
   * @throws MessageError for names that are none
   */
  write(message: Message, limit: number): Buffer {
    const { question, edns } = message;
    this.#at = HEADER_BYTES;
    this.#limit = Math.min(limit, MAX_MESSAGE_BYTES) - (edns ? OPT_BYTES : 0);
    this.#names.clear();
    if (question) {
      this.#name(question.name, true);
      this.#uint16(question.type);
      this.#uint16(question.class);
    }
    const answers = this.#records(message.answers);
    const authorities = answers === message.answers.length ? this.#records(message.authorities) : 0;
    const whole = answers === message.answers.length && authorities === message.authorities.length;
    const additionals = whole ? this.#records(message.additionals) : 0;
    const truncated = message.truncated || !whole || additionals < message.additionals.length;
    if (edns) this.#opt(edns, message.rcode);
    const flags =
      (message.response ? 0x8000 : 0) |
      (message.opcode << 11) |
      (message.authoritative ? 0x0400 : 0) |
      (truncated ? 0x0200 : 0) |
      (message.recursionDesired ? 0x0100 : 0) |
      (message.recursionAvailable ? 0x0080 : 0) |
      (message.authenticData ? 0x0020 : 0) |
      (message.checkingDisabled ? 0x0010 : 0) |
      (message.rcode & 0xf);
    const bytes = this.#bytes;
    bytes.writeUInt16BE(message.id, 0);
    bytes.writeUInt16BE(flags, 2);
    bytes.writeUInt16BE(question ? 1 : 0, 4);
    bytes.writeUInt16BE(answers, 6);
    bytes.writeUInt16BE(authorities, 8);
    bytes.writeUInt16BE(additionals + (edns ? 1 : 0), 10);
    return Buffer.from(bytes.subarray(0, this.#at));
  }

  /** How many of them there was room for. */
  #records(records: readonly ResourceRecord[]): number {
    for (let i = 0; i < records.length; i++) {
      const start = this.#at;
      if (this.#record(records[i]!)) continue;
      this.#at = start;
      return i;
    }
    return records.length;
  }

  /** False when there was no room. */
  #record(record: ResourceRecord): boolean {
    const { data, type } = record;
    // The longest record without its bytes: three names and 32 bytes.
    const most = 800 + ('raw' in data ? data.raw.length : 0);
    if (this.#at + most > MAX_MESSAGE_BYTES) return false;
    this.#name(record.name, true);
    this.#uint16(type);
    this.#uint16(record.class);
    this.#uint32(record.ttl);
    const lengthAt = this.#at;
    this.#at += 2;
    if ('raw' in data) {
      this.#bytes.set(data.raw, this.#at);
      this.#at += data.raw.length;
    } else if ('target' in data) this.#name(data.target, type !== TYPE.DNAME);
    else if ('exchange' in data) {
      this.#uint16(data.preference);
      this.#name(data.exchange, true);
    } else if ('host' in data) {
      this.#uint16(data.priority);
      this.#uint16(data.weight);
      this.#uint16(data.port);
      this.#name(data.host, false); // RFC 2782 allows no compression
    } else {
      this.#name(data.primary, true);
      this.#name(data.mailbox, true);
      for (const number of [data.serial, data.refresh, data.retry, data.expire, data.minimum]) this.#uint32(number);
    }
    this.#bytes.writeUInt16BE(this.#at - lengthAt - 2, lengthAt);
    return this.#at <= this.#limit;
  }

  #opt({ size, version, dnssecOk }: Edns, rcode: number): void {
    this.#bytes[this.#at++] = 0;
    this.#uint16(TYPE.OPT);
    this.#uint16(size);
    this.#uint32(((rcode >>> 4) << 24) | (version << 16) | (dnssecOk ? 0x8000 : 0));
    this.#uint16(0);
  }

  #name(name: string, compress: boolean): void {
    if (name.includes('\\')) {
      this.#labels(labelsOf(name));
      return;
    }
    for (let from = 0; from < name.length && name !== '.'; ) {
      const rest = from === 0 ? name : name.slice(from);
      const known = compress ? this.#names.get(rest) : undefined;
      if (known !== undefined) {
        this.#uint16(0xc000 | known);
        return;
      }
      if (this.#at <= MAX_POINTER) this.#names.set(rest, this.#at);
      const dot = name.indexOf('.', from);
      const size = (dot < 0 ? name.length : dot) - from;
      if (size === 0 || size > 63 || name.length > 254) throw new MessageError(`${JSON.stringify(name)} is no domain name`);
      this.#bytes[this.#at++] = size;
      for (let i = 0; i < size; i++) {
        const code = name.charCodeAt(from + i);
        if (code > 0x7f) throw new MessageError(`${JSON.stringify(name)} is no domain name`);
        this.#bytes[this.#at++] = code;
      }
      from += size + 1;
    }
    this.#bytes[this.#at++] = 0;
  }

  #labels(labels: readonly Buffer[]): void {
    for (const label of labels) {
      this.#bytes[this.#at++] = label.length;
      this.#bytes.set(label, this.#at);
      this.#at += label.length;
    }
    this.#bytes[this.#at++] = 0;
  }

  #uint16(value: number): void {
    this.#bytes[this.#at++] = value >>> 8;
    this.#bytes[this.#at++] = value;
  }

  #uint32(value: number): void {
    this.#uint16(value >>> 16);
    this.#uint16(value & 0xffff);
  }
}
