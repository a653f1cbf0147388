/** Reads the protobuf wire format (https://protobuf.dev/programming-guides/encoding/): a message is a row of numbered fields. */

export type WireValue =
  | { readonly type: 'varint'; readonly value: bigint }
  | { readonly type: 'bytes' | 'fixed64' | 'fixed32'; readonly value: Buffer };

export interface WireField {
  readonly number: number;
  readonly value: WireValue;
}

/** A text of the wire that cannot be read. */
export class WireError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'WireError';
  }
}

/** @throws WireError for truncated or malformed bytes */
export function* readFields(bytes: Buffer): Generator<WireField> {
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (at >= bytes.length) throw new WireError('unexpected EOF');
      const byte = bytes[at++]!;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new WireError('integer overflow');
  };
  const take = (length: number): Buffer => {
    if (at + length > bytes.length) throw new WireError('unexpected EOF');
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const number = tag >>> 3;
    if (number === 0) throw new WireError('illegal tag 0');
    switch (tag & 7) {
      case 0:
        yield { number, value: { type: 'varint', value: varint() } };
        break;
      case 1:
        yield { number, value: { type: 'fixed64', value: take(8) } };
        break;
      case 2:
        yield { number, value: { type: 'bytes', value: take(Number(varint())) } };
        break;
      case 5:
        yield { number, value: { type: 'fixed32', value: take(4) } };
        break;
      default:
        throw new WireError(`wireType ${tag & 7} is not supported`);
    }
  }
}
