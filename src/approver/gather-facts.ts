import { KUBELET_SERVING } from '../api/certificates/v1/signer-conditions.ts';
import type { V1CertificateSigningRequest, V1Node } from '../api/gen/types.ts';
import type { IpRange } from '../api/machinery/ip.ts';
import { type CertificateRequest, parseSpecRequest } from '../pki/certificate-request.ts';
import { type ClusterNames, deniedAddress, deniedDnsName } from './denied-names.ts';
import type { NameSource } from './names/name-source.ts';
import { proveNames } from './names/prove-names.ts';
import type { ApproverLimits, CurrentCertificate, NameFact, ParsedRequest, RequestFacts } from './request-facts.ts';
import type { Purpose } from './rule.ts';
import { isByNode, USER_PREFIX } from './rules/identity-rules.ts';

/** What the approver knows of the cluster, from its copies of Nodes and requests. */
export interface ClusterView {
  node(name: string): V1Node | undefined;
  /** Names of all nodes. */
  nodeNames(): ReadonlySet<string>;
  /** Nodes that claim a name in their Node object, or hold it in a certificate. */
  claimants(name: string): readonly string[];
  /** Whether the node claims the name in its Node object. */
  claims(nodeName: string, name: string): boolean;
  /** Undecided requests of the same node for the same signer, this one included, in no order; of a token's, that one alone. */
  undecidedOf(csr: V1CertificateSigningRequest): readonly V1CertificateSigningRequest[];
  /** The same with those that were approved; none for a request that is decided. */
  standingOf(csr: V1CertificateSigningRequest): readonly V1CertificateSigningRequest[];
  /** Whether the Node that it is of went while the request was there, whatever Node of that name came since. */
  isOrphan(csr: V1CertificateSigningRequest): boolean;
  otherUserOfKey(publicKeyDer: Uint8Array, user: string): string | undefined;
  readonly recordsCredentials: boolean;
}

export interface FactsContext {
  readonly view: ClusterView;
  readonly cluster: ClusterNames;
  readonly sources: readonly NameSource[];
  readonly allowedPrefixes: readonly IpRange[];
  readonly limits: ApproverLimits;
  /** What the node serves now; asked only when the names are not proven otherwise. */
  servedCertificate(node: V1Node): Promise<CurrentCertificate | undefined>;
  readonly signal: AbortSignal;
}

export const purposeOf = (csr: V1CertificateSigningRequest): Purpose =>
  csr.spec.signerName === KUBELET_SERVING ? 'serving' : 'client';

/** Collects all that the rules look at. Rejects only when the signal is aborted. */
export async function gatherFacts(csr: V1CertificateSigningRequest, context: FactsContext): Promise<RequestFacts> {
  const { view, limits } = context;
  const purpose = purposeOf(csr);
  const parsed = await parseRequest(csr);
  const request = parsed.ok ? parsed.request : undefined;
  const user = csr.spec.username ?? '';
  const nodeName = nodeOf(purpose === 'serving' || isByNode({ csr }) ? user : (request?.commonName ?? ''));
  const node = nodeName === '' ? undefined : view.node(nodeName);
  const undecided = view.undecidedOf(csr);
  const newerRequest = newerThan(csr, view.standingOf(csr));
  // A flood of one node must not become a flood of questions.
  const putAside = newerRequest !== undefined || undecided.length > limits.maxPendingPerNode;
  const names = request ? await namesOf(request, nodeName, putAside ? { ...context, sources: [] } : context) : [];
  return {
    csr,
    purpose,
    parsed,
    nodeName,
    node,
    isOrphan: view.isOrphan(csr),
    keyUsedBy: request && purpose === 'serving' ? view.otherUserOfKey(request.publicKeyDer, user) : undefined,
    recordsCredentials: view.recordsCredentials,
    names,
    current:
      node && !putAside && purpose === 'serving' && needsRenewal(names) ? await context.servedCertificate(node) : undefined,
    newerRequest,
    pendingOfNode: undecided.length,
    nodeExpected: purpose === 'client' && !isByNode({ csr }) ? await isExpected(nodeName, context) : undefined,
    limits,
  };
}

async function parseRequest(csr: V1CertificateSigningRequest): Promise<ParsedRequest> {
  try {
    const request = parseSpecRequest(csr.spec.request);
    return { ok: true, request, signatureHolds: await request.verifySignature() };
  } catch (error) {
    const { code = 'REQUEST_INVALID', message } = error as { code?: string; message: string };
    return { ok: false, code, message };
  }
}

const nodeOf = (user: string) => (user.startsWith(USER_PREFIX) ? user.slice(USER_PREFIX.length) : '');

/** More are refused by their number; there is no point in asking whose they are. */
const MOST_ASKED = 64;

async function namesOf(request: CertificateRequest, nodeName: string, context: FactsContext): Promise<NameFact[]> {
  const { view, cluster, sources, allowedPrefixes, signal } = context;
  const asked = [
    ...request.dnsNames.map((value) => ({ kind: 'dns' as const, value })),
    ...request.ipAddresses.map((value) => ({ kind: 'address' as const, value })),
  ];
  const nodeNames = view.nodeNames();
  const proven = await proveNames(asked.slice(0, MOST_ASKED), {
    nodeName,
    sources,
    allowedPrefixes,
    claimants: (name) => view.claimants(name),
    claims: (name) => view.claims(nodeName, name),
    deny: ({ kind, value }) =>
      kind === 'dns'
        ? deniedDnsName(value.toLowerCase(), nodeName, nodeNames, cluster)
        : deniedAddress(value, nodeName, nodeNames, cluster),
    signal,
  });
  const rest = asked.slice(MOST_ASKED).map((name) => ({ ...name, ownership: 'unknown' as const, by: 'not asked' }));
  return [...proven, ...rest];
}

const needsRenewal = (names: readonly NameFact[]) =>
  names.some(({ ownership }) => ownership !== 'proven' && ownership !== 'foreign');

/** Times have whole seconds: of a few requests of one second nobody can tell which the kubelet waits for. */
const MOST_AT_ONCE = 3;

/** By time of making and then by name, so that there is one order for everybody. */
export function newerThan(csr: V1CertificateSigningRequest, others: readonly V1CertificateSigningRequest[]): string | undefined {
  const madeAt = ({ metadata }: V1CertificateSigningRequest) => metadata?.creationTimestamp ?? '';
  const order = (request: V1CertificateSigningRequest) => `${madeAt(request)} ${request.metadata?.name ?? ''}`;
  let newest = csr;
  for (const other of others) if (order(other) > order(newest)) newest = other;
  if (newest.metadata?.name === csr.metadata?.name) return undefined;
  const few = others.filter((other) => madeAt(other) === madeAt(newest)).length <= MOST_AT_ONCE;
  return madeAt(newest) === madeAt(csr) && few ? undefined : newest.metadata?.name;
}

/** Undefined when no source lists nodes, or none of them can be asked. */
async function isExpected(nodeName: string, { sources, signal }: FactsContext): Promise<boolean | undefined> {
  const listing = sources.flatMap((source) => (source.expects ? [source.expects(nodeName, signal)] : []));
  const answers = await Promise.allSettled(listing);
  signal.throwIfAborted();
  if (answers.some((answer) => answer.status === 'fulfilled' && answer.value)) return true;
  return answers.some(({ status }) => status === 'fulfilled') ? false : undefined;
}
