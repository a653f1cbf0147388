import {
  hasCondition,
  isIssued,
  KUBE_APISERVER_CLIENT_KUBELET,
  KUBELET_SERVING,
} from '../api/certificates/v1/signer-conditions.ts';
import type { V1CertificateSigningRequest, V1Node } from '../api/gen/types.ts';
import type { Informer } from '../client/informer.ts';
import { type Certificate, parseCertificates } from '../pki/certificate.ts';
import type { Clock } from '../std/clock.ts';
import type { ClusterView } from './gather-facts.ts';
import { IssuedNames } from './issued-names.ts';
import { KeyBook } from './key-book.ts';
import { claimsOf } from './names/claims.ts';
import { canonicalName } from './names/name-table.ts';
import { USER_PREFIX } from './rules/identity-rules.ts';

const CLAIMS = 'claims';
const UNDECIDED = 'undecided';
const STANDING = 'standing';
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

const isRefused = (csr: V1CertificateSigningRequest) => hasCondition(csr, 'Denied') || hasCondition(csr, 'Failed');

/** Told before: a newer request of the node has taken its place. */
export const isSuperseded = ({ status }: V1CertificateSigningRequest): boolean =>
  status?.conditions?.some(({ type }) => type === SUPERSEDED) ?? false;

/**
 * Whose requests are looked at one after the other: a node's for one signer. Requests by tokens, which many nodes share, are each for
 * themselves.
 */
export function workKey({ spec, metadata }: V1CertificateSigningRequest): string {
  const byNode = spec.signerName === KUBELET_SERVING || (spec.username ?? '').startsWith(USER_PREFIX);
  return `${spec.signerName} ${spec.username}${byNode ? '' : ` ${metadata?.name}`}`;
}

/** The key of a node's serving requests. */
export const servingKey = (nodeName: string): string => `${KUBELET_SERVING} ${USER_PREFIX}${nodeName}`;

const identityOf = ({ metadata }: V1CertificateSigningRequest) => `${metadata?.name} ${metadata?.uid}`;

export interface ViewOptions {
  readonly requests: Informer<V1CertificateSigningRequest>;
  readonly nodes: Informer<V1Node>;
  readonly clock: Clock;
}

export interface WorkView extends ClusterView {
  /** Undecided requests of one `workKey`, put aside ones left out. */
  undecided(key: string): readonly V1CertificateSigningRequest[];
}

/** A view on the copies that two informers keep. Call it before they start, and start that of the nodes first. */
export function createClusterView({ requests, nodes, clock }: ViewOptions): WorkView {
  const keys = new KeyBook();
  const issued = new IssuedNames();
  let names: ReadonlySet<string> | undefined;
  let recordsCredentials = false;
  nodes.addIndex(CLAIMS, claimsOf);
  requests.addIndex(STANDING, (csr) => (isRefused(csr) || isSuperseded(csr) ? [] : [workKey(csr)]));
  requests.addIndex(UNDECIDED, (csr) => (isUndecided(csr) && !isSuperseded(csr) ? [workKey(csr)] : []));
  /** Requests that were there when their Node went: the Node of that name that comes after it is another one, at once or years later. */
  const orphans = new Set<string>();
  nodes.onChange(({ type, object, previous }) => {
    if (type !== 'updated') names = undefined;
    // While nobody watched it may have gone and come again.
    if (type !== 'deleted' && (!previous || previous.metadata?.uid === object.metadata?.uid)) return;
    const name = object.metadata?.name ?? '';
    issued.forget(name);
    for (const csr of requests.byIndex(UNDECIDED, servingKey(name))) orphans.add(identityOf(csr));
  });
  requests.onChange(({ type, object, previous }) => {
    if (type === 'deleted') {
      orphans.delete(identityOf(object));
      return;
    }
    const { extra, username = '' } = object.spec;
    if ((extra as Record<string, unknown> | undefined)?.[CREDENTIAL_ID] && username.startsWith(USER_PREFIX))
      recordsCredentials = true;
    const { signerName } = object.spec;
    if (signerName !== KUBELET_SERVING && signerName !== KUBE_APISERVER_CLIENT_KUBELET) return;
    if (isIssued(object) && !(previous && isIssued(previous)))
      noteIssued(object, keys, issued, (name) => nodes.get(name) !== undefined);
  });
  return {
    node: (name) => nodes.get(name),
    nodeNames() {
      names ??= new Set(nodes.list().map(({ metadata }) => metadata?.name ?? ''));
      return names;
    },
    claimants: (name) => [
      ...new Set([
        ...nodes.byIndex(CLAIMS, name).map(({ metadata }) => metadata?.name ?? ''),
        ...issued.holders(name, clock.now()),
      ]),
    ],
    claims: (nodeName, name) => nodes.byIndex(CLAIMS, name).some(({ metadata }) => metadata?.name === nodeName),
    undecidedOf: (csr) => requests.byIndex(UNDECIDED, workKey(csr)),
    // What is decided stays decided, whatever came later.
    standingOf: (csr) => (isUndecided(csr) ? requests.byIndex(STANDING, workKey(csr)) : []),
    undecided: (key) => requests.byIndex(UNDECIDED, key),
    isOrphan: (csr) => orphans.has(identityOf(csr)),
    otherUserOfKey: (key, user) => keys.otherUser(key, user),
    get recordsCredentials() {
      return recordsCredentials;
    },
  };
}

/** Only what was issued counts: anybody may send a request with somebody else's key or names, and must not spoil them by that. */
function noteIssued(
  { spec, status }: V1CertificateSigningRequest,
  keys: KeyBook,
  issued: IssuedNames,
  isNode: (name: string) => boolean,
): void {
  let certificate: Certificate | undefined;
  try {
    certificate = parseCertificates(Buffer.from(status?.certificate ?? '', 'base64'))[0];
  } catch {
    return; // whoever is to serve with it will say so
  }
  if (!certificate) return;
  // Of a first client certificate the user is a token; whose it is stands in it.
  const user = certificate.commonName;
  keys.note(certificate.publicKeyDer, user);
  const nodeName = user.slice(USER_PREFIX.length);
  if (spec.signerName !== KUBELET_SERVING || !user.startsWith(USER_PREFIX) || !isNode(nodeName)) return;
  const { dnsNames, ipAddresses, notBeforeMs, notAfterMs } = certificate;
  issued.note(nodeName, { names: [...dnsNames, ...ipAddresses].map(canonicalName), notBeforeMs, notAfterMs });
}
