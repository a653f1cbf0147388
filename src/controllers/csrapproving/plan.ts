import { hasCondition, isIssued, KUBE_APISERVER_CLIENT_KUBELET } from '../../api/certificates/v1/signer-conditions.ts';
import type { V1CertificateSigningRequest } from '../../api/gen/types.ts';
import { checkKubeletClientRequest, type RequestedNames } from '../csr/request-rules.ts';

/** A permission that lets a request be approved, and what the approval then says. */
export interface Recognizer {
  readonly subresource: 'selfnodeclient' | 'nodeclient';
  readonly message: string;
}

const SELF_NODE_CLIENT: Recognizer = {
  subresource: 'selfnodeclient',
  message: 'Auto approving self kubelet client certificate after SubjectAccessReview.',
};
const NODE_CLIENT: Recognizer = {
  subresource: 'nodeclient',
  message: 'Auto approving kubelet client certificate after SubjectAccessReview.',
};

/** Whether a decision is still open and could be ours. Serving certificates never are: nobody here knows a node's names. */
export function mayApprove(csr: V1CertificateSigningRequest): boolean {
  return (
    csr.spec.signerName === KUBE_APISERVER_CLIENT_KUBELET &&
    !isIssued(csr) &&
    !hasCondition(csr, 'Approved') &&
    !hasCondition(csr, 'Denied') &&
    !csr.metadata?.deletionTimestamp
  );
}

/** The permissions to try in order: a node that renews its own identity first, then anybody who may ask for a node's. Empty: not for us. */
export function planApproval(csr: V1CertificateSigningRequest, request: RequestedNames): readonly Recognizer[] {
  if (!mayApprove(csr) || checkKubeletClientRequest(request, csr.spec.usages ?? [])) return [];
  return csr.spec.username === request.commonName ? [SELF_NODE_CLIENT, NODE_CLIENT] : [NODE_CLIENT];
}

/** The question whether whoever filed the request has the permission. */
export function planReview(csr: V1CertificateSigningRequest, recognizer: Recognizer) {
  const { username, uid, groups, extra } = csr.spec;
  return {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    metadata: {},
    spec: {
      user: username ?? '',
      ...(uid && { uid }),
      ...(groups && { groups }),
      ...(extra && { extra }),
      resourceAttributes: {
        group: 'certificates.k8s.io',
        resource: 'certificatesigningrequests',
        subresource: recognizer.subresource,
        verb: 'create',
        version: '*',
      },
    },
  };
}
