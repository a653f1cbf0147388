import { CONTROL_TYPES, FLAG_FIN, SPDY_VERSION } from './frames.ts';
import { SpdyError } from './header-block.ts';

/** What has come on a connection. Blocks are still compressed. */
export type Frame =
  /** A piece of a data frame, as much as has come; `last` ends the stream. */
  | { readonly type: 'data'; readonly id: number; readonly bytes: Buffer; readonly last: boolean }
  | { readonly type: 'syn-stream'; readonly id: number; readonly block: Buffer; readonly last: boolean }
  | { readonly type: 'syn-reply'; readonly id: number; readonly block: Buffer; readonly last: boolean }
  | { readonly type: 'headers'; readonly id: number; readonly block: Buffer; readonly last: boolean }
  | { readonly type: 'reset'; readonly id: number; readonly status: number }
  | { readonly type: 'ping'; readonly id: number }
  | { readonly type: 'go-away'; readonly lastId: number; readonly status: number };

const HEADER_BYTES = 8;
/** Blocks of headers are short; data frames are never kept whole. */
const LONGEST_CONTROL_BYTES = 64 * 1024;

const EMPTY = Buffer.alloc(0);

/** Cuts a connection's bytes into frames, however they arrive. Holds at most one control frame. */
export class FrameReader {
  #waiting: Buffer = EMPTY;
  #data: { readonly id: number; left: number; readonly last: boolean } | undefined;

  /** @throws SpdyError for what is no SPDY/3.1; the connection is of no use then */
  *read(chunk: Buffer): Generator<Frame, void, undefined> {
    let bytes = this.#waiting.length ? Buffer.concat([this.#waiting, chunk]) : chunk;
    this.#waiting = EMPTY;
    for (;;) {
      if (this.#data) {
        const { id, left, last } = this.#data;
        const piece = bytes.subarray(0, left);
        bytes = bytes.subarray(piece.length);
        this.#data.left -= piece.length;
        const whole = this.#data.left === 0;
        if (whole) this.#data = undefined;
        if (piece.length || whole) yield { type: 'data', id, bytes: piece, last: whole && last };
        if (!whole) return;
      }
      if (bytes.length < HEADER_BYTES) break;
      const flags = bytes.readUInt8(4);
      const length = bytes.readUIntBE(5, 3);
      const first = bytes.readUInt32BE(0);
      if (first < 0x80000000) {
        if (first === 0) throw new SpdyError('data for stream 0');
        this.#data = { id: first, left: length, last: (flags & FLAG_FIN) !== 0 };
        bytes = bytes.subarray(HEADER_BYTES);
        continue;
      }
      if (((first >>> 16) & 0x7fff) !== SPDY_VERSION) throw new SpdyError(`version ${(first >>> 16) & 0x7fff} of SPDY`);
      if (length > LONGEST_CONTROL_BYTES) throw new SpdyError(`a control frame of ${length} bytes`);
      if (bytes.length < HEADER_BYTES + length) break;
      const frame = controlFrame(first & 0xffff, flags, bytes.subarray(HEADER_BYTES, HEADER_BYTES + length));
      bytes = bytes.subarray(HEADER_BYTES + length);
      if (frame) yield frame;
    }
    // A copy: the rest of the chunk need not be kept for a few bytes.
    this.#waiting = bytes.length ? Buffer.from(bytes) : EMPTY;
  }
}

/** Undefined for what needs no answer here: settings, window updates, and types that nobody knows yet (which are to be passed over). */
function controlFrame(type: number, flags: number, payload: Buffer): Frame | undefined {
  const word = (at: number) => {
    if (payload.length < at + 4) throw new SpdyError(`a control frame of type ${type} ends early`);
    return payload.readUInt32BE(at);
  };
  const streamId = () => {
    const id = word(0) & 0x7fffffff;
    if (id === 0) throw new SpdyError(`a control frame of type ${type} for stream 0`);
    return id;
  };
  const last = (flags & FLAG_FIN) !== 0;
  switch (type) {
    case CONTROL_TYPES.synStream:
      word(6);
      return { type: 'syn-stream', id: streamId(), block: payload.subarray(10), last };
    case CONTROL_TYPES.synReply:
      return { type: 'syn-reply', id: streamId(), block: payload.subarray(4), last };
    case CONTROL_TYPES.headers:
      return { type: 'headers', id: streamId(), block: payload.subarray(4), last };
    case CONTROL_TYPES.rstStream:
      return { type: 'reset', id: streamId(), status: word(4) };
    case CONTROL_TYPES.ping:
      return { type: 'ping', id: word(0) };
    case CONTROL_TYPES.goAway:
      return { type: 'go-away', lastId: word(0) & 0x7fffffff, status: word(4) };
    default:
      return undefined;
  }
}
