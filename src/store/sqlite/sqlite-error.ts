import { accessSync, closeSync, constants, openSync, statSync, unlinkSync } from 'node:fs';
import { StoreError } from '../store.ts';

// Primary result codes, https://www.sqlite.org/rescode.html
const SQLITE_BUSY = 5;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_CANTOPEN = 14;
const SQLITE_NOTADB = 26;
/** Extended: the shared-memory file could not grow, which is a full disk too. */
const SQLITE_IOERR_SHMSIZE = 10 | (19 << 8);

/** Turns what node:sqlite or a system call threw into a StoreError that names the file; other errors pass unchanged. */
export function toStoreError(error: unknown, file: string): unknown {
  if (error instanceof StoreError || !(error instanceof Error)) return error;
  if ('errcode' in error && typeof error.errcode === 'number') return fromResultCode(error, error.errcode, file);
  if ('code' in error && typeof error.code === 'string' && 'syscall' in error) return fromSystemCode(error, error.code, file);
  return error;
}

/** Whether an error of SQLite or of the system says that the disk is full. */
export function isNoSpace(error: unknown): boolean {
  const storeError = toStoreError(error, '');
  return storeError instanceof StoreError && storeError.code === 'no-space';
}

function fromResultCode(cause: Error, code: number, file: string): StoreError {
  const primary = code & 0xff;
  if (primary === SQLITE_FULL || code === SQLITE_IOERR_SHMSIZE) return noSpace(cause, file);
  if (primary === SQLITE_CORRUPT || primary === SQLITE_NOTADB)
    return new StoreError('corrupt', `${file} is damaged (${cause.message}): restore it from a backup`, { cause });
  if (primary === SQLITE_CANTOPEN) return notOpened(cause, file);
  if (primary === SQLITE_BUSY)
    return new StoreError('unavailable', `another program holds a lock on ${file} (${cause.message})`, { cause });
  return new StoreError('unavailable', `${file}: ${cause.message} (SQLite code ${code})`, { cause });
}

/** SQLite says of a file that it cannot open, or make, no more than that: the system is asked again for the reason. */
function notOpened(cause: Error, file: string): StoreError {
  const reason = reasonNotToOpen(file);
  const { code, message } = (reason ?? cause) as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new StoreError('no-space', `no space, or no inodes, left to make files beside ${file} (${message})`, { cause });
  return new StoreError('unavailable', `${file} cannot be opened: ${message}`, { cause });
}

/** Never opens what SQLite has open: to close that again would end this process's locks on it (POSIX). */
function reasonNotToOpen(file: string): Error | undefined {
  try {
    for (const each of [file, `${file}-wal`, `${file}-shm`]) {
      const found = statSync(each, { throwIfNoEntry: false });
      if (found && !found.isFile()) return new Error(`${each} is no file`);
      if (found) accessSync(each, constants.R_OK | constants.W_OK);
    }
    const probe = `${file}.probe`;
    closeSync(openSync(probe, 'w', 0o600));
    unlinkSync(probe);
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

function fromSystemCode(cause: Error, code: string, file: string): StoreError {
  if (code === 'ENOSPC' || code === 'EDQUOT') return noSpace(cause, file);
  return new StoreError('unavailable', cause.message, { cause });
}

function noSpace(cause: Error, file: string): StoreError {
  return new StoreError(
    'no-space',
    `no space left to write ${file}: nothing was stored; reads still work (df and df -i show what is used up)`,
    { cause },
  );
}
