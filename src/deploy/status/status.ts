import type { Inventory } from '../../api/config/v1/inventory.ts';
import { parseCertificates } from '../../pki/certificate.ts';
import { CodedError } from '../../std/coded-error.ts';
import { formatAge, formatTable } from '../../std/table-text.ts';
import { visibleLine, visibleText } from '../../std/visible-text.ts';
import type { Material } from '../assets/material.ts';
import { FIREWALL_UNIT } from '../desired/preparation.ts';
import { type Span, type WrongClock, wrongClocks } from '../facts/clocks.ts';
import type { HostFacts } from '../facts/facts.ts';
import { type HostPlan, isEmpty } from '../plan/plan.ts';
import { UPGRADE_MARK } from '../upgrade/upgrade-scripts.ts';
import type { ClusterState } from '../verify/checks.ts';

/** A host, as one asks how it is. */
export interface HostStatus {
  readonly name: string;
  readonly roles: readonly string[];
  /** Undefined: it cannot be reached, and `why` says why. */
  readonly services: { readonly active: number; readonly all: number; readonly others: readonly string[] } | undefined;
  readonly why: string;
  /** `current`: what would be installed now. */
  readonly program: 'current' | 'other' | 'between two' | 'none' | 'unknown';
  /** What `apply` would do there. */
  readonly changes: number;
  /** Ready, or why not; empty for hosts that are no nodes. */
  readonly node: string;
  /** When the first of its certificates ends. */
  readonly certificateEndsMs: number | undefined;
}

export interface ClusterStatus {
  readonly name: string;
  readonly hosts: readonly HostStatus[];
  /** Empty: the API does not answer. */
  readonly components: ClusterState['components'];
  readonly authorityEndsMs: number;
  /** What has begun and is not through. */
  readonly unfinished: readonly string[];
  /** Clocks that differ by more than certificates and leases bear. */
  readonly clocks: readonly WrongClock[];
}

export interface StatusInput {
  readonly inventory: Inventory;
  readonly material: Material;
  readonly facts: ReadonlyMap<string, HostFacts>;
  /** When each host told its time. */
  readonly askedAt: ReadonlyMap<string, Span>;
  readonly failures: ReadonlyMap<string, string>;
  readonly plans: readonly HostPlan[];
  /** Undefined: the API does not answer. */
  readonly state: ClusterState | undefined;
  /** The names that a host's certificates have among the cluster's. */
  readonly certificatesOf: (host: string) => readonly string[];
  readonly renews: boolean;
}

/** How a cluster is, from what was looked at. */
export function clusterStatus(input: StatusInput): ClusterStatus {
  const { inventory, material, state, facts, askedAt } = input;
  const stages = {
    'the certificate authority': [material.authority, material.etcdAuthority, material.frontProxyAuthority],
    "the service accounts' key": [material.serviceAccount],
  };
  const rotations = Object.entries(stages).flatMap(([what, pairs]) => {
    const stage = pairs.map((pair) => pair.stage).find((one) => one !== 'settled');
    return stage === undefined ? [] : [`rotation of ${what}: ${stage}`];
  });
  return {
    name: inventory.name,
    hosts: inventory.hosts.map((host) => hostStatus(input, host)),
    components: state?.components ?? [],
    authorityEndsMs: endOf(material.authority.certificate) ?? 0,
    unfinished: [...rotations, ...(input.renews ? ['renewal of certificates'] : [])],
    clocks: wrongClocks(new Map([...facts].map(([host, { time }]) => [host, time])), askedAt),
  };
}

function hostStatus(input: StatusInput, { name, roles }: Inventory['hosts'][number]): HostStatus {
  const { material, facts, failures, plans, state, certificatesOf } = input;
  const fact = facts.get(name);
  const plan = plans.find(({ host }) => host === name);
  const node = state?.nodes.get(name);
  const units = [...(fact?.units ?? [])].filter(([unit, { load }]) => load !== 'not-found' && unit !== FIREWALL_UNIT);
  const others = units.filter(([, { active }]) => active !== 'active').map(([unit]) => unit);
  const onHost = [...(fact?.certificates.values() ?? [])];
  const ends = [...certificatesOf(name).map((own) => material.pairOf(name, own).certificate), ...onHost].flatMap(
    (pem) => endOf(pem) ?? [],
  );
  return {
    name,
    roles,
    services: fact && { active: units.length - others.length, all: units.length, others },
    why: failures.get(name) ?? '',
    program: programOf(input, fact),
    changes:
      !plan || isEmpty(plan) ? 0 : plan.changes.length + Number(plan.joins) + Number(plan.rejoins) + Number(plan.needsNetwork),
    node: !roles.includes('worker') || !state ? '' : node?.ready ? 'Ready' : `NotReady: ${node?.message ?? 'it has not joined'}`,
    certificateEndsMs: ends.length > 0 ? Math.min(...ends) : undefined,
  };
}

function programOf({ inventory, material }: StatusInput, there: HostFacts | undefined): HostStatus['program'] {
  if (!there) return 'unknown';
  if (there.files.has(UPGRADE_MARK)) return 'between two';
  const file = there.files.get(`${inventory.distribution.directory}/muster`);
  if (file?.type !== 'file') return 'none';
  return file.sha256 === material.executable.sha256 ? 'current' : 'other';
}

function endOf(pem: string): number | undefined {
  try {
    return parseCertificates(pem)[0]!.notAfterMs;
  } catch (error) {
    // What cannot be read has no end to tell.
    if (error instanceof CodedError) return undefined;
    throw error;
  }
}

/** As one reads it. @param nowMs what ages are counted from */
export function formatStatus(status: ClusterStatus, nowMs: number): string {
  const { name, hosts, components, authorityEndsMs, unfinished, clocks } = status;
  const left = (endsMs: number | undefined) =>
    endsMs === undefined ? '-' : endsMs <= nowMs ? 'expired' : `in ${formatAge(endsMs - nowMs)}`;
  const table = formatTable([
    ['HOST', 'ROLES', 'SERVICES', 'PROGRAM', 'TO DO', 'CERTIFICATES END', 'NODE'],
    ...hosts.map((host) => [
      host.name,
      host.roles.join(','),
      host.services ? `${host.services.active}/${host.services.all}` : 'unreachable',
      host.program,
      `${host.changes}`,
      left(host.certificateEndsMs),
      host.node || '-',
    ]),
  ]);
  const notes = hosts.flatMap(({ name: host, services, why }) => [
    ...(why ? [`${host}: ${why}`] : []),
    ...(services?.others.length ? [`${host}: not running: ${services.others.join(', ')}`] : []),
  ]);
  const ill = components.filter(({ healthy }) => !healthy).map(({ name: what, message }) => `${what}: ${message}`);
  const api = components.length === 0 ? ['the API does not answer'] : ill.length === 0 ? ['all components are healthy'] : ill;
  const said = [
    `${name}: its authority ends ${left(authorityEndsMs)}`,
    ...api,
    ...unfinished.map((what) => `unfinished: ${what}`),
    ...clocks.map(({ host, message }) => `${host}: ${message}`),
    ...notes,
  ];
  return `${said.map(visibleLine).join('\n')}\n\n${visibleText(table)}`;
}

/** Whether there is nothing that somebody should see to. */
export const isWell = ({ hosts, components, unfinished, clocks }: ClusterStatus): boolean =>
  unfinished.length === 0 &&
  clocks.length === 0 &&
  components.length > 0 &&
  components.every(({ healthy }) => healthy) &&
  hosts.every(
    ({ services, node, roles }) =>
      services !== undefined && services.others.length === 0 && (node === 'Ready' || !roles.includes('worker')),
  );
