import type { RuntimeContainer } from '../runtime/runtime.ts';
import { newestOf } from './container-kinds.ts';
import { containerSubject } from './container-subject.ts';
import type { Pass } from './pod-pass.ts';
import type { ContainerStart, PodPlan } from './pod-plan.ts';

/**
 * A container that is not removed for so long is left where it is. One that was made may be one whose start another kubelet asked for just
 * before; of one that has failed to start the runtime says so a moment before it lets go of it.
 */
const GIVE_UP_MS = { created: 30_000, other: 5000 };

/**
 * Removes the containers that nobody needs and answers what may be started after that. What cannot be removed holds nothing up but its
 * own name, which the runtime keeps for it: that is waited for a while, then the next number is taken.
 *
 * @param listed as the runtime tells them
 */
export async function removeContainers(
  pass: Pass,
  plan: Pick<PodPlan, 'remove' | 'start'>,
  listed: readonly RuntimeContainer[],
  nowMs: number,
): Promise<readonly ContainerStart[]> {
  const { work, memory } = pass;
  const failures = new Map<string, string>();
  for (const id of plan.remove)
    try {
      await work.runtime.removeContainer(id);
      memory.unremovable.delete(id);
    } catch (error) {
      const { message } = error as Error;
      failures.set(id, message);
      if (!memory.unremovable.has(id)) memory.unremovable.set(id, nowMs);
      work.logger.warn('Failed to remove container', { podUid: pass.uid, containerID: id, err: error });
    }
  for (const id of memory.unremovable.keys()) if (!failures.has(id)) memory.unremovable.delete(id);

  return plan.start.flatMap((start): ContainerStart[] => {
    const { name } = start.container;
    const kept = newestOf(listed, name);
    const failure = kept && failures.get(kept.id);
    if (!kept || failure === undefined) return [start];
    const giveUpMs = kept.phase === 'created' ? GIVE_UP_MS.created : GIVE_UP_MS.other;
    if (nowMs - memory.unremovable.get(kept.id)! >= giveUpMs) return [{ ...start, attempt: kept.attempt + 1 }];
    tellWaiting(pass, name, failure);
    return [];
  });
}

function tellWaiting({ work, wanted, memory, trouble }: Pass, name: string, message: string): void {
  if (trouble.has(name)) return;
  const problem = { reason: 'CreateContainerError', message };
  trouble.set(name, problem);
  memory.problems.set(name, problem);
  work.events?.event(containerSubject(wanted.pod, name), 'Warning', 'Failed', `Error: ${message}`);
}
