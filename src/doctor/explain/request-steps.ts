/** What became of a node's requests for certificates. */
import { hasCondition, isIssued } from '../../api/certificates/v1/signer-conditions.ts';
import type { V1CertificateSigningRequest } from '../../api/gen/types.ts';
import { parseCertificates } from '../../pki/certificate.ts';
import { day, fromNow } from '../checks/check.ts';
import type { SeenNode } from '../observations.ts';
import { type Step, timeOf } from './step.ts';

export interface RequestContext {
  /** Whether requests could be read. */
  readonly looked: boolean;
  /** Whether it has been there long ago at the latest. */
  readonly past: boolean;
  /** Requests of the node for that signer. */
  readonly count: number;
  readonly node?: SeenNode;
}

/** How far a request came: made, approved, signed; one missing step ends it. */
export function requestSteps(
  what: string,
  csr: V1CertificateSigningRequest | undefined,
  { looked, past, count, node }: RequestContext,
): Step[] {
  const title = `request for a ${what}`;
  if (!looked) return [{ state: 'unknown', title, seen: 'certificate requests may not be read' }];
  if (!csr) {
    // Requests are kept for an hour once they are done.
    if (past || node?.probe?.certificate?.selfSigned === false)
      return [{ state: 'done', title, seen: 'none is left: it was made long ago and is cleaned up, or there was another way' }];
    const remedy =
      what === 'serving certificate'
        ? 'serverTLSBootstrap: true in the kubelet’s configuration; without it the kubelet makes its own certificate'
        : 'start the kubelet with --bootstrap-kubeconfig and --kubeconfig: it has not reached the API server; muster doctor --ssh root@HOST says what its host shows';
    return [{ state: 'missing', title, seen: 'there is none', remedy }];
  }
  const name = csr.metadata?.name ?? '';
  const steps: Step[] = [
    // Of several the newest counts; how long the first one took is another story.
    count > 1
      ? { state: 'done', title, seen: `${name} by ${csr.spec.username}, the newest of ${count}` }
      : { state: 'done', title, seen: `${name} by ${csr.spec.username}`, atMs: timeOf(csr.metadata?.creationTimestamp) },
  ];
  const decided = csr.status?.conditions?.find(({ type }) => type === 'Approved' || type === 'Denied');
  const approval = `approval of ${name}`;
  if (decided?.type === 'Denied')
    return [
      ...steps,
      {
        state: 'missing',
        title: approval,
        seen: `Denied: ${decided.message ?? decided.reason ?? ''}`,
        remedy: `muster explain csr ${name}`,
      },
    ];
  if (!decided)
    return [
      ...steps,
      {
        ...{ state: 'missing', title: approval, seen: 'Pending: nobody has decided' },
        wanted:
          what === 'serving certificate'
            ? 'an approver or an administrator; kube-controller-manager never approves these'
            : 'a binding for automatic approval, or an administrator',
        remedy: `muster explain csr ${name}; to approve: kubectl certificate approve ${name}`,
      },
    ];
  steps.push({ state: 'done', title: approval, seen: decided.reason ?? 'Approved', atMs: timeOf(decided.lastUpdateTime) });
  const signing = `signing of ${name}`;
  if (isIssued(csr)) {
    const written =
      csr.metadata?.managedFields
        ?.filter(({ subresource }) => subresource === 'status')
        .map((entry) => timeOf(entry.time) ?? 0) ?? [];
    steps.push({
      state: 'done',
      title: signing,
      seen: `issued by ${csr.spec.signerName}`,
      ...(written.length > 0 && { atMs: Math.max(...written) }),
    });
  } else
    steps.push({
      ...{
        state: 'missing',
        title: signing,
        seen: hasCondition(csr, 'Failed') ? 'the signer refused it' : `${csr.spec.signerName} does not answer`,
      },
      remedy: 'give kube-controller-manager --cluster-signing-cert-file and --cluster-signing-key-file, and see that it runs',
    });
  return steps;
}

/** Whether the kubelet has come back with what was issued, as its next steps show, and whether that still holds. */
export function fetchStep(csr: V1CertificateSigningRequest, name: string, used: boolean, nowMs: number): Step {
  const title = 'certificate fetched';
  const endMs = endOf(csr);
  if (endMs !== undefined && endMs < nowMs) {
    const madeMs = timeOf(csr.metadata?.creationTimestamp) ?? 0;
    const ended = `it ended ${fromNow(endMs, nowMs)} (${day(endMs)})`;
    return endMs <= madeMs
      ? {
          ...{ state: 'missing', title, seen: `${ended}, before it was asked for: nobody can use it` },
          wanted: 'a certificate that lives longer than the five minutes by which signers set its beginning back',
          remedy: 'give kube-controller-manager a longer --cluster-signing-duration, and compare its clock',
        }
      : {
          ...{ state: 'missing', title, seen: `${ended}, and the node has asked for no other since` },
          remedy: `when the node is silent: muster rescue ${name}`,
        };
  }
  return used
    ? { state: 'done', title, seen: 'the kubelet has used it' }
    : { state: 'waiting', title, seen: 'the kubelet has not come with it yet', remedy: 'on the node: journalctl -u kubelet' };
}

function endOf({ status }: V1CertificateSigningRequest): number | undefined {
  try {
    return parseCertificates(Buffer.from(status?.certificate ?? '', 'base64'))[0]?.notAfterMs;
  } catch {
    return undefined; // whoever is to use it will say so
  }
}
