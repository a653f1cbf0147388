import { Backoff } from '../../std/backoff.ts';
import type { Clock } from '../../std/clock.ts';
import type { GrpcDuplex } from '../../std/grpc/grpc-channel.ts';
import type { Logger } from '../../std/logger.ts';
import { closedError, compactedError } from '../request-check.ts';
import type { Revision, WatchHandle, WatchSink } from '../store.ts';
import { StoreError } from '../store.ts';
import { type Endpoints, REQUIRE_LEADER } from './endpoints.ts';
import { WATCH_PATH } from './etcd-method.ts';
import { rangeOf } from './key-range.ts';
import { etcdCodec } from './messages.ts';
import { WatchBatches } from './watch-batches.ts';

export interface EtcdWatchDeps {
  readonly endpoints: Endpoints;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
}

/**
 * One watch, over as many streams as it takes: when a stream breaks, or calls go to another member, it goes on there with the first
 * revision that was not told. Only compaction and `close` end it.
 *
 * It asks for one revision more than it needs, before the first, and passes over it: a compaction at exactly the first revision
 * makes etcd forget that revision's deletions, silently (etcd issue 19179). This way such a watch is refused as compacted.
 */
export class EtcdWatch implements WatchHandle {
  readonly #deps: EtcdWatchDeps;
  readonly #prefix: string;
  readonly #sink: WatchSink;
  readonly #batches: WatchBatches;
  readonly #closing = new AbortController();
  #stream: GrpcDuplex | undefined;
  #ended = false;

  constructor(deps: EtcdWatchDeps, prefix: string, from: Revision, sink: WatchSink) {
    this.#deps = deps;
    this.#prefix = prefix;
    this.#sink = sink;
    this.#batches = new WatchBatches(from, (events, revision) => {
      if (!this.#ended) sink.events(events, revision);
    });
  }

  close(): void {
    this.end();
  }

  /** Tells the owner that it is over, once. */
  end(error?: StoreError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#closing.abort();
    this.#stream?.cancel();
    try {
      this.#sink.closed(error);
    } catch (cause) {
      this.#deps.logger.error('A watch failed at its end', { prefix: this.#prefix, error: cause });
    }
  }

  /** Watches until the end. Never rejects, and tells nothing before the caller has its handle. */
  async run(): Promise<void> {
    const { endpoints, clock, logger, random } = this.#deps;
    const backoff = new Backoff({ initialMs: 20, maxMs: 500, random });
    await Promise.resolve();
    if (endpoints.closed) this.end(closedError());
    while (!this.#ended) {
      const endpoint = endpoints.current;
      const move = endpoints.onMove(() => this.#stream?.cancel());
      let reason: unknown;
      try {
        await this.#follow(endpoint.channel.duplex(WATCH_PATH, { metadata: REQUIRE_LEADER }), () => backoff.reset());
        reason = new Error('the member ended the stream');
      } catch (error) {
        reason = error;
      } finally {
        move();
        this.#stream = undefined;
        this.#batches.broken();
      }
      if (this.#ended) break;
      if (reason instanceof StoreError) {
        this.end(reason);
        break;
      }
      const moved = endpoints.current !== endpoint;
      if (!moved) endpoints.failed(endpoint, reason);
      logger.info('A watch of etcd goes on anew', { prefix: this.#prefix, from: this.#batches.next, reason: String(reason) });
      if (!moved) await clock.sleep(backoff.next(), this.#closing.signal).catch(() => undefined); // ended meanwhile
    }
  }

  /** Reads one stream to its end. Throws a StoreError for what ends the watch. */
  async #follow(stream: GrpcDuplex, onProgress: () => void): Promise<void> {
    this.#stream = stream;
    const from = this.#batches.next;
    stream.send(
      etcdCodec.encode('WatchRequest', {
        create: {
          ...rangeOf(this.#prefix),
          startRevision: Math.max(1, from - 1),
          prevKv: !this.#sink.withoutPrevious,
          progressNotify: true,
          fragment: true,
        },
      }),
    );
    for await (const bytes of stream.messages) {
      if (this.#ended) return;
      const { header, canceled, compactRevision, cancelReason, fragment, events, created } = etcdCodec.decode(
        'WatchResponse',
        bytes,
      );
      // The compacted revision itself can be listed, and its changes were told by etcd then or are not to be had.
      if (compactRevision > 0) throw compactedError(from, compactRevision + 1);
      if (canceled) throw new Error(cancelReason || 'the member cancelled the watch');
      if (created) continue;
      onProgress();
      if (events.length > 0) this.#take(events, fragment);
      else this.#batches.passed(header?.revision ?? 0);
    }
  }

  #take(events: Parameters<WatchBatches['take']>[0], more: boolean): void {
    try {
      this.#batches.take(events, more);
    } catch (error) {
      const { logger } = this.#deps;
      logger.error('A watch failed to take an event and is closed', { prefix: this.#prefix, error });
      throw new StoreError('unavailable', `the watch of ${this.#prefix} failed`, { cause: error });
    }
  }
}
