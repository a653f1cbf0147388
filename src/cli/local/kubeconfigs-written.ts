import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { writeFileAtomic } from '../../std/atomic-file.ts';

const FILE = 'kubeconfigs.json';

/** The kubeconfig files that a cluster's context was added to, so that `down` can take it out again. */
export async function kubeconfigsWritten(directory: string): Promise<string[]> {
  try {
    return JSON.parse(await readFile(join(directory, FILE), 'utf8')) as string[];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

export async function rememberKubeconfig(directory: string, path: string): Promise<void> {
  const known = await kubeconfigsWritten(directory);
  const absolute = resolve(path);
  if (known.includes(absolute)) return;
  await writeFileAtomic(join(directory, FILE), `${JSON.stringify([...known, absolute])}\n`, { mode: 0o600 });
}
