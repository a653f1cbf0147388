import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StoreError } from '../store.ts';
import { isNoSpace } from './sqlite-error.ts';

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

/** The bytes of a database file with the tables and nothing in them. */
export function emptyDatabase(): Uint8Array {
  const database = new DatabaseSync(':memory:');
  try {
    database.exec(`PRAGMA page_size=8192; ${SCHEMA}`);
    const bytes = fileOf(database);
    // Write and read version 2: the file is in WAL mode. https://www.sqlite.org/fileformat2.html section 1.3.3
    bytes[18] = 2;
    bytes[19] = 2;
    return bytes;
  } finally {
    database.close();
  }
}

/** Node has `serialize` from 26 on. */
function fileOf(database: DatabaseSync): Uint8Array {
  if ('serialize' in database) return database.serialize();
  const directory = mkdtempSync(join(tmpdir(), 'muster-'));
  try {
    const file = join(directory, 'empty');
    (database as DatabaseSync).prepare('VACUUM INTO ?').run(file);
    return readFileSync(file);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/**
 * Checks that the file is a store of this version and sets the connection up.
 *
 * `synchronous=NORMAL` makes SQLite itself flush at checkpoints only, in the order that keeps the file whole; the flush of each
 * commit, which FULL would make inside COMMIT and so in the way of the event loop, is the commit queue's (see there).
 * @throws StoreError `incompatible`
 */
export function prepareDatabase(database: DatabaseSync, directory: string): void {
  const version = readVersion(database);
  if (version !== SCHEMA_VERSION)
    throw new StoreError(
      'incompatible',
      version === undefined
        ? `${directory} does not hold a store of Muster: use another directory`
        : `${directory} holds a store of schema version ${version}, this program reads version ${SCHEMA_VERSION}: ` +
            `use the version of Muster that wrote it, or another directory`,
    );
  // The checkpointer takes care of the log; SQLite's own checkpoint in the middle of a COMMIT (128 MiB) is the last resort.
  database.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=16384; PRAGMA cache_size=-4096');
}

/**
 * Begins a new log without the flushes of the log's first page and of the directory that SQLite would make in the first COMMIT.
 * The caller makes them, before anything is acknowledged. Only for an empty log: in one that is used again they keep order.
 */
export function beginLog(database: DatabaseSync): void {
  database.exec('PRAGMA synchronous=OFF');
  try {
    database.exec("UPDATE meta SET value = value WHERE name = 'schema_version'");
  } catch (error) {
    // A full disk: the store can be read, and the first COMMIT for which there is space makes those flushes itself.
    if (!isNoSpace(error)) throw error;
  } finally {
    database.exec('PRAGMA synchronous=NORMAL');
  }
}

function readVersion(database: DatabaseSync): number | undefined {
  const hasMeta = database.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'meta'").get();
  const value = hasMeta && database.prepare("SELECT value FROM meta WHERE name = 'schema_version'").get()?.['value'];
  return typeof value === 'number' ? value : undefined;
}
