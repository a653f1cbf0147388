import type { ComponentName, Inventory, InventoryHost } from '../../api/config/v1/inventory.ts';
import type { Material } from '../assets/material.ts';
import { encryptionFiles, encryptionFlags, forgottenEncryption } from './encryption.ts';
import { etcdServers, membersOf } from './etcd.ts';
import {
  endpointUrl,
  inPhase,
  KUBERNETES_DIRECTORY,
  kubeconfigText,
  listedFile,
  pairFiles,
  pairPaths,
  secretFile,
  textFile,
} from './files.ts';
import { fileOfComponent } from './program-files.ts';
import { type FileStep, fingerprintOf, type Step } from './step.ts';
import { environmentFile, type Flags, flagsOf, unitFile } from './units.ts';

const ACCOUNT = 'kube';
const DATA_DIRECTORY = '/var/lib/muster/store';
/** Only root may speak to systemd in another's name, and these are not root. */
const READY_BY_CHILD = 'NotifyAccess=all';

/**
 * The control plane's part of one master.
 *
 * @param hasLists whether kubeconfigs are given to its user by access lists; otherwise they have its group
 */
export function controlPlaneSteps(inventory: Inventory, host: InventoryHost, material: Material, hasLists: boolean): Step[] {
  if (!host.roles.includes('master')) return [];
  const certificates = certificateFiles(inventory, host, material);
  const server = apiServerFiles(inventory, host, material);
  const kubeconfig = (name: string) => kubeconfigFile(inventory, host, material, name, hasLists);
  const manager = controllerManagerFiles(inventory, host, material, kubeconfig('kube-controller-manager'));
  const scheduler = schedulerFiles(inventory, host, material, kubeconfig('kube-scheduler'));
  const unit = (name: ComponentName, files: readonly FileStep[]) => {
    const program = fileOfComponent(inventory, material, name);
    return { type: 'unit', name: `${name}.service`, fingerprint: fingerprintOf([program, ...certificates, ...files]) } as const;
  };
  const admin = kubeconfigText(endpointUrl(inventory), material.authority.trust, { name: 'admin', pair: material.admin });
  return [
    ...inPhase('install', [
      ...certificates,
      ...server,
      ...manager,
      ...scheduler,
      secretFile(`${KUBERNETES_DIRECTORY}/admin.kubeconfig`, admin),
    ]),
    ...(membersOf(inventory).length === 0
      ? inPhase('prepare', [{ type: 'directory', path: DATA_DIRECTORY, mode: 0o700, owner: ACCOUNT, group: ACCOUNT }])
      : []),
    ...inPhase('api-server', [unit('kube-apiserver', server)]),
    ...inPhase('controllers', [
      unit('kube-controller-manager', manager),
      unit('kube-scheduler', scheduler),
      ...forgottenEncryption(inventory, material),
      ...(isReplaced(material)
        ? []
        : Object.values(pairPaths(inventory, SIGNER)).map((path) => ({ type: 'absent', path }) as const)),
    ]),
  ];
}

const SIGNER = 'ca-signing';
const isReplaced = ({ authority }: Material) => authority.stage !== 'settled';

function certificateFiles(inventory: Inventory, host: InventoryHost, material: Material): FileStep[] {
  const separate = inventory.pki.authorities === 'separate';
  const authorityPaths = pairPaths(inventory, 'ca');
  return [
    secretFile(authorityPaths.key, material.authority.key, ACCOUNT),
    textFile(authorityPaths.certificate, material.authority.trust),
    ...(separate
      ? [
          textFile(pairPaths(inventory, 'etcd-ca').certificate, material.etcdAuthority.trust),
          textFile(pairPaths(inventory, 'front-proxy-ca').certificate, material.frontProxyAuthority.trust),
        ]
      : []),
    ...pairFiles(inventory, 'apiserver', material.pairOf(host.name, 'apiserver'), ACCOUNT),
    ...pairFiles(inventory, 'front-proxy-client', material.pairOf(host.name, 'front-proxy-client'), ACCOUNT),
    ...(membersOf(inventory).length > 0 ? pairFiles(inventory, 'etcd', material.pairOf(host.name, 'etcd-client'), ACCOUNT) : []),
    ...pairFiles(
      inventory,
      'service-account',
      { ...material.serviceAccount, certificate: material.serviceAccount.trust },
      ACCOUNT,
    ),
    // Signers want one certificate, and while the authority is replaced its file holds two.
    ...(isReplaced(material) ? pairFiles(inventory, SIGNER, material.authority, ACCOUNT) : []),
  ];
}

function apiServerFiles(inventory: Inventory, host: InventoryHost, material: Material): FileStep[] {
  const { network, apiServer, hosts, pki, kubelet } = inventory;
  const path = (name: string) => pairPaths(inventory, name);
  const authority = path('ca').certificate;
  const authorityOf = (name: string) => (pki.authorities === 'separate' ? path(name).certificate : authority);
  const own = path('apiserver');
  const servers = etcdServers(inventory);
  const store: Flags =
    servers.length > 0
      ? {
          'etcd-servers': servers.join(','),
          'etcd-cafile': authorityOf('etcd-ca'),
          'etcd-certfile': path('etcd').certificate,
          'etcd-keyfile': path('etcd').key,
        }
      : { store: 'sqlite', 'data-dir': DATA_DIRECTORY };
  const flags: Flags = {
    'allow-privileged': 'true',
    'secure-port': String(apiServer.port),
    'bind-address': '0.0.0.0',
    'advertise-address': host.address,
    ...store,
    'tls-cert-file': own.certificate,
    'tls-private-key-file': own.key,
    'client-ca-file': authority,
    ...encryptionFlags(inventory, material),
    'service-account-issuer': `https://kubernetes.default.svc.${network.dnsDomain}`,
    'service-account-key-file': path('service-account').certificate,
    'service-account-signing-key-file': path('service-account').key,
    // Only where the kubelets' certificates are of this authority.
    ...(kubelet.servingCertificate === 'self-signed' ? {} : { 'kubelet-certificate-authority': authority }),
    // Names of hosts need not be known to anybody.
    'kubelet-preferred-address-types': 'InternalIP,ExternalIP,Hostname',
    'kubelet-client-certificate': own.certificate,
    'kubelet-client-key': own.key,
    'requestheader-client-ca-file': authorityOf('front-proxy-ca'),
    'requestheader-allowed-names': 'front-proxy-client',
    'requestheader-extra-headers-prefix': 'X-Remote-Extra-',
    'requestheader-group-headers': 'X-Remote-Group',
    'requestheader-username-headers': 'X-Remote-User',
    'proxy-client-cert-file': path('front-proxy-client').certificate,
    'proxy-client-key-file': path('front-proxy-client').key,
    'authorization-mode': 'Node,RBAC',
    'anonymous-auth': 'false',
    'apiserver-count': String(hosts.filter(({ roles }) => roles.includes('master')).length),
    'audit-log-path': '/var/log/kubernetes/audit.log',
    'audit-log-maxage': '30',
    'audit-log-maxbackup': '7',
    'audit-log-maxsize': '100',
    'event-ttl': '1h',
    'enable-bootstrap-token-auth': 'true',
    'max-requests-inflight': '3000',
    'delete-collection-workers': '3',
    'service-cluster-ip-range': network.serviceCIDR,
    'service-node-port-range': network.nodePorts,
    'default-not-ready-toleration-seconds': '10',
    'default-unreachable-toleration-seconds': '10',
    'enable-admission-plugins': 'NamespaceLifecycle,LimitRanger,ServiceAccount,DefaultStorageClass,ResourceQuota,NodeRestriction',
    v: '2',
  };
  return [
    ...encryptionFiles(inventory, material),
    environmentFile(
      `${KUBERNETES_DIRECTORY}/apiserver`,
      'KUBE_API_ARGS',
      flagsOf('kube-apiserver', flags, inventory, host, material.programs),
    ),
    unitFile({
      name: 'kube-apiserver',
      description: 'Kubernetes API Server',
      after: ['network-online.target', 'etcd.service'],
      service: service(inventory, 'kube-apiserver', 'apiserver', 'KUBE_API_ARGS', [
        'Type=notify',
        READY_BY_CHILD,
        'TimeoutStartSec=300',
      ]),
    }),
  ];
}

function controllerManagerFiles(
  inventory: Inventory,
  host: InventoryHost,
  material: Material,
  kubeconfigOf: FileStep,
): FileStep[] {
  const { network, pki } = inventory;
  const kubeconfig = kubeconfigOf.path;
  const authority = pairPaths(inventory, 'ca');
  const signer = isReplaced(material) ? pairPaths(inventory, SIGNER) : authority;
  const flags: Flags = {
    'service-account-private-key-file': pairPaths(inventory, 'service-account').key,
    'root-ca-file': authority.certificate,
    'requestheader-client-ca-file':
      pki.authorities === 'separate' ? pairPaths(inventory, 'front-proxy-ca').certificate : authority.certificate,
    // Without it every client of the authority could name anybody.
    'requestheader-allowed-names': 'front-proxy-client',
    'allocate-node-cidrs': 'true',
    'cluster-name': inventory.name,
    'cluster-signing-cert-file': signer.certificate,
    'cluster-signing-key-file': signer.key,
    'leader-elect': 'true',
    'service-cluster-ip-range': network.serviceCIDR,
    'cluster-cidr': network.podCIDR,
    'secure-port': '10257',
    'bind-address': '127.0.0.1',
    'node-monitor-period': '2s',
    'node-monitor-grace-period': '16s',
    'use-service-account-credentials': 'true',
    controllers: '*,bootstrapsigner,tokencleaner',
    'horizontal-pod-autoscaler-sync-period': '10s',
    kubeconfig,
    'authentication-kubeconfig': kubeconfig,
    'authorization-kubeconfig': kubeconfig,
    v: '2',
  };
  return [
    kubeconfigOf,
    environmentFile(
      `${KUBERNETES_DIRECTORY}/controller-manager`,
      'KUBE_CONTROLLER_MANAGER_ARGS',
      flagsOf('kube-controller-manager', flags, inventory, host, material.programs),
    ),
    unitFile({
      name: 'kube-controller-manager',
      description: 'Kubernetes Controller Manager',
      after: ['kube-apiserver.service'],
      service: service(inventory, 'kube-controller-manager', 'controller-manager', 'KUBE_CONTROLLER_MANAGER_ARGS'),
    }),
  ];
}

function schedulerFiles(inventory: Inventory, host: InventoryHost, material: Material, kubeconfigOf: FileStep): FileStep[] {
  const kubeconfig = kubeconfigOf.path;
  const flags: Flags = {
    'bind-address': '127.0.0.1',
    'leader-elect': 'true',
    kubeconfig,
    'authentication-kubeconfig': kubeconfig,
    'authorization-kubeconfig': kubeconfig,
    v: '2',
  };
  return [
    kubeconfigOf,
    environmentFile(
      `${KUBERNETES_DIRECTORY}/scheduler`,
      'KUBE_SCHEDULER_ARGS',
      flagsOf('kube-scheduler', flags, inventory, host, material.programs),
    ),
    unitFile({
      name: 'kube-scheduler',
      description: 'Kubernetes Scheduler Plugin',
      after: ['kube-apiserver.service'],
      service: service(inventory, 'kube-scheduler', 'scheduler', 'KUBE_SCHEDULER_ARGS'),
    }),
  ];
}

function kubeconfigFile(
  inventory: Inventory,
  host: InventoryHost,
  material: Material,
  name: string,
  hasLists: boolean,
): FileStep {
  const user = { name: `system:${name}`, pair: material.pairOf(host.name, name) };
  const file = hasLists ? listedFile : secretFile;
  const text = kubeconfigText(endpointUrl(inventory), material.authority.trust, user);
  return file(`${KUBERNETES_DIRECTORY}/${name}.kubeconfig`, text, ACCOUNT);
}

/** A unit's own section. A restart of the API server does not take the others with it: they wait for it. */
function service(inventory: Inventory, program: string, file: string, variable: string, more: readonly string[] = []): string[] {
  return [
    `EnvironmentFile=-${KUBERNETES_DIRECTORY}/${file}`,
    `User=${ACCOUNT}`,
    `ExecStart=${inventory.distribution.directory}/${program} $${variable}`,
    'Restart=on-failure',
    'RestartSec=2',
    ...more,
    'LimitNOFILE=65536',
  ];
}
