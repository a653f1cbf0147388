import { chmodSync, existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { CodedError } from '../std/coded-error.ts';

/**
 * Takes a directory for this process. The lock is the operating system's (a record lock that SQLite holds on a file of its own),
 * so it ends with the process however that ends, and nothing stale is ever left behind.
 *
 * @returns the way to give it back
 * @throws CodedError DATA_LOCKED, also when the directory is being deleted
 */
export function lockDirectory(directory: string): () => void {
  const file = join(directory, 'lock');
  let database: DatabaseSync | undefined;
  let opened: number | undefined;
  try {
    database = new DatabaseSync(file, { timeout: 0 });
    opened = inodeOf(file);
    chmodSync(file, 0o600);
    // No journal file: nothing is ever written.
    database.exec('PRAGMA journal_mode = OFF; BEGIN EXCLUSIVE');
  } catch (cause) {
    database?.close();
    const isGone = database ? inodeOf(file) !== opened : !existsSync(directory);
    if (isGone || /locked|busy/i.test((cause as Error).message)) throw locked(directory, cause);
    throw cause;
  }
  // A lock on a file that its last owner has deleted keeps nobody out.
  if (opened === undefined || opened !== inodeOf(file)) {
    database.close();
    throw locked(directory);
  }
  return () => database.close();
}

const inodeOf = (file: string) => statSync(file, { throwIfNoEntry: false })?.ino;

const locked = (directory: string, cause?: unknown) =>
  new CodedError(`${directory} is in use by another cluster process`, { code: 'DATA_LOCKED', retryable: true, cause });
