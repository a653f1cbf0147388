/**
 * Writes protobuf messages field by field (https://protobuf.dev/programming-guides/encoding). Only what the OpenAPI
 * document needs: strings, booleans and nested messages; empty values are left out as proto3 does.
 */
export class ProtobufWriter {
  #bytes = Buffer.allocUnsafe(64);
  #length = 0;

  string(field: number, value: string | undefined): this {
    if (value) this.#text(field, value);
    return this;
  }

  strings(field: number, values: readonly string[] | undefined): this {
    for (const value of values ?? []) this.#text(field, value);
    return this;
  }

  boolean(field: number, value: boolean | undefined): this {
    if (!value) return this;
    this.#reserve(6);
    this.#varint(field << 3);
    this.#varint(1);
    return this;
  }

  /** A nested message; undefined leaves it out, an empty one is written as such. */
  message(field: number, value: ProtobufWriter | undefined): this {
    if (!value) return this;
    this.#head(field, value.#length);
    this.#length += value.#bytes.copy(this.#bytes, this.#length, 0, value.#length);
    return this;
  }

  /** The beginning of a nested message whose bytes follow elsewhere. */
  head(field: number, length: number): this {
    this.#reserve(10);
    this.#varint((field << 3) | 2);
    this.#varint(length);
    return this;
  }

  /** What has been written; to be used before anything else is. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  #text(field: number, value: string): void {
    this.#head(field, Buffer.byteLength(value));
    this.#length += this.#bytes.write(value, this.#length);
  }

  /** Writes what stands before `length` bytes, and makes room for them. */
  #head(field: number, length: number): void {
    this.#reserve(length + 10);
    this.#varint((field << 3) | 2);
    this.#varint(length);
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const bytes = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + more));
    this.#bytes.copy(bytes, 0, 0, this.#length);
    this.#bytes = bytes;
  }

  #varint(value: number): void {
    let rest = value;
    while (rest > 0x7f) {
      this.#bytes[this.#length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[this.#length++] = rest;
  }
}
