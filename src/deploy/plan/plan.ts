import type { Inventory } from '../../api/config/v1/inventory.ts';
import { parseCertificates } from '../../pki/certificate.ts';
import { CodedError } from '../../std/coded-error.ts';
import { visibleText } from '../../std/visible-text.ts';
import { KUBELET_KUBECONFIG, kubeletPair } from '../desired/node.ts';
import { cniFile } from '../desired/pod-network.ts';
import type { Step } from '../desired/step.ts';
import type { HostFacts } from '../facts/facts.ts';
import { type Change, planHost } from './plan-host.ts';

export interface HostPlan {
  readonly host: string;
  readonly changes: readonly Change[];
  /** The node has yet to join, by a token of its own. */
  readonly joins: boolean;
  /** It has joined by an authority that signs no more, and does so again. */
  readonly rejoins: boolean;
  /** The network of its pods is written when the node has its range. */
  readonly needsNetwork: boolean;
}

export interface Wanted {
  readonly inventory: Inventory;
  /** What each host is to be. */
  readonly desired: ReadonlyMap<string, readonly Step[]>;
  /** The certificate of who signs the kubelets' certificates, as PEM. */
  readonly signer: string;
}

/** What would change on each host that was looked at. A pure function of what is wanted and what is there. */
export function planCluster({ inventory, desired, signer }: Wanted, facts: ReadonlyMap<string, HostFacts>): HostPlan[] {
  return inventory.hosts.flatMap(({ name, roles }) => {
    const fact = facts.get(name);
    if (!fact) return [];
    const isWorker = roles.includes('worker');
    const joins = isWorker && !fact.files.has(KUBELET_KUBECONFIG);
    return [
      {
        host: name,
        changes: planHost(desired.get(name) ?? [], fact),
        joins,
        rejoins: isWorker && !joins && isSignedByOthers(inventory, fact, signer),
        needsNetwork: isWorker && inventory.network.plugin === 'bridge' && !fact.files.has(cniFile(inventory)),
      },
    ];
  });
}

/** Whether the kubelet has a certificate that is not of this signer. Who signs may be somebody else, if the inventory says so. */
function isSignedByOthers(inventory: Inventory, { certificates }: HostFacts, signer: string): boolean {
  const pem = certificates.get(kubeletPair(inventory, 'client'));
  const isOthers = [inventory.flags, ...inventory.hosts.map(({ flags }) => flags)].some(
    (flags) => flags['kube-controller-manager']?.['cluster-signing-cert-file'] !== undefined,
  );
  return !isOthers && pem !== undefined && !isSignedBy(pem, signer);
}

/** Whether the first certificate of one text was signed by that of the other. What cannot be read was not. */
export function isSignedBy(pem: string, signer: string): boolean {
  try {
    return parseCertificates(pem)[0]!.isSignedBy(parseCertificates(signer)[0]!);
  } catch (error) {
    if (error instanceof CodedError) return false;
    throw error;
  }
}

export const isEmpty = ({ changes, joins, rejoins, needsNetwork }: HostPlan) =>
  changes.length === 0 && !joins && !rejoins && !needsNetwork;

/** The plan as one reads it, a host after the other. */
export function formatPlan(plans: readonly HostPlan[]): string {
  const lines = plans.flatMap((plan) => {
    if (isEmpty(plan)) return [`${plan.host}: nothing to do`];
    return [
      `${plan.host}:`,
      ...plan.changes.flatMap(({ action, title, lines: diff }) => [`  ${action} ${title}`, ...diff.map((line) => `    ${line}`)]),
      ...(plan.joins ? ['  join the cluster by a bootstrap token of its own'] : []),
      ...(plan.rejoins ? ['  join again, with certificates of the authority that signs now'] : []),
      ...(plan.needsNetwork ? ["  create the pods' network, when the node has its range"] : []),
    ];
  });
  const changed = plans.filter((plan) => !isEmpty(plan));
  const count = changed.reduce(
    (sum, { changes, joins, rejoins, needsNetwork }) =>
      sum + changes.length + Number(joins) + Number(rejoins) + Number(needsNetwork),
    0,
  );
  const summary =
    count === 0 ? `${plans.length} hosts, nothing to do` : `${count} changes on ${changed.length} of ${plans.length} hosts`;
  // Files of hosts are quoted in it.
  return visibleText(`${[...lines, summary].join('\n')}\n`);
}

/** The plan for programs: `-o json`. */
export function planJson(plans: readonly HostPlan[]): object {
  return {
    hosts: plans.map(({ host, changes, joins, rejoins, needsNetwork }) => ({
      name: host,
      changes: changes.map(({ action, title, lines, step }) => ({ phase: step.phase, action, title, diff: lines })),
      joins,
      rejoins,
      needsNetwork,
    })),
  };
}
