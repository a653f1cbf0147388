/** A client's side of a WebSocket that ws does not make: it takes no name with a slash for a protocol. */
import { Duplex } from 'node:stream';

/** Headers that ask for SPDY inside a WebSocket; the key is the example of RFC 6455, 1.3. */
export const PORT_FORWARD_TUNNEL = {
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'sec-websocket-protocol': 'SPDY/3.1+portforward.k8s.io',
};

/** The messages of a WebSocket as one stream of bytes. */
export class WebSocketBytes extends Duplex {
  readonly #socket: Duplex;
  #waiting = Buffer.alloc(0);

  constructor(socket: Duplex, head: Buffer) {
    super();
    this.#socket = socket;
    socket.on('data', (bytes: Buffer) => this.#take(bytes));
    socket.on('close', () => this.destroy());
    if (head.length) this.#take(head);
  }

  override _read(): void {}

  override _write(bytes: Buffer, _encoding: string, done: () => void): void {
    const header = Buffer.alloc(14); // masked by zeros: the bytes stay what they are
    header[0] = 0x82;
    header[1] = 0x80 | 127;
    header.writeBigUInt64BE(BigInt(bytes.length), 2);
    this.#socket.write(Buffer.concat([header, bytes]), () => done());
  }

  #take(bytes: Buffer): void {
    this.#waiting = Buffer.concat([this.#waiting, bytes]);
    for (;;) {
      const short = (this.#waiting[1] ?? 0) & 0x7f;
      const at = short === 126 ? 4 : short === 127 ? 10 : 2;
      if (this.#waiting.length < at) return;
      const length =
        short === 126 ? this.#waiting.readUInt16BE(2) : short === 127 ? Number(this.#waiting.readBigUInt64BE(2)) : short;
      if (this.#waiting.length < at + length) return;
      if (this.#waiting[0] === 0x82) this.push(this.#waiting.subarray(at, at + length));
      this.#waiting = this.#waiting.subarray(at + length);
    }
  }
}
