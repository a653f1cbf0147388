/** Kubelets on hosts that were looked at themselves: what keeps them from the cluster before it hears of them, and from coming back to it. */
import { type Certificate, parseCertificates } from '../../pki/certificate.ts';
import { CodedError } from '../../std/coded-error.ts';
import { shellWord } from '../../std/shell-word.ts';
import type { Finding } from '../finding.ts';
import type { HostObservations, Observations, SeenJoining } from '../observations.ts';
import { type Check, day, fromNow } from './check.ts';
import { covers } from './name-cover.ts';

const CLOCK_WARNING_MS = 30_000;
const CLOCK_ERROR_MS = 5 * 60_000;
const USER = 'system:node:';

export const checkJoining: Check = (seen) =>
  seen.hosts.flatMap((host) => [...checkClock(host), ...(hasKubelet(host) ? checkKubelet(host, seen) : [])]);

const kubeletOf = ({ units }: HostObservations) => units.find(({ component }) => component === 'kubelet');
const hasKubelet = (host: HostObservations) => kubeletOf(host) !== undefined;
const fileOf = ({ prefix }: HostObservations, path: string) => `file/${prefix}${path}`;

function checkClock({ clockOffsetMs = 0, hostName }: HostObservations): Finding[] {
  if (Math.abs(clockOffsetMs) <= CLOCK_WARNING_MS) return [];
  const severity = Math.abs(clockOffsetMs) > CLOCK_ERROR_MS ? 'error' : 'warning';
  return [
    {
      ...{ code: 'DOC-508', severity, subject: `host/${hostName}` },
      message: "A host's clock is wrong: certificates and tokens seem expired or not yet valid to it, and Leases seem stale.",
      evidence: `${Math.round(Math.abs(clockOffsetMs) / 1000)} s ${clockOffsetMs > 0 ? 'ahead of' : 'behind'} this host`,
      remedy: 'on the host: chronyc makestep (or systemctl restart systemd-timesyncd)',
    },
  ];
}

function checkKubelet(host: HostObservations, seen: Observations): Finding[] {
  const { nodes, nowMs } = seen;
  const unit = kubeletOf(host)!;
  const [client] = certificatesIn(host.kubeletClient?.pem);
  const given = client?.commonName.startsWith(USER) ? client.commonName.slice(USER.length) : undefined;
  const override = unit.flags.get('hostname-override');
  const name = (override || host.hostName).toLowerCase();
  const isReady = (node: string | undefined) =>
    nodes?.some(
      ({ node: { metadata, status } }) =>
        node !== undefined &&
        metadata?.name === node &&
        status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
    ) ?? false;
  if (isReady(name) || isReady(given)) return [];
  const isTrusted = foreignClient(host, seen.clientAuthorityPem) === undefined;
  const isUsable = client !== undefined && client.notAfterMs >= nowMs && isTrusted;
  const findings: Finding[] = [];
  if (!isTrusted)
    findings.push({
      ...{ code: 'DOC-825', severity: 'error', subject: fileOf(host, host.kubeletClient!.path) },
      message: 'A kubelet shows a certificate of an authority that the API server does not take: it is answered 401.',
      evidence: `${client!.commonName}, issued by CN=${client!.issuerCommonName} on ${day(client!.notBeforeMs)}`,
      remedy: `muster rescue ${shellWord(given ?? name)}`,
    });
  // Clouds of old gave nodes their names.
  const isNamed = unit.whole && (override || ['', 'external'].includes(unit.flags.get('cloud-provider') ?? ''));
  if (given !== undefined && given !== name && isNamed)
    findings.push({
      ...{ code: 'DOC-826', severity: 'error', subject: fileOf(host, host.kubeletClient!.path) },
      message: "A kubelet's certificate is another node's: under its name it may not write its own Node.",
      evidence: `${client!.commonName}; its name is ${name}, by ${override ? '--hostname-override' : "its host's"}`,
      remedy: `give it its name back (--hostname-override=${shellWord(given)}), or move its certificates and --kubeconfig away and let it join with a new token`,
    });
  if (!isUsable && host.joining) findings.push(...checkBootstrap(host, host.joining, seen));
  const isKnown = nodes?.some(({ node }) => node.metadata?.name === name || node.metadata?.name === given) ?? true;
  if (!isKnown && unit.whole)
    findings.push({
      ...{ code: 'DOC-411', severity: host.joining || client ? 'error' : 'info', subject: `host/${host.hostName}` },
      message: 'A host has a kubelet, and the cluster has no node of its name.',
      evidence: `${unit.path}; there is no Node ${name}`,
      remedy: `muster explain node ${shellWord(name)}; on the host: journalctl -u kubelet`,
    });
  return findings;
}

/** The certificate that a host's kubelet shows the API server, if that takes none of its authority. */
export function foreignClient(
  { kubeletClient }: HostObservations,
  clientAuthorityPem: string | undefined,
): Certificate | undefined {
  const shown = certificatesIn(kubeletClient?.pem);
  return clientAuthorityPem !== undefined && !isSignedByAny(shown, clientAuthorityPem) ? shown[0] : undefined;
}

/** What a kubelet that has no certificate yet, or none of use, finds when it asks for one. */
function checkBootstrap(host: HostObservations, joining: SeenJoining, seen: Observations): Finding[] {
  const { tokens, authorityPem, certificates, nowMs } = seen;
  const findings: Finding[] = [];
  const add = (code: Finding['code'], message: string, evidence: string, remedy: string) =>
    findings.push({ code, severity: 'error', subject: fileOf(host, joining.path), message, evidence, remedy });
  const restart = 'then on the host: systemctl restart kubelet';
  const [theirs, ours] = [certificatesIn(joining.authorityPem), certificatesIn(authorityPem)];
  if (
    theirs.length > 0 &&
    ours.length > 0 &&
    !theirs.some(({ publicKeyDer }) => ours.some((one) => one.publicKeyDer.equals(publicKeyDer)))
  )
    add(
      'DOC-822',
      "A kubelet is to join by a file with another authority than the cluster's: it takes the API server for an impostor.",
      `it trusts CN=${theirs[0]!.commonName} of ${day(theirs[0]!.notBeforeMs)}, the cluster's is CN=${ours[0]!.commonName} of ${day(ours[0]!.notBeforeMs)}`,
      `put the cluster's authority into ${joining.path} (kubectl config view --raw has it); ${restart}`,
    );
  const token = tokens?.find(({ id }) => id === joining.tokenId);
  const wrong =
    joining.tokenId === undefined || tokens === undefined
      ? undefined
      : token === undefined
        ? 'there is no such token: it was deleted, or cleaned up when it had expired'
        : token.expiresMs !== undefined && token.expiresMs < nowMs
          ? `it expired ${fromNow(token.expiresMs, nowMs)}`
          : token.usages.includes('authentication')
            ? token.problem
            : 'it may not be used to authenticate';
  if (wrong !== undefined)
    add(
      'DOC-823',
      'A kubelet is to join with a bootstrap token that opens nothing: it is answered 401.',
      `token ${joining.tokenId}: ${wrong}`,
      `muster token create, and put what it prints into ${joining.path}; ${restart}`,
    );
  const server = URL.canParse(joining.server) ? new URL(joining.server).hostname.replace(/^\[|\]$/g, '') : '';
  const shown = certificates.find(({ where }) => where === 'API server');
  if (server !== '' && shown && !covers(shown.names, server))
    add(
      'DOC-824',
      "A kubelet is to call the API server by a name that the API server's certificate is not for.",
      `${joining.server}; the certificate is for ${shown.names.join(', ')}`,
      `issue the API server's certificate again with ${server}, or put a name that it has into ${joining.path}; ${restart}`,
    );
  return findings;
}

/** None of what cannot be read, which whoever uses it will tell. */
function certificatesIn(pem: string | undefined): Certificate[] {
  try {
    return pem ? parseCertificates(pem) : [];
  } catch (error) {
    if (error instanceof CodedError) return [];
    throw error;
  }
}

/** Whether a certificate, or one that is shown with it, is signed by one of these authorities, whatever the dates. What cannot be read is not held against it. */
export function isSignedByAny(shown: readonly Certificate[], authoritiesPem: string): boolean {
  const authorities = certificatesIn(authoritiesPem);
  try {
    return authorities.length === 0 || shown.some((one) => authorities.some((authority) => one.isSignedBy(authority)));
  } catch (error) {
    if (error instanceof CodedError) return true;
    throw error;
  }
}
