import type { Inventory } from '../../api/config/v1/inventory.ts';
import { cniFile, NETWORK_SERVICES } from '../desired/pod-network.ts';
import type { HostFacts } from '../facts/facts.ts';
import { addressAt, parseRange } from '../inventory/networks.ts';
import type { HostPlan } from './plan.ts';
import type { Remark } from './preflight.ts';

/** Ranges that a cluster has given addresses of: each by the flag that names it. */
const LASTING = [
  {
    ...{ unit: 'kube-apiserver.service', file: '/etc/kubernetes/apiserver', flag: 'service-cluster-ip-range' },
    ...{ field: 'network.serviceCIDR', owners: 'Services' },
  },
  {
    ...{ unit: 'kube-controller-manager.service', file: '/etc/kubernetes/controller-manager', flag: 'cluster-cidr' },
    ...{ field: 'network.podCIDR', owners: 'nodes and pods' },
  },
] as const;

/** What of a cluster that has served lasts as long as it does, and is another in the inventory. */
export const changedParts = (
  inventory: Inventory,
  plans: readonly HostPlan[],
  facts: ReadonlyMap<string, HostFacts>,
): Remark[] => [...changedRanges(plans, facts), ...changedPlugins(inventory, facts)];

/**
 * Hosts with the pod network of another plugin: two would set up pods by turns, and neither reaches the other's. Whoever brings a network of
 * his own may have its file where that of `bridge` lies.
 */
function changedPlugins(inventory: Inventory, facts: ReadonlyMap<string, HostFacts>): Remark[] {
  const { plugin } = inventory.network;
  const workers = inventory.hosts.filter(({ roles }) => roles.includes('worker'));
  return workers.flatMap(({ name }) => {
    const fact = facts.get(name);
    const running = Object.entries(NETWORK_SERVICES).flatMap(([one, service]): [string, string][] => {
      const unit = fact?.units.get(`${service}.service`);
      const isOurs = unit?.active === 'active' && unit.fingerprint !== '';
      return isOurs ? [[one, `systemctl disable --now ${service}; rm -f /etc/cni/net.d/10-${one}.conflist`]] : [];
    });
    // Another plugin's own file is called after it, as the cluster may be.
    const hasBridge = plugin !== 'none' && plugin !== inventory.name && fact?.files.has(cniFile(inventory));
    const there: [string, string][] = [
      ...running,
      ...(hasBridge ? [['bridge', `rm ${cniFile(inventory)}`] as [string, string]] : []),
    ];
    const [other, remedy] = there.find(([one]) => one !== plugin) ?? [];
    if (other === undefined) return [];
    const message = `network.plugin is "${plugin}", and pods of this cluster have the network of "${other}", which nothing takes from under them: put that back, or take it off all workers first (${remedy}) and make their pods anew`;
    return [{ host: name, message }];
  });
}

/** Ranges that a plan would take from under a cluster that has served with others. One that begins where the old one does may be larger. */
function changedRanges(plans: readonly HostPlan[], facts: ReadonlyMap<string, HostFacts>): Remark[] {
  return plans.flatMap(({ host, changes }) =>
    LASTING.flatMap(({ unit, file, flag, field, owners }): Remark[] => {
      if ((facts.get(host)?.units.get(unit)?.fingerprint ?? '') === '') return [];
      const lines = changes.find(({ step }) => step.type === 'file' && step.path === file)?.lines ?? [];
      const before = valueIn(lines, '-', flag);
      const after = valueIn(lines, '+', flag);
      if (before === undefined || after === undefined || isWidened(before, after)) return [];
      return [
        {
          host,
          message: `${field} is ${after}, and ${owners} of this cluster have addresses of ${before} for as long as they live: put that back, or make another cluster`,
        },
      ];
    }),
  );
}

/** The first range that a flag has in the lines of a diff. */
function valueIn(lines: readonly string[], sign: '-' | '+', flag: string): string | undefined {
  const value = new RegExp(`--${flag}=([^\\s,"'\\\\]+)`);
  return lines.flatMap((line) => (line.startsWith(sign) ? (value.exec(line)?.[1] ?? []) : []))[0];
}

function isWidened(before: string, after: string): boolean {
  const [old, now] = [parseRange(before), parseRange(after)];
  return old !== undefined && now !== undefined && now[1] <= old[1] && addressAt(before, 0) === addressAt(after, 0);
}
