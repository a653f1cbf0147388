import type { Runtime, RuntimeContainer } from '../runtime/runtime.ts';

/**
 * Ended containers that nothing depends on: all of a name but the newest, from which a pod's status is told, and every one of a pod
 * that the node does not have.
 */
export function unneededContainers(containers: readonly RuntimeContainer[], podUids: ReadonlySet<string>): RuntimeContainer[] {
  const newest = new Map<string, number>();
  const keyOf = ({ podUid, name }: RuntimeContainer) => `${podUid}/${name}`;
  for (const container of containers)
    newest.set(keyOf(container), Math.max(newest.get(keyOf(container)) ?? 0, container.attempt));
  return containers.filter(
    (container) =>
      container.phase === 'exited' && (!podUids.has(container.podUid) || container.attempt < newest.get(keyOf(container))!),
  );
}

/** Removes them, to give their layers' room back. All are tried; rejects with the first failure. */
export async function removeUnneededContainers(
  runtime: Pick<Runtime, 'list' | 'removeContainer'>,
  podUids: ReadonlySet<string>,
): Promise<void> {
  const { containers } = await runtime.list();
  const results = await Promise.allSettled(unneededContainers(containers, podUids).map(({ id }) => runtime.removeContainer(id)));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}
