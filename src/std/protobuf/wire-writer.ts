/** Bytes to begin with; doubled when full. */
const FIRST_BYTES = 1024;
const SHORT_TEXT = 40;

/**
 * Writes protobuf's wire format from its end to its beginning: a message's length stands before the message and is known once the
 * message is written, so nothing is measured beforehand or moved afterwards. (Upstream's generated code does the same.) Whoever writes
 * a field writes its value, then its length, then its tag.
 *
 *     |           free            | tag | length | value | what was written before |
 *                                 ↑ at                                             ↑ end of the buffer
 */
export class WireWriter {
  #bytes = Buffer.allocUnsafe(FIRST_BYTES);
  #at = FIRST_BYTES;

  /** How much has been written. */
  get length(): number {
    return this.#bytes.length - this.#at;
  }

  /** All that has been written. */
  finish(): Buffer {
    return this.#bytes.subarray(this.#at);
  }

  tag(number: number, wireType: number): void {
    this.varint(number * 8 + wireType);
  }

  /** Closes a value that began when the writer's length was `before`: its length and its tag. */
  close(number: number, before: number): void {
    this.varint(this.length - before);
    this.tag(number, 2);
  }

  /** An integer; negative ones take ten bytes, as int32 and int64 do. */
  varint(value: number | bigint): void {
    if (typeof value === 'number' && value >= 0 && value < 0x80) {
      this.#reserve(1);
      this.#bytes[--this.#at] = value;
    } else if (typeof value === 'number' && value >= 0 && value <= 0x7fffffff) this.#small(value);
    else this.#large(BigInt.asUintN(64, BigInt(value)));
  }

  double(value: number): void {
    this.#reserve(8);
    this.#at -= 8;
    this.#bytes.writeDoubleLE(value, this.#at);
  }

  text(value: string): void {
    if (value.length <= SHORT_TEXT && this.#shortText(value)) return;
    const size = Buffer.byteLength(value);
    this.#reserve(size);
    this.#at -= size;
    this.#bytes.write(value, this.#at, size, 'utf8');
  }

  /** Most texts are short and ASCII, and cheaper to write here than by a call out of JavaScript. False: nothing has been written. */
  #shortText(value: string): boolean {
    this.#reserve(value.length);
    const from = this.#at - value.length;
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code >= 0x80) return false;
      this.#bytes[from + i] = code;
    }
    this.#at = from;
    return true;
  }

  raw(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#at -= value.length;
    this.#bytes.set(value, this.#at);
  }

  #small(value: number): void {
    const size = value < 1 << 14 ? 2 : value < 1 << 21 ? 3 : value < 1 << 28 ? 4 : 5;
    this.#reserve(size);
    this.#at -= size;
    let rest = value;
    for (let i = 0; i < size - 1; i++, rest >>>= 7) this.#bytes[this.#at + i] = (rest & 0x7f) | 0x80;
    this.#bytes[this.#at + size - 1] = rest;
  }

  #large(value: bigint): void {
    const parts: number[] = [];
    for (let rest = value; ; rest >>= 7n) {
      const isLast = rest < 0x80n;
      parts.push(Number(rest & 0x7fn) | (isLast ? 0 : 0x80));
      if (isLast) break;
    }
    this.raw(Uint8Array.from(parts));
  }

  #reserve(count: number): void {
    if (count <= this.#at) return;
    const written = this.length;
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, written + count + FIRST_BYTES));
    this.#bytes.copy(larger, larger.length - written, this.#at);
    this.#at = larger.length - written;
    this.#bytes = larger;
  }
}
