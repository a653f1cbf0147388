import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { prefixEnd } from '../key-order.ts';
import { MAX_TRANSACTION_WRITES } from '../request-check.ts';
import type { KeyValue, ListOptions, ListResult, Revision } from '../store.ts';

/** A row's place in the history: revision and number within it. */
export type RecordId = number;

export interface StoredRecord {
  readonly id: RecordId;
  readonly key: string;
  /** 0 for a deletion. */
  readonly createRevision: Revision;
  readonly previousId: RecordId | null;
  readonly value: Uint8Array;
}

/** What is told of a record without reading its value. */
export interface RecordOutline extends Omit<StoredRecord, 'value'> {
  /** Of its value. */
  readonly bytes: number;
}

export interface Head {
  readonly id: RecordId;
  readonly alive: boolean;
  /** 0 for a deletion. */
  readonly createRevision: Revision;
}

/** The id of the first record of a revision. */
export function firstId(revision: Revision): RecordId {
  return revision * MAX_TRANSACTION_WRITES;
}

export function revisionOf(id: RecordId): Revision {
  return Math.floor(id / MAX_TRANSACTION_WRITES);
}

export function toEntry(record: StoredRecord): KeyValue | undefined {
  const { key, value, createRevision, id } = record;
  return createRevision === 0 ? undefined : { key, value, createRevision, modRevision: revisionOf(id) };
}

/** Values of no more than so many bytes are read, or taken away, in one turn: those of large objects lie on thousands of pages. */
const SLICE_BYTES = 16 * 2 ** 20;

/** Where a slice of records ends that are as many as fit one turn: at `next`, or the first revision that is too much. One is never. */
export function endOfSlice(records: readonly RecordOutline[], next: Revision): Revision {
  let bytes = 0;
  for (const [i, record] of records.entries()) {
    const revision = revisionOf(record.id);
    if (bytes > SLICE_BYTES && revision > revisionOf(records[i - 1]!.id)) return revision;
    bytes += record.bytes;
  }
  return next;
}

/** In SQLite's order a blob comes after every text. */
const AFTER_ALL_KEYS = new Uint8Array([0]);

type Row = readonly unknown[];

function toRecord(row: Row): StoredRecord {
  const [id, key, createRevision, previousId, value] = row as [RecordId, string, Revision, RecordId | null, Uint8Array];
  return { id, key, createRevision, previousId, value };
}

/** The statements on the tables of `schema.ts`, each prepared when first used. Knows nothing of when a transaction begins or ends. */
export class Tables {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  newestRevision(): Revision {
    const [id] = this.#get('SELECT max(id) FROM record') as [RecordId | null];
    return id === null ? 1 : revisionOf(id);
  }

  meta(name: 'compacted_revision' | 'swept_revision'): number {
    const [value] = this.#get('SELECT value FROM meta WHERE name = ?', name) as [number];
    return value;
  }

  setMeta(name: 'compacted_revision' | 'swept_revision', value: number): void {
    this.#statement('UPDATE meta SET value = ? WHERE name = ?').run(value, name);
  }

  head(key: string): Head | undefined {
    const sql = `SELECT head.id, record.create_revision FROM head CROSS JOIN record ON record.id = head.id WHERE head.key = ?`;
    const row = this.#get(sql, key);
    return row && { id: row[0] as RecordId, alive: row[1] !== 0, createRevision: row[1] as Revision };
  }

  record(id: RecordId): StoredRecord | undefined {
    const row = this.#get('SELECT id, key, create_revision, previous_id, value FROM record WHERE id = ?', id);
    return row && toRecord(row);
  }

  /** The entry of `key` when all records before `before` were there and no others. */
  entryBefore(key: string, before: RecordId): KeyValue | undefined {
    const id = this.#newestBefore(this.head(key)?.id ?? null, before);
    const record = id === null ? undefined : this.record(id);
    return record && toEntry(record);
  }

  /** Appends a record and makes it the key's newest. `lease` undefined: none. */
  append(record: StoredRecord, lease: number | undefined): void {
    const { id, key, createRevision, previousId, value } = record;
    this.#statement('INSERT INTO record (id, key, create_revision, previous_id, value) VALUES (?, ?, ?, ?, ?)').run(
      id,
      key,
      createRevision,
      previousId,
      value,
    );
    this.#statement(
      `INSERT INTO head (key, id, alive, lease_id) VALUES (?, ?, ?, ?)
       ON CONFLICT (key) DO UPDATE SET id = excluded.id, alive = excluded.alive, lease_id = excluded.lease_id`,
    ).run(key, id, createRevision === 0 ? 0 : 1, lease ?? null);
  }

  /**
   * The state of a prefix before record `before`; `inFlux` says that newer records may be there, whose keys have to be traced back.
   * The revision named in the result is the caller's.
   */
  list(prefix: string, { startKey, limit }: ListOptions, before: RecordId, inFlux: boolean): Omit<ListResult, 'revision'> {
    const most = limit || Number.POSITIVE_INFINITY;
    const from = startKey ?? prefix;
    const end = prefixEnd(prefix) ?? AFTER_ALL_KEYS;
    const rows = this.#statement(
      `SELECT record.id, record.key, record.create_revision, record.previous_id, record.value
       FROM head CROSS JOIN record ON record.id = head.id WHERE head.key >= ? AND head.key < ? ORDER BY head.key`,
    ).iterate(from, end) as unknown as Iterable<Row>;
    const entries: KeyValue[] = [];
    for (const row of rows) {
      const newest = toRecord(row);
      const record = newest.id < before ? newest : this.#recordBefore(newest.previousId, before);
      const entry = record && toEntry(record);
      if (!entry) continue;
      entries.push(entry);
      if (entries.length === most) break;
    }
    if (entries.length < most) return { entries, remaining: 0 };
    return { entries, remaining: this.#count(`${entries.at(-1)!.key}\0`, end, before, inFlux) };
  }

  /** How many keys begin with the prefix; see `list` for `before` and `inFlux`. */
  count(prefix: string, before: RecordId, inFlux: boolean): number {
    return this.#count(prefix, prefixEnd(prefix) ?? AFTER_ALL_KEYS, before, inFlux);
  }

  /** Records from `from` on and before `before`, ascending. */
  scan(from: RecordId, before: RecordId): RecordOutline[] {
    const sql = 'SELECT id, key, create_revision, previous_id, length(value) FROM record WHERE id >= ? AND id < ? ORDER BY id';
    return (this.#statement(sql).all(from, before) as unknown as Row[]).map((row) => {
      const [id, key, createRevision, previousId, bytes] = row as [RecordId, string, Revision, RecordId | null, number];
      return { id, key, createRevision, previousId, bytes };
    });
  }

  /** Removes a record that nothing reads any more. */
  forgetRecord(id: RecordId): void {
    this.#statement('DELETE FROM record WHERE id = ?').run(id);
  }

  /** Removes a key whose newest record is this one. */
  forgetHead(key: string, id: RecordId): void {
    this.#statement('DELETE FROM head WHERE key = ? AND id = ?').run(key, id);
  }

  insertLease(ttlMs: number): number {
    return Number(this.#statement('INSERT INTO lease (ttl_ms) VALUES (?)').run(ttlMs).lastInsertRowid);
  }

  deleteLease(id: number): void {
    this.#statement('DELETE FROM lease WHERE id = ?').run(id);
  }

  hasLease(id: number): boolean {
    return this.#get('SELECT 1 FROM lease WHERE id = ?', id) !== undefined;
  }

  leases(): { id: number; ttlMs: number }[] {
    return (this.#statement('SELECT id, ttl_ms FROM lease').all() as unknown as Row[]).map((row) => ({
      id: row[0] as number,
      ttlMs: row[1] as number,
    }));
  }

  keysOfLease(id: number, limit: number): string[] {
    const rows = this.#statement('SELECT key FROM head WHERE lease_id = ? LIMIT ?').all(id, limit) as unknown as Row[];
    return rows.map((row) => row[0] as string);
  }

  #count(from: string, end: string | Uint8Array, before: RecordId, inFlux: boolean): number {
    const sql = 'SELECT count(*) FROM head WHERE key >= ? AND key < ? AND alive = 1 AND id < ?';
    const [settled] = this.#get(sql, from, end, before) as [number];
    if (!inFlux) return settled;
    const changed = this.#statement('SELECT id FROM head WHERE key >= ? AND key < ? AND id >= ?').all(from, end, before);
    const existed = (changed as unknown as Row[]).filter((row) => this.#aliveBefore(row[0] as RecordId, before));
    return settled + existed.length;
  }

  #aliveBefore(id: RecordId, before: RecordId): boolean {
    const old = this.#newestBefore(id, before);
    const row = old === null ? undefined : this.#get('SELECT create_revision FROM record WHERE id = ?', old);
    return row !== undefined && row[0] !== 0;
  }

  #recordBefore(id: RecordId | null, before: RecordId): StoredRecord | undefined {
    const old = this.#newestBefore(id, before);
    return old === null ? undefined : this.record(old);
  }

  #newestBefore(id: RecordId | null, before: RecordId): RecordId | null {
    let at = id;
    while (at !== null && at >= before)
      at = (this.#get('SELECT previous_id FROM record WHERE id = ?', at)?.[0] ?? null) as RecordId | null;
    return at;
  }

  #get(sql: string, ...parameters: (string | number | Uint8Array)[]): Row | undefined {
    return this.#statement(sql).get(...parameters) as unknown as Row | undefined;
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#database.prepare(sql);
      statement.setReturnArrays(true);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}
