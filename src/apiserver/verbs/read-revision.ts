import { StatusError } from '../../api/machinery/status-error.ts';
import type { WatchCache } from '../watch-cache/watch-cache.ts';

/** As upstream: a reader that knows a newer revision than the cache waits this long. */
const CATCH_UP_MS = 3_000;

/** Resolves when the cache has seen a revision; 0 is whatever there is. Throws 504 when it does not come. */
export async function waitForRevision(cache: WatchCache, revision: number): Promise<void> {
  if (revision > cache.revision && !(await cache.waitFor(revision, CATCH_UP_MS)))
    throw tooLargeResourceVersion(revision, cache.revision);
}

export function tooLargeResourceVersion(wanted: number, current: number): StatusError {
  const message = `Too large resource version: ${wanted}, current: ${current}`;
  return new StatusError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: `Timeout: ${message}`,
    reason: 'Timeout',
    details: { causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }], retryAfterSeconds: 1 },
    code: 504,
  });
}
