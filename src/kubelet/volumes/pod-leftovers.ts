/** Taking down what was mounted and written for a pod, by what is on disk alone: the kubelet that made it may be long dead. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Mounts } from '../../host/mounts.ts';
import { removeTree } from '../../host/remove-tree.ts';

/** Below `pods/<uid>`; the rest of it (messages of ended containers, the hosts file) is not the volumes'. */
export const VOLUME_PARTS = ['volume-subpaths', 'volumes', 'volumeDevices', 'plugins'] as const;

/**
 * Unmounts everything below the volume directories of a pod and removes them. Never removes what is still mounted: rejects, and can
 * be called again. `release` gives back what needs more than umount(8), given the pod's directory.
 */
export async function removeLeftovers(
  podDirectory: string,
  mounts: Mounts,
  release: (podDirectory: string) => Promise<void>,
): Promise<void> {
  // Parts of volumes first: they keep the volumes busy.
  await mounts.unmountAll(join(podDirectory, 'volume-subpaths'));
  await release(podDirectory);
  for (const part of VOLUME_PARTS) {
    const path = join(podDirectory, part);
    await mounts.unmountAll(path);
    await removeTree(path);
  }
}

/** Names in a directory; none when it is not there. */
export async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
