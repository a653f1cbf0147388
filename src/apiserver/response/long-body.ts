import { createGzip } from 'node:zlib';

/** The body of an answer, of a known size, that is sent piece by piece. Is read once. */
export interface LongBody {
  readonly size: number;
  /** Copies what comes next, as much as there is room for, and returns how much that was: 0 at the end. */
  fill(target: Buffer): number;
}

/** A body that is there already, in pieces of any size: to put 60 MB into one buffer, and that into a socket, holds up everybody. */
export class Pieces implements LongBody {
  readonly size: number;
  readonly #pieces: readonly Buffer[];
  #next = 0;
  #from = 0;

  constructor(pieces: readonly Buffer[]) {
    this.#pieces = pieces;
    let size = 0;
    for (const { length } of pieces) size += length;
    this.size = size;
  }

  /** The piece that is all of it. */
  get only(): Buffer | undefined {
    return this.#pieces.length === 1 ? this.#pieces[0] : undefined;
  }

  fill(target: Buffer): number {
    let at = 0;
    for (; at < target.length && this.#next < this.#pieces.length; ) {
      const piece = this.#pieces[this.#next]!;
      const copied = piece.copy(target, at, this.#from);
      at += copied;
      this.#from += copied;
      if (this.#from < piece.length) continue;
      this.#next++;
      this.#from = 0;
    }
    return at;
  }
}

/** All of it in one buffer. */
export function wholeBody(body: LongBody): Buffer {
  if (body instanceof Pieces && body.only) return body.only;
  const bytes = Buffer.allocUnsafe(body.size);
  let at = 0;
  for (let got = body.fill(bytes); got > 0; got = body.fill(bytes.subarray(at))) at += got;
  return bytes;
}

/** How much is given to the compressor at a time. */
const BLOCK_BYTES = 256 * 1024;

/** The same compressed, a block at a time: zlib has threads of its own, but what it is given has to be copied here. */
export async function gzipBody(body: LongBody, level: number): Promise<Pieces> {
  const gzip = createGzip({ level, chunkSize: 64 * 1024 });
  const pieces: Buffer[] = [];
  const done = new Promise<void>((resolve, reject) => {
    gzip.on('data', (piece: Buffer) => pieces.push(piece));
    gzip.on('end', resolve);
    gzip.on('error', reject);
  });
  const block = Buffer.allocUnsafe(Math.min(BLOCK_BYTES, body.size));
  for (let got = body.fill(block); got > 0; got = body.fill(block)) {
    // Resolves when the compressor has read the block, which is then filled anew.
    await Promise.race([done, new Promise<void>((resolve) => gzip.write(block.subarray(0, got), () => resolve()))]);
  }
  gzip.end();
  await done;
  return new Pieces(pieces);
}
