import { constants, createDeflate, createInflate, type Deflate, type Inflate } from 'node:zlib';
import { SpdyError } from './header-block.ts';
import { headerDictionary } from './header-dictionary.ts';

/** A block of a few hundred bytes may say that it is gigabytes. */
const LONGEST_BLOCK_BYTES = 64 * 1024;

/**
 * One direction's compression of header blocks: each block goes on where the one before ended, so the order of calls is the order on
 * the wire. Calls may overlap.
 */
export class HeaderCompressor {
  // Headers are few and short: a window of 2 KiB is enough, and takes a tenth of the memory.
  readonly #deflate: Deflate = createDeflate({
    dictionary: headerDictionary(),
    windowBits: 11,
    memLevel: 1,
    finishFlush: constants.Z_SYNC_FLUSH,
    flush: constants.Z_SYNC_FLUSH,
  });
  #last: Promise<unknown> = Promise.resolve();

  constructor() {
    this.#deflate.on('error', () => undefined); // told by the call that it ended
  }

  compress(block: Buffer): Promise<Buffer> {
    const compressed = this.#last.then(() => passThrough(this.#deflate, block, Number.POSITIVE_INFINITY));
    this.#last = compressed.catch(() => undefined); // told to whoever asked
    return compressed;
  }

  close(): void {
    this.#deflate.close();
  }
}

export class HeaderDecompressor {
  readonly #inflate: Inflate = createInflate({
    dictionary: headerDictionary(),
    finishFlush: constants.Z_SYNC_FLUSH,
    flush: constants.Z_SYNC_FLUSH,
  });

  constructor() {
    this.#inflate.on('error', () => undefined);
  }

  /** Rejects with a SpdyError for what is not compressed, or is longer than headers may be. One call at a time. */
  decompress(bytes: Buffer): Promise<Buffer> {
    return passThrough(this.#inflate, bytes, LONGEST_BLOCK_BYTES);
  }

  close(): void {
    this.#inflate.close();
  }
}

function passThrough(stream: Deflate | Inflate, bytes: Buffer, limitBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const take = (chunk: Buffer) => {
      size += chunk.length;
      if (size > limitBytes) stream.destroy(new SpdyError(`a header block is longer than ${limitBytes} bytes`));
      else chunks.push(chunk);
    };
    const settle = (error?: Error | null) => {
      stream.off('data', take);
      stream.off('error', settle);
      stream.off('close', closed);
      if (error) reject(error instanceof SpdyError ? error : new SpdyError(`a header block cannot be read: ${error.message}`));
      else resolve(Buffer.concat(chunks));
    };
    const closed = () => settle(new SpdyError('the connection is closed'));
    if (stream.destroyed) return closed();
    stream.on('data', take);
    stream.on('error', settle);
    stream.on('close', closed);
    // What one write gives has been given when its callback runs.
    stream.write(bytes, settle);
  });
}
