import { podKind } from '../../api/core/v1/pod.ts';
import { withPodCondition } from '../../api/core/v1/pod-conditions.ts';
import type { V1Pod } from '../../api/gen/types.ts';
import { isStatus } from '../../api/machinery/status-error.ts';
import type { Client } from '../../client/client.ts';
import type { EventRecorder } from '../../client/events.ts';
import { unlessReason } from '../../client/unless-reason.ts';

export interface EvictionContext {
  readonly client: Client;
  readonly events: EventRecorder;
  readonly nowMs: number;
  readonly signal: AbortSignal;
  /** Takes the node back from a pod that is not bound yet, which then waits for another. Whether it did. */
  takeBack(uid: string): boolean;
}

/**
 * Says in a victim's condition why it goes, deletes it with its own grace period, and tells of it. That it is gone already is fine. One
 * that something is still made ready for loses only its place.
 */
export async function evictVictim(victim: V1Pod, preemptor: V1Pod, nodeName: string, context: EvictionContext): Promise<void> {
  const { client, events, nowMs, signal } = context;
  const { namespace, name = '', uid = '', generation } = victim.metadata ?? {};
  const tell = () =>
    events.event(victim, 'Normal', 'Preempted', `Preempted by pod ${preemptor.metadata?.uid} on node ${nodeName}`);
  if (context.takeBack(uid)) {
    tell();
    return;
  }
  const pods = client.resource<V1Pod>(podKind, namespace);
  const condition = {
    type: 'DisruptionTarget',
    status: 'True',
    ...(generation && { observedGeneration: generation }),
    reason: 'PreemptionByScheduler',
    message: `${preemptor.spec?.schedulerName ?? 'default-scheduler'}: preempting to accommodate a higher priority pod`,
  };
  const { conditions } = withPodCondition(victim.status, condition, nowMs);
  const written = conditions?.filter(({ type }) => type === condition.type);
  try {
    const patch = { metadata: { uid }, status: { conditions: written } };
    await pods.patch(name, patch, { type: 'strategic', subresource: 'status', signal });
    if (!victim.metadata?.deletionTimestamp) await pods.delete(name, { preconditions: { uid }, signal });
  } catch (error) {
    if (isStatus(error, 'NotFound')) return;
    // Said of a uid that is not there any more, and as well when others write too often. Who is there still has not been told to go.
    if (!isStatus(error, 'Conflict')) throw error;
    const found = await unlessReason(pods.get(name, { signal }), 'NotFound');
    if (found?.metadata?.uid === uid) throw error;
    return;
  }
  tell();
}
