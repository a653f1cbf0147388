import type { NodeInfo } from '../node-info.ts';
import type { Refusal } from './plugin.ts';

/** Why a pod can go nowhere now. */
export interface Diagnosis {
  readonly nodeCount: number;
  /** Of the nodes that were looked at. */
  readonly refusals: ReadonlyMap<NodeInfo, Refusal>;
  /** Why the others were not. */
  readonly others: Refusal | undefined;
  /** Said for the pod as a whole, whatever the node. */
  readonly general: string | undefined;
  /** The rules that refused: only what changes their mind helps. Empty: anything may. */
  readonly plugins: ReadonlySet<string>;
}

/** `0/3 nodes are available: …`, as upstream's event and PodScheduled condition say it (framework.FitError). */
export function describeDiagnosis({ nodeCount, refusals, others, general }: Diagnosis, afterwards = ''): string {
  if (nodeCount === 0) return 'no nodes available to schedule pods';
  const reasons = general === undefined ? countReasons({ nodeCount, refusals, others }) : general;
  return `0/${nodeCount} nodes are available:${reasons && ` ${reasons}.`}${afterwards && ` ${afterwards}`}`;
}

function countReasons({ nodeCount, refusals, others }: Pick<Diagnosis, 'nodeCount' | 'refusals' | 'others'>): string {
  const counts = new Map<string, number>();
  const add = (reason: string, count: number) => counts.set(reason, (counts.get(reason) ?? 0) + count);
  for (const { reasons } of refusals.values()) for (const reason of reasons) add(reason, 1);
  const rest = nodeCount - refusals.size;
  if (rest > 0) for (const reason of others?.reasons ?? []) add(reason, rest);
  return [...counts]
    .map(([reason, count]) => `${count} ${reason}`)
    .sort()
    .join(', ');
}
