import { mkdir, readdir, readlink, rm, stat, symlink, unlink } from 'node:fs/promises';
import { join } from 'node:path';

/** Upstream's limit of a link's name, with its ending. */
const LONGEST_NAME = 255;
const ENDING = '.log';

/** `<pod>_<namespace>_<container>-<id>.log`, as log shippers know it. */
function linkName(pod: { readonly name: string; readonly namespace: string }, container: string, id: string): string {
  const end = `-${id}${ENDING}`;
  return `${`${pod.name}_${pod.namespace}_${container}`.slice(0, LONGEST_NAME - end.length)}${end}`;
}

/** Links a container's log file into the directory of all containers' logs. What cannot be linked rejects. */
export async function linkLog(
  directory: string,
  log: {
    readonly pod: { readonly name: string; readonly namespace: string };
    readonly container: string;
    readonly id: string;
    readonly file: string;
  },
): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o755 });
  const link = join(directory, linkName(log.pod, log.container, log.id));
  try {
    await symlink(log.file, link);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    await unlink(link);
    await symlink(log.file, link);
  }
}

/** Takes away links into `logs` whose file is gone; links of other programs stay. */
export async function removeDeadLinks(directory: string, logs: string): Promise<void> {
  const names = await readdir(directory).catch(ifMissing<string[]>([]));
  for (const name of names.filter((entry) => entry.endsWith(ENDING))) {
    const link = join(directory, name);
    const target = await readlink(link).catch(() => undefined); // no link, or gone meanwhile
    if (!target?.startsWith(`${logs}/`)) continue;
    const there = await stat(link).catch(ifMissing(undefined));
    if (!there) await rm(link, { force: true });
  }
}

/** What is not there is answered with `value`; other errors stay. */
export function ifMissing<T>(value: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return value;
    throw error;
  };
}
