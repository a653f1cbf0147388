/** What :10250 of each node showed, and what kubelets run with. */
import { KUBELET_SERVING } from '../../api/certificates/v1/signer-conditions.ts';
import type { Finding } from '../finding.ts';
import type { Observations, SeenCertificate, SeenNode } from '../observations.ts';
import { type Check, day, fromNow } from './check.ts';
import { isReachedByServer } from './kubelet-reach.ts';
import { covers } from './name-cover.ts';

/** Kubelets renew between 70 and 90 % of the lifetime; who has not by then will not. */
const RENEWED_BY = 0.9;
/** As Go says that the other side ended one. */
const ENDED_HANDSHAKE = /remote error: tls: (internal error|handshake failure)/;
const OFFSET_WARNING_MS = 30_000;
const OFFSET_ERROR_MS = 5 * 60_000;

const nameOf = ({ node }: SeenNode) => node.metadata?.name ?? '';
const subjectOf = (seen: SeenNode) => `node/${nameOf(seen)}`;
const isReady = ({ node }: SeenNode) =>
  node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
const shareLived = ({ notBeforeMs, notAfterMs }: SeenCertificate, nowMs: number) =>
  (nowMs - notBeforeMs) / (notAfterMs - notBeforeMs);

export const checkServing: Check = (seen) => (seen.nodes ?? []).flatMap((node) => checkKubelet(node, seen));

function checkKubelet(seen: SeenNode, { nowMs, requests = [] }: Observations): Finding[] {
  const { probe } = seen;
  const subject = subjectOf(seen);
  if (!probe) return [];
  const at = `${probe.address}:${probe.port}`;
  const waiting = requests.filter(
    ({ spec, status }) =>
      spec.signerName === KUBELET_SERVING && spec.username === `system:node:${nameOf(seen)}` && !status?.certificate,
  );
  const { outOfReach } = seen;
  const endsServers = probe.unreachable !== undefined && outOfReach !== undefined && ENDED_HANDSHAKE.test(outOfReach);
  if (probe.endsHandshakes || endsServers)
    return [
      {
        ...{ code: 'DOC-519', severity: 'warning', subject },
        message:
          'A kubelet listens and ends every handshake, as one does that has no serving certificate yet: logs and exec fail.',
        evidence: `${at}: ${probe.endsHandshakes ? probe.unreachable : `the API server gets ${outOfReach}`}; ${waiting.length === 0 ? 'no request of its is there' : `Pending: ${waiting.map(({ metadata }) => metadata?.name).join(', ')}`}`,
        remedy: `muster explain node ${nameOf(seen)}`,
      },
    ];
  if (probe.unreachable !== undefined)
    return isReady(seen) && !isReachedByServer(seen) ? [unanswered(seen, `${at}: ${probe.unreachable}`)] : [];
  const findings: Finding[] = [];
  const { certificate } = probe;
  if (certificate) {
    const dates = `${day(certificate.notBeforeMs)} to ${day(certificate.notAfterMs)}`;
    const asked = waiting.some(({ metadata }) => Date.parse(String(metadata?.creationTimestamp)) > certificate.notBeforeMs);
    if (nowMs > certificate.notAfterMs)
      findings.push({
        ...{ code: 'DOC-502', severity: 'error', subject },
        message: 'A kubelet serves a certificate that has expired: logs and exec fail.',
        evidence: `it ended ${fromNow(certificate.notAfterMs, nowMs)} (${dates})`,
        remedy: asked
          ? `approve its newest request: kubectl get csr | grep ${nameOf(seen)}`
          : `look at the clock and log of the kubelet; restart it`,
      });
    else if (nowMs < certificate.notBeforeMs)
      findings.push({
        ...{ code: 'DOC-503', severity: 'error', subject },
        message: 'A kubelet serves a certificate of the future: a clock is wrong, the signer’s or ours.',
        ...{
          evidence: dates,
          remedy: 'set the clocks (chrony), then delete /var/lib/kubelet/pki/kubelet-server-* and restart the kubelet',
        },
      });
    else if (!certificate.selfSigned && shareLived(certificate, nowMs) > RENEWED_BY)
      findings.push({
        ...{ code: 'DOC-504', severity: 'error', subject },
        message: 'A kubelet should have renewed its serving certificate by now and has not.',
        evidence: `${Math.floor(shareLived(certificate, nowMs) * 100)} % of its life has passed (${dates}); ${asked ? 'a request is Pending' : 'no request is there'}`,
        remedy: asked
          ? `muster explain node ${nameOf(seen)}`
          : 'see that serverTLSBootstrap is on, that the kubelet reaches the API server, and its log',
      });
    if (certificate.selfSigned || probe.trusted === false)
      findings.push({
        ...{ code: 'DOC-505', severity: certificate.selfSigned ? 'info' : 'warning', subject },
        message: certificate.selfSigned
          ? 'A kubelet serves a certificate that it made itself; nobody can tell it from an impostor.'
          : "A kubelet's certificate does not lead to the cluster's authority: an API server with --kubelet-certificate-authority refuses it.",
        ...{
          evidence: `issued by ${certificate.issuer}`,
          remedy: 'set serverTLSBootstrap: true in its configuration and approve its request (muster approver)',
        },
      });
    if (!certificate.selfSigned && !covers(certificate.names, probe.address))
      findings.push({
        ...{ code: 'DOC-506', severity: 'error', subject },
        message:
          "A kubelet's certificate is not for the address that it is called by: metrics-server and a verifying API server refuse it.",
        ...{
          evidence: `${probe.address} is not among ${certificate.names.join(', ')}`,
          remedy: 'delete /var/lib/kubelet/pki/kubelet-server-* on the node and restart the kubelet; approve the new request',
        },
      });
  }
  if (probe.anonymousStatus !== undefined && probe.anonymousStatus < 400)
    findings.push({
      ...{ code: 'DOC-507', severity: 'error', subject },
      message: 'A kubelet shows its pods to callers without credentials.',
      ...{
        evidence: `GET https://${at}/pods answered ${probe.anonymousStatus}`,
        remedy: 'set authentication.anonymous.enabled: false and authorization.mode: Webhook',
      },
    });
  const offsetMs = probe.clockOffsetMs ?? 0;
  if (Math.abs(offsetMs) > OFFSET_WARNING_MS)
    findings.push({
      ...{ code: 'DOC-508', severity: Math.abs(offsetMs) > OFFSET_ERROR_MS ? 'error' : 'warning', subject },
      message: "A node's clock is wrong: certificates seem expired or not yet valid to it, and Leases seem stale.",
      evidence: `${Math.abs(Math.round(offsetMs / 1000))} s ${offsetMs > 0 ? 'ahead of' : 'behind'} this host`,
      remedy: 'on the node: chronyc makestep (or systemctl restart systemd-timesyncd)',
    });
  return findings;
}

function unanswered(seen: SeenNode, here: string): Finding {
  const { outOfReach } = seen;
  return {
    ...{ code: 'DOC-501', severity: 'warning', subject: subjectOf(seen) },
    message:
      outOfReach === undefined
        ? "A Ready node's :10250 does not answer here: logs and exec fail if the API server sees the same."
        : "A Ready node's :10250 does not answer here, and the API server cannot speak with it: logs and exec fail.",
    evidence: outOfReach === undefined ? here : `${here}; the API server: ${outOfReach}`,
    remedy: 'open the port towards the API servers, and see that the kubelet listens (ss -ltn)',
  };
}

/** A kubelet that does not know the API server, or that may not do what kubectl logs needs. */
export const checkRefusals: Check = ({ nodes = [] }) =>
  nodes.flatMap((seen) =>
    seen.refusal === undefined
      ? []
      : [
          {
            ...{ code: 'DOC-520', severity: 'warning', subject: subjectOf(seen) },
            message: 'A kubelet refuses the API server: logs and exec fail.',
            evidence: seen.refusal,
            remedy: seen.refusal.startsWith('Forbidden')
              ? 'bind cluster role system:kubelet-api-admin to that user'
              : "set authentication.x509.clientCAFile to the authority of the API server's client certificate, and give the API server --kubelet-client-certificate",
          },
        ],
  );

/** Where kubelets say how long their client certificates live; those whose time is nearly over did not renew. */
export const checkClientCertificates: Check = ({ nodes = [] }) =>
  nodes.flatMap((seen) => {
    const { clientTtlSeconds } = seen;
    if (clientTtlSeconds === undefined || clientTtlSeconds > 7 * 86_400) return [];
    // Short lives are renewed within hours of their end, and only what is past is sure.
    if (clientTtlSeconds > 0 && seen.configz?.['rotateCertificates'] !== false) return [];
    return [
      {
        ...{ code: 'DOC-509', severity: 'error', subject: subjectOf(seen) },
        message:
          clientTtlSeconds <= 0
            ? "A kubelet's client certificate has expired."
            : "A kubelet's client certificate ends soon and is not renewed.",
        evidence: `${Math.round(clientTtlSeconds / 3600)} hours left; rotateCertificates ${seen.configz?.['rotateCertificates'] ?? 'unknown'}`,
        remedy: 'set rotateCertificates: true and restart the kubelet; when the end has passed: muster rescue',
      } satisfies Finding,
    ];
  });

type Settings = Readonly<Record<string, unknown>>;
const at = (settings: Settings, ...path: readonly string[]): unknown =>
  path.reduce<unknown>(
    (value, key) => (typeof value === 'object' && value !== null ? (value as Settings)[key] : undefined),
    settings,
  );

/** Settings that guides get wrong, by what the kubelet runs with. */
export const checkSettings: Check = (seen) => [
  ...(seen.nodes ?? []).flatMap((node) => (node.configz ? checkSettingsOf(node, node.configz, seen) : [])),
  ...differingDrivers(seen),
];

function checkSettingsOf(node: SeenNode, settings: Settings, { dns }: Observations): Finding[] {
  const subject = subjectOf(node);
  const findings: Finding[] = [];
  const add = (code: Finding['code'], severity: Finding['severity'], message: string, evidence: string, remedy: string) =>
    findings.push({ code, severity, subject, message, evidence, remedy });
  if (at(settings, 'rotateCertificates') !== true)
    add(
      'DOC-510',
      'warning',
      'A kubelet does not renew its client certificate: when it ends, the node is gone.',
      `rotateCertificates ${JSON.stringify(at(settings, 'rotateCertificates') ?? null)}; a feature gate alone does not switch it on`,
      'set rotateCertificates: true',
    );
  if (at(settings, 'authorization', 'mode') === 'AlwaysAllow')
    add(
      'DOC-511',
      'error',
      'A kubelet lets every authenticated caller run commands in every pod.',
      'authorization.mode AlwaysAllow',
      'set authorization.mode: Webhook',
    );
  if (at(settings, 'authentication', 'anonymous', 'enabled') === true)
    add(
      'DOC-512',
      'warning',
      'A kubelet accepts callers without credentials.',
      'authentication.anonymous.enabled true',
      'set authentication.anonymous.enabled: false',
    );
  const readOnlyPort = at(settings, 'readOnlyPort');
  if (typeof readOnlyPort === 'number' && readOnlyPort > 0)
    add(
      'DOC-513',
      'warning',
      'A kubelet shows its pods on a port without any authentication.',
      `readOnlyPort ${readOnlyPort}`,
      'set readOnlyPort: 0',
    );
  if (at(settings, 'failSwapOn') === false)
    add(
      'DOC-514',
      'info',
      'A kubelet starts although swap may be on; where it is, memory limits do not hold as they say.',
      'failSwapOn false',
      'swapoff -a, take swap out of /etc/fstab, set failSwapOn: true',
    );
  const healthz = at(settings, 'healthzBindAddress');
  if (typeof healthz === 'string' && healthz !== '' && !/^(127\.|::1$)/.test(healthz) && at(settings, 'healthzPort') !== 0)
    add(
      'DOC-518',
      'info',
      'A kubelet answers for its health on an address that others reach, without asking who they are.',
      `healthzBindAddress ${healthz}`,
      'set healthzBindAddress: 127.0.0.1',
    );
  const domain = at(settings, 'clusterDomain');
  if (typeof domain === 'string' && domain.endsWith('.'))
    add(
      'DOC-515',
      'warning',
      "A kubelet's cluster domain ends in a dot, which lands in every pod's search list.",
      `clusterDomain ${JSON.stringify(domain)}`,
      `set clusterDomain: ${domain.slice(0, -1)}`,
    );
  const servers = at(settings, 'clusterDNS');
  const wanted = dns?.serviceAddresses ?? [];
  if (
    Array.isArray(servers) &&
    servers.length > 0 &&
    wanted.length > 0 &&
    !servers.some((server) => wanted.includes(server as string))
  )
    add(
      'DOC-516',
      'warning',
      'A kubelet tells pods of a DNS server that is not the cluster’s.',
      `clusterDNS ${JSON.stringify(servers)}, the Service has ${wanted.join(', ')}`,
      `set clusterDNS: [${wanted[0]}]`,
    );
  return findings;
}

function differingDrivers({ nodes = [] }: Observations): Finding[] {
  const drivers = new Map<string, string[]>();
  for (const seen of nodes) {
    const driver = at(seen.configz ?? {}, 'cgroupDriver');
    if (typeof driver === 'string') drivers.set(driver, [...(drivers.get(driver) ?? []), nameOf(seen)]);
  }
  if (drivers.size < 2) return [];
  const [few] = [...drivers].sort(([, a], [, b]) => a.length - b.length);
  return [
    {
      ...{ code: 'DOC-517', severity: 'info', subject: `node/${few![1][0]}` },
      message: "Kubelets use different cgroup drivers; each must have its own runtime's.",
      evidence: [...drivers].map(([driver, names]) => `${driver}: ${names.length}`).join(', '),
      remedy: 'compare with SystemdCgroup in /etc/containerd/config.toml of each node',
    },
  ];
}
