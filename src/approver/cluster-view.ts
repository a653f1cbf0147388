import {
  hasCondition,
  isIssued,
  KUBE_APISERVER_CLIENT_KUBELET,
  KUBELET_SERVING,
} from '../api/certificates/v1/signer-conditions.ts';
import type { V1CertificateSigningRequest, V1Node } from '../api/gen/types.ts';
import type { Informer } from '../client/informer.ts';
import { parseCertificateRequest } from '../pki/certificate-request.ts';
import type { ClusterView } from './gather-facts.ts';
import { KeyBook } from './key-book.ts';
import { claimsOf } from './names/claims.ts';

const CLAIMS = 'claims';
const UNDECIDED = 'undecided';
const CREDENTIAL_ID = 'authentication.kubernetes.io/credential-id';
export const SUPERSEDED = 'Superseded';

/** Whether it is for a kubelet and nobody has decided yet. */
export function isUndecided(csr: V1CertificateSigningRequest): boolean {
  const { signerName } = csr.spec;
  return (
    (signerName === KUBELET_SERVING || signerName === KUBE_APISERVER_CLIENT_KUBELET) &&
    !isIssued(csr) &&
    !hasCondition(csr, 'Approved') &&
    !hasCondition(csr, 'Denied') &&
    !hasCondition(csr, 'Failed') &&
    !csr.metadata?.deletionTimestamp
  );
}

/** Told before: a newer request of the node has taken its place. */
export const isSuperseded = ({ status }: V1CertificateSigningRequest): boolean =>
  status?.conditions?.some(({ type }) => type === SUPERSEDED) ?? false;

export interface ViewInformers {
  readonly requests: Informer<V1CertificateSigningRequest>;
  readonly nodes: Informer<V1Node>;
}

/** A view on the copies that two informers keep. Call it before they start. */
export function createClusterView({ requests, nodes }: ViewInformers): ClusterView {
  const keys = new KeyBook();
  let names: ReadonlySet<string> | undefined;
  let recordsCredentials = false;
  nodes.addIndex(CLAIMS, claimsOf);
  requests.addIndex(UNDECIDED, (csr) => (isUndecided(csr) && !isSuperseded(csr) ? [ownerKey(csr)] : []));
  nodes.onChange(({ type }) => {
    if (type !== 'updated') names = undefined;
  });
  requests.onChange(({ type, object }) => {
    if (type !== 'added') return;
    if (
      (object.spec.extra as Record<string, unknown> | undefined)?.[CREDENTIAL_ID] &&
      object.spec.username?.startsWith('system:node:')
    )
      recordsCredentials = true;
    noteKey(keys, object);
  });
  return {
    node: (name) => nodes.get(name),
    nodeNames() {
      names ??= new Set(nodes.list().map(({ metadata }) => metadata?.name ?? ''));
      return names;
    },
    claimants: (name) => nodes.byIndex(CLAIMS, name).map(({ metadata }) => metadata?.name ?? ''),
    undecidedOf: (csr) => requests.byIndex(UNDECIDED, ownerKey(csr)),
    otherUserOfKey: (key, user) => keys.otherUser(key, user),
    get recordsCredentials() {
      return recordsCredentials;
    },
  };
}

const ownerKey = ({ spec }: V1CertificateSigningRequest) => `${spec.signerName} ${spec.username}`;

/** Only serving requests that were not denied: anybody may send a request with somebody else's key, and must not spoil it by that. */
function noteKey(keys: KeyBook, csr: V1CertificateSigningRequest): void {
  if (csr.spec.signerName !== KUBELET_SERVING || !isIssued(csr)) return;
  try {
    keys.note(parseCertificateRequest(Buffer.from(csr.spec.request, 'base64')).publicKeyDer, csr.spec.username ?? '');
  } catch {
    // Not readable: it will be judged by the rule that says so.
  }
}
