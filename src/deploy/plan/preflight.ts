import type { Inventory, InventoryHost } from '../../api/config/v1/inventory.ts';
import { membersOf } from '../desired/etcd.ts';
import { BALANCER_UNIT, hasBalancer } from '../desired/load-balancer.ts';
import { CONNTRACK_LIMIT, KERNEL_LOG } from '../desired/node.ts';
import { sysctlsOf } from '../desired/preparation.ts';
import { PACKAGE_MANAGER, programsOf, usesIpvs } from '../desired/programs.ts';
import { memberOf } from '../etcd-members/member-facts.ts';
import { type Span, wrongClocks } from '../facts/clocks.ts';
import type { HostFacts } from '../facts/facts.ts';
import { ETCD_LEFT } from '../journal.ts';
import { sysctlsLeftOut } from './plan-host.ts';

/** What is told of a host before anything is done. */
export interface Remark {
  readonly host: string;
  readonly message: string;
}

export interface Preflight {
  /** Each of them ends it. */
  readonly problems: readonly Remark[];
  readonly warnings: readonly Remark[];
}

const LEAST_DISK_KIB = 2 << 20;
const LEAST_MEMORY_KIB = 900 << 10;
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64' };

/** States in which a service may have its port: one that is on its way down still has it, as after a command that was ended within a restart. */
const HOLDING: ReadonlySet<string> = new Set(['active', 'activating', 'deactivating', 'reloading']);

/** The ports that a host's services listen on, with the unit of each. */
export function portsOf(inventory: Inventory, host: InventoryHost): ReadonlyMap<number, string> {
  const { apiServer, endpoint } = inventory;
  const { roles } = host;
  return new Map([
    ...(roles.includes('etcd')
      ? ([
          [2379, 'etcd'],
          [2380, 'etcd'],
        ] as const)
      : []),
    ...(roles.includes('master')
      ? ([
          [apiServer.port, 'kube-apiserver'],
          [10257, 'kube-controller-manager'],
          [10259, 'kube-scheduler'],
        ] as const)
      : []),
    ...(roles.includes('master') && endpoint.loadBalancer === 'haproxy' ? ([[endpoint.port, 'haproxy']] as const) : []),
    ...(hasBalancer(inventory, host) ? ([[endpoint.port, BALANCER_UNIT]] as const) : []),
    ...(roles.includes('worker')
      ? ([
          [10250, 'kubelet'],
          [10248, 'kubelet'],
          [10256, 'kube-proxy'],
          [10249, 'kube-proxy'],
        ] as const)
      : []),
  ]);
}

/**
 * Whether a cluster can be made of these hosts.
 *
 * @param architecture of the executable, as Node calls it
 * @param bundled names of packages that hosts can be given; undefined where there is no bundle
 * @param adding hosts that become members of an etcd that runs
 * @param askedAt when, by this machine's clock, each host told its time
 */
export function checkHosts(
  inventory: Inventory,
  facts: ReadonlyMap<string, HostFacts>,
  architecture: string,
  askedAt: ReadonlyMap<string, Span>,
  bundled?: ReadonlySet<string>,
  adding: ReadonlySet<string> = new Set(),
): Preflight {
  const problems: Remark[] = [];
  const warnings: Remark[] = [];
  const machines = new Map<string, string>();
  for (const host of inventory.hosts) {
    const fact = facts.get(host.name);
    if (!fact) continue;
    const problem = (message: string) => problems.push({ host: host.name, message });
    const twin = fact.machineId === '' ? undefined : machines.get(fact.machineId);
    if (twin !== undefined) problem(`is the same machine as ${twin}: both have the machine id ${fact.machineId}`);
    machines.set(fact.machineId, host.name);
    if (fact.init !== 'systemd') problem(`runs by ${fact.init}; only hosts that run by systemd can be used`);
    const wanted = ARCHITECTURES[architecture] ?? architecture;
    if (fact.architecture !== wanted) problem(`is ${fact.architecture}, and the executable is for ${wanted}`);
    if (fact.diskKiB < LEAST_DISK_KIB)
      problem(`has ${Math.floor(fact.diskKiB / 1024)} MiB free where /var/lib is; ${LEAST_DISK_KIB / 1024} are needed`);
    if (fact.memoryKiB < LEAST_MEMORY_KIB)
      warnings.push({ host: host.name, message: `has ${Math.floor(fact.memoryKiB / 1024)} MiB of memory` });
    if (
      fact.swaps > 0 &&
      inventory.preparation.swap === 'keep' &&
      host.roles.includes('worker') &&
      inventory.kubelet.configuration['failSwapOn'] !== false
    )
      problem(
        'has swap, with which the kubelet does not start: let preparation.swap be "off", or kubelet.configuration.failSwapOn false',
      );
    for (const [program, name] of programsOf(inventory, host)) {
      if (fact.programs.has(program)) continue;
      if (!bundled) problem(`has no ${program}: install the package ${name}`);
      else if (!bundled.has(name)) problem(`has no ${program}, and the bundle has no package ${name}`);
      else if (!fact.programs.has(PACKAGE_MANAGER))
        problem(`has no ${program}, and no ${PACKAGE_MANAGER} for the bundle's packages`);
    }
    if (host.roles.includes('worker')) {
      if (!fact.filesystems.has('overlay') && !fact.loadable.has('overlay'))
        problem('its kernel has no file system overlay, which containers need');
      if (inventory.distribution.type === 'upstream' && !fact.files.has(KERNEL_LOG))
        problem(`has no ${KERNEL_LOG}, without which the kubelet of distribution.type "upstream" does not start`);
      if (inventory.distribution.type === 'upstream' && fact.sysctls.get(CONNTRACK_LIMIT)?.writable === false)
        warnings.push({ host: host.name, message: `kube-proxy leaves ${CONNTRACK_LIMIT} as it is: nobody may write it there` });
      if (!fact.modules.has('br_netfilter') && !fact.loadable.has('br_netfilter'))
        warnings.push({
          host: host.name,
          message: 'its kernel has no br_netfilter: pods may not reach pods of their own host by a Service',
        });
      if (usesIpvs(inventory) && !fact.modules.has('ip_vs') && !fact.loadable.has('ip_vs'))
        warnings.push({
          host: host.name,
          message: 'its kernel has no ip_vs: kube-proxy uses iptables instead of kubeProxy.configuration.mode "ipvs"',
        });
    }
    for (const [port, unit] of portsOf(inventory, host))
      if (fact.ports.has(port) && !HOLDING.has(fact.units.get(`${unit}.service`)?.active ?? ''))
        problem(`port ${port}, which ${unit} needs, is taken`);
    if (inventory.endpoint.loadBalancer === 'haproxy' && host.roles.includes('master') && !fact.devices.has(host.address))
      problem(`has no network device with ${host.address}, to give it the virtual address`);
    const kube = fact.accounts.get('kube');
    if (host.roles.includes('master') && kube && kube.uid !== inventory.preparation.accountId)
      warnings.push({ host: host.name, message: `has a user kube of number ${kube.uid}, which is used as it is` });
    const id = inventory.preparation.accountId;
    for (const [base, what] of [
      ['passwd', 'user'],
      ['group', 'group'],
    ] as const) {
      const holder = fact.holders[base].get(id);
      if (host.roles.includes('master') && !kube && holder !== undefined && holder !== 'kube')
        problem(`number ${id}, which ${what} kube is to have, is that of ${what} ${holder}: preparation.accountId names another`);
    }
    for (const message of sysctlsLeftOut(sysctlsOf(inventory), fact)) warnings.push({ host: host.name, message });
  }
  const times = new Map([...facts].map(([host, { time }]) => [host, time]));
  problems.push(...wrongClocks(times, askedAt), ...checkMembers(inventory, facts, adding));
  return { problems, warnings };
}

/** A cluster of etcd that has begun takes members only one by one, by its own rules. Of those that it began with, one may come late. */
function checkMembers(inventory: Inventory, facts: ReadonlyMap<string, HostFacts>, adding: ReadonlySet<string>): Remark[] {
  const seen = membersOf(inventory).flatMap((host) => {
    const fact = facts.get(host.name);
    return fact ? [{ name: host.name, fact, ...memberOf(inventory, host, fact) }] : [];
  });
  // Where all began together each of them names all.
  const begun = seen.flatMap(({ hasBegun, beginning }) => (hasBegun ? [beginning] : []));
  const isNamed = (name: string) =>
    begun.every((beginning) => beginning === undefined || beginning.cluster.split(',').some((one) => one.startsWith(`${name}=`)));
  if (begun.length === 0) return [];
  return seen.flatMap(({ name, fact, hasBegun }) => {
    if (hasBegun || adding.has(name)) return [];
    const by = `"muster deploy etcd add ${name}"`;
    if (fact.files.has(ETCD_LEFT)) return [{ host: name, message: `was taken out of etcd: ${by} takes it in again` }];
    if ((fact.units.get('etcd.service')?.fingerprint ?? '') !== '')
      return [{ host: name, message: `has lost the data of its member of etcd: ${by} replaces the member` }];
    return isNamed(name)
      ? []
      : [{ host: name, message: `would be a new member of an etcd cluster that runs already: ${by} first` }];
  });
}
