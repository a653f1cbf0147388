import type { Inventory } from '../../api/config/v1/inventory.ts';
import type { HostFacts } from '../facts/facts.ts';
import type { DrainPlan } from '../nodes/drain-plan.ts';
import { drainChanges } from '../nodes/drain-plan.ts';
import type { Outline } from '../plan/outline.ts';
import { type HostPlan, isEmpty } from '../plan/plan.ts';
import { UPGRADE_MARK } from './upgrade-scripts.ts';

/** Components that run by the executable: their services tell that a host is in use. */
const IN_USE = ['kube-apiserver.service', 'kubelet.service'];

/** Hosts that run a program which the plan would replace. A service that was started once and stands still counts. */
export function hostsToUpgrade(
  { distribution }: Inventory,
  plans: readonly HostPlan[],
  facts: ReadonlyMap<string, HostFacts>,
): string[] {
  const path = `${distribution.directory}/muster`;
  return plans
    .filter(({ host, changes }) => {
      const units = facts.get(host)?.units;
      const isReplaced = changes.some(({ step, action }) => step.type === 'file' && step.path === path && action === 'change');
      return isReplaced && IN_USE.some((name) => (units?.get(name)?.fingerprint ?? '') !== '');
    })
    .map(({ host }) => host);
}

/** What has to be done on one host, and which pods have to leave it meanwhile. */
export interface HostUpgrade {
  readonly plan: HostPlan;
  readonly roles: Inventory['hosts'][number]['roles'];
  readonly address: string;
  /** Undefined: it is not drained. */
  readonly drain: DrainPlan | undefined;
  /** Files that the upgrade changes: kept before. */
  readonly paths: readonly string[];
  /** Services that it restarts. */
  readonly units: readonly string[];
}

export interface UpgradePlan {
  /** In their order: masters first. */
  readonly hosts: readonly HostUpgrade[];
  /** Each of them ends it before anything is touched. */
  readonly problems: readonly string[];
  /** An upgrade was ended on one of them. */
  readonly isResumed: boolean;
}

/** Which hosts change, one after the other. */
export function planUpgrade(
  inventory: Inventory,
  plans: readonly HostPlan[],
  facts: ReadonlyMap<string, HostFacts>,
  drains: ReadonlyMap<string, DrainPlan>,
): UpgradePlan {
  const isMaster = (host: string) => inventory.hosts.some(({ name, roles }) => name === host && roles.includes('master'));
  const isHalf = (host: string) => facts.get(host)?.files.has(UPGRADE_MARK) ?? false;
  // What was ended comes first: it may be a host that does not serve.
  const rank = (host: string) => (isHalf(host) ? 0 : isMaster(host) ? 1 : 2);
  const due = plans.filter((plan) => !isEmpty(plan) || isHalf(plan.host)).sort((a, b) => rank(a.host) - rank(b.host));
  const hosts = due.map((plan): HostUpgrade => {
    const { roles, address } = inventory.hosts.find(({ name }) => name === plan.host)!;
    const steps = plan.changes.map(({ step }) => step);
    return {
      plan,
      roles,
      address,
      drain: roles.includes('worker') ? drains.get(plan.host) : undefined,
      paths: steps.flatMap((step) => (step.type === 'file' || step.type === 'link' || step.type === 'absent' ? [step.path] : [])),
      units: steps.flatMap((step) => (step.type === 'unit' ? [step.name] : [])),
    };
  });
  const problems = hosts.flatMap(({ plan, drain }) => [
    ...(plan.joins && !isHalf(plan.host) ? [`${plan.host} has not joined yet: "apply" or "node add" first`] : []),
    ...(plan.rejoins ? [`${plan.host} has certificates of another authority: "rotate ca" is not through`] : []),
    ...(drain?.problems ?? []).map((problem) => `${plan.host}: ${problem}`),
  ]);
  return { hosts, problems, isResumed: hosts.some(({ plan }) => isHalf(plan.host)) };
}

/** How it shows. */
export const upgradeOutlines = ({ hosts }: UpgradePlan): Outline[] =>
  hosts.map(({ plan, drain }) => ({
    target: plan.host,
    changes: [
      ...(drain
        ? [
            { action: 'change' as const, title: `node ${plan.host}`, lines: ['- takes pods', '+ cordoned meanwhile'] },
            ...drainChanges(drain),
          ]
        : []),
      ...plan.changes,
    ],
  }));
