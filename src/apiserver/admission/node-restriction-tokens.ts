import { persistentVolumeKind } from '../../api/core/v1/persistent-volume.ts';
import { persistentVolumeClaimKind } from '../../api/core/v1/persistent-volume-claim.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import type {
  AuthenticationV1TokenRequest,
  V1CSIDriver,
  V1PersistentVolume,
  V1PersistentVolumeClaim,
  V1Pod,
  V1Volume,
} from '../../api/gen/types.ts';
import { notFound } from '../../api/machinery/status-error.ts';
import { csiDriverKind } from '../../api/storage/v1/csi-driver.ts';
import { quote } from '../authorization/forbidden.ts';
import type { AdmissionAttributes, ObjectReader } from '../contracts.ts';
import type { NodeCheck, NodeRestrictionDeps } from './node-restriction.ts';
import { refuse } from './refusal.ts';

/** A node asks for tokens bound to pods that run on it, for audiences that these pods speak of. */
export const checkNodeToken: NodeCheck = async (node, attributes, deps) => {
  if (attributes.operation !== 'CREATE' || attributes.subresource !== 'token') return;
  const request = attributes.object as unknown as AuthenticationV1TokenRequest;
  const ref = request.spec?.boundObjectRef;
  if (ref?.apiVersion !== 'v1' || ref.kind !== 'Pod' || !ref.name) {
    throw refuse(attributes, 'node requested token not bound to a pod');
  }
  if (!ref.uid) throw refuse(attributes, 'node requested token with a pod binding without a uid');
  const pod = await findPod(deps.reader, attributes.namespace, ref.name, ref.uid);
  if (!pod) throw notFound(podKind, ref.name);
  if (pod.metadata?.uid !== ref.uid) {
    throw refuse(
      attributes,
      `the UID in the bound object reference (${ref.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  }
  if (pod.spec?.nodeName !== node) {
    throw refuse(attributes, 'node requested token bound to a pod scheduled on a different node');
  }
  const audiences = request.spec?.audiences ?? [];
  if (audiences.length > 1) throw refuse(attributes, 'node may only request 0 or 1 audiences');
  const audience = audiences[0] ?? '';
  if (podSpeaksOf(pod, audience, deps.reader)) return;
  if (audience && (await mayRequestAudience(audience, attributes, deps))) return;
  throw refuse(
    attributes,
    `audience ${quote(audience)} not found in pod spec volume, ${attributes.user.name} is not authorized to request tokens for this audience`,
  );
};

async function findPod(reader: ObjectReader, namespace: string, name: string, uid: string): Promise<V1Pod | undefined> {
  const cached = reader.get(podKind, namespace, name) as unknown as V1Pod | undefined;
  if (cached?.metadata?.uid === uid) return cached;
  await reader.waitFresh(podKind);
  return reader.get(podKind, namespace, name) as unknown as V1Pod | undefined;
}

function podSpeaksOf(pod: V1Pod, audience: string, reader: ObjectReader): boolean {
  return (pod.spec?.volumes ?? []).some((volume) => {
    const projected = volume.projected?.sources?.some(
      ({ serviceAccountToken }) => serviceAccountToken && (serviceAccountToken.audience ?? '') === audience,
    );
    if (projected) return true;
    const driverName = csiDriverOf(pod, volume, reader);
    const driver = driverName && (reader.get(csiDriverKind, '', driverName) as unknown as V1CSIDriver | undefined);
    return driver ? (driver.spec.tokenRequests?.some((request) => request.audience === audience) ?? false) : false;
  });
}

function csiDriverOf(pod: V1Pod, volume: V1Volume, reader: ObjectReader): string | undefined {
  if (volume.csi) return volume.csi.driver;
  const claimName = volume.ephemeral ? `${pod.metadata?.name}-${volume.name}` : volume.persistentVolumeClaim?.claimName;
  if (!claimName) return undefined;
  const get = (kind: typeof podKind, namespace: string, name: string | undefined) =>
    name ? (reader.get(kind, namespace, name) as unknown) : undefined;
  const claim = get(persistentVolumeClaimKind, pod.metadata?.namespace ?? '', claimName) as V1PersistentVolumeClaim | undefined;
  const bound = get(persistentVolumeKind, '', claim?.spec?.volumeName) as V1PersistentVolume | undefined;
  return bound?.spec?.csi?.driver;
}

/** Credential providers may be given audiences by a rule on a verb of its own. */
async function mayRequestAudience(
  audience: string,
  { user, namespace, name }: AdmissionAttributes,
  { authorizer }: NodeRestrictionDeps,
): Promise<boolean> {
  const { decision } = await authorizer.authorize({
    user,
    verb: 'request-serviceaccounts-token-audience',
    isResourceRequest: true,
    path: '',
    group: '',
    version: 'v1',
    namespace,
    resource: audience,
    subresource: '',
    name,
  });
  return decision === 'allow';
}
