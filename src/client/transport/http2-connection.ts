import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { type Connection, flattenHeaders, readBody } from './connection.ts';
import type { TransportRequest, TransportResponse } from './transport.ts';
import { TransportError, toTransportError } from './transport-error.ts';

/** client-go's ReadIdleTimeout and PingTimeout: a peer that vanished is noticed after 45 s, so that watches do not hang. */
const PING_INTERVAL_MS = 30_000;
const PING_TIMEOUT_MS = 15_000;
/** Lists of megabytes would wait for a window update every 64 KiB. */
const WINDOW_BYTES = 1024 * 1024;
/** Beyond what it may hold, a connection of node refuses requests for good; its default of 10 MB is less than one long list. */
const SESSION_MEMORY_MB = 1024;

export interface Http2ConnectionOptions {
  server: string;
  socket: TLSSocket;
  pingIntervalMs?: number;
  pingTimeoutMs?: number;
  /** Called when it has ended, for whatever reason. */
  onClose?: () => void;
}

/** HTTP/2 on a connected socket: all requests at once on one connection. */
export function createHttp2Connection(options: Http2ConnectionOptions): Connection {
  const { server, socket } = options;
  const session = connect(server, {
    createConnection: () => socket,
    settings: { enablePush: false, initialWindowSize: WINDOW_BYTES },
    maxSessionMemory: SESSION_MEMORY_MB,
  });
  // Told a turn later: it may have been ended since.
  session.once('connect', () => {
    if (!session.destroyed) session.setLocalWindowSize(WINDOW_BYTES);
  });
  let failure: unknown;
  let isUsable = true;
  session.on('error', (error) => {
    failure ??= error;
    isUsable = false;
  });
  session.on('goaway', () => {
    isUsable = false;
  });
  session.on('close', () => {
    isUsable = false;
    clearInterval(pings);
    options.onClose?.();
  });
  const pings = startPings(session, options, (error) => {
    failure ??= error;
    isUsable = false;
    session.destroy(error);
  });

  const toError = (error: unknown, signal?: AbortSignal) =>
    signal?.aborted ? signal.reason : toTransportError(failure ?? error, server, true);

  return {
    get usable() {
      return isUsable && !session.closed && !session.destroyed;
    },
    request: (request) => sendRequest(session, request, (error) => toError(error, request.signal)),
    destroy() {
      failure ??= new Error('closed by the client');
      isUsable = false;
      session.destroy();
    },
  };
}

function startPings(session: ClientHttp2Session, options: Http2ConnectionOptions, lost: (error: Error) => void): NodeJS.Timeout {
  const timeoutMs = options.pingTimeoutMs ?? PING_TIMEOUT_MS;
  const timer = setInterval(() => {
    if (session.destroyed || session.closed) return;
    const deadline = setTimeout(() => {
      lost(
        new TransportError(`${options.server}: http2: client connection lost (no answer to a ping within ${timeoutMs} ms)`, {
          code: 'TRANSPORT_INTERRUPTED',
          unsent: false,
        }),
      );
    }, timeoutMs);
    deadline.unref();
    session.ping(() => clearTimeout(deadline));
  }, options.pingIntervalMs ?? PING_INTERVAL_MS);
  timer.unref();
  return timer;
}

function sendRequest(
  session: ClientHttp2Session,
  request: TransportRequest,
  toError: (error: unknown) => unknown,
): Promise<TransportResponse> {
  return new Promise((resolve, reject) => {
    const { signal, body } = request;
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    let stream: ClientHttp2Stream;
    try {
      stream = session.request(
        { ':method': request.method, ':path': request.path, ...request.headers, ...request.repeatedHeaders },
        { endStream: body === undefined },
      );
    } catch (error) {
      reject(toError(error));
      return;
    }
    const onAbort = () => {
      stream.close(constants.NGHTTP2_CANCEL);
      // Closing waits until the peer has taken what was sent before, which one that vanished never does.
      stream.destroy();
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    let answered = false;
    stream.once('response', (headers) => {
      answered = true;
      resolve({
        status: Number(headers[':status']),
        headers: flattenHeaders(headers),
        body: readBody(wholeBody(session, stream), toError),
      });
    });
    // Stays for the stream's whole life: an error after the answer is told by the body's reader, and must not be uncaught.
    stream.on('error', (error) => reject(toError(error)));
    stream.once('close', () => {
      signal?.removeEventListener('abort', onAbort);
      // Errors with their stacks are dear, and after the answer nobody hears of this one.
      if (!answered) reject(toError(new Error(`stream ended without an answer (code ${stream.rstCode ?? 'unknown'})`)));
    });
    if (body !== undefined) stream.end(body);
  });
}

/**
 * Node ends a cancelled stream, and one whose connection is gone, like one that was complete: nobody must take half for whole. An
 * answer whose connection ended before it was read counts as cut off, too: whether it was whole cannot be told any more.
 */
async function* wholeBody(session: ClientHttp2Session, stream: ClientHttp2Stream): AsyncGenerator<Uint8Array, void, undefined> {
  yield* stream;
  if (session.destroyed || stream.aborted || (stream.rstCode ?? 0) !== constants.NGHTTP2_NO_ERROR) {
    throw new Error(`stream ended before its answer was complete (code ${stream.rstCode ?? 'unknown'})`);
  }
}
