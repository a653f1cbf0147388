import { chmod, mkdir } from 'node:fs/promises';
import { CodedError } from '../std/coded-error.ts';
import { type OpenEntry, openEntry, openIn, pathIn } from './open-entry.ts';

/** `relative` cut into names. @throws CodedError PATH_ESCAPES for an absolute path and for one with `..` */
export function namesOf(relative: string): string[] {
  const names = relative.split('/').filter((name) => name !== '' && name !== '.');
  if (relative.startsWith('/') || names.includes('..') || relative.includes('\0'))
    throw new CodedError(`${JSON.stringify(relative)} is no path below a directory`, { code: 'PATH_ESCAPES' });
  return names;
}

/**
 * Opens `relative` below `base` without following a single link: the tree below may belong to somebody hostile, `base` not.
 *
 * @throws CodedError PATH_IS_LINK where there is one; the system's error (ENOENT, ENOTDIR) otherwise
 */
export async function openBelow(base: string, relative: string): Promise<OpenEntry> {
  const names = namesOf(relative);
  let entry = await openEntry(base);
  let at = base;
  for (const name of names) {
    at = `${at}/${name}`;
    entry = await step(entry, () => openUnlinked(entry, name, at));
  }
  return entry;
}

/**
 * The same, making directories that are missing. They get exactly `mode`, whatever the umask is, and the group of a parent with the
 * set-group-id bit.
 */
export async function makeDirectoriesBelow(base: string, relative: string, mode: number): Promise<OpenEntry> {
  const names = namesOf(relative);
  let entry = await openEntry(base);
  let at = base;
  for (const name of names) {
    at = `${at}/${name}`;
    entry = await step(entry, async () => {
      try {
        await mkdir(pathIn(entry, name), { mode: mode & 0o777 });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        return openUnlinked(entry, name, at);
      }
      const made = await openUnlinked(entry, name, at);
      try {
        await chmod(made.path, mode);
      } catch (error) {
        await made[Symbol.asyncDispose]();
        throw error;
      }
      return made;
    });
  }
  return entry;
}

/** Goes on to the next entry and lets go of the one before, also when there is none. */
async function step(entry: OpenEntry, next: () => Promise<OpenEntry>): Promise<OpenEntry> {
  try {
    return await next();
  } finally {
    await entry[Symbol.asyncDispose]();
  }
}

async function openUnlinked(directory: OpenEntry, name: string, at: string): Promise<OpenEntry> {
  const entry = await openIn(directory, name);
  if (!entry.stats.isSymbolicLink()) return entry;
  await entry[Symbol.asyncDispose]();
  throw new CodedError(`unexpected symlink found ${at}`, { code: 'PATH_IS_LINK' });
}
