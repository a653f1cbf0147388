import { stringify } from 'yaml';
import type { ComponentName, Inventory, InventoryHost } from '../../api/config/v1/inventory.ts';
import type { Material } from '../assets/material.ts';
import type { UpstreamPrograms } from '../distribution/program-flags.ts';
import { endpointUrl, inPhase, KUBERNETES_DIRECTORY, kubeconfigText, pairPaths, secretFile, textFile } from './files.ts';
import { fileOfComponent } from './program-files.ts';
import { type FileStep, fingerprintOf, type Step } from './step.ts';
import { environmentFile, type Flags, flagsOf, flagWords, unitFile } from './units.ts';

export const KUBELET_KUBECONFIG = `${KUBERNETES_DIRECTORY}/kubelet.kubeconfig`;
const PROXY_KUBECONFIG = `${KUBERNETES_DIRECTORY}/kube-proxy.kubeconfig`;
const PROXY_CONFIGURATION = `${KUBERNETES_DIRECTORY}/kube-proxy.yaml`;

/** A worker's part: kubelet and kube-proxy. How it joins, a bootstrap kubeconfig with a token of its own, is made when it is to join. */
export function nodeSteps(inventory: Inventory, host: InventoryHost, material: Material, fixedConntrack: boolean): Step[] {
  if (!host.roles.includes('worker')) return [];
  const authority = textFile(pairPaths(inventory, 'ca').certificate, material.authority.trust);
  const kubelet = kubeletFiles(inventory, host, material.programs);
  const program = (name: ComponentName) => fileOfComponent(inventory, material, name);
  const proxy = proxyFiles(inventory, host, material, fixedConntrack);
  return [
    ...inPhase('prepare', [{ type: 'running', name: inventory.runtime.unit }]),
    ...inPhase('install', [authority, ...kubelet, ...proxy]),
    ...inPhase('node', [
      {
        ...{ type: 'unit', name: 'kubelet.service', sets: KUBELET_PARAMETERS },
        fingerprint: fingerprintOf([program('kubelet'), authority, ...kubelet]),
      },
      {
        ...{ type: 'unit', name: 'kube-proxy.service', sets: PROXY_PARAMETERS },
        fingerprint: fingerprintOf([program('kube-proxy'), ...proxy]),
      },
    ]),
  ];
}

/** Upstream's kubelet reads in it of processes that the kernel ended, and does not start without it; containers have none. */
export const KERNEL_LOG = '/dev/kmsg';
/** Which upstream's kube-proxy sets. */
export const CONNTRACK_LIMIT = 'net.netfilter.nf_conntrack_max';

/** Kernel parameters that kubelets (upstream's) and kube-proxies set by themselves. */
const KUBELET_PARAMETERS: readonly string[] = [
  'vm.overcommit_memory',
  'vm.panic_on_oom',
  'kernel.panic',
  'kernel.panic_on_oops',
  'kernel.keys.root_maxkeys',
  'kernel.keys.root_maxbytes',
];
const PROXY_PARAMETERS: readonly string[] = [
  CONNTRACK_LIMIT,
  'net.netfilter.nf_conntrack_tcp_timeout_established',
  'net.netfilter.nf_conntrack_tcp_timeout_close_wait',
  'net.netfilter.nf_conntrack_tcp_be_liberal',
  'net.netfilter.nf_conntrack_udp_timeout',
  'net.netfilter.nf_conntrack_udp_timeout_stream',
  'net.ipv4.conf.all.route_localnet',
];

/** The file with which a kubelet joins. The authority is a path, which the kubelet's own kubeconfig takes over: it may be replaced. */
export function bootstrapFile(inventory: Inventory, token: string): FileStep {
  const authority = { file: pairPaths(inventory, 'ca').certificate };
  return secretFile(
    inventory.kubelet.bootstrapKubeconfig,
    kubeconfigText(endpointUrl(inventory), authority, { name: 'kubelet-bootstrap', token }),
  );
}

/** Whether a host's kubelet is to ask for a serving certificate, which `apply` approves: flags and settings may say otherwise. */
export function asksForServing({ kubelet, flags, distribution }: Inventory, host: InventoryHost): boolean {
  if (kubelet.servingCertificate !== 'approved' || !host.roles.includes('worker')) return false;
  const own: Flags = { ...flags.kubelet, ...host.flags.kubelet };
  const asks = own['rotate-server-certificates'] ?? kubelet.configuration['serverTLSBootstrap'] ?? true;
  // Upstream's asks all the same when it is given one.
  const isGiven = distribution.type === 'muster' && Boolean(own['tls-cert-file'] ?? kubelet.configuration['tlsCertFile']);
  return !isGiven && !/^(0|f|false)$/i.test(String(asks));
}

/** Where the kubelet keeps a certificate of its own with the key. */
export const kubeletPair = ({ pki }: Inventory, which: 'client' | 'server') => `${pki.directory}/kubelet-${which}-current.pem`;

function kubeletFiles(inventory: Inventory, host: InventoryHost, programs: UpstreamPrograms): FileStep[] {
  const { kubelet, network, pki, runtime, distribution } = inventory;
  // Older kubelets take the runtime by flags only; where they know them, newer ones do too.
  const runtimeFlags = programs.get('kubelet')?.flags.has('container-runtime-endpoint');
  const configuration = {
    kind: 'KubeletConfiguration',
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    address: host.address,
    port: 10250,
    readOnlyPort: 0,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true, cacheTTL: '2m0s' },
      x509: { clientCAFile: pairPaths(inventory, 'ca').certificate },
    },
    authorization: { mode: 'Webhook', webhook: { cacheAuthorizedTTL: '5m0s', cacheUnauthorizedTTL: '30s' } },
    clusterDomain: network.dnsDomain,
    clusterDNS: [network.dnsAddress],
    ...(runtimeFlags ? {} : { containerRuntimeEndpoint: runtime.endpoint }),
    healthzBindAddress: '127.0.0.1',
    healthzPort: 10248,
    rotateCertificates: true,
    serverTLSBootstrap: kubelet.servingCertificate !== 'self-signed',
    staticPodPath: `${KUBERNETES_DIRECTORY}/manifests`,
    ...kubelet.configuration,
  };
  const text = kubelet.configurationFile.endsWith('.json')
    ? `${JSON.stringify(configuration, null, 2)}\n`
    : stringify(configuration);
  const labels = Object.entries(host.labels).map(([name, value]) => `${name}=${value}`);
  const flags: Flags = flagsOf(
    'kubelet',
    {
      'hostname-override': host.name,
      config: kubelet.configurationFile,
      'bootstrap-kubeconfig': kubelet.bootstrapKubeconfig,
      kubeconfig: KUBELET_KUBECONFIG,
      'cert-dir': pki.directory,
      'root-dir': kubelet.rootDirectory,
      ...(runtimeFlags ? { 'container-runtime': 'remote', 'container-runtime-endpoint': runtime.endpoint } : {}),
      ...(labels.length > 0 ? { 'node-labels': labels.join(',') } : {}),
      v: '2',
    },
    inventory,
    host,
    programs,
  );
  const program = `${distribution.directory}/kubelet`;
  const inUnit = kubelet.flagsIn === 'unit';
  return [
    textFile(kubelet.configurationFile, text),
    ...(inUnit ? [] : [environmentFile(`${KUBERNETES_DIRECTORY}/kubelet`, 'KUBELET_ARGS', flags)]),
    unitFile(
      {
        name: 'kubelet',
        description: 'Kubernetes Kubelet Server',
        after: ['network-online.target', runtime.unit],
        requires: [runtime.unit],
        service: [
          `WorkingDirectory=${kubelet.rootDirectory}`,
          ...(inUnit
            ? [`ExecStart=${[program, ...flagWords(flags)].join(' \\\n  ')}`]
            : [`EnvironmentFile=-${KUBERNETES_DIRECTORY}/kubelet`, `ExecStart=${program} $KUBELET_ARGS`]),
          'Restart=always',
          'RestartSec=5',
          // Pods and their mounts outlive the kubelet.
          'KillMode=process',
        ],
      },
      kubelet.unitDirectory,
    ),
  ];
}

function proxyFiles(inventory: Inventory, host: InventoryHost, material: Material, fixedConntrack: boolean): FileStep[] {
  const configuration = {
    kind: 'KubeProxyConfiguration',
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    bindAddress: '0.0.0.0',
    clientConnection: { kubeconfig: PROXY_KUBECONFIG },
    clusterCIDR: inventory.network.podCIDR,
    healthzBindAddress: '0.0.0.0:10256',
    // The node's own name, as the kubelet's.
    hostnameOverride: host.name,
    metricsBindAddress: '127.0.0.1:10249',
    // Upstream's ends where it cannot set this.
    ...(fixedConntrack && material.programs.has('kube-proxy') ? { conntrack: { maxPerCore: 0 } } : {}),
    ...inventory.kubeProxy.configuration,
  };
  const user = { name: 'system:kube-proxy', pair: material.pairOf(host.name, 'kube-proxy') };
  const words = flagWords(flagsOf('kube-proxy', { config: PROXY_CONFIGURATION }, inventory, host, material.programs));
  return [
    secretFile(PROXY_KUBECONFIG, kubeconfigText(endpointUrl(inventory), material.authority.trust, user)),
    textFile(PROXY_CONFIGURATION, stringify(configuration)),
    unitFile({
      name: 'kube-proxy',
      description: 'Kubernetes Kube-Proxy Server',
      after: ['network-online.target'],
      service: [
        `ExecStart=${[`${inventory.distribution.directory}/kube-proxy`, ...words].join(' ')}`,
        'Restart=on-failure',
        'RestartSec=5',
        'LimitNOFILE=65536',
      ],
    }),
  ];
}
