import type { Clock, Timer } from '../std/clock.ts';
import type { Logger } from '../std/logger.ts';
import { type Revision, type Store, StoreError } from './store.ts';
import { wrapStore } from './wrap-store.ts';

export interface ForgetOptions {
  readonly clock: Pick<Clock, 'setTimer'>;
  readonly logger: Logger;
  /** How old history must be to be forgotten. */
  readonly ageMs: number;
}

/** How often a revision is noted within that time: history is forgotten in so many small steps. They are counted, for a clock may be set. */
const STEPS = 5;

/** The store, whose history is forgotten when it is old enough: nobody else does that for a store in this process. */
export function forgetOldHistory(store: Store, { clock, logger, ageMs }: ForgetOptions): Store {
  const noted: Revision[] = [];
  let closed = false;
  let timer: Timer;
  const step = async () => {
    const old = noted.length < STEPS ? undefined : noted.shift();
    if (old !== undefined) await store.compact(old);
    noted.push(await store.revision());
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
