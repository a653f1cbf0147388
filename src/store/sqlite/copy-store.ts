import { chmod, open, rm } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { StoreError } from '../store.ts';
import { toStoreError } from './sqlite-error.ts';
import { databaseFile } from './store-files.ts';

/**
 * Copies the store in a directory to a file, as it is at one moment, while it may be in use: SQLite reads from a snapshot of its own.
 * The copy is a whole store: put under its name into a directory, it is opened like any other.
 *
 * @throws StoreError `corrupt` when what was copied is not whole, `no-space`, `unavailable`; nothing is left then
 */
export async function copySqliteStore(directory: string, target: string): Promise<void> {
  const file = databaseFile(directory);
  try {
    const source = new DatabaseSync(file, { readOnly: true, timeout: 10_000 });
    try {
      source.prepare('VACUUM INTO ?').run(target);
    } finally {
      source.close();
    }
    await chmod(target, 0o600);
    check(target);
    await markAsLogged(target);
  } catch (error) {
    await rm(target, { force: true });
    throw toStoreError(error, file);
  }
}

function check(target: string): void {
  const copy = new DatabaseSync(target, { readOnly: true });
  try {
    const rows = copy.prepare('PRAGMA quick_check').all() as { quick_check: string }[];
    if (rows.length !== 1 || rows[0]!.quick_check !== 'ok')
      throw new StoreError('corrupt', `the copy is damaged: ${rows.map((row) => row.quick_check).join('; ')}`);
  } finally {
    copy.close();
  }
}

/** A copy is made without the mark of a store that has a log (https://www.sqlite.org/fileformat2.html section 1.3.3). */
async function markAsLogged(target: string): Promise<void> {
  const handle = await open(target, 'r+');
  try {
    await handle.write(Buffer.from([2, 2]), 0, 2, 18);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
