import type { RawData, WebSocket } from 'ws';

/** Channels of remote commands (apimachinery/pkg/util/remotecommand/constants.go). */
export const CHANNEL = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;

/** What takes the bytes of one channel. */
export interface ChannelReader {
  /** False when it is full: nothing more comes before `drained`. */
  write(bytes: Buffer): boolean;
  drained(resume: () => void): void;
  end(): void;
}

/**
 * A WebSocket whose messages begin with the number of a channel; since version 5 of the protocol a message on channel 255 closes the one
 * that it names.
 */
export class ChannelSocket {
  readonly #webSocket: WebSocket;
  readonly #readers: ReadonlyMap<number, ChannelReader>;
  readonly closed: Promise<void>;
  /** Nothing that comes now is of use to anybody. */
  #finishing = false;

  constructor(webSocket: WebSocket, readers: ReadonlyMap<number, ChannelReader>) {
    this.#webSocket = webSocket;
    this.#readers = readers;
    this.closed = new Promise((resolve) => webSocket.once('close', () => resolve()));
    webSocket.on('message', (data) => this.#take(bytesOf(data)));
  }

  /** Resolves when the bytes have gone to the socket, or can go nowhere any more. */
  send(channel: number, bytes: Uint8Array): Promise<void> {
    const message = Buffer.allocUnsafe(bytes.length + 1);
    message[0] = channel;
    message.set(bytes, 1);
    return new Promise((resolve) => this.#webSocket.send(message, { binary: true }, () => resolve()));
  }

  /** Closes it, and waits for the client to have read everything and to leave. */
  async finish(): Promise<void> {
    this.#finishing = true;
    if (this.#webSocket.isPaused) this.#webSocket.resume();
    this.#webSocket.close(1000);
    await this.closed;
  }

  terminate(): void {
    this.#webSocket.terminate();
  }

  #take(message: Buffer): void {
    if (this.#finishing || message.length === 0) return;
    const channel = message[0]!;
    if (channel === CHANNEL.close) {
      const named = message[1];
      if (named !== undefined) this.#readers.get(named)?.end();
      return;
    }
    const reader = this.#readers.get(channel);
    if (!reader || reader.write(message.subarray(1))) return;
    this.#webSocket.pause();
    reader.drained(() => this.#webSocket.isPaused && this.#webSocket.resume());
  }
}

const bytesOf = (data: RawData): Buffer =>
  Array.isArray(data) ? Buffer.concat(data) : Buffer.isBuffer(data) ? data : Buffer.from(data);
