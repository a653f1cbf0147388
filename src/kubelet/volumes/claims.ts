/** From a pod's volume to the PersistentVolume behind it (upstream's desired_state_of_world_populator.go). */

import { matchesNodeSelectorTerm } from '../../api/core/v1/node-selection.ts';
import { persistentVolumeKind } from '../../api/core/v1/persistent-volume.ts';
import { persistentVolumeClaimKind } from '../../api/core/v1/persistent-volume-claim.ts';
import type { V1Node, V1PersistentVolume, V1PersistentVolumeClaim, V1Pod, V1Volume } from '../../api/gen/types.ts';
import type { Client } from '../../client/client.ts';
import type { BoundClaim } from './volume-kind.ts';
import { volumeUses } from './volume-uses.ts';

/** Reads the claim and what it is bound to. Rejects in upstream's words when it is not, or not to be used so. */
export async function boundClaim(client: Client, pod: V1Pod, volume: V1Volume): Promise<BoundClaim> {
  const { namespace = '', name: podName } = pod.metadata ?? {};
  const { persistentVolumeClaim, ephemeral } = volume;
  const claimName = persistentVolumeClaim?.claimName ?? `${podName}-${volume.name}`;
  try {
    const claim = await readClaim(client, namespace, claimName);
    if (ephemeral) checkOwner(claim, pod);
    checkClaim(claim);
    const persistentVolume = await readVolume(client, claim);
    checkMode(pod, volume, persistentVolume);
    return { claim, persistentVolume, readOnly: persistentVolumeClaim?.readOnly ?? false };
  } catch (error) {
    throw new Error(`error processing PVC ${namespace}/${claimName}: ${(error as Error).message}`, { cause: error });
  }
}

async function readClaim(client: Client, namespace: string, name: string): Promise<V1PersistentVolumeClaim> {
  try {
    return await client.resource<V1PersistentVolumeClaim & { metadata: object }>(persistentVolumeClaimKind, namespace).get(name);
  } catch (error) {
    throw new Error(`failed to fetch PVC from API server: ${(error as Error).message}`, { cause: error });
  }
}

/** Somebody else's claim of the same name must not be taken for the pod's own. */
function checkOwner({ metadata }: V1PersistentVolumeClaim, pod: V1Pod): void {
  const isOwner = metadata?.ownerReferences?.some(({ controller, uid }) => controller && uid === pod.metadata?.uid);
  if (isOwner) return;
  const { namespace, name } = pod.metadata ?? {};
  throw new Error(`PVC ${metadata?.namespace}/${metadata?.name} was not created for pod ${namespace}/${name} (pod is not owner)`);
}

function checkClaim({ metadata, spec, status }: V1PersistentVolumeClaim): void {
  if (metadata?.deletionTimestamp) throw new Error('PVC is being deleted');
  if (status?.phase !== 'Bound') throw new Error('PVC is not bound');
  if (!spec?.volumeName) throw new Error('PVC has empty pvc.Spec.VolumeName');
}

async function readVolume(client: Client, { metadata, spec }: V1PersistentVolumeClaim): Promise<V1PersistentVolume> {
  const name = spec?.volumeName ?? '';
  let found: V1PersistentVolume;
  try {
    found = await client.resource<V1PersistentVolume & { metadata: object }>(persistentVolumeKind).get(name);
  } catch (error) {
    throw new Error(`failed to fetch PV ${name} from API server: ${(error as Error).message}`, { cause: error });
  }
  const { claimRef } = found.spec ?? {};
  if (!claimRef)
    throw new Error(`found PV object ${name} but it has a nil pv.Spec.ClaimRef indicating it is not yet bound to the claim`);
  if (claimRef.uid !== metadata?.uid)
    throw new Error(
      `found PV object ${name} but its pv.Spec.ClaimRef.UID ${claimRef.uid} does not point to claim.UID ${metadata?.uid}`,
    );
  return found;
}

function checkMode(pod: V1Pod, { name }: V1Volume, { spec }: V1PersistentVolume): void {
  const { mounted, devices } = volumeUses(pod);
  const mode = spec?.volumeMode ?? 'Filesystem';
  if (mounted.has(name) && mode !== 'Filesystem')
    throw new Error(`volume ${name} has volumeMode ${mode}, but is specified in volumeMounts`);
  if (devices.has(name) && mode !== 'Block')
    throw new Error(`volume ${name} has volumeMode ${mode}, but is specified in volumeDevices`);
}

/** Whether the volume can be reached from this node. */
export function fitsNode({ spec }: V1PersistentVolume, node: V1Node | undefined): boolean {
  const terms = spec?.nodeAffinity?.required?.nodeSelectorTerms;
  return !terms || terms.some((term) => matchesNodeSelectorTerm(term, node ?? {}));
}
