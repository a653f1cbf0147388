import { podKind } from '../../api/core/v1/pod.ts';
import type { V1Pod } from '../../api/gen/types.ts';
import { formatTime } from '../../api/machinery/object.ts';
import type { Client } from '../../client/client.ts';
import { unlessReason } from '../../client/unless-reason.ts';

export interface PodDisruption {
  reason: string;
  message: string;
  nowMs: number;
  /** Written with the condition, for a pod that nobody will report on any more. */
  phase?: 'Failed';
  gracePeriodSeconds?: number;
  signal: AbortSignal;
}

/** Says in a pod's condition DisruptionTarget why it goes, then deletes it. That it is gone already, or another of its name came, is fine. */
export async function disruptPod(client: Client, pod: V1Pod, disruption: PodDisruption): Promise<void> {
  const { namespace, name = '', uid } = pod.metadata ?? {};
  const { reason, message, nowMs, phase, gracePeriodSeconds, signal } = disruption;
  const resource = client.resource<V1Pod>(podKind, namespace);
  const now = formatTime(nowMs);
  const others = (pod.status?.conditions ?? []).filter((condition) => condition.type !== 'DisruptionTarget');
  const condition = {
    type: 'DisruptionTarget',
    status: 'True',
    ...(pod.metadata?.generation && { observedGeneration: pod.metadata.generation }),
    reason,
    message,
    lastTransitionTime: now,
    lastProbeTime: undefined,
  };
  const isSaid = pod.status?.conditions?.some((c) => c.type === 'DisruptionTarget' && c.status === 'True' && c.reason === reason);
  if (!isSaid || (phase && pod.status?.phase !== phase)) {
    // Of the version that was read: the list of conditions is replaced whole.
    const patch = {
      metadata: { uid, resourceVersion: pod.metadata?.resourceVersion },
      status: { ...(phase && { phase }), conditions: [...others, condition] },
    };
    if (!(await unlessReason(resource.patch(name, patch, { type: 'merge', subresource: 'status', signal }), 'NotFound'))) return;
  }
  await unlessReason(resource.delete(name, { gracePeriodSeconds, preconditions: { uid }, signal }), 'NotFound', 'Conflict');
}
