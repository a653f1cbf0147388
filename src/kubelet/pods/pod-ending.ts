import { podKind } from '../../api/core/v1/pod.ts';
import type { V1Pod } from '../../api/gen/types.ts';
import { isStatus } from '../../api/machinery/status-error.ts';
import type { Client } from '../../client/client.ts';
import type { PodSandbox, RuntimeContainer } from '../runtime/runtime.ts';
import { gracePeriodOf } from './container-stopper.ts';
import { tellKillFailure } from './kill-failure.ts';
import { type PodMemory, type PodWork, tellStatus, uidOf, type WantedPod } from './pod-work.ts';

/** The pod was deleted: end it within its grace period, tell how it ended, take everything away, and let the object go. */
export async function terminatePod(work: PodWork, wanted: WantedPod, memory: PodMemory, client: Client): Promise<void> {
  const { pod } = wanted;
  const containers = await stopPod(work, wanted, memory, effectiveGrace(pod, memory));
  if (memory.deleted) return;
  // A hollow pod that never began has nothing to tell.
  if (containers.length > 0 || work.starter.detailed)
    tellStatus(work, wanted, memory, { sandbox: undefined, containers, final: true });
  await release(work, uidOf(pod), memory);
  await work.statuses.settled(uidOf(pod));
  await deleteForGood(client, pod);
  memory.deleted = true;
}

/** The kubelet itself ends the pod: its status becomes Failed, its object stays. */
export async function failPod(work: PodWork, wanted: WantedPod, memory: PodMemory): Promise<void> {
  const { pod } = wanted;
  const containers = await stopPod(work, wanted, memory, memory.end?.gracePeriodSeconds ?? gracePeriodOf(pod));
  tellStatus(work, wanted, memory, { sandbox: undefined, containers, final: true });
  await release(work, uidOf(pod), memory);
}

/** The pod's containers have ended by themselves: nothing of it is needed but its dead containers, for their logs. */
export async function retirePod(work: PodWork, uid: string, memory: PodMemory): Promise<void> {
  if (memory.released) return;
  const { sandboxes, containers } = await work.runtime.list(uid);
  work.probes.forget(containers);
  const running = containers.filter(({ phase }) => phase === 'running');
  if (running.length > 0 && memory.wanted) await work.stopper.stopAll(memory.wanted.pod, running);
  const ready = sandboxes.filter((sandbox) => sandbox.ready);
  await stopSandboxes(work, memory.wanted?.pod ?? strangerOf(uid, sandboxes[0]), ready);
  await release(work, uid, memory);
}

/** Nobody knows the pod any more: whatever of it is left goes. */
export async function cleanUpPod(work: PodWork, uid: string, memory: PodMemory | undefined): Promise<void> {
  const { runtime, stopper, probes, starter, statuses, backoff } = work;
  const { sandboxes, containers } = await runtime.list(uid);
  const known = memory?.wanted?.pod;
  const pod = known ?? strangerOf(uid, sandboxes[0]);
  const grace = starter.detailed ? (known ? effectiveGrace(known, memory) : 0) : 0;
  await stopper.stopAll(pod, containers, { gracePeriodSeconds: grace });
  probes.forget(containers);
  for (const { id } of sandboxes) {
    await runtime.stopSandbox(id);
    await runtime.removeSandbox(id);
  }
  await starter.discard(uid);
  statuses.forget(uid);
  backoff.forget(uid);
}

/** Seconds. What the API server gave a deleted pod; a forced deletion gives none, and then the pod's own counts, as upstream. */
export function effectiveGrace(pod: V1Pod, memory: PodMemory | undefined): number {
  const given = [pod.metadata?.deletionGracePeriodSeconds, memory?.end?.gracePeriodSeconds].filter(
    (grace) => grace !== undefined && grace > 0,
  );
  return given.length > 0 ? Math.min(...(given as number[])) : (pod.spec?.terminationGracePeriodSeconds ?? 30);
}

/** Ends the pod's containers, tells meanwhile how they are, then stops its sandboxes. Answers what is left of the containers. */
async function stopPod(
  work: PodWork,
  wanted: WantedPod,
  memory: PodMemory,
  gracePeriodSeconds: number,
): Promise<readonly RuntimeContainer[]> {
  const { runtime, stopper, probes, starter, clock } = work;
  const { pod } = wanted;
  const uid = uidOf(pod);
  const before = await runtime.list(uid);
  // Liveness counts no more, readiness does.
  await probes.check(pod, before.containers, clock.now());
  const running = before.containers.filter(({ phase }) => phase === 'running');
  if (running.length > 0) {
    if (starter.detailed) {
      const sandbox = before.sandboxes.find(({ ready }) => ready);
      tellStatus(work, wanted, memory, { sandbox, containers: before.containers });
    }
    await stopper.stopAll(pod, running, { gracePeriodSeconds });
  }
  const { sandboxes, containers } = await runtime.list(uid);
  probes.forget(containers);
  await stopSandboxes(work, pod, sandboxes);
  return containers;
}

/** One after the other; the first that cannot be stopped is told in an event, and the call rejects. */
export async function stopSandboxes({ runtime, events }: PodWork, pod: V1Pod, sandboxes: readonly PodSandbox[]): Promise<void> {
  for (const { id } of sandboxes)
    try {
      await runtime.stopSandbox(id);
    } catch (error) {
      tellKillFailure(events, pod, 'KillPodSandbox', pod.metadata?.uid ?? '', error);
      throw error;
    }
}

async function release({ starter }: PodWork, uid: string, memory: PodMemory): Promise<void> {
  await starter.release(uid);
  memory.released = true;
}

async function deleteForGood(client: Client, { metadata }: V1Pod): Promise<void> {
  const { name = '', namespace = '', uid = '' } = metadata ?? {};
  try {
    await client.resource<V1Pod>(podKind, namespace).delete(name, { gracePeriodSeconds: 0, preconditions: { uid } });
  } catch (error) {
    if (!isStatus(error, 'NotFound') && !isStatus(error, 'Conflict')) throw error;
  }
}

/** A pod of which only its sandbox tells. */
function strangerOf(uid: string, sandbox: { readonly podName: string; readonly podNamespace: string } | undefined): V1Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { uid, name: sandbox?.podName ?? '', namespace: sandbox?.podNamespace ?? '' },
  };
}
