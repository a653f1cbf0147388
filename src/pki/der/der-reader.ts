import { CodedError } from '../../std/coded-error.ts';

/** Identifier octets that certificates and requests are made of (X.690, 8.1.2). */
export const Tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8String: 0x0c,
  numericString: 0x12,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const;

/** `[number]`, constructed or primitive. */
export const contextTag = (number: number, constructed: boolean): number => (constructed ? 0xa0 : 0x80) | number;

export interface DerElement {
  readonly tag: number;
  readonly content: Buffer;
  /** Tag, length and content. */
  readonly raw: Buffer;
}

/** Something that is not DER, or not the structure that was expected. `what` names the part of the document. */
export function derError(what: string, problem: string): CodedError {
  return new CodedError(`${what}: ${problem}`, { code: 'DER_MALFORMED' });
}

/**
 * Reads the elements of one DER value in order. Strict where BER is lax, because two readers that disagree about one
 * request are a hole: single-octet tags, definite and minimal lengths only (X.690, 8.1.3 and 10.1). It never copies and
 * never recurses, so that hostile input costs no more than its length.
 */
export class DerReader {
  #bytes: Buffer;
  #offset = 0;
  readonly what: string;

  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.what = what;
  }

  get atEnd(): boolean {
    return this.#offset === this.#bytes.length;
  }

  /** The next element's tag; undefined at the end. */
  get nextTag(): number | undefined {
    return this.#bytes[this.#offset];
  }

  /** The next element, whatever it is. */
  readAny(what = this.what): DerElement {
    const start = this.#offset;
    const bytes = this.#bytes;
    const tag = bytes[start];
    if (tag === undefined) throw derError(what, 'is missing');
    if ((tag & 0x1f) === 0x1f) throw derError(what, 'has a tag of several octets');
    const [length, headerSize] = this.#readLength(start + 1, what);
    const contentStart = start + 1 + headerSize;
    const end = contentStart + length;
    if (end > bytes.length) throw derError(what, `is ${length} octets long, but only ${bytes.length - contentStart} are left`);
    this.#offset = end;
    return { tag, content: bytes.subarray(contentStart, end), raw: bytes.subarray(start, end) };
  }

  /** The next element, which must have this tag. */
  read(tag: number, what = this.what): DerElement {
    if (this.nextTag !== undefined && this.nextTag !== tag) {
      throw derError(what, `has tag 0x${this.nextTag.toString(16)} where 0x${tag.toString(16)} is expected`);
    }
    return this.readAny(what);
  }

  /** The next element when it has this tag. */
  readOptional(tag: number, what = this.what): DerElement | undefined {
    return this.nextTag === tag ? this.readAny(what) : undefined;
  }

  /** A reader of the next element's content. */
  enter(tag: number, what = this.what): DerReader {
    return new DerReader(this.read(tag, what).content, what);
  }

  /** Says that everything has been read. */
  end(): void {
    if (!this.atEnd) throw derError(this.what, `has ${this.#bytes.length - this.#offset} octets of trailing data`);
  }

  #readLength(offset: number, what: string): [length: number, size: number] {
    const first = this.#bytes[offset];
    if (first === undefined) throw derError(what, 'ends before its length');
    if (first < 0x80) return [first, 1];
    const count = first & 0x7f;
    if (count === 0) throw derError(what, 'has an indefinite length');
    if (count > 4) throw derError(what, `has a length of ${count} octets`);
    if (offset + count >= this.#bytes.length) throw derError(what, 'ends inside its length');
    const length = this.#bytes.readUIntBE(offset + 1, count);
    if (length < 0x80 || length < 2 ** (8 * (count - 1))) throw derError(what, 'has a length that is not minimal');
    return [length, 1 + count];
  }
}
