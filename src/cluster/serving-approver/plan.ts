import { hasCondition, isIssued, KUBELET_SERVING } from '../../api/certificates/v1/signer-conditions.ts';
import type { V1CertificateSigningRequest } from '../../api/gen/types.ts';
import { checkKubeletServingRequest } from '../../controllers/csr/request-rules.ts';
import type { CertificateRequest } from '../../pki/certificate-request.ts';

/** What the cluster knows of a node because it started the node itself. */
export interface KnownNode {
  readonly name: string;
  readonly addresses: readonly string[];
}

export type ServingDecision =
  | { readonly type: 'approve'; readonly message: string }
  | { readonly type: 'deny'; readonly message: string }
  /** Somebody else decides: another signer, decided already, or a node that did not come from here. */
  | { readonly type: 'leave' };

const USER_PREFIX = 'system:node:';

/** Whether a request is for a kubelet's serving certificate and nobody has decided yet. */
export function isOpenServingRequest(csr: V1CertificateSigningRequest): boolean {
  return (
    csr.spec.signerName === KUBELET_SERVING &&
    !isIssued(csr) &&
    !hasCondition(csr, 'Approved') &&
    !hasCondition(csr, 'Denied') &&
    !csr.metadata?.deletionTimestamp
  );
}

/** The node that filed the request, when it is one of this cluster's own. */
export function askingNode(csr: V1CertificateSigningRequest, nodes: ReadonlyMap<string, KnownNode>): KnownNode | undefined {
  const username = csr.spec.username ?? '';
  return username.startsWith(USER_PREFIX) ? nodes.get(username.slice(USER_PREFIX.length)) : undefined;
}

/**
 * Decides on a serving request by what is known of the node that filed it: its own name and its own addresses, nothing else.
 * What the node says of itself in its Node object counts for nothing here.
 */
export function planServingDecision(
  csr: V1CertificateSigningRequest,
  request: CertificateRequest,
  signatureHolds: boolean,
  nodes: ReadonlyMap<string, KnownNode>,
): ServingDecision {
  if (!isOpenServingRequest(csr)) return { type: 'leave' };
  const node = askingNode(csr, nodes);
  if (!node) return { type: 'leave' };
  const deny = (what: string): ServingDecision => ({
    type: 'deny',
    message: `Node ${node.name} may not have this certificate: ${what}.`,
  });
  if (!csr.spec.groups?.includes('system:nodes')) return deny('it was not filed in group system:nodes');
  if (!signatureHolds) return deny('its signature does not hold');
  if (request.commonName !== csr.spec.username) return deny(`it names ${request.commonName}`);
  const wrong = checkKubeletServingRequest(request, csr.spec.usages ?? []);
  if (wrong) return deny(wrong);
  if (request.organizationalUnits.length + request.otherSubjectAttributes.length > 0)
    return deny('its subject holds more than a name');
  const foreign =
    request.dnsNames.find((name) => name !== node.name) ??
    request.ipAddresses.find((address) => !node.addresses.includes(address));
  if (foreign !== undefined) return deny(`${foreign} is not a name or address of the node`);
  return { type: 'approve', message: `Names and addresses are those that node ${node.name} was started with.` };
}
