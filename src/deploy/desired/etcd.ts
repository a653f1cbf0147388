import type { Inventory, InventoryHost } from '../../api/config/v1/inventory.ts';
import type { Material } from '../assets/material.ts';
import { JOURNAL } from '../journal.ts';
import { inPhase, secretFile, textFile } from './files.ts';
import { type FileStep, fingerprintOf, type Step } from './step.ts';
import { flagsOf, flagWords, unitFile } from './units.ts';

const CLIENT_PORT = 2379;
const PEER_PORT = 2380;

export const isMember = ({ roles }: InventoryHost) => roles.includes('etcd');
export const membersOf = ({ hosts }: Inventory) => hosts.filter(isMember);
const url = (address: string, port: number) => `https://${address.includes(':') ? `[${address}]` : address}:${port}`;

/** Where the other members reach one. */
export const peerUrl = ({ address }: InventoryHost): string => url(address, PEER_PORT);

/** Is there as soon as a member has begun, and as long as it has its data. */
export function memberData({ etcd, flags }: Inventory, host: InventoryHost): string {
  const given = { ...flags.etcd, ...host.flags.etcd };
  return given['wal-dir'] ?? `${given['data-dir'] ?? etcd.dataDirectory}/member/wal`;
}

/**
 * Holds back a member that was started once and has no data any more: it would vote as who it was, without knowing what it has voted for.
 * As root: the journal is nobody else's.
 */
const guard = (data: string): string =>
  `ExecStartPre=+/bin/sh -c 'test -d ${data} || test ! -e ${JOURNAL}/units/etcd.service || { echo "its data is gone: muster deploy etcd add replaces the member" >&2; exit 1; }'`;

/** What a member is told of its cluster when it begins. It does not look at this again: what it began with stays written. */
export interface EtcdBeginning {
  /** `NAME=URL,…` of the members, itself among them. */
  readonly cluster: string;
  readonly state: 'new' | 'existing';
}

/** What the unit of a member says of its beginning; undefined when it says nothing. */
export function beginningIn(unit: string): EtcdBeginning | undefined {
  const [, cluster] = /--initial-cluster=(\S+)/.exec(unit) ?? [];
  const [, state] = /--initial-cluster-state=(new|existing)\b/.exec(unit) ?? [];
  return cluster !== undefined && state !== undefined ? { cluster, state: state as EtcdBeginning['state'] } : undefined;
}

/** Where clients reach etcd. */
export const etcdServers = (inventory: Inventory): string[] =>
  membersOf(inventory).map(({ address }) => url(address, CLIENT_PORT));

/**
 * One member: certificates of its own, TLS towards everybody, and a unit that is up when the member serves.
 *
 * @param beginning of a member that has begun otherwise, or is to; undefined: all members of the inventory begin together
 */
export function etcdSteps(inventory: Inventory, host: InventoryHost, material: Material, beginning?: EtcdBeginning): Step[] {
  if (!isMember(host)) return [];
  const together = membersOf(inventory)
    .map((member) => `${member.name}=${peerUrl(member)}`)
    .join(',');
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
      'listen-peer-urls': peerUrl(host),
      'initial-advertise-peer-urls': peerUrl(host),
      'initial-cluster': beginning?.cluster ?? together,
      'initial-cluster-token': `etcd-${inventory.name}`,
      'initial-cluster-state': beginning?.state ?? 'new',
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
        guard(memberData(inventory, host)),
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
