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
  const found = podSpeaksOf(pod, audience, deps.reader);
  if (found === true) return;
  if (found.length) throw refuse(attributes, `error validating audience ${quote(audience)}: ${aggregated(found)}`);
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

/** Whether one of its volumes does; otherwise what of them could not be looked into. */
function podSpeaksOf(pod: V1Pod, audience: string, reader: ObjectReader): true | string[] {
  const missing = new Set<string>();
  for (const volume of pod.spec?.volumes ?? []) {
    const projected = volume.projected?.sources?.some(
      ({ serviceAccountToken }) => serviceAccountToken && (serviceAccountToken.audience ?? '') === audience,
    );
    if (projected) return true;
    const driverName = csiDriverOf(pod, volume, reader, missing);
    if (!driverName) continue;
    const driver = reader.get(csiDriverKind, '', driverName) as unknown as V1CSIDriver | undefined;
    if (!driver) missing.add(`csidriver.storage.k8s.io ${quote(driverName)} not found`);
    else if (driver.spec.tokenRequests?.some((request) => request.audience === audience)) return true;
  }
  return [...missing];
}

/** As upstream puts several errors into one. */
const aggregated = (messages: readonly string[]) => (messages.length === 1 ? messages[0]! : `[${messages.join(', ')}]`);

/** The drivers that have taken over the volumes of cloud providers (csi-translation-lib). */
const SUCCESSORS = {
  awsElasticBlockStore: 'ebs.csi.aws.com',
  azureDisk: 'disk.csi.azure.com',
  azureFile: 'file.csi.azure.com',
  cinder: 'cinder.csi.openstack.org',
  gcePersistentDisk: 'pd.csi.storage.gke.io',
  portworxVolume: 'pxd.portworx.com',
  vsphereVolume: 'csi.vsphere.vmware.com',
} as const;

function driverOf(source: V1Volume | NonNullable<V1PersistentVolume['spec']>): string | undefined {
  if (source.csi) return source.csi.driver;
  for (const [field, driver] of Object.entries(SUCCESSORS)) if (source[field as keyof typeof SUCCESSORS]) return driver;
  return undefined;
}

function csiDriverOf(pod: V1Pod, volume: V1Volume, reader: ObjectReader, missing: Set<string>): string | undefined {
  const claimName = volume.ephemeral ? `${pod.metadata?.name}-${volume.name}` : volume.persistentVolumeClaim?.claimName;
  if (!claimName) return driverOf(volume);
  const namespace = pod.metadata?.namespace ?? '';
  const claim = reader.get(persistentVolumeClaimKind, namespace, claimName) as unknown as V1PersistentVolumeClaim | undefined;
  if (!claim) missing.add(`persistentvolumeclaim ${quote(claimName)} not found`);
  const volumeName = claim?.spec?.volumeName;
  if (!volumeName) return undefined;
  const bound = reader.get(persistentVolumeKind, '', volumeName) as unknown as V1PersistentVolume | undefined;
  if (!bound) missing.add(`persistentvolume ${quote(volumeName)} not found`);
  return bound?.spec && driverOf(bound.spec);
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
