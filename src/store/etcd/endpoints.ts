import { Backoff } from '../../std/backoff.ts';
import type { Clock } from '../../std/clock.ts';
import type { GrpcChannel, GrpcTls } from '../../std/grpc/grpc-channel.ts';
import { createGrpcChannel } from '../../std/grpc/grpc-channel.ts';
import { isGrpcStatus } from '../../std/grpc/grpc-error.ts';
import type { Message, MessageInput } from '../../std/grpc/message-schema.ts';
import type { Logger } from '../../std/logger.ts';
import { closedError } from '../request-check.ts';
import { StoreError } from '../store.ts';
import { mayPass, toStoreError, wasNotCarriedOut } from './etcd-error.ts';
import type { EtcdMethod } from './etcd-method.ts';
import type { EtcdMessages } from './messages.ts';
import type { ServerUrl } from './server-url.ts';

export interface EndpointsOptions {
  readonly servers: readonly ServerUrl[];
  /** Asked again after a failure, so that renewed files come into use; undefined: without TLS. */
  readonly tls?: () => GrpcTls;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
}

/** A member that calls go to, until it fails. */
export interface Endpoint {
  readonly server: ServerUrl;
  readonly channel: GrpcChannel;
}

export interface EtcdCallOptions {
  /** In all. Default 10 s, which is longer than etcd itself tries. */
  readonly timeoutMs?: number;
  /** A member that does not answer a call that may be made again is given this long, then another one is asked. Doubled each time. Default 2 s. */
  readonly patienceMs?: number;
}

const CALL_TIMEOUT_MS = 10_000;
const PATIENCE_MS = 2_000;
const SAY_AGAIN_MS = 5_000;
/** More callers than this wait for answers already: the next one is told so rather than kept. */
const MOST_CALLS = 4_096;
/** Requests to members that have no leader fail at once instead of waiting for one (etcd: `WithRequireLeader`). */
export const REQUIRE_LEADER = { hasleader: 'true' } as const;

/**
 * The members of an etcd. All calls and watches go to one of them, so that what was written is soon seen by the watches; when it
 * fails, to the next one.
 *
 *     call ──► current ──failed──► next of the list (watches are told, and begin again there)
 *
 * What may have been carried out is never sent twice: a write whose answer was lost fails.
 */
export class Endpoints {
  readonly #options: EndpointsOptions;
  readonly #listeners = new Set<() => void>();
  readonly #closing = new AbortController();
  #tls: GrpcTls | undefined;
  #index: number;
  #current: Endpoint;
  #calls = 0;
  #saidAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: EndpointsOptions) {
    this.#options = options;
    this.#tls = options.tls?.();
    // Several servers are not all to lean on the first member of the same list.
    this.#index = Math.floor(options.random() * options.servers.length);
    this.#current = this.#open();
  }

  /** Where calls go now. */
  get current(): Endpoint {
    return this.#current;
  }

  get closed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** Aborted by `close`. */
  get signal(): AbortSignal {
    return this.#closing.signal;
  }

  /** Calls back when calls go to another member from now on. */
  onMove(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A member has failed: calls go to the next one, unless they do already. */
  failed(endpoint: Endpoint, error: unknown): void {
    if (this.closed || endpoint !== this.#current) return;
    const { servers, logger } = this.#options;
    // The only one there is may be slow; whether its connection is alive is found out by asking it.
    if (servers.length === 1 && isGrpcStatus(error, 'DeadlineExceeded')) return;
    const { url } = endpoint.server;
    this.#index = (this.#index + 1) % servers.length;
    this.#readTlsAgain();
    this.#current = this.#open();
    // What runs on it comes to its own end: a slow member may still answer.
    endpoint.channel.close();
    const fields = { member: url, next: this.#current.server.url, reason: (error as Error).message };
    const nowMs = performance.now();
    // While none answers this happens all the time.
    if (nowMs - this.#saidAtMs < SAY_AGAIN_MS) logger.debug(2, 'An etcd member does not answer either', fields);
    else {
      this.#saidAtMs = nowMs;
      logger.warn('An etcd member does not answer; going on with the next one', fields);
    }
    for (const listener of [...this.#listeners]) listener();
  }

  /**
   * Makes a call, at another member and again as long as that is safe and there is time.
   *
   * @throws StoreError
   */
  async call<Request extends keyof EtcdMessages & string, Response extends keyof EtcdMessages & string>(
    method: EtcdMethod<Request, Response>,
    request: MessageInput<EtcdMessages, Request>,
    options: EtcdCallOptions = {},
  ): Promise<Message<EtcdMessages, Response>> {
    if (this.closed) throw closedError();
    if (this.#calls >= MOST_CALLS)
      throw new StoreError('unavailable', `etcd: ${MOST_CALLS} calls are waiting for answers already`);
    this.#calls++;
    try {
      return method.decode(await this.#attempts(method, method.encode(request), options));
    } catch (error) {
      throw this.closed ? closedError() : toStoreError(error, method.path.slice(method.path.lastIndexOf('/') + 1));
    } finally {
      this.#calls--;
    }
  }

  close(): void {
    this.#closing.abort();
    this.#current.channel.close();
    this.#listeners.clear();
  }

  async #attempts(
    { path, repeatable }: Pick<EtcdMethod<never, never>, 'path' | 'repeatable'>,
    request: Buffer,
    options: EtcdCallOptions,
  ): Promise<Buffer> {
    const { clock, random } = this.#options;
    const { signal } = this.#closing;
    // Not the clock's time, which may jump.
    const endMs = performance.now() + (options.timeoutMs ?? CALL_TIMEOUT_MS);
    const backoff = new Backoff({ initialMs: 20, maxMs: 1_000, random });
    for (let patienceMs = options.patienceMs ?? PATIENCE_MS; ; patienceMs *= 2) {
      const endpoint = this.#current;
      const leftMs = endMs - performance.now();
      try {
        return await endpoint.channel.unary(path, request, {
          timeoutMs: Math.max(1, repeatable ? Math.min(leftMs, patienceMs) : leftMs),
          signal,
          metadata: REQUIRE_LEADER,
        });
      } catch (error) {
        if (signal.aborted || !mayPass(error)) throw error;
        this.failed(endpoint, error);
        const pauseMs = backoff.next();
        if (!(repeatable || wasNotCarriedOut(error)) || performance.now() + pauseMs >= endMs) throw error;
        await clock.sleep(pauseMs, signal);
      }
    }
  }

  #open(): Endpoint {
    const server = this.#options.servers[this.#index]!;
    const channel = createGrpcChannel({
      target: server.target,
      ...(server.secure && { tls: this.#tls ?? {} }),
      // etcd refuses peers that ask more often than every 5 s.
      keepalive: { timeMs: 10_000, timeoutMs: 5_000 },
      // A page of a list, or a value with what was there before: bounded by what is asked for.
      messageLimitBytes: LARGEST_MESSAGE_BYTES,
      userAgent: 'muster',
    });
    return { server, channel };
  }

  #readTlsAgain(): void {
    const { tls, logger } = this.#options;
    try {
      this.#tls = tls?.();
    } catch (error) {
      logger.error('Cannot read the certificates for etcd again', { error });
    }
  }
}

const LARGEST_MESSAGE_BYTES = 512 * 1024 * 1024;
