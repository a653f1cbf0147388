import type { Duplex } from 'node:stream';
import { deferred } from '../../../std/lifecycle.ts';
import { type Frame, FrameReader } from './frame-reader.ts';
import { dataHeader, FLAG_FIN, goAwayFrame, pingFrame, RESET, rstStreamFrame, synReplyFrame, synStreamFrame } from './frames.ts';
import { decodeHeaderBlock, encodeHeaderBlock, SpdyError, type SpdyHeaders } from './header-block.ts';
import { HeaderCompressor, HeaderDecompressor } from './header-compression.ts';
import { SpdyStream, type StreamLink } from './spdy-stream.ts';

export interface SpdyConnectionOptions {
  /** Which has just changed to SPDY/3.1. The connection's own from now on. */
  readonly socket: Duplex;
  /** What has come already behind the answer that changed protocols. */
  readonly head?: Buffer;
  readonly role: 'client' | 'server';
  /** Takes streams that the other side opens; without it they are refused. */
  readonly onStream?: (stream: SpdyStream) => void;
  /** How many streams may be open at a time; the other side's further ones are refused. Default 1,000. */
  readonly maxStreams?: number;
}

const MOST_STREAMS = 1000;
/** So that one stream's megabytes leave room for the others' bytes in between. */
const LONGEST_DATA_BYTES = 32 * 1024;
/** Of answers to the other side's control frames. Who asks for more without reading any means no good. */
const MOST_UNSENT_BYTES = 256 * 1024;

/**
 * SPDY/3.1 as Kubernetes speaks it for exec, attach and port-forward (github.com/moby/spdystream): many streams on one connection,
 * without windows. Who does not read a stream holds up the connection's others: the pressure back is that of the socket.
 */
export class SpdyConnection {
  readonly #socket: Duplex;
  readonly #onStream: ((stream: SpdyStream) => void) | undefined;
  readonly #maxStreams: number;
  readonly #streams = new Map<number, SpdyStream>();
  /** Streams of ours that the other side has not answered yet. */
  readonly #opening = new Map<number, { readonly stream: SpdyStream; readonly resolve: () => void }>();
  readonly #reader = new FrameReader();
  readonly #compressor = new HeaderCompressor();
  readonly #decompressor = new HeaderDecompressor();
  readonly #closed = deferred();
  readonly #pings = new Map<number, () => void>();
  readonly #link: StreamLink;
  #nextId: number;
  #nextPing: number;
  #unsentBytes = 0;
  #highestTheirs = 0;
  #headersSent: Promise<void> = Promise.resolve();
  #failure: Error | undefined;

  constructor({ socket, head, role, onStream, maxStreams = MOST_STREAMS }: SpdyConnectionOptions) {
    this.#socket = socket;
    this.#onStream = onStream;
    this.#maxStreams = maxStreams;
    this.#nextId = role === 'client' ? 1 : 2;
    this.#nextPing = this.#nextId;
    this.#link = {
      send: (id, chunks, last, done) => this.#sendData(id, chunks, last, done),
      reset: (id) => this.#write(rstStreamFrame(id, RESET.cancel)),
      forget: (id) => this.#streams.delete(id),
    };
    socket.on('error', (error) => this.#end(error));
    socket.once('close', () => {
      this.#closed.resolve();
      // What has come before a regular end is still handed out, as fast as it is read; then the streams that have not ended fail.
      if (!socket.readableEnded) this.#end(new SpdyError('the connection is closed'));
    });
    void this.#run(head);
  }

  /** Resolves when the connection has ended, for whatever reason. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  get streamCount(): number {
    return this.#streams.size;
  }

  /** Opens a stream; resolves when the other side has taken it. Rejects when it does not, or the connection is lost. */
  async openStream(headers: SpdyHeaders): Promise<SpdyStream> {
    if (this.#failure) throw this.#failure;
    const id = this.#nextId;
    this.#nextId += 2;
    const stream = new SpdyStream(id, headers, this.#link);
    this.#streams.set(id, stream);
    const answered = new Promise<void>((resolve, reject) => {
      this.#opening.set(id, { stream, resolve });
      stream.once('close', () => {
        this.#opening.delete(id);
        reject(stream.errored ?? this.#failure ?? new SpdyError('the stream was closed before it was answered'));
      });
    });
    answered.catch(() => undefined); // told below, unless sending fails first
    await this.#sendHeaders(headers, (block) => synStreamFrame(id, block));
    await answered;
    return stream;
  }

  /** Resolves with the other side's answer. Rejects when the connection is lost. */
  ping(): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    const id = this.#nextPing;
    this.#nextPing += 2;
    this.#write(pingFrame(id));
    return Promise.race([
      new Promise<void>((resolve) => this.#pings.set(id, resolve)),
      this.#closed.promise.then(() => Promise.reject(this.#failure)),
    ]);
  }

  /** Says good-bye and closes. Streams that have not ended fail. */
  close(): void {
    if (this.#failure) return;
    this.#write(goAwayFrame(this.#highestTheirs, 0));
    this.#socket.end();
    this.#end(new SpdyError('the connection is closed'));
  }

  /** Cuts it. */
  destroy(): void {
    this.#end(new SpdyError('the connection was cut'));
    this.#socket.destroy();
  }

  async #run(head: Buffer | undefined): Promise<void> {
    try {
      if (head?.length) await this.#take(head);
      for await (const chunk of this.#socket.iterator({ destroyOnReturn: false })) {
        await this.#take(chunk as Buffer);
        if (this.#failure) break;
      }
      this.#end(new SpdyError('the connection was closed by the other side'));
      this.#socket.end();
    } catch (error) {
      const wrong = error instanceof SpdyError && !this.#failure;
      if (wrong) this.#write(goAwayFrame(this.#highestTheirs, RESET.protocolError));
      this.#end(error as Error);
      if (wrong) this.#socket.end();
    }
    this.#socket.resume(); // what still comes is dropped, so that the end is heard
  }

  async #take(chunk: Buffer): Promise<void> {
    for (const frame of this.#reader.read(chunk)) {
      const waiting = this.#takeFrame(frame);
      // Most frames need no waiting, and a turn of the event loop for each would cost more than the frame.
      if (waiting !== undefined) await waiting;
      if (this.#failure) return;
    }
  }

  #takeFrame(frame: Frame): Promise<void> | undefined {
    switch (frame.type) {
      case 'data':
        // To a stream that was reset things may still be on their way.
        return this.#streams.get(frame.id)?.receive(frame.bytes, frame.last);
      case 'syn-stream':
        return this.#takeStream(frame.id, frame.block, frame.last);
      case 'syn-reply':
        return this.#takeReply(frame.id, frame.block, frame.last);
      case 'headers':
        return this.#readHeaders(frame.block).then(() => this.#streams.get(frame.id)?.receive(Buffer.alloc(0), frame.last));
      case 'reset':
        this.#takeReset(frame.id, frame.status);
        return undefined;
      case 'ping':
        this.#takePing(frame.id);
        return undefined;
      case 'go-away':
        return undefined; // streams that run may end; the other side closes
    }
  }

  async #readHeaders(block: Buffer): Promise<SpdyHeaders> {
    return decodeHeaderBlock(await this.#decompressor.decompress(block));
  }

  async #takeStream(id: number, block: Buffer, last: boolean): Promise<void> {
    const headers = await this.#readHeaders(block);
    if (id % 2 === this.#nextId % 2 || id <= this.#highestTheirs) throw new SpdyError(`stream ${id} was opened out of turn`);
    this.#highestTheirs = id;
    if (!this.#onStream || this.#streams.size >= this.#maxStreams)
      return void this.#write(rstStreamFrame(id, RESET.refusedStream));
    const stream = new SpdyStream(id, headers, this.#link);
    this.#streams.set(id, stream);
    await this.#sendHeaders({}, (reply) => synReplyFrame(id, reply));
    if (last) void stream.receive(Buffer.alloc(0), true);
    this.#onStream(stream);
  }

  async #takeReply(id: number, block: Buffer, last: boolean): Promise<void> {
    await this.#readHeaders(block);
    const opening = this.#opening.get(id);
    if (!opening) return void this.#write(rstStreamFrame(id, this.#streams.has(id) ? RESET.streamInUse : RESET.invalidStream));
    this.#opening.delete(id);
    if (last) void opening.stream.receive(Buffer.alloc(0), true);
    opening.resolve();
  }

  #takeReset(id: number, status: number): void {
    const stream = this.#streams.get(id);
    if (!stream) return;
    this.#streams.delete(id);
    if (status === RESET.cancel && !this.#opening.has(id)) stream.cancel();
    else stream.fail(new SpdyError(`the stream was reset by the other side (status ${status})`));
  }

  #takePing(id: number): void {
    if (id % 2 !== this.#nextPing % 2) return void this.#write(pingFrame(id));
    this.#pings.get(id)?.();
    this.#pings.delete(id);
  }

  /** Blocks are compressed one after the other, and go out in that order. */
  #sendHeaders(headers: SpdyHeaders, frame: (block: Buffer) => Buffer): Promise<void> {
    const sent = this.#headersSent.then(async () => {
      const block = await this.#compressor.compress(encodeHeaderBlock(headers));
      this.#write(frame(block));
    });
    this.#headersSent = sent.catch(() => undefined); // told to whoever asked
    return sent;
  }

  #sendData(id: number, chunks: readonly Buffer[], last: boolean, done: (error?: Error | null) => void): void {
    if (this.#failure) return void done(this.#failure);
    if (!this.#streams.has(id)) return void done(new SpdyError('the stream was reset by the other side'));
    const parts: Buffer[] = [];
    for (const chunk of chunks)
      for (let at = 0; at < chunk.length; at += LONGEST_DATA_BYTES) {
        const piece = chunk.subarray(at, at + LONGEST_DATA_BYTES);
        parts.push(dataHeader(id, piece.length), piece);
      }
    if (last) parts.push(dataHeader(id, 0, FLAG_FIN));
    if (!parts.length) return void done();
    this.#socket.cork();
    for (const part of parts.slice(0, -1)) this.#socket.write(part);
    this.#socket.write(parts.at(-1)!, done);
    this.#socket.uncork();
  }

  #write(frame: Buffer): void {
    if (this.#failure || !this.#socket.writable) return;
    this.#unsentBytes += frame.length;
    this.#socket.write(frame, () => {
      this.#unsentBytes -= frame.length;
    });
    if (this.#unsentBytes > MOST_UNSENT_BYTES) this.destroy();
  }

  #end(failure: Error): void {
    if (this.#failure) return;
    this.#failure = failure;
    for (const stream of [...this.#streams.values()]) stream.fail(failure);
    this.#streams.clear();
    this.#compressor.close();
    this.#decompressor.close();
    this.#closed.resolve();
  }
}
