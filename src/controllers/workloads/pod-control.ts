import { podKind } from '../../api/core/v1/pod.ts';
import type { V1Pod, V1PodTemplateSpec } from '../../api/gen/types.ts';
import type { ResourceKind } from '../../api/machinery/kind.ts';
import type { KubeObject } from '../../api/machinery/object.ts';
import type { Client } from '../../client/client.ts';
import type { EventRecorder } from '../../client/events.ts';
import { isNamespaceTerminating, unlessReason } from '../../client/unless-reason.ts';
import { controllerReference } from './owner.ts';
import type { PodWrites } from './pod-writes.ts';

/** A pod as a template says, owned by `owner`; the server completes its name. */
export function podFromTemplate(kind: ResourceKind, owner: KubeObject, template: V1PodTemplateSpec | undefined): V1Pod {
  const { labels, annotations, finalizers } = template?.metadata ?? {};
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: `${owner.metadata?.name}-`,
      namespace: owner.metadata?.namespace,
      ...(labels && { labels: { ...labels } }),
      ...(annotations && { annotations: { ...annotations } }),
      ...(finalizers && { finalizers: [...finalizers] }),
      ownerReferences: [controllerReference(kind, owner)],
    },
    spec: structuredClone(template?.spec),
  } as V1Pod;
}

export interface PodControlOptions {
  readonly client: Client;
  readonly events: EventRecorder;
  readonly writes: PodWrites;
  readonly signal: AbortSignal;
}

/** Creates a pod for its owner, with the event that tells of it. Undefined when its namespace is going. Rejects with what the server said. */
export async function createPod(owner: KubeObject, pod: V1Pod, options: PodControlOptions): Promise<V1Pod | undefined> {
  const { client, events, writes, signal } = options;
  try {
    const created = await client.resource<V1Pod>(podKind, owner.metadata?.namespace).create(pod, { signal });
    writes.written(owner.metadata?.uid ?? '', created);
    events.event(owner, 'Normal', 'SuccessfulCreate', `Created pod: ${created.metadata?.name}`);
    return created;
  } catch (error) {
    if (isNamespaceTerminating(error)) return undefined;
    if (!signal.aborted) events.event(owner, 'Warning', 'FailedCreate', `Error creating: ${(error as Error).message}`);
    throw error;
  }
}

/** Deletes a pod of its owner, with the event. That it is gone already is fine. */
export async function deletePod(owner: KubeObject, pod: V1Pod, options: PodControlOptions): Promise<void> {
  const { client, events, writes, signal } = options;
  const { namespace, name = '', uid } = pod.metadata ?? {};
  try {
    const deleted = await unlessReason(
      client.resource<V1Pod>(podKind, namespace).delete(name, { preconditions: { uid }, signal }),
      'NotFound',
      'Conflict',
    );
    writes.deleted(owner.metadata?.uid ?? '', pod);
    if (deleted) events.event(owner, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`);
  } catch (error) {
    if (!signal.aborted) events.event(owner, 'Warning', 'FailedDelete', `Error deleting: ${(error as Error).message}`);
    throw error;
  }
}

/**
 * Does `count` things in batches of 1, 2, 4, …: a cause that makes all fail (a quota) makes few requests. Answers how many succeeded and
 * the first failure, after which no further batch is begun.
 */
export async function inGrowingBatches(
  count: number,
  act: (index: number) => Promise<unknown>,
): Promise<{ done: number; error?: unknown }> {
  let done = 0;
  for (let begun = 0, size = 1; begun < count; size *= 2) {
    const batch = Math.min(size, count - begun);
    const first = begun;
    const results = await Promise.allSettled(Array.from({ length: batch }, (_, i) => act(first + i)));
    begun += batch;
    done += results.filter(({ status }) => status === 'fulfilled').length;
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) return { done, error: failed.reason };
  }
  return { done };
}
