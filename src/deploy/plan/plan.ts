import type { Inventory } from '../../api/config/v1/inventory.ts';
import { KUBELET_KUBECONFIG } from '../desired/node.ts';
import { cniFile } from '../desired/pod-network.ts';
import type { Step } from '../desired/step.ts';
import type { HostFacts } from '../facts/facts.ts';
import { type Change, planHost } from './plan-host.ts';

export interface HostPlan {
  readonly host: string;
  readonly changes: readonly Change[];
  /** The node has yet to join, by a token of its own. */
  readonly joins: boolean;
  /** The network of its pods is written when the node has its range. */
  readonly needsNetwork: boolean;
}

/** What would change on each host that was looked at. A pure function of what is wanted and what is there. */
export function planCluster(
  inventory: Inventory,
  desired: ReadonlyMap<string, readonly Step[]>,
  facts: ReadonlyMap<string, HostFacts>,
): HostPlan[] {
  return inventory.hosts.flatMap(({ name, roles }) => {
    const fact = facts.get(name);
    if (!fact) return [];
    const isWorker = roles.includes('worker');
    return [
      {
        host: name,
        changes: planHost(desired.get(name) ?? [], fact),
        joins: isWorker && !fact.files.has(KUBELET_KUBECONFIG),
        needsNetwork: isWorker && inventory.network.plugin === 'bridge' && !fact.files.has(cniFile(inventory)),
      },
    ];
  });
}

export const isEmpty = ({ changes, joins, needsNetwork }: HostPlan) => changes.length === 0 && !joins && !needsNetwork;

/** The plan as one reads it, a host after the other. */
export function formatPlan(plans: readonly HostPlan[]): string {
  const lines = plans.flatMap((plan) => {
    if (isEmpty(plan)) return [`${plan.host}: nothing to do`];
    return [
      `${plan.host}:`,
      ...plan.changes.flatMap(({ action, title, lines: diff }) => [`  ${action} ${title}`, ...diff.map((line) => `    ${line}`)]),
      ...(plan.joins ? ['  join the cluster by a bootstrap token of its own'] : []),
      ...(plan.needsNetwork ? ["  create the pods' network, when the node has its range"] : []),
    ];
  });
  const changed = plans.filter((plan) => !isEmpty(plan));
  const count = changed.reduce(
    (sum, { changes, joins, needsNetwork }) => sum + changes.length + Number(joins) + Number(needsNetwork),
    0,
  );
  const summary =
    count === 0 ? `${plans.length} hosts, nothing to do` : `${count} changes on ${changed.length} of ${plans.length} hosts`;
  return `${[...lines, summary].join('\n')}\n`;
}

/** The plan for programs: `-o json`. */
export function planJson(plans: readonly HostPlan[]): object {
  return {
    hosts: plans.map(({ host, changes, joins, needsNetwork }) => ({
      name: host,
      changes: changes.map(({ action, title, lines, step }) => ({ phase: step.phase, action, title, diff: lines })),
      joins,
      needsNetwork,
    })),
  };
}
