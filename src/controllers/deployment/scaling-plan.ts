import type { V1Deployment, V1ReplicaSet } from '../../api/gen/types.ts';
import { DESIRED_REPLICAS, MAX_REPLICAS, numberIn } from './annotations.ts';
import {
  countedIn,
  fenceposts,
  isRolling,
  isSaturated,
  maxSurge,
  maxUnavailable,
  replicasOf,
  wantedCount,
} from './replica-numbers.ts';
import { activeSets, byCreation } from './replica-sets.ts';

/** A ReplicaSet and the number that it is to have. */
export interface Scaling {
  readonly set: V1ReplicaSet;
  readonly replicas: number;
}

/** What a new ReplicaSet is to have: a rolling update goes no further than its surge lets it. */
export function replicasOfNewest(
  deployment: V1Deployment,
  all: readonly V1ReplicaSet[],
  newest: V1ReplicaSet | undefined,
): number {
  const wanted = replicasOf(deployment);
  if (!isRolling(deployment)) return wanted;
  const has = newest ? replicasOf(newest) : 0;
  const most = wanted + fenceposts(deployment).maxSurge;
  const count = wantedCount(all);
  return count >= most ? has : has + Math.min(most - count, wanted - has);
}

/** One step of a rolling update for the new ReplicaSet; undefined when it has what it may. */
export function planNewest(deployment: V1Deployment, all: readonly V1ReplicaSet[], newest: V1ReplicaSet): Scaling | undefined {
  const wanted = replicasOf(deployment);
  const has = replicasOf(newest);
  if (has === wanted) return undefined;
  const replicas = has > wanted ? wanted : replicasOfNewest(deployment, all, newest);
  return replicas === has ? undefined : { set: newest, replicas };
}

/**
 * One step of a rolling update for the old ReplicaSets: first those pods go that are not available anyway, then as many as the others that are
 * available let go (pkg/controller/deployment/rolling.go).
 */
export function planOld(
  deployment: V1Deployment,
  all: readonly V1ReplicaSet[],
  newest: V1ReplicaSet,
  old: readonly V1ReplicaSet[],
): Scaling[] {
  if (wantedCount(old) === 0) return [];
  const fewest = replicasOf(deployment) - maxUnavailable(deployment);
  const newUnavailable = replicasOf(newest) - (newest.status?.availableReplicas ?? 0);
  const most = wantedCount(all) - fewest - newUnavailable;
  if (most <= 0) return [];
  const planned = new Map<V1ReplicaSet, number>();
  const now = (set: V1ReplicaSet) => planned.get(set) ?? replicasOf(set);
  const oldest = [...old].sort(byCreation);
  let unhealthyGone = 0;
  const steps = () => [...planned].map(([set, replicas]) => ({ set, replicas }));
  for (const set of oldest) {
    if (unhealthyGone >= most) break;
    const available = set.status?.availableReplicas ?? 0;
    if (replicasOf(set) === 0 || replicasOf(set) === available) continue;
    const gone = Math.min(most - unhealthyGone, replicasOf(set) - available);
    // Its status is behind its spec: what it tells of as available is not to be relied on.
    if (gone < 0) return steps();
    planned.set(set, replicasOf(set) - gone);
    unhealthyGone += gone;
  }
  // Sets that were told to have none may still tell of pods, which go.
  let spare = countedIn([...activeSets(old), newest], 'availableReplicas') - fewest;
  for (const set of oldest) {
    if (spare <= 0) break;
    const gone = Math.min(now(set), spare);
    if (gone === 0) continue;
    planned.set(set, now(set) - gone);
    spare -= gone;
  }
  return steps();
}

/** Whether the Deployment's number was changed since its ReplicaSets were last scaled. */
export function wasScaled(deployment: V1Deployment, sets: readonly V1ReplicaSet[]): boolean {
  return activeSets(sets).some((set) => {
    const desired = numberIn(set, DESIRED_REPLICAS);
    return desired !== undefined && desired !== replicasOf(deployment);
  });
}

/**
 * What each ReplicaSet is to have after the Deployment's number was changed, or while it is paused: all goes to the only active one; when the new
 * one has everything, the others get nothing; in the middle of a rolling update all grow or shrink by their share
 * (pkg/controller/deployment/sync.go, scale). `replicas` may be what the set has: its annotations are then to be brought up to date.
 */
export function planScaling(deployment: V1Deployment, newest: V1ReplicaSet | undefined, old: readonly V1ReplicaSet[]): Scaling[] {
  const wanted = replicasOf(deployment);
  const only = activeOrLatest(newest, old);
  if (only) return replicasOf(only) === wanted ? [] : [{ set: only, replicas: wanted }];
  if (isSaturated(deployment, newest, newest && numberIn(newest, DESIRED_REPLICAS)))
    return activeSets(old).map((set) => ({ set, replicas: 0 }));
  if (!isRolling(deployment)) return [];
  const sets = activeSets([...old, newest]);
  const allowed = wanted > 0 ? wanted + maxSurge(deployment) : 0;
  const toAdd = allowed - wantedCount(sets);
  // When growing, newer ones first; when shrinking, older ones: of those of the same size.
  const sorted = sets.sort((a, b) => replicasOf(b) - replicasOf(a) || (toAdd > 0 ? byCreation(b, a) : byCreation(a, b)));
  let added = 0;
  const sizes = sorted.map((set) => {
    const share = toAdd === 0 ? 0 : shareOf(deployment, set, toAdd, added);
    added += share;
    return replicasOf(set) + share;
  });
  if (toAdd !== 0 && sizes.length > 0) sizes[0] = Math.max(0, sizes[0]! + toAdd - added);
  return sorted.map((set, i) => ({ set, replicas: sizes[i]! }));
}

function activeOrLatest(newest: V1ReplicaSet | undefined, old: readonly V1ReplicaSet[]): V1ReplicaSet | undefined {
  const active = activeSets([...old, newest]);
  if (active.length > 1) return undefined;
  return active[0] ?? newest ?? [...old].sort(byCreation).at(-1);
}

function shareOf(deployment: V1Deployment, set: V1ReplicaSet, toAdd: number, added: number): number {
  const replicas = replicasOf(set);
  if (replicas === 0 || toAdd === added) return 0;
  const fraction = fractionOf(deployment, set);
  return toAdd > 0 ? Math.min(fraction, toAdd - added) : Math.max(fraction, toAdd - added);
}

function fractionOf(deployment: V1Deployment, set: V1ReplicaSet): number {
  const wanted = replicasOf(deployment);
  if (wanted === 0) return -replicasOf(set);
  const before = numberIn(set, MAX_REPLICAS) || deployment.status?.replicas || 0;
  if (before === 0) return 0;
  return Math.round((replicasOf(set) * (wanted + maxSurge(deployment))) / before) - replicasOf(set);
}
