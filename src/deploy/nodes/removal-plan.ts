import type { Inventory, InventoryHost } from '../../api/config/v1/inventory.ts';
import type { Outline } from '../plan/outline.ts';
import { type DrainChoices, type DrainPlan, drainChanges, planDrain } from './drain-plan.ts';
import type { Membership } from './membership.ts';

export interface RemovalChoices extends DrainChoices {
  /** The host is no more: its pods are not waited for, and nothing is done on it. */
  readonly isGone: boolean;
}

export interface RemovalPlan {
  readonly host: string;
  readonly drain: DrainPlan;
  readonly membership: Membership;
  /** Whether there is something on the host to take away. */
  readonly resets: boolean;
  /** Each of them ends it before anything is touched. */
  readonly problems: readonly string[];
}

/**
 * What has to be done so that a host is none of the cluster's.
 *
 * @param isInstalled whether `apply` has left something on the host
 */
export function planRemoval(
  inventory: Inventory,
  host: InventoryHost,
  membership: Membership,
  isInstalled: boolean,
  choices: RemovalChoices,
): RemovalPlan {
  const drain = planDrain(membership.pods, choices);
  const others = inventory.hosts.filter(({ name, roles }) => roles.includes('master') && name !== host.name);
  const address = membership.node?.status?.addresses?.find(({ type }) => type === 'InternalIP')?.address;
  const problems = [
    ...(host.roles.includes('etcd')
      ? [
          `${host.name} is a member of etcd: "muster deploy etcd remove ${host.name}" first, and take the role out of the inventory`,
        ]
      : []),
    ...(host.roles.includes('master') && others.length === 0 ? [`${host.name} is the only master`] : []),
    ...(host.roles.includes('master') && inventory.endpoint.address === host.address && others.length > 0
      ? [`clients reach the API servers at ${host.address}, which is ${host.name}: give endpoint.address another one first`]
      : []),
    ...(address !== undefined && address !== host.address
      ? [`node ${host.name} has address ${address}, and ${host.name} of the inventory has ${host.address}`]
      : []),
    ...(choices.isGone ? [] : drain.problems),
  ];
  return { host: host.name, drain, membership, resets: isInstalled && !choices.isGone, problems };
}

/** How it shows. */
export function removalOutline({ host, drain, membership, resets }: RemovalPlan, { isGone }: RemovalChoices): Outline {
  const { node, requests, tokens } = membership;
  return {
    target: host,
    changes: [
      ...(node && !isGone && !node.spec?.unschedulable
        ? [{ action: 'change' as const, title: `node ${host}`, lines: ['- takes pods', '+ cordoned'] }]
        : []),
      ...(isGone ? [] : drainChanges(drain)),
      ...(resets
        ? [{ action: 'remove' as const, title: `host ${host}`, lines: ['- what "deploy apply" made there, and what ran by it'] }]
        : []),
      ...tokens.map((name) => ({ action: 'remove' as const, title: `secret kube-system/${name}`, lines: [] })),
      ...requests.map((name) => ({ action: 'remove' as const, title: `certificatesigningrequest ${name}`, lines: [] })),
      ...(node ? [{ action: 'remove' as const, title: `node ${host}`, lines: [] }] : []),
    ],
  };
}
