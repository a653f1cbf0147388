import { isDeepStrictEqual } from 'node:util';
import { nodeKind } from '../../api/core/v1/node.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import type { V1Pod, V1Volume, V1VolumeProjection } from '../../api/gen/types.ts';
import { notFound } from '../../api/machinery/status-error.ts';
import { quote } from '../authorization/forbidden.ts';
import { MIRROR_POD, referencesOf } from '../authorization/pod-references.ts';
import type { AdmissionAttributes } from '../contracts.ts';
import type { NodeCheck, NodeRestrictionDeps } from './node-restriction.ts';
import { refuse } from './refusal.ts';

/** Mirror pods of its own are made by a node, and pods bound to it are deleted. */
export const checkPod: NodeCheck = async (node, attributes, deps) => {
  const { operation } = attributes;
  if (operation === 'CREATE') {
    await checkMirrorPod(node, attributes, deps);
    return;
  }
  if (operation !== 'DELETE') {
    throw refuse(
      attributes,
      `unexpected operation ${quote(operation)}, node ${quote(node)} can only create and delete mirror pods`,
    );
  }
  const existing = attributes.oldObject as unknown as V1Pod | undefined;
  if (existing?.spec?.nodeName !== node) {
    throw refuse(attributes, `node ${quote(node)} can only delete pods with spec.nodeName set to itself`);
  }
};

async function checkMirrorPod(node: string, attributes: AdmissionAttributes, { reader }: NodeRestrictionDeps): Promise<void> {
  const pod = attributes.object as unknown as V1Pod;
  const only = (what: string) => refuse(attributes, `node ${quote(node)} can only create pods with ${what} set to itself`);
  if (pod.metadata?.annotations?.[MIRROR_POD] === undefined) {
    throw refuse(
      attributes,
      `pod does not have ${quote(MIRROR_POD)} annotation, node ${quote(node)} can only create mirror pods`,
    );
  }
  if (pod.spec?.nodeName !== node) throw only('spec.nodeName');
  const owners = pod.metadata.ownerReferences ?? [];
  const [owner] = owners;
  if (owners.length > 1) throw only('a single owner reference');
  if (owner?.apiVersion !== 'v1' || owner.kind !== 'Node' || owner.name !== node) throw only('an owner reference');
  if (!owner.controller) throw only('a controller owner reference');
  if (owner.blockOwnerDeletion) {
    throw refuse(attributes, `node ${quote(node)} must not set blockOwnerDeletion on an owner reference`);
  }
  let stored = reader.get(nodeKind, '', node);
  if (stored?.metadata.uid !== owner.uid) {
    await reader.waitFresh(nodeKind);
    stored = reader.get(nodeKind, '', node);
  }
  if (!stored) throw notFound(nodeKind, node);
  if (stored.metadata.uid !== owner.uid) {
    throw refuse(attributes, `node ${node} UID mismatch: expected ${owner.uid} got ${stored.metadata.uid}`);
  }
  const what = escapingReference(pod);
  if (what) throw refuse(attributes, `node ${quote(node)} can not create pods that reference ${what}`);
}

/** What a pod refers to; a node must not get at other objects by making pods (pkg/api/pod HasAPIObjectReference). */
function escapingReference(pod: V1Pod): string | undefined {
  const { secrets, configMaps, serviceAccount } = referencesOf(pod);
  if (serviceAccount) return 'serviceaccounts';
  if (secrets.size) return 'secrets';
  if (configMaps.size) return 'configmaps';
  if (pod.spec?.resourceClaims?.length) return 'resourceclaims';
  for (const volume of pod.spec?.volumes ?? []) {
    const what = volumeReference(volume);
    if (what) return what;
  }
  return undefined;
}

const VOLUME_REFERENCES: readonly (readonly [source: keyof V1Volume, what: string])[] = [
  ['configMap', 'configmaps (via configmap volumes)'],
  ['secret', 'secrets (via secret volumes)'],
  ['csi', 'csidrivers (via CSI volumes)'],
  ['glusterfs', 'endpoints (via glusterFS volumes)'],
  ['persistentVolumeClaim', 'persistentvolumeclaims'],
  ['ephemeral', 'persistentvolumeclaims (via ephemeral volumes)'],
  ['azureFile', 'secrets (via azureFile volumes)'],
];
const PROJECTED_REFERENCES: readonly (readonly [source: keyof V1VolumeProjection, what: string])[] = [
  ['configMap', 'configmaps (via projected volumes)'],
  ['secret', 'secrets (via projected volumes)'],
  ['serviceAccountToken', 'serviceaccounts (via projected volumes)'],
  ['clusterTrustBundle', 'clustertrustbundles'],
  ['podCertificate', 'podcertificates'],
];

/** Also what names no object needs the API: drivers are looked up there, and tokens are asked for. */
function volumeReference(volume: V1Volume): string | undefined {
  const found = VOLUME_REFERENCES.find(([source]) => volume[source] !== undefined);
  if (found) return found[1];
  for (const source of volume.projected?.sources ?? []) {
    const projected = PROJECTED_REFERENCES.find(([name]) => source[name] !== undefined);
    if (projected) return projected[1];
  }
  return undefined;
}

export const checkPodStatus: NodeCheck = (node, attributes) => {
  if (attributes.operation !== 'UPDATE') throw refuse(attributes, `unexpected operation ${quote(attributes.operation)}`);
  const before = attributes.oldObject as unknown as V1Pod;
  const after = attributes.object as unknown as V1Pod;
  if (before.spec?.nodeName !== node) {
    throw refuse(attributes, `node ${quote(node)} can only update pod status for pods with spec.nodeName set to itself`);
  }
  if (!isDeepStrictEqual({ ...before.metadata?.labels }, { ...after.metadata?.labels })) {
    throw refuse(attributes, `node ${quote(node)} cannot update labels through pod status`);
  }
  if (!isDeepStrictEqual(before.status?.resourceClaimStatuses ?? [], after.status?.resourceClaimStatuses ?? [])) {
    throw refuse(attributes, `node ${quote(node)} cannot update resource claim statues`);
  }
  if (!isDeepStrictEqual(before.status?.extendedResourceClaimStatus, after.status?.extendedResourceClaimStatus)) {
    throw refuse(attributes, `node ${quote(node)} cannot update extended resource claim status`);
  }
};

export const checkEviction: NodeCheck = async (node, attributes, { reader }) => {
  if (attributes.operation !== 'CREATE') throw refuse(attributes, `unexpected operation ${attributes.operation}`);
  const name = attributes.name || attributes.object?.metadata?.name;
  if (!name) throw refuse(attributes, 'could not determine pod from request data');
  let pod = reader.get(podKind, attributes.namespace, name) as unknown as V1Pod | undefined;
  if (pod?.spec?.nodeName !== node) {
    await reader.waitFresh(podKind);
    pod = reader.get(podKind, attributes.namespace, name) as unknown as V1Pod | undefined;
  }
  if (!pod) throw notFound(podKind, name);
  if (pod.spec?.nodeName !== node) {
    throw refuse(attributes, `node ${node} can only evict pods with spec.nodeName set to itself`);
  }
};
