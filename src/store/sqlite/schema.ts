import type { DatabaseSync } from 'node:sqlite';
import { StoreError } from '../store.ts';

export const SCHEMA_VERSION = 1;

/**
 *     record   every put and deletion that is still remembered, in order of revision; appended to, never changed
 *              id = revision * 4096 + number within the revision; create_revision 0 marks a deletion
 *     head     per key its newest record, deletions too until they are compacted
 *     lease    leases that were granted and have not ended
 *     meta     schema_version, compacted_revision, swept_revision (what was compacted is removed up to here)
 *
 * A state of the past is read by going from `head` along `previous_id`.
 */
const SCHEMA = `
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE record (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL,
  create_revision INTEGER NOT NULL,
  previous_id INTEGER,
  value BLOB NOT NULL
) STRICT;
CREATE TABLE head (
  key TEXT PRIMARY KEY,
  id INTEGER NOT NULL,
  alive INTEGER NOT NULL,
  lease_id INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX head_by_lease ON head (lease_id) WHERE lease_id IS NOT NULL;
CREATE TABLE lease (id INTEGER PRIMARY KEY AUTOINCREMENT, ttl_ms INTEGER NOT NULL) STRICT;
INSERT INTO meta VALUES ('schema_version', ${SCHEMA_VERSION}), ('compacted_revision', 1), ('swept_revision', 1);
`;

/**
 * Sets the connection up and makes the tables of a new database.
 *
 * `synchronous=NORMAL` makes SQLite itself flush at checkpoints only, in the order that keeps the file whole; the flush of each
 * commit, which FULL would make inside COMMIT and so in the way of the event loop, is the commit queue's (see there).
 * @throws StoreError `incompatible`
 */
export function prepareDatabase(database: DatabaseSync, directory: string): { created: boolean } {
  // The checkpointer takes care of the log; SQLite's own checkpoint in the middle of a COMMIT (64 MiB) is the last resort.
  const setUp = () =>
    database.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=16384; PRAGMA cache_size=-4096');
  const tables = database.prepare('SELECT name FROM sqlite_schema').all();
  if (tables.length === 0) {
    // Also after a crash in here: the tables come in one transaction.
    database.exec('PRAGMA page_size=8192');
    setUp();
    database.exec(`BEGIN IMMEDIATE; ${SCHEMA} COMMIT`);
    return { created: true };
  }
  const version = tables.some(({ name }) => name === 'meta') ? readVersion(database) : undefined;
  if (version !== SCHEMA_VERSION)
    throw new StoreError(
      'incompatible',
      version === undefined
        ? `${directory} does not hold a store of Muster: use another directory`
        : `${directory} holds a store of schema version ${version}, this program reads version ${SCHEMA_VERSION}: ` +
            `use the version of Muster that wrote it, or another directory`,
    );
  setUp();
  return { created: false };
}

function readVersion(database: DatabaseSync): number | undefined {
  const value = database.prepare("SELECT value FROM meta WHERE name = 'schema_version'").get()?.['value'];
  return typeof value === 'number' ? value : undefined;
}
