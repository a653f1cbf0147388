import {
  hasCondition,
  isIssued,
  KUBE_APISERVER_CLIENT_KUBELET,
  KUBELET_SERVING,
} from '../../api/certificates/v1/signer-conditions.ts';
import type { V1CertificateSigningRequest } from '../../api/gen/types.ts';
import { type Certificate, parseCertificates } from '../../pki/certificate.ts';
import type { Finding } from '../finding.ts';
import type { SeenRbac } from '../observations.ts';
import { type Check, day, fromNow } from './check.ts';
import { isSignedByAny } from './joining-checks.ts';
import { mayBeApproved } from './rbac-checks.ts';

/** Kubelets and approvers take seconds. */
const PENDING_MS = 5 * 60_000;
const UNISSUED_MS = 60_000;
const MANY = 3;
/** Restarts of a kubelet by hand are fewer. */
const AGAIN_AND_AGAIN = 10;
const HOUR_MS = 3_600_000;

const createdMs = ({ metadata }: V1CertificateSigningRequest) => Date.parse(String(metadata?.creationTimestamp ?? ''));
const isForKubelet = ({ spec }: V1CertificateSigningRequest) =>
  spec.signerName === KUBELET_SERVING || spec.signerName === KUBE_APISERVER_CLIENT_KUBELET;
const isPending = (csr: V1CertificateSigningRequest) =>
  !isIssued(csr) && !hasCondition(csr, 'Approved') && !hasCondition(csr, 'Denied') && !hasCondition(csr, 'Failed');

export const checkRequests: Check = ({ requests = [], nowMs, clientAuthorityPem, rbac }) => {
  const findings: Finding[] = [];
  const waiting = new Map<string, V1CertificateSigningRequest[]>();
  const refused = new Map<string, V1CertificateSigningRequest[]>();
  for (const csr of requests) {
    const subject = `csr/${csr.metadata?.name}`;
    if (isForKubelet(csr) && isPending(csr)) {
      const key = `${csr.spec.signerName} ${csr.spec.username}`;
      waiting.set(key, [...(waiting.get(key) ?? []), csr]);
    }
    const approved = csr.status?.conditions?.find(({ type }) => type === 'Approved');
    const approvedMs = Date.parse(String(approved?.lastUpdateTime ?? csr.metadata?.creationTimestamp ?? ''));
    if (approved && !isIssued(csr) && !hasCondition(csr, 'Failed') && nowMs - approvedMs > UNISSUED_MS)
      findings.push({
        ...{ code: 'DOC-302', severity: 'error', subject },
        message: 'A request is approved but no certificate is issued: its signer does not answer.',
        evidence: `approved ${fromNow(approvedMs, nowMs)}, signer ${csr.spec.signerName}`,
        remedy: 'give kube-controller-manager --cluster-signing-cert-file and --cluster-signing-key-file, and see that it runs',
      });
    if (isForKubelet(csr) && failureOf(csr)) {
      const key = `${csr.spec.signerName} ${csr.spec.username}`;
      refused.set(key, [...(refused.get(key) ?? []), csr]);
    }
  }
  const issued = issuedByAsker(requests);
  for (const group of issued.values()) findings.push(...checkIssued(group, nowMs));
  findings.push(...checkSigner([...issued.values()].flat(), clientAuthorityPem));
  for (const [key, group] of waiting) findings.push(...checkWaiting(key, group, nowMs, rbac));
  for (const group of refused.values()) findings.push(checkRefused(group));
  return findings;
};

const failureOf = ({ status }: V1CertificateSigningRequest) =>
  status?.conditions?.find(({ type }) => type === 'Failed' || type === 'Denied');
const newestOf = (group: readonly V1CertificateSigningRequest[]) => group.reduce((a, b) => (createdMs(b) > createdMs(a) ? b : a));

/** One for each who asks: a node that asks again and again must not hide what else is wrong. */
function checkRefused(group: readonly V1CertificateSigningRequest[]): Finding {
  const newest = newestOf(group);
  const failed = failureOf(newest);
  const others = group.length > 1 ? ` (the newest of ${group.length} of ${newest.spec.username})` : '';
  return {
    ...{ code: 'DOC-303', severity: 'warning', subject: `csr/${newest.metadata?.name}` },
    message: `A kubelet's request was ${failed?.type === 'Denied' ? 'denied' : 'not signed'}.`,
    evidence: `${failed?.reason ?? failed?.type}: ${failed?.message ?? ''}${others}`,
    remedy: `muster explain csr ${newest.metadata?.name}`,
  };
}

function checkWaiting(
  key: string,
  group: readonly V1CertificateSigningRequest[],
  nowMs: number,
  rbac: SeenRbac | undefined,
): Finding[] {
  const [signer = '', user = ''] = key.split(' ');
  const newest = newestOf(group);
  const oldestMs = group.reduce((oldest, csr) => Math.min(oldest, createdMs(csr)), Number.POSITIVE_INFINITY);
  const client = signer === KUBE_APISERVER_CLIENT_KUBELET;
  if (nowMs - oldestMs <= PENDING_MS) return [];
  const isByHand = client && rbac !== undefined && !mayBeApproved(rbac, newest.spec);
  const findings: Finding[] = [
    {
      ...{ code: 'DOC-301', severity: client ? 'error' : 'warning', subject: `csr/${newest.metadata?.name}` },
      message: client
        ? 'A node waits for its client certificate and cannot join.'
        : 'A node waits for its serving certificate: logs and exec fail, or its old certificate runs out.',
      evidence: `${user} asked first ${fromNow(oldestMs, nowMs)}; Pending${isByHand ? '; no binding lets the controller-manager approve requests of its groups' : ''}`,
      remedy: `${isByHand ? '' : `muster explain csr ${newest.metadata?.name}; to approve: `}kubectl certificate approve ${newest.metadata?.name}${isByHand ? '; for all: kubectl create clusterrolebinding auto-approve-csrs-for-group --clusterrole=system:certificates.k8s.io:certificatesigningrequests:nodeclient --group=system:bootstrappers' : ''}`,
    },
  ];
  if (group.length > MANY)
    findings.push({
      ...{ code: 'DOC-304', severity: 'info', subject: user },
      message: 'Requests of one node pile up; only the newest is of use to it.',
      evidence: `${group.length} Pending, the newest is ${newest.metadata?.name}`,
      remedy: `approve ${newest.metadata?.name} alone; the others are cleaned up by themselves`,
    });
  return findings;
}

/** Issued ones of kubelets, by signer and by the name that they are for. What cannot be read is its reader's trouble. */
function issuedByAsker(requests: readonly V1CertificateSigningRequest[]): Map<string, IssuedRequest[]> {
  const issued = requests.flatMap((csr): IssuedRequest[] => {
    if (!isForKubelet(csr) || !isIssued(csr)) return [];
    try {
      const shown = parseCertificates(Buffer.from(csr.status?.certificate ?? '', 'base64'));
      return [{ csr, certificate: shown[0]!, shown, madeMs: createdMs(csr) }];
    } catch {
      return [];
    }
  });
  return Map.groupBy(issued, ({ csr, certificate }) => `${csr.spec.signerName} ${certificate.commonName}`);
}

interface IssuedRequest {
  readonly csr: V1CertificateSigningRequest;
  readonly certificate: Certificate;
  /** With those on its way to an authority. */
  readonly shown: readonly Certificate[];
  readonly madeMs: number;
}

/** Who signs may do so with an authority that nobody takes. The newest tells: others may be of the time before a rotation. */
function checkSigner(issued: readonly IssuedRequest[], clientAuthorityPem: string | undefined): Finding[] {
  const clients = issued.filter(({ csr }) => csr.spec.signerName === KUBE_APISERVER_CLIENT_KUBELET);
  if (clientAuthorityPem === undefined || clients.length === 0) return [];
  const { certificate, shown, csr } = clients.reduce((a, b) => (b.madeMs > a.madeMs ? b : a));
  if (isSignedByAny(shown, clientAuthorityPem)) return [];
  return [
    {
      ...{ code: 'DOC-307', severity: 'error', subject: `csr/${csr.metadata?.name}` },
      message: 'Certificates of kubelets are signed by an authority that the API server does not take: they are answered 401.',
      evidence: `${certificate.commonName}, issued by CN=${certificate.issuerCommonName}, which is not in --client-ca-file`,
      remedy:
        'give kube-controller-manager by --cluster-signing-cert-file and --cluster-signing-key-file an authority that is in --client-ca-file of the API servers',
    },
  ];
}

function checkIssued(group: readonly IssuedRequest[], nowMs: number): Finding[] {
  const newest = group.reduce((a, b) => (b.madeMs > a.madeMs ? b : a));
  const { certificate, csr, madeMs } = newest;
  const lifeMs = certificate.notAfterMs - certificate.notBeforeMs;
  const findings: Finding[] = [];
  if (certificate.notAfterMs <= madeMs)
    findings.push({
      ...{ code: 'DOC-305', severity: 'error', subject: certificate.commonName },
      message: 'A signer issued a certificate that had ended before it was asked for: nobody can use it.',
      evidence: `csr/${csr.metadata?.name} of ${day(madeMs)}, valid ${day(certificate.notBeforeMs)} to ${day(certificate.notAfterMs)}, signer ${csr.spec.signerName}`,
      remedy:
        'give kube-controller-manager a longer --cluster-signing-duration (beginnings are set back by five minutes), and compare the clocks of masters',
    });
  // Renewals come after 70 % of a life at the earliest.
  const recent = group.filter((one) => nowMs - one.madeMs <= HOUR_MS).length;
  if (recent > AGAIN_AND_AGAIN + (2 * HOUR_MS) / lifeMs)
    findings.push({
      ...{ code: 'DOC-306', severity: 'warning', subject: certificate.commonName },
      message:
        'A kubelet asks for certificates again and again, though it gets them: it cannot keep them, or its addresses change.',
      evidence: `${recent} issued within an hour by ${csr.spec.signerName}, the newest is csr/${csr.metadata?.name}`,
      remedy:
        "look at the kubelet's log, at the disk and rights of its certificate directory, and at the Node's addresses; give it --node-ip",
    });
  return findings;
}
