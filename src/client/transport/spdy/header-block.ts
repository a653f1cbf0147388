/** Names and values of a SPDY stream (SPDY/3.1, 2.6.10). Names are lower-case; several values of one name are one, joined by NUL. */
export type SpdyHeaders = Readonly<Record<string, string>>;

/** Something that no SPDY peer may send. */
export class SpdyError extends Error {
  override readonly name = 'SpdyError';
}

const MOST_HEADERS = 256;

export function encodeHeaderBlock(headers: SpdyHeaders): Buffer {
  const texts = Object.entries(headers).flatMap(([name, value]) => [
    Buffer.from(name.toLowerCase(), 'latin1'),
    Buffer.from(value, 'latin1'),
  ]);
  const block = Buffer.alloc(4 + texts.reduce((size, text) => size + 4 + text.length, 0));
  let at = block.writeUInt32BE(texts.length / 2);
  for (const text of texts) {
    at = block.writeUInt32BE(text.length, at);
    at += text.copy(block, at);
  }
  return block;
}

/** @throws SpdyError for a block that ends early, goes on behind its last header, or holds a name twice */
export function decodeHeaderBlock(block: Buffer): SpdyHeaders {
  let at = 0;
  const number = () => {
    if (at + 4 > block.length) throw new SpdyError('a header block ends early');
    at += 4;
    return block.readUInt32BE(at - 4);
  };
  const text = () => {
    const length = number();
    if (length > block.length - at) throw new SpdyError('a header block ends early');
    at += length;
    return block.toString('latin1', at - length, at);
  };
  const count = number();
  if (count > MOST_HEADERS) throw new SpdyError(`a header block holds ${count} headers`);
  const headers = new Map<string, string>();
  for (let i = 0; i < count; i++) {
    const name = text();
    if (name === '' || name !== name.toLowerCase() || headers.has(name)) throw new SpdyError('a header block holds a wrong name');
    headers.set(name, text());
  }
  if (at !== block.length) throw new SpdyError('a header block goes on behind its last header');
  return Object.assign(Object.create(null), Object.fromEntries(headers)) as SpdyHeaders;
}
