import type { FieldTable } from '../../configuration/field-schema.ts';
import type { ConfigurationKind } from '../../configuration/read-configuration.ts';

/** What a host does: keep the cluster's data, run its control plane, run pods. */
export type HostRole = 'etcd' | 'master' | 'worker';

/** The components whose command lines an inventory may add to. */
export const COMPONENTS = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubelet',
  'kube-proxy',
] as const;
export type ComponentName = (typeof COMPONENTS)[number];

/** Flags by name without dashes; each over what Muster would have set. */
export type ComponentFlags = Readonly<Partial<Record<ComponentName, Readonly<Record<string, string>>>>>;

/** How a host is reached: what ssh(1) is told beside what the user's own configuration says. */
export interface SshSettings {
  /** A name of ssh's configuration, or an address. Default: the host's address. */
  readonly host?: string;
  readonly user?: string;
  readonly port?: number;
  /** Instead of ~/.ssh/config. */
  readonly configFile?: string;
  readonly identityFile?: string;
  /** `-o` each: `StrictHostKeyChecking=accept-new`. */
  readonly options?: readonly string[];
}

export interface InventoryHost {
  /** Of the node and of etcd's member. */
  readonly name: string;
  /** Where the other hosts reach it. */
  readonly address: string;
  readonly roles: readonly HostRole[];
  /** `local`: this very machine. */
  readonly connection: 'ssh' | 'local';
  readonly ssh: SshSettings;
  readonly labels: Readonly<Record<string, string>>;
  readonly flags: ComponentFlags;
}

/** How Secrets lie in etcd: as they are, or by one of the API server's encryption providers. */
export const ENCRYPTION_PROVIDERS = ['none', 'aescbc', 'aesgcm', 'secretbox'] as const;
export type EncryptionProvider = (typeof ENCRYPTION_PROVIDERS)[number];

/** A cluster and the hosts that it is made of, complete: see docs/deploy.md. */
export interface Inventory {
  readonly name: string;
  readonly hosts: readonly InventoryHost[];
  readonly ssh: SshSettings;
  readonly endpoint: {
    /** Where clients and nodes reach the API servers: a virtual address or a name. Empty: the first master, or the loopback with `muster`. */
    readonly address: string;
    readonly port: number;
    /** `haproxy`: made on the masters, with keepalived; `muster`: `muster lb` on every host; `external`: yours. */
    readonly loadBalancer: 'none' | 'external' | 'haproxy' | 'muster';
  };
  readonly apiServer: { readonly port: number };
  readonly network: {
    readonly podCIDR: string;
    readonly serviceCIDR: string;
    readonly nodePorts: string;
    readonly dnsDomain: string;
    readonly dnsAddress: string;
    /** `muster`: a DNS server of ours on every master; `none`: you bring one. */
    readonly dns: 'muster' | 'none';
    /** How pods reach each other: by services of ours, by `bridge` and routes of your own, or by what you bring (`none`). */
    readonly plugin: 'flannel' | 'calico' | 'bridge' | 'none';
    readonly flannelBackend: 'vxlan' | 'host-gw' | 'ipip';
    readonly calicoIPIP: 'off' | 'always' | 'cross-subnet';
  };
  readonly pki: {
    readonly directory: string;
    readonly certificateSuffix: string;
    readonly keySuffix: string;
    readonly authorities: 'one' | 'separate';
    readonly validity: string;
    readonly authorityValidity: string;
  };
  /** Of Secrets at rest, with a key that is made for the cluster and kept with its assets. */
  readonly encryption: { readonly provider: EncryptionProvider };
  readonly etcd: { readonly directory: string; readonly dataDirectory: string; readonly program: string };
  readonly kubelet: {
    readonly rootDirectory: string;
    readonly bootstrapKubeconfig: string;
    readonly configurationFile: string;
    readonly unitDirectory: string;
    /** Where its command line is written. */
    readonly flagsIn: 'environment' | 'unit';
    /** Serving certificates: of the cluster, approved by `apply` for the hosts it knows, or by hand; or of the kubelet's own making. */
    readonly servingCertificate: 'approved' | 'manual' | 'self-signed';
    /** More fields of KubeletConfiguration. */
    readonly configuration: Readonly<Record<string, unknown>>;
  };
  readonly kubeProxy: { readonly configuration: Readonly<Record<string, unknown>> };
  readonly runtime: { readonly endpoint: string; readonly unit: string };
  readonly distribution: {
    /** `upstream`: control plane, kubelet and kube-proxy are the binaries of `programs`; all else is Muster's. */
    readonly type: 'muster' | 'upstream';
    readonly executable: string;
    /** A directory of binaries, or an archive of them (kubernetes-server-linux-….tar.gz), here and not on hosts. */
    readonly programs: string;
    readonly directory: string;
  };
  readonly preparation: {
    readonly sysctl: 'apply' | 'skip';
    readonly swap: 'off' | 'keep';
    readonly firewalld: 'off' | 'keep';
    /** Whether kubeconfigs of the control plane are given to its user by access lists, on hosts that can make them. */
    readonly acl: 'apply' | 'skip';
    /** Of user and group `kube`. */
    readonly accountId: number;
  };
  readonly flags: ComponentFlags;
}

const flagFields: FieldTable = Object.fromEntries(COMPONENTS.map((name) => [name, { type: 'string-map' as const }]));

const sshFields: FieldTable = {
  host: { type: 'string' },
  user: { type: 'string' },
  port: { type: 'integer', min: 1, max: 65535 },
  configFile: { type: 'string' },
  identityFile: { type: 'string' },
  options: { type: 'strings' },
};

const hostFields: FieldTable = {
  name: { type: 'string' },
  address: { type: 'string' },
  roles: { type: 'strings', default: ['worker'] },
  connection: { type: 'string', default: 'ssh', oneOf: ['ssh', 'local'] },
  ssh: { type: { object: sshFields }, keepZero: true },
  labels: { type: 'string-map', default: {} },
  flags: { type: { object: flagFields }, keepZero: true },
};

/** The file `cluster.yaml` of `muster deploy`. */
export const inventoryKind: ConfigurationKind = {
  kind: 'Inventory',
  apiVersion: 'config.muster.dev/v1',
  retiredFields: {},
  fields: {
    name: { type: 'string', default: 'kubernetes' },
    hosts: { type: { list: hostFields } },
    ssh: { type: { object: sshFields }, keepZero: true },
    endpoint: {
      type: {
        object: {
          address: { type: 'string', default: '', keepZero: true },
          port: { type: 'integer', min: 1, max: 65535 },
          loadBalancer: { type: 'string', default: 'none', oneOf: ['none', 'external', 'haproxy', 'muster'] },
        },
      },
    },
    apiServer: { type: { object: { port: { type: 'integer', default: 6443, min: 1, max: 65535 } } } },
    network: {
      type: {
        object: {
          podCIDR: { type: 'string', default: '10.64.0.0/10' },
          serviceCIDR: { type: 'string', default: '10.0.0.0/12' },
          nodePorts: { type: 'string', default: '30000-32767' },
          dnsDomain: { type: 'string', default: 'cluster.local' },
          dnsAddress: { type: 'string', default: '', keepZero: true },
          dns: { type: 'string', default: 'muster', oneOf: ['muster', 'none'] },
          plugin: { type: 'string', default: 'flannel', oneOf: ['flannel', 'calico', 'bridge', 'none'] },
          flannelBackend: { type: 'string', default: 'vxlan', oneOf: ['vxlan', 'host-gw', 'ipip'] },
          calicoIPIP: { type: 'string', default: 'off', oneOf: ['off', 'always', 'cross-subnet'] },
        },
      },
    },
    pki: {
      type: {
        object: {
          directory: { type: 'string', default: '/etc/kubernetes/ssl' },
          certificateSuffix: { type: 'string', default: '.pem' },
          keySuffix: { type: 'string', default: '.key' },
          authorities: { type: 'string', default: 'one', oneOf: ['one', 'separate'] },
          validity: { type: 'duration', default: '8760h0m0s', min: 3600 },
          authorityValidity: { type: 'duration', default: '87600h0m0s', min: 3600 },
        },
      },
    },
    encryption: { type: { object: { provider: { type: 'string', default: 'none', oneOf: ENCRYPTION_PROVIDERS } } } },
    etcd: {
      type: {
        object: {
          directory: { type: 'string', default: '/etc/etcd' },
          dataDirectory: { type: 'string', default: '/var/lib/etcd/muster' },
          program: { type: 'string', default: '/usr/bin/etcd' },
        },
      },
    },
    kubelet: {
      type: {
        object: {
          rootDirectory: { type: 'string', default: '/var/lib/kubelet' },
          bootstrapKubeconfig: { type: 'string', default: '/etc/kubernetes/kubelet-bootstrap.kubeconfig' },
          configurationFile: { type: 'string', default: '/etc/kubernetes/kubelet-config.yaml' },
          unitDirectory: { type: 'string', default: '/etc/systemd/system' },
          flagsIn: { type: 'string', default: 'environment', oneOf: ['environment', 'unit'] },
          servingCertificate: { type: 'string', default: 'approved', oneOf: ['approved', 'manual', 'self-signed'] },
          configuration: { type: 'any', default: {} },
        },
      },
    },
    kubeProxy: { type: { object: { configuration: { type: 'any', default: {} } } } },
    runtime: {
      type: {
        object: {
          endpoint: { type: 'string', default: 'unix:///run/containerd/containerd.sock' },
          unit: { type: 'string', default: 'containerd.service' },
        },
      },
    },
    distribution: {
      type: {
        object: {
          type: { type: 'string', default: 'muster', oneOf: ['muster', 'upstream'] },
          executable: { type: 'string', default: '', keepZero: true },
          programs: { type: 'string', default: '', keepZero: true },
          directory: { type: 'string', default: '/usr/bin' },
        },
      },
    },
    preparation: {
      type: {
        object: {
          sysctl: { type: 'string', default: 'apply', oneOf: ['apply', 'skip'] },
          swap: { type: 'string', default: 'off', oneOf: ['off', 'keep'] },
          firewalld: { type: 'string', default: 'off', oneOf: ['off', 'keep'] },
          acl: { type: 'string', default: 'apply', oneOf: ['apply', 'skip'] },
          accountId: { type: 'integer', default: 200, min: 1, max: 65533 },
        },
      },
    },
    flags: { type: { object: flagFields }, keepZero: true },
  },
};
