import { mkdirSync, statSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a directory and those above it that are missing; returns the first that was made, undefined when all were there. Node's own
 * `recursive` never comes back where a file system answers ENOENT to every mkdir, as /proc and autofs do, and says ENOENT of a
 * read-only one, too.
 *
 * @throws the system's error, with the path that it is about
 */
export async function makeDirectories(path: string, mode = 0o777): Promise<string | undefined> {
  try {
    return await makeOne(path, mode);
  } catch (error) {
    if (!isMissing(error) || dirname(path) === path) throw error;
    const first = await makeDirectories(dirname(path), mode);
    return (await makeOne(path, mode)) && (first ?? path);
  }
}

/** As {@link makeDirectories}, at once. */
export function makeDirectoriesSync(path: string, mode = 0o777): string | undefined {
  try {
    return makeOneSync(path, mode);
  } catch (error) {
    if (!isMissing(error) || dirname(path) === path) throw error;
    const first = makeDirectoriesSync(dirname(path), mode);
    return makeOneSync(path, mode) && (first ?? path);
  }
}

async function makeOne(path: string, mode: number): Promise<string | undefined> {
  try {
    await mkdir(path, { mode });
    return path;
  } catch (error) {
    // A read-only file system says so, rather than EEXIST, of what is there.
    const status = isMissing(error) ? undefined : await stat(path).catch(() => undefined); // the error of mkdir says more
    if (status?.isDirectory()) return undefined;
    throw error;
  }
}

function makeOneSync(path: string, mode: number): string | undefined {
  try {
    mkdirSync(path, { mode });
    return path;
  } catch (error) {
    if (!isMissing(error) && isDirectory(path)) return undefined;
    throw error;
  }
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false; // the error of mkdir says more
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
