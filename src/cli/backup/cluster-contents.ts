import { lstat, readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Content } from './archive.ts';

/** What of a cluster's directory is worth keeping besides its store: who it is. Logs, locks and what pods left are not. */
const FILES = ['cluster.json', 'admin.kubeconfig', 'pki', 'front-proxy'] as const;
/** Of each node: what it shows the API server, and is shown by. */
const NODE_FILES = ['pki', 'kubeconfig', 'bootstrap-kubeconfig', 'config.yaml'] as const;

/** The files of a cluster's directory that a backup holds, by their places in it. */
export async function clusterContents(directory: string): Promise<Content[]> {
  const nodes = await readdir(join(directory, 'nodes')).catch(absentIs<string[]>([]));
  const tops = [...FILES, ...nodes.flatMap((node) => NODE_FILES.map((name) => join('nodes', node, name)))];
  return (await Promise.all(tops.map((top) => filesBelow(join(directory, top))))).flat().map((file) => ({
    path: relative(directory, file),
    file,
  }));
}

/** Files and links at or below a path, in order; none when it is not there. Sockets and the like are passed over. */
export async function filesBelow(path: string): Promise<string[]> {
  const stat = await lstat(path).catch(absentIs(undefined));
  if (!stat) return [];
  if (!stat.isDirectory()) return stat.isFile() || stat.isSymbolicLink() ? [path] : [];
  const names = (await readdir(path)).sort();
  return (await Promise.all(names.map((name) => filesBelow(join(path, name))))).flat();
}

const absentIs =
  <T>(value: T) =>
  (error: NodeJS.ErrnoException): T => {
    if (error.code === 'ENOENT') return value;
    throw error;
  };
