/** What test runs write down of what they make on the machine, so that a later run can take it away when one was killed. */
import { closeSync, constants, fstatSync, globSync, openSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isSameProcess, startTimeOf } from './processes.ts';

interface Owner {
  readonly pid: number;
  readonly startedAt: string;
}

/** Writes a record of what this process has made. */
export function writeRecord(path: string, made: object): Promise<void> {
  const owner: Owner = { pid: process.pid, startedAt: startTimeOf(process.pid) };
  return writeFile(path, JSON.stringify({ ...made, ...owner }), { mode: 0o600 });
}

/**
 * Records of processes that have ended, by paths in the directory for temporary files. Only this user's own: everybody may write there,
 * and what a record names is taken away.
 */
export function abandonedRecords<T>(pattern: string): { readonly path: string; readonly made: T }[] {
  return globSync(pattern, { cwd: tmpdir() }).flatMap((name) => {
    const path = join(tmpdir(), name);
    const text = readOwn(path);
    if (!text) return [];
    const made = JSON.parse(text) as T & Owner;
    return isSameProcess(made.pid, made.startedAt) ? [] : [{ path, made }];
  });
}

function readOwn(path: string): string | undefined {
  let file: number;
  // Of somebody else it may be a pipe, which nobody is to wait for.
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return undefined; // being removed, or somebody else's
  }
  try {
    return fstatSync(file).uid === process.getuid?.() ? readFileSync(file, 'utf8') : undefined;
  } finally {
    closeSync(file);
  }
}
