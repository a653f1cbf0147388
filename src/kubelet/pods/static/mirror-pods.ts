import { podKind } from '../../../api/core/v1/pod.ts';
import type { V1Node, V1Pod } from '../../../api/gen/types.ts';
import { isStatus } from '../../../api/machinery/status-error.ts';
import type { Client } from '../../../client/client.ts';
import { MIRROR_ANNOTATION } from '../wanted-pods.ts';

export interface MirrorOptions {
  readonly client: Client;
  readonly nodeName: string;
  readonly node: () => V1Node | undefined;
}

/**
 * Makes the API server's copy of a static pod as it has to be: made where there is none, made anew where it is of another version or
 * being deleted, deleted where there is no pod any more.
 */
export async function reconcileMirror(options: MirrorOptions, pod: V1Pod | undefined, mirror: V1Pod | undefined): Promise<void> {
  const fits =
    mirror && !mirror.metadata?.deletionTimestamp && mirror.metadata?.annotations?.[MIRROR_ANNOTATION] === pod?.metadata?.uid;
  if (fits) return;
  if (mirror) await deleteMirror(options.client, mirror);
  if (pod) await createMirror(options, pod);
}

async function createMirror({ client, nodeName, node }: MirrorOptions, pod: V1Pod): Promise<void> {
  const uid = node()?.metadata?.uid;
  // The API server takes mirrors of registered nodes alone: the next sync comes when this is one.
  if (!uid) return;
  const { uid: hash, creationTimestamp: _created, ...metadata } = pod.metadata ?? {};
  const owner = { apiVersion: 'v1', kind: 'Node', name: nodeName, uid, controller: true };
  const mirror: V1Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...metadata,
      annotations: { ...metadata.annotations, [MIRROR_ANNOTATION]: hash ?? '' },
      ownerReferences: [owner],
    },
    ...(pod.spec && { spec: pod.spec }),
  };
  try {
    await client.resource<V1Pod>(podKind, metadata.namespace).create(mirror);
  } catch (error) {
    if (!isStatus(error, 'AlreadyExists')) throw error;
  }
}

async function deleteMirror(client: Client, { metadata }: V1Pod): Promise<void> {
  const { name = '', namespace, uid } = metadata ?? {};
  try {
    await client
      .resource<V1Pod>(podKind, namespace)
      .delete(name, { gracePeriodSeconds: 0, ...(uid && { preconditions: { uid } }) });
  } catch (error) {
    if (!isStatus(error, 'NotFound') && !isStatus(error, 'Conflict')) throw error;
  }
}
