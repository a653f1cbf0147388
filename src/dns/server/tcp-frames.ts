/** A message as TCP carries it: its length in two bytes before it (RFC 1035, 4.2.2). */
export function framed(message: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(message.length + 2);
  bytes.writeUInt16BE(message.length, 0);
  message.copy(bytes, 2);
  return bytes;
}

/** What has come of a connection; keeps the chunk that came last, and what was not taken of those before. */
export class Frames {
  #rest: Buffer = Buffer.alloc(0);

  add(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
  }

  /** The next message; undefined while there is no whole one. */
  next(): Buffer | undefined {
    const rest = this.#rest;
    if (rest.length < 2) return undefined;
    const end = 2 + rest.readUInt16BE(0);
    if (rest.length < end) return undefined;
    this.#rest = rest.subarray(end);
    return rest.subarray(2, end);
  }
}

/** Takes chunks of a connection and gives the messages in them, as they come. */
export function createFrameReader(onMessage: (message: Buffer) => void): (chunk: Buffer) => void {
  const frames = new Frames();
  return (chunk) => {
    frames.add(chunk);
    for (let message = frames.next(); message !== undefined; message = frames.next()) onMessage(message);
  };
}
