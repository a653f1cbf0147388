import { createHash } from 'node:crypto';
import { readlinkSync } from 'node:fs';
import { lstat, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { startTimeOf } from './process-identity.ts';

/** Of a name behind its prefix: the pid, in which namespace that counts, when the process started, and what makes it unique. */
const OWNER = /^([0-9a-z]{1,6})-([0-9a-f]{4})([0-9a-f]{4})-[A-Za-z0-9]{6}$/;

/** A directory of this process alone (mode 0700), which goes when it is disposed of. */
export interface ScratchDirectory extends AsyncDisposable {
  readonly path: string;
}

/**
 * Makes one whose name begins with the prefix. What a process that was killed left there under the same prefix is removed: only directories
 * of this user, whose name tells a process that runs no more. Names are short: sockets may lie there, and their paths have 104 characters at most.
 */
export async function makeScratchDirectory(parent: string, prefix: string): Promise<ScratchDirectory> {
  await removeLeftovers(parent, prefix);
  // Its owner is in the name from the beginning: a file in it might never have been written.
  const owner = `${process.pid.toString(36)}-${namespaceWord()}${startWord(process.pid)}`;
  const path = await mkdtemp(join(parent, `${prefix}${owner}-`));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

async function removeLeftovers(parent: string, prefix: string): Promise<void> {
  // Who may not list it can still make a directory there.
  for (const name of await readdir(parent).catch(() => [])) {
    if (!name.startsWith(prefix)) continue;
    const [, pid = '', namespace, start] = OWNER.exec(name.slice(prefix.length)) ?? [];
    // Of processes of another container nobody here knows whether they run.
    if (namespace !== namespaceWord() || startWord(Number.parseInt(pid, 36)) === start) continue;
    const path = join(parent, name);
    const found = await lstat(path).catch(() => undefined); // somebody else may have removed it meanwhile
    if (found?.isDirectory() && found.uid === process.getuid?.()) await rm(path, { recursive: true, force: true });
  }
}

/** Of pids; the same everywhere where there are no namespaces. */
function namespaceWord(): string {
  try {
    return wordOf(readlinkSync('/proc/self/ns/pid'));
  } catch {
    return wordOf('');
  }
}

/** Undefined: there is no such process. */
function startWord(pid: number): string | undefined {
  const time = startTimeOf(pid);
  return time === undefined ? undefined : wordOf(time);
}

const wordOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 4);
