/**
 * So many headers the requests that are open on one connection of HTTP/2 may have together: some 35 MB. On the wire each may be a byte long, and
 * takes a hundred and more here for as long as its request is open: a thousand heads of a megabyte were four gigabytes.
 */
const MOST_OPEN = 250_000;

/** How many headers the open requests of each connection have. */
export class OpenHeads {
  readonly #counts = new WeakMap<object, number>();

  /** Whether there is room for another head, which is then held until its stream is closed. One is never too much. */
  takes(session: object, stream: { once(event: 'close', listener: () => void): unknown }, headers: number): boolean {
    const open = this.#counts.get(session) ?? 0;
    if (open > 0 && open + headers > MOST_OPEN) return false;
    this.#counts.set(session, open + headers);
    stream.once('close', () => this.#counts.set(session, (this.#counts.get(session) ?? headers) - headers));
    return true;
  }
}
