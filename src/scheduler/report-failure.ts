import { podKind } from '../api/core/v1/pod.ts';
import { withPodCondition } from '../api/core/v1/pod-conditions.ts';
import type { V1Pod } from '../api/gen/types.ts';
import { isStatus } from '../api/machinery/status-error.ts';
import type { Client } from '../client/client.ts';

export interface Failure {
  readonly reason: 'Unschedulable' | 'SchedulerError';
  readonly message: string;
  /** The node on which room is being made; null when there is none any more; undefined: as it was. */
  readonly nominatedNodeName?: string | null;
}

/**
 * What must be written into a pod's status to say why it has no place; undefined when it says so already, so that pods that fail again
 * and again cost nothing.
 */
export function failurePatch(pod: V1Pod, failure: Failure, nowMs: number): object | undefined {
  const { reason, message, nominatedNodeName } = failure;
  const existing = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled');
  const said = existing?.status === 'False' && existing.reason === reason && existing.message === message;
  const nominated = nominatedNodeName === undefined || (nominatedNodeName ?? '') === (pod.status?.nominatedNodeName ?? '');
  if (said && nominated) return undefined;
  const condition = {
    type: 'PodScheduled',
    status: 'False',
    ...(pod.metadata?.generation && { observedGeneration: pod.metadata.generation }),
    reason,
    message,
  };
  const { conditions } = withPodCondition(pod.status, condition, nowMs);
  const status = {
    ...(!said && { conditions: conditions?.filter(({ type }) => type === 'PodScheduled') }),
    ...(!nominated && { nominatedNodeName }),
  };
  return { metadata: { uid: pod.metadata?.uid }, status };
}

/** Writes it. A pod that is gone, or another one now, is fine. */
export async function writeStatus(client: Client, pod: V1Pod, patch: object, signal: AbortSignal): Promise<void> {
  const { namespace, name = '' } = pod.metadata ?? {};
  try {
    await client
      .resource<V1Pod>(podKind, namespace)
      .patch(name, patch, { type: 'strategic', subresource: 'status', signal, unread: true });
  } catch (error) {
    if (!isStatus(error, 'NotFound') && !isStatus(error, 'Conflict')) throw error;
  }
}
