import { join } from 'node:path';
import { CodedError } from '../../std/coded-error.ts';
import { writeAddress } from '../der/alternative-names.ts';

/** One certificate of a cluster that is put together by hand, as the runbooks do it. */
export interface CertificateSpec {
  /** What `--only` and `renew` call it, and what its files are called unless `fileName` says otherwise. */
  readonly name: string;
  readonly fileName?: string;
  readonly commonName: string;
  readonly organizations?: readonly string[];
  readonly usages: readonly string[];
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
  /** A copy of the authority's certificate beside it, for those who mount the three together. */
  readonly authorityCopy?: string;
}

/** Where files lie and how they are called. */
export interface FileNaming {
  readonly directory: string;
  /** After the name of each certificate: `.pem`. */
  readonly certificateSuffix: string;
  /** After the name of each key: `.key` or `-key.pem`. */
  readonly keySuffix: string;
}

/** Directories and suffixes of the runbooks; all can be chosen otherwise. */
export const NAMINGS: Readonly<Record<string, FileNaming>> = {
  ssl: { directory: '/etc/kubernetes/ssl', certificateSuffix: '.pem', keySuffix: '.key' },
  cert: { directory: '/etc/kubernetes/cert', certificateSuffix: '.pem', keySuffix: '-key.pem' },
  pki: { directory: '/etc/kubernetes/pki', certificateSuffix: '.pem', keySuffix: '.key' },
};

export interface LayoutNames {
  /** Names and addresses under which clients reach the API server: load balancer, virtual address, each master. */
  readonly apiserverNames: readonly string[];
  readonly apiserverAddresses: readonly string[];
  /** Addresses of etcd's members. */
  readonly etcdAddresses: readonly string[];
  readonly serviceClusterIpRange: string;
  /** `cluster.local`. */
  readonly clusterDomain: string;
}

const SERVER = ['digital signature', 'key encipherment', 'server auth'];
const CLIENT = ['digital signature', 'key encipherment', 'client auth'];
const BOTH = [...SERVER, 'client auth'];

/** Every certificate that the runbooks name. The authority that signs them is called `ca`. */
export function certificateSpecs(names: LayoutNames): CertificateSpec[] {
  const local = { dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] };
  return [
    {
      // Serves HTTPS and is the API server's identity towards kubelets; its key signs service-account tokens.
      name: 'apiserver',
      commonName: 'kubernetes',
      usages: BOTH,
      dnsNames: unique([
        'kubernetes',
        'kubernetes.default',
        'kubernetes.default.svc',
        `kubernetes.default.svc.${names.clusterDomain}`,
        'localhost',
        ...names.apiserverNames,
      ]),
      ipAddresses: unique(['127.0.0.1', firstAddress(names.serviceClusterIpRange), ...names.apiserverAddresses]),
    },
    {
      name: 'kube-controller-manager',
      commonName: 'system:kube-controller-manager',
      organizations: ['system:kube-controller-manager'],
      usages: BOTH,
      ...local,
    },
    {
      name: 'kube-scheduler',
      commonName: 'system:kube-scheduler',
      organizations: ['system:kube-scheduler'],
      usages: BOTH,
      ...local,
    },
    { name: 'kube-proxy', commonName: 'system:kube-proxy', usages: CLIENT },
    { name: 'admin', commonName: 'admin', organizations: ['system:masters'], usages: CLIENT },
    // One runbook calls the administrator's certificate so. No kubelet gets it: those get theirs by bootstrap.
    { name: 'kubelet', commonName: 'admin', organizations: ['system:masters'], usages: CLIENT },
    {
      name: 'metrics-server',
      commonName: 'metrics-server',
      usages: BOTH,
      dnsNames: ['metrics-server', 'metrics-server.kube-system', 'metrics-server.kube-system.svc'],
    },
    {
      name: 'etcd',
      commonName: 'etcd',
      usages: BOTH,
      dnsNames: ['localhost'],
      ipAddresses: unique(['127.0.0.1', ...names.etcdAddresses]),
    },
    // Named as the keys of Calico's Secret are.
    { name: 'calico', fileName: 'etcd-client', commonName: 'calico', usages: CLIENT, authorityCopy: 'etcd-ca' },
    { name: 'flannel', fileName: 'flanneld', commonName: 'flanneld', usages: CLIENT },
  ];
}

export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
}

export function filesOf(naming: FileNaming, spec: { name: string; fileName?: string }): CertificateFiles {
  const path = join(naming.directory, spec.fileName ?? spec.name);
  return { certificate: path + naming.certificateSuffix, key: path + naming.keySuffix };
}

/** The address that the Service `kubernetes` gets: the first of the range after the network's own. */
export function firstAddress(range: string): string {
  const [network = '', prefix = ''] = range.split('/');
  const bits = Number(prefix);
  const bytes = writeAddress(network);
  if (!/^\d+$/.test(prefix) || bits > bytes.length * 8 - 1) {
    throw new CodedError(`"${range}" is not a range of addresses`, { code: 'RANGE_INVALID' });
  }
  for (let bit = bits; bit < bytes.length * 8; bit++) bytes[bit >> 3]! &= ~(0x80 >> (bit & 7));
  bytes[bytes.length - 1]! |= 1;
  if (bytes.length === 4) return bytes.join('.');
  // URL knows how IPv6 addresses are written shortest.
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16)).join(':');
  return new URL(`http://[${groups}]`).hostname.slice(1, -1);
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}
