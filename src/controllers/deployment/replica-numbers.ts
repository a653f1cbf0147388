import type { V1Deployment, V1ReplicaSet } from '../../api/gen/types.ts';

/** A number of pods, given as such or as a share of `total`. */
export function scaledNumber(value: number | string | undefined, total: number, round: 'up' | 'down'): number {
  if (value === undefined) return 0;
  if (typeof value === 'number') return value;
  const part = (Number.parseInt(value, 10) * total) / 100;
  return round === 'up' ? Math.ceil(part) : Math.floor(part);
}

export const isRolling = ({ spec }: V1Deployment): boolean => spec?.strategy?.type !== 'Recreate';

export const replicasOf = (object: { readonly spec?: { readonly replicas?: number } }): number => object.spec?.replicas ?? 1;

/** How far a rolling update may go over and below the wanted number. Shares round in its favour; both cannot be 0. */
export function fenceposts(deployment: V1Deployment): { readonly maxSurge: number; readonly maxUnavailable: number } {
  const { rollingUpdate } = deployment.spec?.strategy ?? {};
  const replicas = replicasOf(deployment);
  const maxSurge = scaledNumber(rollingUpdate?.maxSurge as number | string | undefined, replicas, 'up');
  const maxUnavailable = scaledNumber(rollingUpdate?.maxUnavailable as number | string | undefined, replicas, 'down');
  return { maxSurge, maxUnavailable: maxSurge === 0 && maxUnavailable === 0 ? 1 : maxUnavailable };
}

export function maxUnavailable(deployment: V1Deployment): number {
  if (!isRolling(deployment) || replicasOf(deployment) === 0) return 0;
  return Math.min(fenceposts(deployment).maxUnavailable, replicasOf(deployment));
}

export const maxSurge = (deployment: V1Deployment): number => (isRolling(deployment) ? fenceposts(deployment).maxSurge : 0);

/** What the ReplicaSets are told to have. */
export const wantedCount = (sets: readonly (V1ReplicaSet | undefined)[]): number =>
  sets.reduce((sum, set) => sum + (set ? replicasOf(set) : 0), 0);

export type CountName = 'replicas' | 'readyReplicas' | 'availableReplicas' | 'terminatingReplicas';

/** What the ReplicaSets say that they have. */
export const countedIn = (sets: readonly (V1ReplicaSet | undefined)[], name: CountName): number =>
  sets.reduce((sum, set) => sum + (set?.status?.[name] ?? 0), 0);

/** Whether the new ReplicaSet has, by its own word and its annotation, all that the Deployment wants. */
export function isSaturated(deployment: V1Deployment, set: V1ReplicaSet | undefined, desired: number | undefined): boolean {
  if (!set) return false;
  const replicas = replicasOf(deployment);
  return replicasOf(set) === replicas && desired === replicas && (set.status?.availableReplicas ?? 0) === replicas;
}
