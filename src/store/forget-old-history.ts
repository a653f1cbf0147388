import type { Clock, Timer } from '../std/clock.ts';
import type { Logger } from '../std/logger.ts';
import { type Revision, type Store, StoreError } from './store.ts';
import { wrapStore } from './wrap-store.ts';

export interface ForgetOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** How old history must be to be forgotten. */
  readonly ageMs: number;
}

/** How often a revision is noted within that time: history is forgotten in so many small steps. */
const STEPS = 5;

/** The store, whose history is forgotten when it is old enough: nobody else does that for a store in this process. */
export function forgetOldHistory(store: Store, { clock, logger, ageMs }: ForgetOptions): Store {
  const noted: { readonly atMs: number; readonly revision: Revision }[] = [];
  let closed = false;
  let timer: Timer;
  const step = async () => {
    const now = clock.now();
    let old: Revision | undefined;
    while (noted.length && noted[0]!.atMs <= now - ageMs) old = noted.shift()!.revision;
    if (old !== undefined) await store.compact(old);
    noted.push({ atMs: now, revision: await store.revision() });
  };
  const schedule = () => {
    timer = clock.setTimer(ageMs / STEPS, () => {
      step()
        .catch((error: unknown) => {
          if (!closed && !(error instanceof StoreError && error.code === 'closed'))
            logger.error('old history could not be forgotten', { error });
        })
        .finally(() => {
          if (!closed) schedule();
        });
    });
  };
  schedule();
  return wrapStore(store, {
    close() {
      closed = true;
      timer.cancel();
      return store.close();
    },
  });
}
