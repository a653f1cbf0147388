import type { Duplex } from 'node:stream';

export interface TunnelTimes {
  /** Both sides are cut when nothing has gone either way for so long. */
  readonly idleMs: number;
  /** How long a client may take to read what the backend sent last, and to leave. */
  readonly finishMs: number;
  /** How long a backend may take to see that the client has gone. */
  readonly leaveMs: number;
}

/** Four hours as upstream's streaming servers; a quarter of an hour as its stream translator waits for slow readers. */
export const TUNNEL_TIMES: TunnelTimes = { idleMs: 4 * 3_600_000, finishMs: 15 * 60_000, leaveMs: 5_000 };

/**
 * Every byte both ways, no faster than they are read. When the backend has ended, the client gets the rest, however slowly it reads, and
 * what it still sends is dropped: unread, it would cost the client what is on its way. When the client has ended, so does the backend.
 * Resolves when both are closed. An aborted signal cuts both.
 */
export function tunnel(
  client: Duplex,
  backend: Duplex,
  { signal, times = TUNNEL_TIMES }: { readonly signal?: AbortSignal; readonly times?: TunnelTimes } = {},
): Promise<void> {
  const timers = new Set<NodeJS.Timeout>();
  const cutLater = (side: Duplex, ms: number) => {
    const timer = setTimeout(() => side.destroy(), ms);
    timers.add(timer);
    side.once('close', () => {
      clearTimeout(timer);
      timers.delete(timer);
    });
  };
  let ending = false;
  const idle = watchIdle([client, backend], times.idleMs);
  const cut = () => {
    client.destroy();
    backend.destroy();
  };
  if (signal?.aborted) cut();
  signal?.addEventListener('abort', cut, { once: true });
  const backendEnded = () => {
    if (ending) return;
    ending = true;
    client.unpipe(backend);
    backend.destroy();
    if (client.destroyed) return;
    client.once('end', () => client.destroy());
    client.once('finish', () => client.readableEnded && client.destroy());
    client.resume();
    client.end();
    cutLater(client, times.finishMs);
  };
  const clientEnded = () => {
    if (ending) return;
    ending = true;
    backend.unpipe(client);
    client.destroy();
    if (backend.destroyed) return;
    backend.once('end', () => backend.destroy());
    backend.resume();
    backend.end();
    cutLater(backend, times.leaveMs);
  };
  return new Promise((resolve) => {
    let open = 2;
    const closed = () => {
      open--;
      if (open > 0) return;
      idle.cancel();
      signal?.removeEventListener('abort', cut);
      resolve();
    };
    for (const [side, ended] of [
      [client, clientEnded],
      [backend, backendEnded],
    ] as const) {
      side.on('error', ended);
      // Without `end` the last bytes may still be in our hands.
      side.once('end', ended);
      if (side.closed) {
        ended();
        closed();
      } else
        side.once('close', () => {
          ended();
          closed();
        });
    }
    client.pipe(backend, { end: false });
    backend.pipe(client, { end: false });
  });
}

/** Cuts all sides when none has had a byte for so long. */
function watchIdle(sides: readonly Duplex[], idleMs: number): { cancel(): void } {
  let heard = false;
  const hear = () => {
    heard = true;
  };
  for (const side of sides) side.on('data', hear);
  // Looked at now and then: a timer moved with every chunk would cost more than the chunk.
  const timer = setInterval(() => {
    if (!heard) for (const side of sides) side.destroy();
    heard = false;
  }, idleMs);
  timer.unref();
  return { cancel: () => clearInterval(timer) };
}
