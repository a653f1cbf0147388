import type { Finding } from '../finding.ts';
import type { SeenCertificate } from '../observations.ts';
import { type Check, day, fromNow } from './check.ts';

const DAY_MS = 86_400_000;
/** An authority takes weeks to replace everywhere. */
const CA_SOON_MS = 180 * DAY_MS;
const SOON_MS = 30 * DAY_MS;
const NEARLY_MS = 7 * DAY_MS;

/** Everything that ends, but for nodes, which renew by themselves and are judged by that. */
export const checkCertificates: Check = ({ certificates, hosts, nowMs }) =>
  [...certificates, ...hosts.flatMap((host) => host.certificates)].flatMap((certificate) => checkEnd(certificate, nowMs));

function checkEnd(certificate: SeenCertificate, nowMs: number): Finding[] {
  const { where, notAfterMs, notBeforeMs, isCa } = certificate;
  const common = {
    subject: `certificate/${where}`,
    evidence: `${certificate.subject}, ${day(notBeforeMs)} to ${day(notAfterMs)}`,
  };
  const what = isCa ? 'authority' : 'certificate';
  const remedy = isCa
    ? 'make another authority, let everybody trust a bundle of both, issue all certificates again, then take the old one out of the bundle'
    : renewalOf(where);
  if (nowMs > notAfterMs)
    return [
      {
        ...common,
        code: 'DOC-601',
        severity: 'error',
        message: `The ${what} has expired, ${fromNow(notAfterMs, nowMs)}.`,
        // A kubelet renews its own while it holds; then only a token helps.
        remedy: where.endsWith('/kubelet-client-current.pem') ? 'let the kubelet join by another token: muster rescue' : remedy,
      },
    ];
  if (nowMs < notBeforeMs)
    return [
      {
        ...{ ...common, code: 'DOC-602', severity: 'error', message: `The ${what} is not valid yet: a clock is wrong.` },
        remedy: 'compare the clocks of this host and of the one that issued it',
      },
    ];
  // What lives for a day is renewed by machines; a share of the life is the measure then.
  const leftMs = notAfterMs - nowMs;
  const shortLived = notAfterMs - notBeforeMs < 2 * SOON_MS;
  const soon = isCa ? leftMs < CA_SOON_MS : shortLived ? leftMs < (notAfterMs - notBeforeMs) * 0.1 : leftMs < SOON_MS;
  if (!soon) return [];
  const severity = leftMs < NEARLY_MS ? 'error' : 'warning';
  return [
    {
      ...common,
      code: isCa ? 'DOC-604' : 'DOC-603',
      severity,
      message: `The ${what} ends ${fromNow(notAfterMs, nowMs)}.`,
      remedy,
    },
  ];
}

/** What issues it again, by whose place it lies in. */
function renewalOf(where: string): string {
  const rancher = /\/rancher\/(k3s|rke2)\//.exec(where)?.[1];
  if (rancher)
    return `systemctl restart ${rancher === 'k3s' ? 'k3s' : 'rke2-server'} (or its agent): what ends within 90 days is issued again at the start`;
  if (where.includes('/var/lib/k0s/')) return 'systemctl restart k0scontroller: it issues its certificates again at the start';
  if (where.includes('/snap/microk8s/')) return 'microk8s refresh-certs --cert server.crt, and front-proxy-client.crt';
  return 'issue it again: muster certs renew, or kubeadm certs renew all';
}

export const checkServer: Check = ({ server, serverNameProblem, clusterInfoAgrees, apiServers = [] }) => {
  const findings: Finding[] = [];
  if (apiServers.length > 1 && apiServers.includes(new URL(server).hostname.replace(/^\[|\]$/g, '')))
    findings.push({
      ...{ code: 'DOC-607', severity: 'info', subject: `server/${server}` },
      message: 'There are several API servers, and the kubeconfig names one of them: when it is away, so is the cluster.',
      evidence: `behind the Service kubernetes: ${apiServers.join(', ')}`,
      remedy: 'name an address that leads to all of them (a virtual one, or a balancer’s), in kubelets’ kubeconfigs too',
    });
  if (serverNameProblem !== undefined)
    findings.push({
      ...{ code: 'DOC-605', severity: 'error', subject: `server/${server}` },
      message: "The API server's certificate is not for the name by which the kubeconfig calls it.",
      ...{
        evidence: serverNameProblem,
        remedy: 'issue it again with that name (--apiserver-cert-extra-sans), or use a name that it has',
      },
    });
  if (clusterInfoAgrees === false)
    findings.push({
      ...{ code: 'DOC-606', severity: 'error', subject: 'configmap/kube-public/cluster-info' },
      message: 'cluster-info tells joining nodes another authority than this kubeconfig has.',
      ...{ evidence: 'certificate-authority-data differ', remedy: 'write the present authority into the ConfigMap cluster-info' },
    });
  return findings;
};

export const checkDns: Check = ({ dns }) => {
  if (!dns) return [];
  if (dns.serviceAddresses.length === 0)
    return [
      {
        ...{ code: 'DOC-701', severity: 'info', subject: 'service/kube-system/kube-dns' },
        message: 'There is no cluster DNS Service: pods find Services by environment variables alone.',
        ...{ evidence: 'no Service with k8s-app=kube-dns in kube-system', remedy: 'install CoreDNS, or run muster dns' },
      },
    ];
  if (dns.endpoints > 0) return [];
  return [
    {
      ...{ code: 'DOC-702', severity: 'error', subject: 'service/kube-system/kube-dns' },
      message: 'Nothing stands behind the cluster DNS Service: no name is resolved in pods.',
      ...{ evidence: 'no ready endpoint', remedy: 'kubectl -n kube-system get pods -l k8s-app=kube-dns' },
    },
  ];
};

export const checkApiServices: Check = ({ apiServices = [] }) =>
  apiServices.flatMap(({ name, service, available, reason }): Finding[] =>
    available
      ? []
      : [
          {
            ...{ code: 'DOC-703', severity: 'error', subject: `apiservice/${name}` },
            message:
              'An API that another server answers for is down: namespaces cannot be deleted, and clients that list all APIs fail.',
            ...{
              evidence: `Service ${service}, ${reason}`,
              remedy: `kubectl describe apiservice ${name}; kubectl get endpoints -A`,
            },
          },
        ],
  );
