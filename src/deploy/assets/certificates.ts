import { isIP } from 'node:net';
import type { Inventory, InventoryHost } from '../../api/config/v1/inventory.ts';
import { type CertificateSpec, firstAddress } from '../../pki/layouts/layout.ts';
import { DNS_USER } from '../desired/cluster-dns.ts';
import { packetServices } from '../desired/pod-network.ts';

const SERVER = ['digital signature', 'key encipherment', 'server auth'];
const CLIENT = ['digital signature', 'key encipherment', 'client auth'];
const BOTH = [...SERVER, 'client auth'];

/** Which authority signs a certificate. */
export type AuthorityName = 'cluster' | 'etcd' | 'front-proxy';

/** Every certificate that a cluster's hosts need, by the authority that signs it. Each host has its own, so that one more host changes nobody's. */
export function certificatesOf(inventory: Inventory): Readonly<Record<AuthorityName, readonly CertificateSpec[]>> {
  const masters = inventory.hosts.filter(({ roles }) => roles.includes('master'));
  const members = inventory.hosts.filter(({ roles }) => roles.includes('etcd'));
  const workers = inventory.hosts.filter(({ roles }) => roles.includes('worker'));
  return {
    cluster: [
      { name: 'admin', commonName: 'admin', organizations: ['system:masters'], usages: CLIENT },
      ...masters.flatMap((host) => [
        apiServer(inventory, host),
        own(host, 'kube-controller-manager', 'system:kube-controller-manager', CLIENT),
        own(host, 'kube-scheduler', 'system:kube-scheduler', CLIENT),
        ...(inventory.network.dns === 'muster' ? [own(host, DNS_USER, DNS_USER, CLIENT)] : []),
      ]),
      ...workers.flatMap((host) => [
        own(host, 'kube-proxy', 'system:kube-proxy', CLIENT),
        ...packetServices(inventory).map((name) => own(host, name, name, CLIENT)),
      ]),
    ],
    etcd: [
      ...members.map((host) => ({
        ...own(host, 'etcd', host.name, BOTH),
        dnsNames: ['localhost', host.name],
        ipAddresses: ['127.0.0.1', host.address],
      })),
      ...(members.length > 0 ? masters.map((host) => own(host, 'etcd-client', 'kube-apiserver-etcd-client', CLIENT)) : []),
    ],
    'front-proxy': masters.map((host) => own(host, 'front-proxy-client', 'front-proxy-client', CLIENT)),
  };
}

/** The name of a host's certificate among all. */
export const ownName = (host: string, name: string) => `hosts/${host}/${name}`;

function own({ name: host }: InventoryHost, name: string, commonName: string, usages: readonly string[]): CertificateSpec {
  return { name: ownName(host, name), commonName, usages };
}

/** Covers every name under which this API server is reached. To kubelets it is the user `kubernetes`. */
function apiServer({ endpoint, network }: Inventory, host: InventoryHost): CertificateSpec {
  const isName = isIP(endpoint.address) === 0;
  return {
    ...own(host, 'apiserver', 'kubernetes', BOTH),
    dnsNames: [
      ...new Set([
        'kubernetes',
        'kubernetes.default',
        'kubernetes.default.svc',
        `kubernetes.default.svc.${network.dnsDomain}`,
        'localhost',
        host.name,
        ...(isName ? [endpoint.address] : []),
      ]),
    ],
    ipAddresses: [
      ...new Set(['127.0.0.1', firstAddress(network.serviceCIDR), host.address, ...(isName ? [] : [endpoint.address])]),
    ],
  };
}
