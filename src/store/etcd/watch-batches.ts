import type { Message } from '../../std/grpc/message-schema.ts';
import type { KeyValue, Revision, StoreEvent } from '../store.ts';
import { type EtcdMessages, EVENT_DELETE } from './messages.ts';

type WireEvent = Message<EtcdMessages, 'Event'>;
type WireKeyValue = Message<EtcdMessages, 'KeyValue'>;

export const toKeyValue = ({ key, value, createRevision, modRevision }: WireKeyValue): KeyValue => ({
  key,
  value,
  createRevision,
  modRevision,
});

function toStoreEvent({ type, kv, prevKv }: WireEvent): StoreEvent {
  const { key, modRevision } = kv!;
  const previous = prevKv && toKeyValue(prevKv);
  if (type === EVENT_DELETE) return { type: 'delete', key, revision: modRevision, previous };
  return { type: 'put', entry: toKeyValue(kv!), previous };
}

/**
 * Puts the events of a watch together to one batch a revision. etcd sends several revisions in one response, and one revision in
 * several when it is large (`fragment`): the last revision of such a piece is held back until what follows shows that it is whole.
 */
export class WatchBatches {
  readonly #tell: (events: readonly StoreEvent[], revision: Revision) => void;
  /** Events before it were told already, or are not wanted. */
  #next: Revision;
  #held: StoreEvent[] = [];
  #heldRevision: Revision = 0;

  constructor(from: Revision, tell: (events: readonly StoreEvent[], revision: Revision) => void) {
    this.#next = from;
    this.#tell = tell;
  }

  /** The first revision that was not told whole. */
  get next(): Revision {
    return this.#next;
  }

  /** Takes the events of a response. `more` says that the same revision may go on in the next one. */
  take(events: readonly WireEvent[], more: boolean): void {
    for (const event of events) {
      const revision = event.kv?.modRevision ?? 0;
      if (revision < this.#next) continue;
      if (revision !== this.#heldRevision) this.#release();
      this.#heldRevision = revision;
      this.#held.push(toStoreEvent(event));
    }
    if (!more) this.#release();
  }

  /** Nothing happened up to this revision besides what was told. */
  passed(revision: Revision): void {
    if (this.#held.length === 0) this.#next = Math.max(this.#next, revision + 1);
  }

  /** The stream broke: what is held is not whole, and will come again. */
  broken(): void {
    this.#held = [];
    this.#heldRevision = 0;
  }

  #release(): void {
    if (this.#held.length === 0) return;
    const [events, revision] = [this.#held, this.#heldRevision];
    this.#held = [];
    this.#heldRevision = 0;
    this.#next = revision + 1;
    this.#tell(events, revision);
  }
}
