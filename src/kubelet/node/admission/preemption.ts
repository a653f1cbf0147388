import { qualityOfService } from '../../../api/core/v1/quality-of-service.ts';
import type { V1Pod } from '../../../api/gen/types.ts';
import { isCritical } from '../../pods/critical-pod.ts';
import { requestsOf, type Shortage } from './pod-fit.ts';

/** Whether `preemptor` may push `victim` out: a critical pod one that is not, and else the one of the higher priority. */
function mayPreempt(preemptor: V1Pod, victim: V1Pod): boolean {
  if (isCritical(preemptor) && !isCritical(victim)) return true;
  return (preemptor.spec?.priority ?? 0) > (victim.spec?.priority ?? 0);
}

/**
 * The fewest pods that must go so that a critical pod fits: as few guaranteed ones as will do, then burstable, then best-effort ones
 * (upstream's pkg/kubelet/preemption).
 *
 * @throws Error when even all of them would not make enough room
 */
export function podsToPreempt(pod: V1Pod, others: readonly V1Pod[], shortages: readonly Shortage[]): readonly V1Pod[] {
  const candidates = others.filter((other) => mayPreempt(pod, other));
  const needed = shortages.map(
    ({ resource, requested, used, capacity }): Need => ({ resource, amount: requested - (capacity - used) }),
  );
  const ofClass = (name: string) => candidates.filter((candidate) => candidate.spec && qualityOfService(candidate.spec) === name);
  const [bestEffort, burstable, guaranteed] = [ofClass('BestEffort'), ofClass('Burstable'), ofClass('Guaranteed')];
  const missing = left(needed, candidates).map(({ resource, amount }) => `(res: ${resource}, q: ${amount}), `);
  if (missing.length > 0) throw new Error(`no set of running pods found to reclaim resources: [${missing.join('')}]`);
  const chosenGuaranteed = fewestFor(guaranteed, left(needed, [...bestEffort, ...burstable]));
  const chosenBurstable = fewestFor(burstable, left(needed, [...bestEffort, ...chosenGuaranteed]));
  const chosenBestEffort = fewestFor(bestEffort, left(needed, [...chosenBurstable, ...chosenGuaranteed]));
  return [...chosenBestEffort, ...chosenBurstable, ...chosenGuaranteed];
}

interface Need {
  readonly resource: string;
  readonly amount: bigint;
}

const freedBy = (pod: V1Pod, resource: string) => (resource === 'pods' ? 1n : (requestsOf(pod).get(resource) ?? 0n));

/** What is still needed when these pods are gone. */
function left(needed: readonly Need[], gone: readonly V1Pod[]): Need[] {
  return needed
    .map(({ resource, amount }) => ({ resource, amount: gone.reduce((sum, pod) => sum - freedBy(pod, resource), amount) }))
    .filter(({ amount }) => amount > 0n);
}

/** One after the other the pod that is the nearest to what is needed; of equals the one with the smaller requests. */
function fewestFor(pods: readonly V1Pod[], needed: readonly Need[]): V1Pod[] {
  const waiting = [...pods];
  const chosen: V1Pod[] = [];
  for (let open = left(needed, []); open.length > 0 && waiting.length > 0; open = left(needed, chosen)) {
    let best = waiting[0]!;
    for (const pod of waiting) {
      const difference = distance(pod, open) - distance(best, open);
      if (difference < 0 || (difference === 0 && isSmaller(pod, best))) best = pod;
    }
    waiting.splice(waiting.indexOf(best), 1);
    chosen.push(best);
  }
  return chosen;
}

/** How far from enough the needs would be if only this pod went: 0 for one that is enough alone. */
function distance(pod: V1Pod, needed: readonly Need[]): number {
  return needed.reduce((sum, { resource, amount }) => {
    const missing = Number(amount - freedBy(pod, resource)) / Number(amount);
    return missing > 0 ? sum + missing ** 2 : sum;
  }, 0);
}

function isSmaller(a: V1Pod, b: V1Pod): boolean {
  const [first, second] = [requestsOf(a), requestsOf(b)];
  for (const resource of ['memory', 'cpu']) {
    const [x, y] = [first.get(resource) ?? 0n, second.get(resource) ?? 0n];
    if (x !== y) return x < y;
  }
  return false;
}
