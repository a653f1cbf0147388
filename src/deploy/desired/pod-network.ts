import type { Inventory, InventoryHost } from '../../api/config/v1/inventory.ts';
import type { Material } from '../assets/material.ts';
import { endpointUrl, inPhase, KUBERNETES_DIRECTORY, kubeconfigText, secretFile, textFile } from './files.ts';
import { type FileStep, fingerprintOf, type Step } from './step.ts';
import { flagWords, unitFile } from './units.ts';

/** The services that make pod networks, and who they are to the API. */
export const NETWORK_SERVICES = { flannel: 'flanneld', calico: 'calico-node' } as const;

/** The service of a cluster's pod network; undefined where there is none. */
export const networkService = ({ network }: Inventory): string | undefined =>
  network.plugin === 'flannel' || network.plugin === 'calico' ? NETWORK_SERVICES[network.plugin] : undefined;

/** The service that keeps NetworkPolicies where the pod network does not, and who it is to the API. */
const POLICY_SERVICE = 'network-policy';

/** The service that keeps a cluster's NetworkPolicies beside its pod network; undefined where that does, or where the network is not ours. */
export const policyService = ({ network }: Inventory): string | undefined =>
  network.plugin === 'flannel' || network.plugin === 'bridge' ? POLICY_SERVICE : undefined;

/** The services of pods' packets on a worker, which are the names of their certificates too. */
export const packetServices = (inventory: Inventory): string[] =>
  [networkService(inventory), policyService(inventory)].filter((name) => name !== undefined);

/** Where the runtime finds the network of pods that `bridge` makes. */
export const cniFile = ({ name }: Inventory) => `/etc/cni/net.d/10-${name}.conflist`;

/** A worker's part of the network between pods, and of what may pass there. */
export function podNetworkSteps(inventory: Inventory, host: InventoryHost, material: Material, executable: FileStep): Step[] {
  if (!host.roles.includes('worker')) return [];
  const steps = packetServices(inventory).map((name) => packetServiceSteps(name, { inventory, host, material, executable }));
  // All files before the first start.
  return [...steps.map(({ install }) => install), ...steps.map(({ node }) => node)].flat();
}

interface PacketServiceParts {
  readonly inventory: Inventory;
  readonly host: InventoryHost;
  readonly material: Material;
  readonly executable: FileStep;
}

function packetServiceSteps(name: string, { inventory, host, material, executable }: PacketServiceParts) {
  const kubeconfig = `${KUBERNETES_DIRECTORY}/${name}.kubeconfig`;
  const user = { name, pair: material.pairOf(host.name, name) };
  const files = [
    secretFile(kubeconfig, kubeconfigText(endpointUrl(inventory), material.authority.trust, user)),
    unitFile({
      name,
      description: name === POLICY_SERVICE ? 'Network policies of pods' : `Pod network, ${inventory.network.plugin}'s way`,
      after: ['network-online.target', 'kubelet.service'],
      service: [
        ...SERVICES[name]!(inventory, host, kubeconfig),
        'Restart=always',
        'RestartSec=5',
        'LimitNOFILE=65536',
        // What it started (BIRD) and set up goes on without it.
        'KillMode=process',
      ],
    }),
  ];
  const unit = { type: 'unit', name: `${name}.service`, fingerprint: fingerprintOf([executable, ...files]) } as const;
  return { install: inPhase('install', files), node: inPhase('node', [unit]) };
}

type ServiceLines = (inventory: Inventory, host: InventoryHost, kubeconfig: string) => string[];

const SERVICES: Readonly<Record<string, ServiceLines>> = {
  flanneld: flannelService,
  'calico-node': calicoService,
  [POLICY_SERVICE]: policyLines,
};

function flannelService({ distribution }: Inventory, host: InventoryHost, kubeconfig: string): string[] {
  const flags = { 'kubeconfig-file': kubeconfig, 'hostname-override': host.name, iface: host.address, 'ip-masq': 'true' };
  return [`ExecStart=${[`${distribution.directory}/muster`, 'flanneld', ...flagWords(flags)].join(' ')}`];
}

function calicoService({ distribution, network }: Inventory, host: InventoryHost, kubeconfig: string): string[] {
  const environment = { IP: host.address, CALICO_IPV4POOL_CIDR: network.podCIDR, CALICO_IPV4POOL_IPIP: network.calicoIPIP };
  const flags = { kubeconfig, 'node-name': host.name };
  return [
    ...Object.entries(environment).map(([name, value]) => `Environment=${name}=${value}`),
    `ExecStart=${[`${distribution.directory}/muster`, 'calico-node', ...flagWords(flags)].join(' ')}`,
  ];
}

function policyLines({ distribution }: Inventory, host: InventoryHost, kubeconfig: string): string[] {
  const flags = { kubeconfig, 'hostname-override': host.name };
  return [`ExecStart=${[`${distribution.directory}/muster`, POLICY_SERVICE, ...flagWords(flags)].join(' ')}`];
}

/**
 * Pods on a bridge of their host, with addresses of the node's range. Routes between hosts are the user's network's: it knows the ranges
 * from the nodes (`spec.podCIDRs`).
 */
export function bridgeFile(inventory: Inventory, podCidrs: readonly string[]): FileStep {
  const conflist = {
    cniVersion: '0.4.0',
    name: inventory.name,
    plugins: [
      {
        type: 'bridge',
        bridge: 'cni0',
        isGateway: true,
        ipMasq: true,
        hairpinMode: true,
        ipam: { type: 'host-local', ranges: podCidrs.map((subnet) => [{ subnet }]), routes: [{ dst: '0.0.0.0/0' }] },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  };
  return textFile(cniFile(inventory), `${JSON.stringify(conflist, null, 2)}\n`);
}
