import type { Compare, KeyValue, ListResult, Revision, Write } from '../store.ts';
import { show } from './driver.ts';

type State = ReadonlyMap<string, KeyValue>;

/** The store as plainly as it can be said: a map that is copied for every revision. Slow, and easy to believe. */
export class StoreModel {
  /** states[r] is the store at revision r; there is no revision 0. */
  readonly #states: State[] = [new Map(), new Map()];
  readonly #leaseOfKey = new Map<string, string>();
  compacted: Revision = 1;

  get revision(): Revision {
    return this.#states.length - 1;
  }

  get now(): State {
    return this.#states.at(-1)!;
  }

  /** Whether the compares held; then the writes are made. */
  transact(compares: readonly Compare[], writes: readonly Write[]): boolean {
    if (!compares.every(({ key, modRevision }) => (this.now.get(key)?.modRevision ?? 0) === modRevision)) return false;
    const effective = writes.filter(({ type, key }) => type === 'put' || this.now.has(key));
    if (effective.length === 0) return true;
    const modRevision = this.revision + 1;
    const state = new Map(this.now);
    for (const write of effective) {
      this.#leaseOfKey.delete(write.key);
      if (write.type === 'delete') {
        state.delete(write.key);
        continue;
      }
      const createRevision = state.get(write.key)?.createRevision ?? modRevision;
      state.set(write.key, { key: write.key, value: write.value, createRevision, modRevision });
      if (write.leaseId !== undefined) this.#leaseOfKey.set(write.key, write.leaseId);
    }
    this.#states.push(state);
    return true;
  }

  revokeLease(id: string): void {
    const keys = [...this.#leaseOfKey].filter(([, lease]) => lease === id).map(([key]) => key);
    this.transact(
      [],
      keys.map((key) => ({ type: 'delete', key })),
    );
  }

  list(prefix: string, revision: Revision, { startKey = '', limit = 0 }: { startKey?: string; limit?: number } = {}): ListResult {
    const order = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
    const matching = [...this.#states[revision]!.values()]
      .filter(({ key }) => key.startsWith(prefix) && order(key, startKey) >= 0)
      .sort((a, b) => order(a.key, b.key));
    const entries = limit > 0 ? matching.slice(0, limit) : matching;
    return { entries, revision, remaining: matching.length - entries.length };
  }

  /** What a watch of the prefix from `from` on has to be told, as sorted lines per revision. */
  changes(prefix: string, from: Revision): { revision: Revision; events: string[] }[] {
    const batches: { revision: Revision; events: string[] }[] = [];
    for (let revision = Math.max(from, 2); revision <= this.revision; revision++) {
      const [before, after] = [this.#states[revision - 1]!, this.#states[revision]!];
      const events: string[] = [];
      for (const key of new Set([...before.keys(), ...after.keys()])) {
        const [old, entry] = [before.get(key), after.get(key)];
        if (old === entry || !key.startsWith(prefix)) continue;
        const was = old ? ` was ${show(old)}` : '';
        events.push(entry ? `put ${show(entry)}${was}` : `delete ${key} @${revision}${was}`);
      }
      if (events.length > 0) batches.push({ revision, events: events.sort() });
    }
    return batches;
  }
}
