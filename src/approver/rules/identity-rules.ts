/** Who asks, and for whom (kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#kubernetes-signers). */
import { isIssued, KUBE_APISERVER_CLIENT_KUBELET, KUBELET_SERVING } from '../../api/certificates/v1/signer-conditions.ts';
import { checkDnsSubdomain } from '../../api/machinery/names.ts';
import type { KubeObject } from '../../api/machinery/object.ts';
import type { RequestFacts } from '../request-facts.ts';
import { broken, type Finding, holds, quote, type Rule, unproven } from '../rule.ts';

export const USER_PREFIX = 'system:node:';
const NODES = 'system:nodes';
const AUTHENTICATED = 'system:authenticated';
/** Inventories and Nodes that go tell nobody. */
const LOOK_AGAIN_MS = 60_000;
/** A kubelet asks while it registers; clocks and retries take their time. */
const BEFORE_NODE_MS = 5 * 60_000;
const CREDENTIAL_ID = 'authentication.kubernetes.io/credential-id';

const userOf = ({ csr }: RequestFacts) => csr.spec.username ?? '';
const groupsOf = ({ csr }: RequestFacts) => csr.spec.groups ?? [];
/** A node that renews, and not a token that joins. */
export const isByNode = (facts: Pick<RequestFacts, 'csr'>) => (facts.csr.spec.username ?? '').startsWith(USER_PREFIX);

const madeMs = ({ metadata }: KubeObject) => Date.parse(String(metadata?.creationTimestamp ?? ''));
const isOlder = (one: KubeObject, other: KubeObject) => madeMs(one) <= madeMs(other);

const requested = (facts: RequestFacts, check: (request: RequestOf) => Finding): Finding =>
  facts.parsed.ok ? check(facts.parsed.request) : unproven('the request cannot be read');
type RequestOf = Extract<RequestFacts['parsed'], { ok: true }>['request'];

const signer: Rule = {
  code: 'APV-101',
  name: 'SignerSupported',
  sentence: 'The request is for a signer of kubelet certificates.',
  remedy: 'requests for other signers are decided by others; nothing to mend',
  check: ({ csr }) =>
    csr.spec.signerName === KUBELET_SERVING || csr.spec.signerName === KUBE_APISERVER_CLIENT_KUBELET
      ? holds(csr.spec.signerName)
      : broken(csr.spec.signerName ?? '', `${KUBELET_SERVING} or ${KUBE_APISERVER_CLIENT_KUBELET}`),
};

const servingUser: Rule = {
  code: 'APV-102',
  name: 'RequesterIsNode',
  sentence: 'The request was made by a user system:node:<name> with a legal node name.',
  purpose: 'serving',
  remedy: 'let the kubelet ask with its own client certificate; delete the request: kubectl delete csr CSR',
  check(facts) {
    const user = userOf(facts);
    const complaint = user.startsWith(USER_PREFIX) ? checkDnsSubdomain(user.slice(USER_PREFIX.length))[0] : undefined;
    if (!user.startsWith(USER_PREFIX)) return broken(`user ${quote(user)}`, 'user system:node:<name>');
    return complaint ? broken(`user ${quote(user)}: ${complaint}`, 'a legal node name') : holds(user);
  },
};

const groups: Rule = {
  code: 'APV-103',
  name: 'RequesterInNodeGroups',
  sentence: 'A node that asks is in the groups system:nodes and system:authenticated; who joins with a token, in the second.',
  remedy: "the kubelet's client certificate must say O=system:nodes: let the node join anew",
  check(facts) {
    const wanted = facts.purpose === 'serving' || isByNode(facts) ? [NODES, AUTHENTICATED] : [AUTHENTICATED];
    const missing = wanted.filter((group) => !groupsOf(facts).includes(group));
    return missing.length === 0
      ? holds(groupsOf(facts).join(', '))
      : broken(`groups ${quote(groupsOf(facts))}`, `${missing.join(' and ')} too`);
  },
};

const commonName: Rule = {
  code: 'APV-104',
  name: 'CommonNameIsRequester',
  sentence: 'The common name that is asked for is the name of the node that asks; with a token, a legal one.',
  remedy:
    'a node may only ask for itself: compare --hostname-override with the name in its client certificate, then delete the request',
  check: (facts) =>
    requested(facts, (request) => {
      if (facts.purpose === 'serving' || isByNode(facts))
        return request.commonName === userOf(facts)
          ? holds(request.commonName)
          : broken(`CN ${quote(request.commonName)}`, `CN ${quote(userOf(facts))}`);
      const name = request.commonName.startsWith(USER_PREFIX) ? request.commonName.slice(USER_PREFIX.length) : '';
      return checkDnsSubdomain(name).length === 0
        ? holds(request.commonName)
        : broken(`CN ${quote(request.commonName)}`, 'CN system:node:<legal node name>');
    }),
};

const organization: Rule = {
  code: 'APV-105',
  name: 'OrganizationIsNodes',
  sentence: 'The organization that is asked for is system:nodes, and no other.',
  remedy: 'delete the request: no kubelet asks for another organization',
  check: (facts) =>
    requested(facts, ({ organizations }) =>
      organizations.length === 1 && organizations[0] === NODES
        ? holds(NODES)
        : broken(`O ${quote(organizations) || 'nothing'}`, `O "${NODES}" alone`),
    ),
};

const subject: Rule = {
  code: 'APV-106',
  name: 'SubjectHoldsNothingElse',
  sentence: 'The subject holds nothing besides the common name and the organization.',
  remedy: 'delete the request: no kubelet asks for more',
  check: (facts) =>
    requested(facts, ({ organizationalUnits, otherSubjectAttributes }) => {
      const more = [...organizationalUnits.map((unit) => `OU=${unit}`), ...otherSubjectAttributes];
      return more.length === 0 ? holds('CN and O') : broken(`also ${quote(more)}`, 'CN and O alone');
    }),
};

const nodeExists: Rule = {
  code: 'APV-107',
  name: 'NodeExists',
  sentence: 'The Node object exists.',
  purpose: 'serving',
  remedy: 'kubectl get node NODE; the kubelet registers it, look at its log',
  check: ({ node, nodeName }) =>
    node ? holds(`Node ${nodeName}`) : unproven(`there is no Node ${quote(nodeName)}`, 'a Node object, which the kubelet makes'),
};

const nodeStays: Rule = {
  code: 'APV-108',
  name: 'NodeNotDeleted',
  sentence: 'The Node is not being deleted.',
  purpose: 'serving',
  remedy: 'a node that is leaving needs no certificate; if it is to stay, let it register anew',
  check: ({ node }) =>
    node?.metadata?.deletionTimestamp
      ? unproven(`deleted since ${node.metadata.deletionTimestamp}`, 'a Node that stays')
      : holds('not being deleted'),
};

const credential: Rule = {
  code: 'APV-109',
  name: 'MadeWithCertificate',
  sentence: 'The request was made with a client certificate and not by impersonation, where the API server records that.',
  purpose: 'serving',
  remedy: 'somebody acted as the node: see the audit log for who created CSR; then kubectl delete csr CSR',
  check({ csr, recordsCredentials }) {
    const recorded = (csr.spec.extra as Record<string, string[]> | undefined)?.[CREDENTIAL_ID];
    if (recorded?.length && recorded.every((id) => id.startsWith('X509SHA256='))) return holds(recorded[0]!);
    if (recorded?.length) return broken(`credential ${quote(recorded)}`, 'a client certificate (X509SHA256=…)');
    return recordsCredentials
      ? unproven('no credential is recorded, though the API server records them', 'a client certificate (X509SHA256=…)')
      : holds('the API server records no credentials');
  },
};

const newNode: Rule = {
  code: 'APV-110',
  name: 'NodeIsNew',
  sentence: 'Whoever joins with a token does not take the name of a node that exists.',
  purpose: 'client',
  remedy: 'delete the Node that is gone (kubectl delete node NODE), or allow it once with --allow-rejoin',
  check(facts) {
    if (isByNode(facts)) return holds('a node that renews');
    if (!facts.node) return holds(`no Node ${facts.nodeName} yet`);
    // In reports of what was decided long ago; the Node is then what came of it.
    if (isIssued(facts.csr) && isOlder(facts.csr, facts.node)) return holds(`Node ${facts.nodeName} came after it`);
    return facts.limits.allowRejoin
      ? holds('rejoining is allowed')
      : unproven(`Node ${quote(facts.nodeName)} exists`, 'a name that is free, or --allow-rejoin', LOOK_AGAIN_MS);
  },
};

const expectedNode: Rule = {
  code: 'APV-111',
  name: 'NodeExpected',
  sentence: 'A source that the node cannot write expects a node of this name.',
  purpose: 'client',
  remedy: 'add NODE to the inventory, or approve by hand: kubectl certificate approve CSR',
  check(facts) {
    if (isByNode(facts)) return holds('a node that renews');
    return facts.nodeExpected
      ? holds(`${facts.nodeName} is in the inventory`)
      : unproven(`${quote(facts.nodeName)} is in no inventory`, 'a node that the inventory names', LOOK_AGAIN_MS);
  },
};

const bootstrapper: Rule = {
  code: 'APV-112',
  name: 'RequesterMayJoin',
  sentence: 'A client certificate is asked for by the node itself or by a bootstrap token.',
  purpose: 'client',
  remedy: 'join with a bootstrap token: muster token create',
  check(facts) {
    if (isByNode(facts)) return holds('a node that renews');
    const byToken = /^system:bootstrap:[a-z0-9]{6}$/.test(userOf(facts)) && groupsOf(facts).includes('system:bootstrappers');
    return byToken
      ? holds(userOf(facts))
      : unproven(`user ${quote(userOf(facts))}`, 'system:bootstrap:<token id> in group system:bootstrappers');
  },
};

const ofThisNode: Rule = {
  code: 'APV-113',
  name: 'RequestOfThisNode',
  sentence: 'The request is not older than the Node object, which may have been deleted and made again for another machine.',
  purpose: 'serving',
  remedy: 'nothing: the kubelet asks again by itself; then kubectl delete csr CSR',
  check({ csr, node, isOrphan }) {
    if (isOrphan) return unproven('the Node was deleted since', 'a request of the Node that is there now');
    return node && madeMs(node) - madeMs(csr) > BEFORE_NODE_MS
      ? unproven(
          `asked at ${csr.metadata?.creationTimestamp}, Node made at ${node.metadata?.creationTimestamp}`,
          'a request of the Node that is there now',
        )
      : holds('of the Node that is there');
  },
};

export const IDENTITY_RULES: readonly Rule[] = [
  signer,
  servingUser,
  groups,
  commonName,
  organization,
  subject,
  nodeExists,
  nodeStays,
  credential,
  newNode,
  expectedNode,
  bootstrapper,
  ofThisNode,
];
