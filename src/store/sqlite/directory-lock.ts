import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StoreError } from '../store.ts';
import { isNoSpace } from './sqlite-error.ts';

export interface DirectoryLock {
  release(): void;
}

const SQLITE_BUSY = 5;

/**
 * Takes a directory for this process. The lock is the kernel's (SQLite's lock on an empty database file), so it ends with the
 * process however that ends; Node has no other door to file locks. `owner` only tells people who has it.
 * @throws StoreError `locked`, naming the process
 */
export function lockDirectory(directory: string): DirectoryLock {
  const file = join(directory, 'lock');
  createOnce(file);
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    // The journal would be a file that a killed process leaves behind.
    database.exec('PRAGMA journal_mode=MEMORY; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY)
      throw new StoreError(
        'locked',
        `${directory} is in use by ${ownerOf(directory)}: stop that process or use another directory`,
        {
          cause: error,
        },
      );
    throw error;
  }
  const lock = { release: () => database.close() };
  try {
    writeFileSync(join(directory, 'owner'), `${process.pid}\n`, { mode: 0o600 });
  } catch (error) {
    // A full disk must not keep the store from being read.
    if (!isNoSpace(error)) {
      lock.release();
      throw error;
    }
  }
  return lock;
}

/** Makes an empty file for the owner only. An existing one is not opened: closing it would drop this process's lock on it (POSIX). */
function createOnce(file: string): void {
  if (existsSync(file)) return;
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
}

function ownerOf(directory: string): string {
  try {
    const pid = readFileSync(join(directory, 'owner'), 'utf8').trim();
    if (pid !== '') return `process ${pid}`;
  } catch {
    // The owner has the lock but has not written its name yet.
  }
  return 'another process';
}
