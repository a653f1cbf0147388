import { type Clock, steadyMs, type Timer } from '../../std/clock.ts';
import type { AuditBackend, PluginFailures } from './audit-backend.ts';
import type { AuditEvent } from './audit-event.ts';

export interface BatchOptions {
  /** Events that may wait; what comes beyond is dropped and counted. */
  readonly bufferSize: number;
  readonly maxBatchSize: number;
  readonly maxBatchWaitMs: number;
  /** Batches a second and at once; without it batches are sent as they fill. */
  readonly throttle?: { readonly qps: number; readonly burst: number };
}

/** So many batches are sent at a time: a receiver that hangs does not gather all memory. */
const MOST_SENDING = 8;

/**
 * The mode `batch`: requests never wait. Events are sent when a batch is full or old enough (plugin/pkg/audit/buffered).
 */
export function createBufferedBackend(
  inner: AuditBackend,
  options: BatchOptions,
  { clock, failures }: { readonly clock: Clock; readonly failures: PluginFailures },
): AuditBackend {
  const { bufferSize, maxBatchSize, maxBatchWaitMs, throttle } = options;
  let waiting: AuditEvent[] = [];
  let timer: Timer | undefined;
  let due = false;
  let closed = false;
  const sending = new Set<Promise<void>>();
  let tokens = throttle?.burst ?? 0;
  let tokensAtMs = steadyMs(clock);

  /** Milliseconds until a batch may be sent; 0 takes the right to send one. */
  const takeToken = (): number => {
    if (!throttle || closed) return 0;
    const now = steadyMs(clock);
    tokens = Math.min(throttle.burst, tokens + ((now - tokensAtMs) / 1000) * throttle.qps);
    tokensAtMs = now;
    if (tokens < 1) return Math.ceil(((1 - tokens) / throttle.qps) * 1000);
    tokens -= 1;
    return 0;
  };

  const wakeIn = (delayMs: number) => {
    timer?.cancel();
    timer = clock.setTimer(delayMs, () => {
      timer = undefined;
      due = true;
      send();
    });
  };

  const send = (): void => {
    while (waiting.length && (due || closed || waiting.length >= maxBatchSize) && sending.size < MOST_SENDING) {
      const delayMs = takeToken();
      if (delayMs > 0) {
        wakeIn(delayMs);
        return;
      }
      const batch = waiting.slice(0, maxBatchSize);
      waiting = waiting.slice(maxBatchSize);
      if (waiting.length < maxBatchSize) due = false;
      const run: Promise<void> = inner
        .process(batch)
        .catch((error: unknown) => failures('buffered', String(error), batch))
        .then(() => {
          sending.delete(run);
          send();
        });
      sending.add(run);
    }
    if (waiting.length && !timer && !due) wakeIn(maxBatchWaitMs);
  };

  return {
    async process(events) {
      const room = closed ? 0 : bufferSize - waiting.length;
      if (events.length > room) failures('buffered', 'audit buffer queue blocked', events.slice(room));
      waiting.push(...events.slice(0, room));
      send();
      return true;
    },
    async close() {
      closed = true;
      timer?.cancel();
      send();
      while (sending.size) await Promise.all(sending);
      await inner.close();
    },
  };
}
