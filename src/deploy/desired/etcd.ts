import type { Inventory, InventoryHost } from '../../api/config/v1/inventory.ts';
import type { Material } from '../assets/material.ts';
import { inPhase, secretFile, textFile } from './files.ts';
import { type FileStep, fingerprintOf, type Step } from './step.ts';
import { flagsOf, flagWords, unitFile } from './units.ts';

const CLIENT_PORT = 2379;
const PEER_PORT = 2380;

export const isMember = ({ roles }: InventoryHost) => roles.includes('etcd');
export const membersOf = ({ hosts }: Inventory) => hosts.filter(isMember);
const url = (address: string, port: number) => `https://${address.includes(':') ? `[${address}]` : address}:${port}`;

/** Where clients reach etcd. */
export const etcdServers = (inventory: Inventory): string[] =>
  membersOf(inventory).map(({ address }) => url(address, CLIENT_PORT));

/** One member: certificates of its own, TLS towards everybody, and a unit that is up when the member serves. */
export function etcdSteps(inventory: Inventory, host: InventoryHost, material: Material): Step[] {
  if (!isMember(host)) return [];
  const { directory, dataDirectory, program } = inventory.etcd;
  const pair = material.pairOf(host.name, 'etcd');
  const paths = { ca: `${directory}/ssl/ca.pem`, certificate: `${directory}/ssl/etcd.pem`, key: `${directory}/ssl/etcd.key` };
  const flags = flagsOf(
    'etcd',
    {
      name: host.name,
      'data-dir': dataDirectory,
      'listen-client-urls': `${url(host.address, CLIENT_PORT)},${url('127.0.0.1', CLIENT_PORT)}`,
      'advertise-client-urls': url(host.address, CLIENT_PORT),
      'listen-peer-urls': url(host.address, PEER_PORT),
      'initial-advertise-peer-urls': url(host.address, PEER_PORT),
      'initial-cluster': membersOf(inventory)
        .map(({ name, address }) => `${name}=${url(address, PEER_PORT)}`)
        .join(','),
      'initial-cluster-token': `etcd-${inventory.name}`,
      'initial-cluster-state': 'new',
      'client-cert-auth': 'true',
      'trusted-ca-file': paths.ca,
      'cert-file': paths.certificate,
      'key-file': paths.key,
      'peer-client-cert-auth': 'true',
      'peer-trusted-ca-file': paths.ca,
      'peer-cert-file': paths.certificate,
      'peer-key-file': paths.key,
      'auto-compaction-mode': 'periodic',
      'auto-compaction-retention': '1h',
    },
    inventory,
    host,
  );
  const files: FileStep[] = [
    textFile(paths.ca, material.etcdAuthority.trust),
    secretFile(paths.key, pair.key, 'etcd'),
    textFile(paths.certificate, pair.certificate),
    unitFile({
      name: 'etcd',
      description: 'etcd key-value store',
      after: ['network-online.target'],
      service: [
        'User=etcd',
        'Type=notify',
        `WorkingDirectory=${dataDirectory}`,
        `ExecStart=${[program, ...flagWords(flags)].join(' \\\n  ')}`,
        'Restart=on-failure',
        'RestartSec=5',
        'LimitNOFILE=65536',
      ],
    }),
  ];
  return [
    ...inPhase('install', files),
    ...inPhase('etcd', [{ type: 'unit', name: 'etcd.service', fingerprint: fingerprintOf(files) }]),
  ];
}
