import { type Clock, systemClock } from '../../std/clock.ts';
import type { Transport, TransportRequest, TransportResponse } from './transport.ts';
import { TransportError } from './transport-error.ts';

export interface RetryOptions {
  clock?: Clock;
  /** Default 10, as in client-go (rest/request.go). */
  maxRetries?: number;
}

const RETRY_AFTER_INTERRUPTION_MS = 1000;
const MAX_DELAY_MS = 60_000;

/**
 * Sends again what the server asked to be sent again: 429, and 5xx with a Retry-After header, after that time; and reads that
 * lost their connection, after a second, as client-go does. Connections that cannot be made are the caller's affair.
 */
export function withRetry(transport: Transport, options: RetryOptions = {}): Transport {
  const { clock = systemClock, maxRetries = 10 } = options;
  return {
    close: (how) => transport.close(how),
    async request(request) {
      for (let attempt = 0; ; attempt++) {
        const isLast = attempt >= maxRetries;
        let response: TransportResponse;
        try {
          response = await transport.request(request);
        } catch (error) {
          if (isLast || !isWorthRepeating(error, request)) throw error;
          await clock.sleep(RETRY_AFTER_INTERRUPTION_MS, request.signal);
          continue;
        }
        const delayMs = isLast ? undefined : retryDelayMs(response);
        if (delayMs === undefined) return response;
        for await (const _ of response.body) {
          // read to its end, so that the connection can be used again
        }
        await clock.sleep(delayMs, request.signal);
      }
    },
  };
}

/** Only reads: nobody knows whether a write was done before the connection was lost. */
function isWorthRepeating(error: unknown, request: TransportRequest): boolean {
  return error instanceof TransportError && error.code === 'TRANSPORT_INTERRUPTED' && (request.method === 'GET' || error.unsent);
}

function retryDelayMs({ status, headers }: TransportResponse): number | undefined {
  if (status !== 429 && status < 500) return undefined;
  const header = headers['retry-after'];
  const seconds = Number(header);
  if (!header || !Number.isInteger(seconds) || seconds < 0) return undefined;
  return Math.min(seconds * 1000, MAX_DELAY_MS);
}
