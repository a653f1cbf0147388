import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { CodedError } from '../std/coded-error.ts';

/**
 * Takes a directory for this process. The lock is the operating system's (a record lock that SQLite holds on a file of its own),
 * so it ends with the process however that ends, and nothing stale is ever left behind.
 *
 * @returns the way to give it back
 * @throws CodedError DATA_LOCKED
 */
export function lockDirectory(directory: string): () => void {
  const file = join(directory, 'lock');
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    chmodSync(file, 0o600);
    // No journal file: nothing is ever written.
    database.exec('PRAGMA journal_mode = OFF; BEGIN EXCLUSIVE');
  } catch (cause) {
    database.close();
    if (!/locked|busy/i.test((cause as Error).message)) throw cause;
    throw new CodedError(`${directory} is in use by another cluster process`, { code: 'DATA_LOCKED', retryable: true, cause });
  }
  return () => database.close();
}
