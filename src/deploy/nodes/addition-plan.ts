import type { Inventory, InventoryHost } from '../../api/config/v1/inventory.ts';
import type { V1Node } from '../../api/gen/types.ts';
import type { HostPlan } from '../plan/plan.ts';

const startsMember = (plans: readonly HostPlan[], name: string) =>
  plans.some(
    ({ host, changes }) => host === name && changes.some(({ step }) => step.type === 'unit' && step.name === 'etcd.service'),
  );

/**
 * Why these hosts may not be made nodes; empty when they may.
 *
 * @param plans what would be done on them
 * @param nodes of the cluster, by name
 */
export function checkAddition(
  inventory: Inventory,
  hosts: readonly InventoryHost[],
  plans: readonly HostPlan[],
  nodes: ReadonlyMap<string, V1Node>,
): string[] {
  return hosts.flatMap(({ name, address, roles }) => {
    const node = nodes.get(name);
    const known = node?.status?.addresses?.find(({ type }) => type === 'InternalIP')?.address;
    const other = [...nodes.values()].find(
      ({ metadata, status }) =>
        metadata?.name !== name &&
        status?.addresses?.some((one) => one.type === 'InternalIP' && one.address === address) &&
        !inventory.hosts.some((host) => host.name === metadata?.name && host.address !== address),
    );
    return [
      ...(roles.includes('master')
        ? [`${name} has role master: "muster deploy apply" adds it, for the other masters change with it`]
        : []),
      ...(startsMember(plans, name) ? [`${name} has role etcd: "muster deploy etcd add ${name}" first`] : []),
      ...(node && known !== address && plans.some(({ host, joins }) => host === name && joins)
        ? [`there is a node ${name} already, with address ${known ?? 'unknown'}; "muster deploy node remove" takes it away`]
        : []),
      ...(other ? [`node ${other.metadata?.name} has the address ${address} of ${name}`] : []),
    ];
  });
}
