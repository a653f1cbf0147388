/**
 * Writes protobuf messages field by field (https://protobuf.dev/programming-guides/encoding). Only what the OpenAPI
 * document needs: strings, booleans and nested messages; empty values are left out as proto3 does.
 */
export class ProtobufWriter {
  #chunks: Uint8Array[] = [];
  #length = 0;

  string(field: number, value: string | undefined): this {
    if (value) this.#bytes(field, Buffer.from(value, 'utf8'));
    return this;
  }

  strings(field: number, values: readonly string[] | undefined): this {
    for (const value of values ?? []) this.#bytes(field, Buffer.from(value, 'utf8'));
    return this;
  }

  boolean(field: number, value: boolean | undefined): this {
    if (value) this.#push(Buffer.concat([varint(field << 3), varint(1)]));
    return this;
  }

  /** A nested message; undefined leaves it out, an empty one is written as such. */
  message(field: number, value: ProtobufWriter | undefined): this {
    if (value) this.#bytes(field, value.finish());
    return this;
  }

  finish(): Uint8Array {
    return Buffer.concat(this.#chunks, this.#length);
  }

  #bytes(field: number, bytes: Uint8Array): void {
    this.#push(varint((field << 3) | 2));
    this.#push(varint(bytes.length));
    this.#push(bytes);
  }

  #push(bytes: Uint8Array): void {
    this.#chunks.push(bytes);
    this.#length += bytes.length;
  }
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  bytes.push(rest);
  return Uint8Array.from(bytes);
}
