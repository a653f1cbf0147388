import { chmodSync, closeSync, fsync, lstatSync, openSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { makeDirectoriesSync } from '../../std/directories.ts';
import type { DirectoryLock } from './directory-lock.ts';
import { lockDirectory } from './directory-lock.ts';
import { beginLog, emptyDatabase, prepareDatabase } from './schema.ts';

/** Forces an open file to the disk. */
export type Flush = (descriptor: number) => Promise<void>;

export interface StoreFiles {
  /** The database file, for messages. */
  readonly file: string;
  readonly database: DatabaseSync;
  /** SQLite's log, for flushing it. */
  readonly logDescriptor: number;
  /** Resolves when a log that was begun here is on disk with its name: nothing may be acknowledged before. */
  readonly begun: Promise<unknown>;
  close(): void;
}

const fsyncAsync = promisify(fsync);

/** The database file of a directory. */
export function databaseFile(directory: string): string {
  return join(directory, 'store.db');
}

/**
 * Takes the directory, makes what is not there, and opens the database. All that is read from it afterwards is on disk.
 * @throws StoreError `locked`, `incompatible`; errors of SQLite and of the system
 */
export async function openStoreFiles(directory: string, flush: Flush): Promise<StoreFiles> {
  makeDirectoriesSync(directory, 0o700);
  if ((statSync(directory).mode & 0o077) !== 0) chmodSync(directory, 0o700);
  const file = databaseFile(directory);
  const lock = lockDirectory(directory);
  let database: DatabaseSync | undefined;
  let logDescriptor: number | undefined;
  try {
    // Whatever has the name, a link that leads nowhere too, is not replaced by an empty store.
    if (!lstatSync(file, { throwIfNoEntry: false })) await createDatabase(file);
    const hadLog = (statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0;
    database = new DatabaseSync(file, { timeout: 1000 });
    prepareDatabase(database, directory);
    if (!hadLog) beginLog(database);
    logDescriptor = openSync(`${file}-wal`, 'r+');
    // What a killed process had committed is there for readers now, whether it was flushed or not.
    if (hadLog) await flush(logDescriptor);
    const begun = hadLog ? Promise.resolve() : Promise.all([flush(logDescriptor), flushDirectory(directory)]);
    // The first commit waits for it and fails with it; until then nobody may.
    begun.catch(() => {});
    return { file, database, logDescriptor, begun, close: closer(database, logDescriptor, lock) };
  } catch (error) {
    if (logDescriptor !== undefined) closeSync(logDescriptor);
    database?.close();
    lock.release();
    throw error;
  }
}

function closer(database: DatabaseSync, logDescriptor: number, lock: DirectoryLock): () => void {
  return () => {
    closeSync(logDescriptor);
    try {
      database.close();
    } finally {
      lock.release();
    }
  };
}

/** The file is whole before it has its name, so that a crash leaves none or all of it. SQLite gives its log the same mode. */
async function createDatabase(file: string): Promise<void> {
  const unfinished = `${file}.new`;
  const descriptor = openSync(unfinished, 'w', 0o600);
  try {
    // All of it or an error: one write alone may stop where the disk is full and say nothing.
    writeFileSync(descriptor, emptyDatabase());
    await fsyncAsync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(unfinished, file);
}

async function flushDirectory(directory: string): Promise<void> {
  const descriptor = openSync(directory, 'r');
  try {
    await fsyncAsync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
