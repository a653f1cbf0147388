import type { Inventory, InventoryHost } from '../../api/config/v1/inventory.ts';
import type { Material } from '../assets/material.ts';
import { endpointUrl, inPhase, KUBERNETES_DIRECTORY, kubeconfigText, secretFile, textFile } from './files.ts';
import { type FileStep, fingerprintOf, type Step } from './step.ts';
import { flagWords, unitFile } from './units.ts';

/** Who the cluster's DNS server is to the API, and what its service on hosts is called. */
export const DNS_USER = 'coredns';
const ACCOUNT = 'kube';

/** The cluster's DNS server on a master, at its own address; the Service of `network.dnsAddress` leads to all masters'. */
export function clusterDnsSteps(inventory: Inventory, host: InventoryHost, material: Material, executable: FileStep): Step[] {
  if (inventory.network.dns !== 'muster' || !host.roles.includes('master')) return [];
  const kubeconfig = `${KUBERNETES_DIRECTORY}/${DNS_USER}.kubeconfig`;
  const user = { name: DNS_USER, pair: material.pairOf(host.name, DNS_USER) };
  const corefile = textFile(`${KUBERNETES_DIRECTORY}/Corefile`, corefileText(inventory, host));
  const flags = flagWords({ conf: corefile.path, kubeconfig });
  const files = [
    secretFile(kubeconfig, kubeconfigText(endpointUrl(inventory), material.authority.trust, user), ACCOUNT),
    corefile,
    unitFile({
      name: DNS_USER,
      description: 'Cluster DNS',
      after: ['network-online.target', 'kube-apiserver.service'],
      service: [
        `User=${ACCOUNT}`,
        'AmbientCapabilities=CAP_NET_BIND_SERVICE',
        `ExecStart=${[`${inventory.distribution.directory}/muster`, 'dns', ...flags].join(' ')}`,
        'Restart=always',
        'RestartSec=5',
        'LimitNOFILE=65536',
      ],
    }),
  ];
  return [
    ...inPhase('install', files),
    ...inPhase('controllers', [
      { type: 'unit', name: `${DNS_USER}.service`, fingerprint: fingerprintOf([executable, ...files]) },
    ]),
  ];
}

function corefileText({ network }: Inventory, { address }: InventoryHost): string {
  return `.:53 {
    bind ${address}
    errors
    kubernetes ${network.dnsDomain} in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus ${address}:9153
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30
    loop
    reload
    loadbalance
}
`;
}
