import { type DerElement, derError, Tag } from './der-reader.ts';

/** The content of an INTEGER that is not negative, without a leading zero octet. */
export function unsignedInteger({ content }: DerElement, what: string): Buffer {
  if (content.length === 0) throw derError(what, 'is an empty integer');
  if (content[0]! >= 0x80) throw derError(what, 'is negative');
  if (content[0] !== 0 || content.length === 1) return content;
  if (content[1]! < 0x80) throw derError(what, 'is an integer that is not minimal');
  return content.subarray(1);
}

/** A small INTEGER, such as a version. */
export function smallInteger(element: DerElement, what: string): number {
  const bytes = unsignedInteger(element, what);
  if (bytes.length > 4) throw derError(what, 'is too large');
  return bytes.readUIntBE(0, bytes.length);
}

export function booleanValue({ content }: DerElement, what: string): boolean {
  if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff)) throw derError(what, 'is not a boolean');
  return content[0] === 0xff;
}

/** The octets of a BIT STRING and how many bits of the last are unused; unused bits must be zero (X.690, 11.2.1). */
export function bitString({ content }: DerElement, what: string): { bytes: Buffer; unusedBits: number } {
  const unusedBits = content[0];
  if (unusedBits === undefined || unusedBits > 7) throw derError(what, 'is not a bit string');
  const bytes = content.subarray(1);
  const last = bytes.at(-1);
  if (last === undefined ? unusedBits > 0 : (last & ((1 << unusedBits) - 1)) !== 0) {
    throw derError(what, 'has unused bits that are not zero');
  }
  return { bytes, unusedBits };
}

/** Octets of a BIT STRING that holds whole octets, such as a key or a signature. */
export function octetsOfBitString(element: DerElement, what: string): Buffer {
  const { bytes, unusedBits } = bitString(element, what);
  if (unusedBits !== 0) throw derError(what, 'does not hold whole octets');
  return bytes;
}

/** Dotted decimal: `2.5.4.3`. */
export function objectIdentifier({ content }: DerElement, what: string): string {
  const arcs: number[] = [];
  let arc = 0;
  let inArc = false;
  if (content.length === 0 || content.length > 64) throw derError(what, 'is not an object identifier');
  for (const octet of content) {
    if (!inArc && octet === 0x80) throw derError(what, 'is an object identifier that is not minimal');
    arc = arc * 128 + (octet & 0x7f);
    if (arc > Number.MAX_SAFE_INTEGER) throw derError(what, 'is an object identifier with an arc that is too large');
    inArc = octet >= 0x80;
    if (inArc) continue;
    if (arcs.length === 0) {
      const top = Math.min(2, Math.floor(arc / 40));
      arcs.push(top, arc - 40 * top);
    } else arcs.push(arc);
    arc = 0;
  }
  if (inArc) throw derError(what, 'is an object identifier that ends inside an arc');
  return arcs.join('.');
}

const TIME = /^(\d{2}|\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/;

/** UTCTime or GeneralizedTime as RFC 5280, 4.1.2.5 allows them, in milliseconds since the epoch. */
export function time({ tag, content }: DerElement, what: string): number {
  const text = content.toString('latin1');
  const match = TIME.exec(text);
  const isUtc = tag === Tag.utcTime;
  if (!match || (!isUtc && tag !== Tag.generalizedTime) || text.length !== (isUtc ? 13 : 15)) {
    throw derError(what, 'is not a time');
  }
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number) as [number, number, number, number, number, number];
  const fullYear = isUtc ? year + (year < 50 ? 2000 : 1900) : year;
  const date = new Date(0);
  date.setUTCFullYear(fullYear, month - 1, day);
  date.setUTCHours(hour, minute, second);
  // A day or minute out of range would have carried over.
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day || hour > 23 || minute > 59 || second > 59) {
    throw derError(what, `is the time ${text}, which does not exist`);
  }
  return date.getTime();
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const PRINTABLE = /^[A-Za-z0-9 '()+,\-./:=?*&]*$/;

/** The text of a string of any type that names use. A NUL is refused: programs in C would read less than we do. */
export function text({ tag, content }: DerElement, what: string): string {
  const value = decodeText(tag, content, what);
  if (value.includes('\0')) throw derError(what, 'contains a NUL');
  return value;
}

function decodeText(tag: number, content: Buffer, what: string): string {
  const latin1 = content.toString('latin1');
  switch (tag) {
    case Tag.utf8String:
      try {
        return UTF8.decode(content);
      } catch {
        throw derError(what, 'is not valid UTF-8');
      }
    case Tag.printableString:
      // '*' and '&' are not allowed but common, and Go accepts them too.
      if (!PRINTABLE.test(latin1)) throw derError(what, 'has characters that a PrintableString cannot have');
      return latin1;
    case Tag.numericString:
      if (!/^[0-9 ]*$/.test(latin1)) throw derError(what, 'has characters that a NumericString cannot have');
      return latin1;
    case Tag.ia5String:
      if (!isAscii(content)) throw derError(what, 'is not ASCII');
      return latin1;
    case Tag.teletexString:
      return latin1;
    case Tag.bmpString: {
      if (content.length % 2 !== 0) throw derError(what, 'is a BMPString of an odd length');
      const value = Buffer.from(content).swap16().toString('utf16le');
      if (!value.isWellFormed()) throw derError(what, 'is not valid UTF-16');
      return value;
    }
    default:
      throw derError(what, `is a string of an unsupported type (tag 0x${tag.toString(16)})`);
  }
}

/** ASCII text without a string's tag, as in alternative names. */
export function asciiText(content: Buffer, what: string): string {
  if (!isAscii(content) || content.includes(0)) throw derError(what, 'is not plain ASCII');
  return content.toString('latin1');
}

function isAscii(bytes: Buffer): boolean {
  return bytes.every((octet) => octet < 0x80);
}
