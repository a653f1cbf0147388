import type { Clock } from '../../std/clock.ts';
import type { Logger } from '../../std/logger.ts';
import type { Revision } from '../store.ts';
import { StoreError } from '../store.ts';
import type { Endpoints } from './endpoints.ts';
import { etcdMethods } from './etcd-method.ts';
import { COMPARE_VERSION } from './messages.ts';

/** Where upstream's API servers write what they compacted last; its version says whose turn it is. Not below the prefix, as upstream. */
export const COMPACT_KEY = 'compact_rev_key';

export interface CompactorOptions {
  readonly endpoints: Endpoints;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly intervalMs: number;
}

interface Turn {
  /** The version of the key when it was last looked at; 0: not there. */
  readonly version: number;
  /** The store's revision at that time. */
  readonly revision: Revision;
}

/**
 * Forgets history that is older than an interval, once an interval. Any number of processes may do so, upstream's API servers among
 * them: whoever is first to raise the key's version does it, the others only look (apiserver/pkg/storage/etcd3/compact.go).
 */
export function startCompactor({ endpoints, clock, logger, intervalMs }: CompactorOptions): { stop(): void } {
  let turn: Turn = { version: 0, revision: 0 };
  let stopped = false;
  const schedule = () =>
    clock.setTimer(intervalMs, () => {
      compactOnce(endpoints, turn)
        .then(
          (next) => {
            turn = next;
          },
          (error: unknown) => {
            if (!stopped) logger.error('etcd could not be compacted', { error });
          },
        )
        .finally(() => {
          if (!stopped) timer = schedule();
        });
    });
  let timer = schedule();
  return {
    stop() {
      stopped = true;
      timer.cancel();
    },
  };
}

/** Takes a turn: when nobody else was quicker since `turn`, forgets what was older than its revision. */
export async function compactOnce(endpoints: Endpoints, { version, revision }: Turn): Promise<Turn> {
  const { succeeded, header, responses } = await endpoints.call(etcdMethods.txn, {
    compare: [{ key: COMPACT_KEY, target: COMPARE_VERSION, version }],
    success: [{ put: { key: COMPACT_KEY, value: Buffer.from(String(revision)) } }],
    failure: [{ range: { key: COMPACT_KEY } }],
  });
  const now = header!.revision;
  if (!succeeded) return { version: responses[0]?.range?.kvs[0]?.version ?? 0, revision: now };
  if (revision > 1)
    await endpoints.call(etcdMethods.compact, { revision }).catch((error: unknown) => {
      // Somebody else has forgotten more already.
      if (!(error instanceof StoreError && error.code === 'compacted')) throw error;
    });
  return { version: version + 1, revision: now };
}
