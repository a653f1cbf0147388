import { isDeepStrictEqual } from 'node:util';
import { serviceAccountKind } from '../../api/core/v1/service-account.ts';
import type { V1CertificateSigningRequest, V1Node, V1PersistentVolumeClaim } from '../../api/gen/types.ts';
import { parseSpecRequest } from '../../pki/certificate-request.ts';
import { nodeNameOf } from '../authentication/identities.ts';
import { quote } from '../authorization/forbidden.ts';
import type { AdmissionAttributes, AdmissionPlugin, Authorizer, ObjectReader } from '../contracts.ts';
import { forbiddenNodeLabels } from './node-labels.ts';
import { checkEviction, checkPod, checkPodStatus } from './node-restriction-pods.ts';
import { checkNodeToken } from './node-restriction-tokens.ts';
import { refuse } from './refusal.ts';

export interface NodeRestrictionDeps {
  readonly reader: ObjectReader;
  readonly authorizer: Authorizer;
}

/** Throws when the node may not do what is asked. */
export type NodeCheck = (node: string, attributes: AdmissionAttributes, deps: NodeRestrictionDeps) => Promise<void> | void;

/**
 * A kubelet touches only what is its own (plugin/pkg/admission/noderestriction, with its texts). All of it but tokens, which are not
 * stored, is checked on what is about to be stored, behind whatever other plugins changed.
 */
export function createNodeRestriction(deps: NodeRestrictionDeps): AdmissionPlugin {
  const check = async (attributes: AdmissionAttributes) => {
    const node = nodeNameOf(attributes.user);
    if (!node) throw refuse(attributes, `could not determine node from user ${quote(attributes.user.name)}`);
    const { group, resource } = attributes.kind;
    await CHECKS[`${group}/${resource}`]?.(node, attributes, deps);
  };
  const isToken = ({ kind, subresource }: AdmissionAttributes) => kind === serviceAccountKind && subresource === 'token';
  return {
    name: 'NodeRestriction',
    handles: ({ user, operation }) => operation !== 'CONNECT' && nodeNameOf(user) !== undefined,
    /** Tokens as they were asked for: afterwards no audience could not be told from the API server's own. */
    async admit(attributes) {
      if (isToken(attributes)) await check(attributes);
    },
    async validate(attributes) {
      if (!isToken(attributes)) await check(attributes);
    },
  };
}

const pods: NodeCheck = (node, attributes, deps) => {
  switch (attributes.subresource) {
    case '':
      return checkPod(node, attributes, deps);
    case 'status':
      return checkPodStatus(node, attributes, deps);
    case 'eviction':
      return checkEviction(node, attributes, deps);
    default:
      throw refuse(
        attributes,
        `unexpected pod subresource ${quote(attributes.subresource)}, only 'status' and 'eviction' are allowed`,
      );
  }
};

const nodes: NodeCheck = (node, attributes) => {
  const requested = attributes.name || attributes.object?.metadata.name || '';
  if (requested !== node) {
    throw refuse(attributes, `node ${quote(node)} is not allowed to modify node ${quote(requested)}`);
  }
  const after = attributes.object as unknown as V1Node | undefined;
  const before = attributes.oldObject as unknown as V1Node | undefined;
  if (!after) return;
  if (attributes.operation === 'CREATE') {
    if (after.spec?.configSource) {
      throw refuse(attributes, `node ${quote(node)} is not allowed to create pods with a non-nil configSource`);
    }
    const labels = forbiddenNodeLabels(undefined, after.metadata?.labels);
    if (labels.length) {
      throw refuse(attributes, `node ${quote(node)} is not allowed to set the following labels: ${labels.join(', ')}`);
    }
    return;
  }
  if (after.spec?.configSource && !isDeepStrictEqual(after.spec.configSource, before?.spec?.configSource)) {
    throw refuse(attributes, `node ${quote(node)} is not allowed to update configSource to a new non-nil configSource`);
  }
  if (!isDeepStrictEqual(after.spec?.taints ?? [], before?.spec?.taints ?? [])) {
    throw refuse(attributes, `node ${quote(node)} is not allowed to modify taints`);
  }
  // The garbage collector would delete the Node for it, which a node may not (CVE-2025-5187).
  if (!isDeepStrictEqual(after.metadata?.ownerReferences ?? [], before?.metadata?.ownerReferences ?? [])) {
    throw refuse(attributes, `node ${quote(node)} is not allowed to modify ownerReferences`);
  }
  const labels = forbiddenNodeLabels(before?.metadata?.labels, after.metadata?.labels);
  if (labels.length) throw refuse(attributes, `is not allowed to modify labels: ${labels.join(', ')}`);
};

const claims: NodeCheck = (node, attributes) => {
  if (attributes.subresource !== 'status') throw refuse(attributes, 'may only update PVC status');
  if (attributes.operation !== 'UPDATE') throw refuse(attributes, `unexpected operation ${quote(attributes.operation)}`);
  const comparable = (object: unknown) => {
    const claim = structuredClone(object) as V1PersistentVolumeClaim;
    delete claim.metadata?.resourceVersion;
    delete claim.metadata?.managedFields;
    for (const field of ['capacity', 'conditions', 'allocatedResourceStatuses', 'allocatedResources'] as const) {
      delete claim.status?.[field];
    }
    return { ...claim, status: claim.status ?? {} };
  };
  if (isDeepStrictEqual(comparable(attributes.object), comparable(attributes.oldObject))) return;
  throw refuse(
    attributes,
    `node ${quote(node)} is not allowed to update fields other than status.quantity and status.conditions`,
  );
};

const leases: NodeCheck = (node, attributes) => {
  if (attributes.namespace !== 'kube-node-lease') {
    throw refuse(attributes, 'can only access leases in the "kube-node-lease" system namespace');
  }
  if (nameOf(attributes) !== node) {
    throw refuse(attributes, 'can only access node lease with the same name as the requesting node');
  }
};

const csiNodes: NodeCheck = (node, attributes) => {
  if (nameOf(attributes) !== node) throw refuse(attributes, 'can only access CSINode with the same name as the requesting node');
};

const resourceSlices: NodeCheck = (node, attributes) => {
  const { operation } = attributes;
  if (operation !== 'CREATE' && operation !== 'DELETE') return;
  const slice = (operation === 'CREATE' ? attributes.object : attributes.oldObject) as
    | { spec?: { nodeName?: string } }
    | undefined;
  if (slice?.spec?.nodeName === node) return;
  throw refuse(attributes, `can only ${operation.toLowerCase()} ResourceSlice with the same NodeName as the requesting node`);
};

const KUBELET_SIGNERS = ['kubernetes.io/kubelet-serving', 'kubernetes.io/kube-apiserver-client-kubelet'];

const certificateRequests: NodeCheck = (node, attributes) => {
  if (attributes.operation !== 'CREATE' || attributes.subresource) return;
  const { spec } = attributes.object as unknown as V1CertificateSigningRequest;
  if (!KUBELET_SIGNERS.includes(spec.signerName)) return;
  let commonName: string;
  try {
    commonName = parseSpecRequest(spec.request).commonName;
  } catch (error) {
    throw refuse(attributes, `unable to parse csr: ${(error as Error).message}`);
  }
  if (commonName !== `system:node:${node}`) {
    throw refuse(attributes, `can only create a node CSR with CN=system:node:${node}`);
  }
};

const nameOf = ({ name, object }: AdmissionAttributes) => name || object?.metadata.name || '';

const CHECKS: Readonly<Record<string, NodeCheck>> = {
  '/pods': pods,
  '/nodes': nodes,
  '/persistentvolumeclaims': claims,
  '/serviceaccounts': checkNodeToken,
  'coordination.k8s.io/leases': leases,
  'storage.k8s.io/csinodes': csiNodes,
  'resource.k8s.io/resourceslices': resourceSlices,
  'certificates.k8s.io/certificatesigningrequests': certificateRequests,
};
