import { Tag } from './der-reader.ts';

/** Tag, minimal length and content (X.690, 10.1). */
export function element(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  let length = 0;
  for (const content of contents) length += content.length;
  const size = length < 0x80 ? 0 : length < 0x100 ? 1 : length < 0x10000 ? 2 : length < 0x1000000 ? 3 : 4;
  const bytes = Buffer.allocUnsafe(2 + size + length);
  bytes[0] = tag;
  bytes[1] = size === 0 ? length : 0x80 | size;
  if (size > 0) bytes.writeUIntBE(length, 2, size);
  let at = 2 + size;
  for (const content of contents) {
    bytes.set(content, at);
    at += content.length;
  }
  return bytes;
}

export const sequence = (...contents: readonly Uint8Array[]): Buffer => element(Tag.sequence, ...contents);

/** SET OF, whose elements DER wants in ascending order (X.690, 11.6). */
export const setOf = (contents: readonly Buffer[]): Buffer => element(Tag.set, ...contents.toSorted(Buffer.compare));

export const boolean = (value: boolean): Buffer => element(Tag.boolean, Buffer.from([value ? 0xff : 0]));

/** An INTEGER that is not negative, from its octets, highest first. */
export function integer(bytes: Uint8Array | number): Buffer {
  let content = typeof bytes === 'number' ? Buffer.from([bytes]) : Buffer.from(bytes);
  let start = 0;
  while (start < content.length - 1 && content[start] === 0) start++;
  content = content.subarray(start);
  return content[0]! >= 0x80 ? element(Tag.integer, Buffer.from([0]), content) : element(Tag.integer, content);
}

/** A BIT STRING of whole octets. */
export const bitString = (bytes: Uint8Array): Buffer => element(Tag.bitString, Buffer.from([0]), bytes);

/** A BIT STRING of named bits, without trailing zero bits (X.690, 11.2.2). */
export function namedBits(bits: readonly number[]): Buffer {
  if (bits.length === 0) return element(Tag.bitString, Buffer.from([0]));
  const highest = Math.max(...bits);
  const bytes = Buffer.alloc((highest >> 3) + 1);
  for (const bit of bits) bytes[bit >> 3]! |= 0x80 >> (bit & 7);
  return element(Tag.bitString, Buffer.from([7 - (highest & 7)]), bytes);
}

export const octetString = (bytes: Uint8Array): Buffer => element(Tag.octetString, bytes);

export const nullValue = (): Buffer => element(Tag.null);

/** From dotted decimal. */
export function objectIdentifier(dotted: string): Buffer {
  const [first, second, ...rest] = dotted.split('.').map(Number) as [number, number, ...number[]];
  const octets: number[] = [];
  for (const arc of [first * 40 + second, ...rest]) {
    const septets = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) septets.unshift(0x80 | (left % 128));
    octets.push(...septets);
  }
  return element(Tag.oid, Buffer.from(octets));
}

const PRINTABLE = /^[A-Za-z0-9 '()+,\-./:=?]*$/;

/** PrintableString where it can be one, else UTF8String, as Go writes names. */
export function text(value: string): Buffer {
  return element(PRINTABLE.test(value) ? Tag.printableString : Tag.utf8String, Buffer.from(value, 'utf8'));
}

/** UTCTime until 2049, GeneralizedTime from then on, whole seconds (RFC 5280, 4.1.2.5). */
export function time(ms: number): Buffer {
  const date = new Date(ms);
  const digits = date.toISOString().replace(/[-:T]/g, '').slice(0, 14);
  const year = date.getUTCFullYear();
  if (year >= 1950 && year < 2050) return element(Tag.utcTime, Buffer.from(`${digits.slice(2)}Z`, 'latin1'));
  return element(Tag.generalizedTime, Buffer.from(`${digits}Z`, 'latin1'));
}
