import type { Clock } from './clock.ts';
import { deferred } from './lifecycle.ts';

/** What `work` comes to; rejects with an Error of these words when that takes longer. The work itself goes on, and its failure is nobody's. */
export async function within<T>(clock: Pick<Clock, 'setTimer'>, limitMs: number, work: Promise<T>, tooLong: string): Promise<T> {
  const over = deferred<never>();
  const timer = clock.setTimer(limitMs, () => over.reject(new Error(tooLong)));
  try {
    return await Promise.race([work, over.promise]);
  } finally {
    timer.cancel();
  }
}
