import { lstat, mkdir, readdir, readlink, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { V1Pod } from '../../api/gen/types.ts';
import { linkAtomic } from '../../std/atomic-file.ts';
import { containerLogPath, type PodPaths, podLogDirectory } from './pod-paths.ts';

/** What the usual file systems take. */
const LONGEST_NAME = 255;
const SUFFIX = '.log';

/** The link by which log shippers find a container's log: `/var/log/containers/<pod>_<namespace>_<container>-<id>.log`. */
export function logLinkPath(paths: PodPaths, pod: V1Pod, container: string, containerId: string): string {
  const name = `${pod.metadata?.name}_${pod.metadata?.namespace}_${container}-${containerId}`;
  return join(paths.containerLogs, `${name.slice(0, LONGEST_NAME - SUFFIX.length)}${SUFFIX}`);
}

/** Makes that link; again and again if need be. Nothing is linked to a log that the runtime has not made. */
export async function linkLog(
  paths: PodPaths,
  pod: V1Pod,
  container: { readonly name: string; readonly attempt: number; readonly id: string },
): Promise<void> {
  const { name = '', namespace = '', uid = '' } = pod.metadata ?? {};
  const target = join(podLogDirectory(paths, { name, namespace, uid }), containerLogPath(container.name, container.attempt));
  if (!(await exists(target))) return;
  const link = logLinkPath(paths, pod, container.name, container.id);
  // None there, or something else in its place: either is replaced.
  if ((await readlink(link).catch(() => undefined)) === target) return;
  await mkdir(paths.containerLogs, { recursive: true, mode: 0o755 });
  await linkAtomic(link, target);
}

/** A link of ours, or what a kubelet that was killed while it made one has left. */
const OURS = /\.log$|^\.link-[0-9a-f]{12}$/;

/** Removes the links whose logs are gone. Answers how many there were. */
export async function removeDeadLinks(paths: PodPaths): Promise<number> {
  let removed = 0;
  for (const name of await namesIn(paths.containerLogs)) {
    if (!OURS.test(name)) continue;
    const link = join(paths.containerLogs, name);
    const entry = await lstat(link).catch(() => undefined); // removed by somebody else meanwhile
    if (!entry?.isSymbolicLink() || (await exists(link))) continue;
    await rm(link, { force: true });
    removed++;
  }
  return removed;
}

/** The log directories of all pods, by uid: `<namespace>_<name>_<uid>`. */
export async function logDirectories(paths: PodPaths): Promise<ReadonlyMap<string, string>> {
  const names = (await namesIn(paths.logs)).filter((name) => name.split('_').length === 3);
  return new Map(names.map((name) => [name.split('_')[2]!, join(paths.logs, name)]));
}

const exists = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  );

/** None where there is no such directory yet. */
export async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
