import { integer64 } from '../exact-json.ts';
import { ProtobufError } from './protobuf-error.ts';

/** How a field's value lies on the wire (https://protobuf.dev/programming-guides/encoding/). */
export const WireType = { varint: 0, fixed64: 1, bytes: 2, groupStart: 3, groupEnd: 4, fixed32: 5 } as const;

/** Groups are skipped down to this depth. */
const DEEPEST_GROUP = 100;

/**
 * Reads protobuf's wire format. It goes through one buffer and copies nothing; where a message ends is the caller's to know, so `end` is
 * moved while an inner message is read. Every read that would pass `end` fails.
 */
export class WireReader {
  readonly #bytes: Buffer;
  at = 0;
  end: number;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.end = bytes.length;
  }

  get done(): boolean {
    return this.at >= this.end;
  }

  /** A field's number and wire type as one: `number << 3 | type`. */
  tag(): number {
    const tag = this.unsigned();
    // Above this no field numbers exist; a tag is 32 bits.
    if (tag > 0xffffffff) throw new ProtobufError('integer overflow');
    if (tag < 8) throw new ProtobufError(`illegal tag 0 (wire type ${tag & 7})`);
    return tag;
  }

  /** A varint as an unsigned number, exact below 2^53: lengths and tags. */
  unsigned(): number {
    const bytes = this.#bytes;
    let value = 0;
    let unit = 1;
    for (let count = 0; count < 10; count++) {
      if (this.at >= this.end) throw new ProtobufError('unexpected EOF');
      const byte = bytes[this.at++]!;
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) return value;
      unit *= 128;
    }
    throw new ProtobufError('integer overflow');
  }

  /** A varint as the two's complement number that it is for int32 and bool. */
  signed(): number {
    return Number(this.signed64());
  }

  /** The same for an int64: a BigInt where a number is not exact. */
  signed64(): number | bigint {
    const from = this.at;
    const value = this.unsigned();
    if (this.at - from < 8) return value;
    // Large or negative: again, bit by bit.
    let bits = 0n;
    for (let i = this.at - 1; i >= from; i--) bits = (bits << 7n) | BigInt(this.#bytes[i]! & 0x7f);
    return integer64(BigInt.asIntN(64, bits));
  }

  double(): number {
    return this.#bytes.readDoubleLE(this.#take(8));
  }

  /** The length of what follows, checked against what there is. */
  length(): number {
    const length = this.unsigned();
    if (length > this.end - this.at) throw new ProtobufError('unexpected EOF');
    return length;
  }

  text(): string {
    const length = this.length();
    const from = this.at;
    this.at += length;
    return length === 0 ? '' : this.#bytes.toString('utf8', from, this.at);
  }

  /** Shares memory with what is read. */
  bytes(): Buffer {
    const length = this.length();
    this.at += length;
    return this.#bytes.subarray(this.at - length, this.at);
  }

  /** Passes over the value of a field that is not known. */
  skip(wireType: number, depth = 0): void {
    switch (wireType) {
      case WireType.varint:
        this.unsigned();
        return;
      case WireType.fixed64:
        this.#take(8);
        return;
      case WireType.bytes:
        this.bytes();
        return;
      case WireType.fixed32:
        this.#take(4);
        return;
      case WireType.groupStart:
        if (depth >= DEEPEST_GROUP) throw new ProtobufError('exceeded max depth');
        for (let tag = this.tag(); (tag & 7) !== WireType.groupEnd; tag = this.tag()) this.skip(tag & 7, depth + 1);
        return;
      default:
        throw new ProtobufError(wireType === WireType.groupEnd ? 'unexpected end of group' : `illegal wireType ${wireType}`);
    }
  }

  #take(count: number): number {
    if (count > this.end - this.at) throw new ProtobufError('unexpected EOF');
    this.at += count;
    return this.at - count;
  }
}
