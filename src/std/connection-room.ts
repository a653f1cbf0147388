import type { Socket } from 'node:net';

type Peer = Pick<Socket, 'remoteAddress' | 'remotePort'>;

/**
 * Keeps a server's connections below a number. One too many costs the one on which nothing has run for longest: whoever opens thousands
 * and says nothing shuts himself out and nobody else, and what runs is never cut.
 */
export class ConnectionRoom {
  readonly #most: number;
  /** Below TLS, by the peer. */
  readonly #open = new Map<string, Socket>();
  /** On which nothing runs, in the order in which that began. */
  readonly #idle = new Set<string>();

  constructor(most: number) {
    this.#most = most;
  }

  enter(socket: Socket): void {
    const key = keyOf(socket);
    this.#open.set(key, socket);
    this.#idle.add(key);
    socket.once('close', () => this.#open.get(key) === socket && this.#forget(key));
    if (this.#open.size <= this.#most) return;
    // There is one: who has just come.
    const [longest = key] = this.#idle;
    this.#open.get(longest)?.destroy();
    this.#forget(longest);
  }

  /** Something runs on the connection now, or nothing any more. */
  mark(peer: Peer, what: 'busy' | 'idle'): void {
    const key = keyOf(peer);
    this.#idle.delete(key);
    if (what === 'idle' && this.#open.has(key)) this.#idle.add(key);
  }

  destroyAll(): void {
    for (const socket of this.#open.values()) socket.destroy();
  }

  #forget(key: string): void {
    this.#open.delete(key);
    this.#idle.delete(key);
  }
}

const keyOf = ({ remoteAddress, remotePort }: Peer) => `${remoteAddress} ${remotePort}`;
