import type { Revision } from '../store.ts';
import { StoreError } from '../store.ts';

/**
 * Notices an etcd that has gone back in time: a backup was restored below us, or its data was lost. What caches hold is of another
 * history then, and must not be served as if it were this one's.
 */
export class ForwardHistory {
  #newest: Revision = 0;

  /**
   * To be called before a call that takes a quorum; what it returns is given the revision of the answer, and answers it.
   *
   * @throws StoreError `corrupt` (from the returned function) when an older answer was newer
   */
  begin(): (revision: Revision) => Revision {
    // Calls that are under way at the same time may be answered in any order.
    const before = this.#newest;
    return (revision) => {
      if (revision < before)
        throw new StoreError(
          'corrupt',
          `etcd went back from revision ${before} to ${revision}: it was restored or lost its data; restart what uses it`,
        );
      this.#newest = Math.max(this.#newest, revision);
      return revision;
    };
  }
}
