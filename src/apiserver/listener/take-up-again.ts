import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

export const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

/** Node's parser reads the second like the first. */
const WITH_WISHES: ReadonlySet<string> = new Set(['connection', 'proxy-connection']);

/**
 * A request's head without the wish for another protocol in its `Connection` headers. To handlers nothing is lost: what they look at is
 * the `Upgrade` header.
 */
export function headWithoutWish({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const [name, value] = [rawHeaders[i]!, rawHeaders[i + 1]!];
    if (!WITH_WISHES.has(name.toLowerCase())) lines.push(`${name}: ${value}`);
    else {
      const kept = value.split(',').filter((token) => token.trim().toLowerCase() !== 'upgrade');
      if (kept.length > 0) lines.push(`${name}: ${kept.join(',')}`);
    }
  }
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

/**
 * Serves a request whose wish for another protocol is not fulfilled as if it had not been uttered, and what comes behind it on the
 * connection. Node drops what has come behind such a request already. For requests without a body.
 *
 * @param serve takes a new connection
 */
export function takeUpAgain(message: IncomingMessage, head: Buffer, serve: (socket: TLSSocket) => void): void {
  const socket = message.socket as TLSSocket;
  socket.unshift(Buffer.concat([headWithoutWish(message), head]));
  serve(socket);
}

/** How many requests of a connection of HTTP/1.1 have not been answered: clients may send the next before, and answers keep their order. */
export class UnansweredRequests {
  readonly #counts = new WeakMap<Socket, number>();
  readonly #waiting = new WeakMap<Socket, () => void>();
  /** Of these the next request is one that is taken up again. */
  readonly #takenUp = new WeakSet<Socket>();

  note(socket: Socket, answer: ServerResponse): void {
    this.#takenUp.delete(socket);
    this.#counts.set(socket, (this.#counts.get(socket) ?? 0) + 1);
    answer.once('close', () => {
      const left = (this.#counts.get(socket) ?? 1) - 1;
      this.#counts.set(socket, left);
      if (left > 0) return;
      const next = this.#waiting.get(socket);
      this.#waiting.delete(socket);
      if (!socket.destroyed) next?.();
    });
  }

  /**
   * Takes a request up again when all that came before on the connection has been answered. At most one waits. One whose wish the parser
   * still finds would come back for ever, without a turn for anybody else: its connection is ended.
   */
  behind(socket: Socket, takeUp: () => void): void {
    if (this.#takenUp.has(socket)) return void socket.destroy();
    this.#takenUp.add(socket);
    if ((this.#counts.get(socket) ?? 0) === 0) takeUp();
    else this.#waiting.set(socket, takeUp);
  }
}
