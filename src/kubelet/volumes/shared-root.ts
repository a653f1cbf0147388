import { mkdir, realpath } from 'node:fs/promises';
import type { MountEntry } from '../../host/mount-info.ts';
import type { Mounts } from '../../host/mounts.ts';

/** The mount that a path lies on. */
export function mountOf(entries: readonly MountEntry[], path: string): MountEntry | undefined {
  const above = entries.filter(({ mountPoint }) => {
    const prefix = mountPoint.endsWith('/') ? mountPoint : `${mountPoint}/`;
    return path === mountPoint || path.startsWith(prefix);
  });
  const deepest = Math.max(...above.map(({ mountPoint }) => mountPoint.length));
  return above.findLast(({ mountPoint }) => mountPoint.length === deepest);
}

/**
 * Lets mounts below the kubelet's directory reach containers (`mountPropagation`): on machines whose root is not shared it is bound to
 * itself and made so, as upstream does. Answers whether that was needed.
 */
export async function shareRoot(root: string, mounts: Mounts): Promise<boolean> {
  await mkdir(root, { recursive: true, mode: 0o750 });
  const mount = mountOf(await mounts.list(), await realpath(root));
  if (mount?.optionalFields.some((field) => field.startsWith('shared:'))) return false;
  await mounts.bind({ source: root, target: root, recursive: true });
  await mounts.share(root);
  return true;
}
