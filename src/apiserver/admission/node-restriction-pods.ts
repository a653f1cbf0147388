import { isDeepStrictEqual } from 'node:util';
import { nodeKind } from '../../api/core/v1/node.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import { apiReferenceOf, MIRROR_POD } from '../../api/core/v1/pod-references.ts';
import type { V1Pod } from '../../api/gen/types.ts';
import { notFound } from '../../api/machinery/status-error.ts';
import { quote } from '../authorization/forbidden.ts';
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
  const what = apiReferenceOf(pod);
  if (what) throw refuse(attributes, `node ${quote(node)} can not create pods that reference ${what}`);
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
