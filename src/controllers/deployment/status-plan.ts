import type { V1Deployment, V1DeploymentCondition, V1DeploymentStatus, V1ReplicaSet } from '../../api/gen/types.ts';
import { formatTime } from '../../api/machinery/object.ts';
import { countedIn, maxUnavailable, replicasOf, wantedCount } from './replica-numbers.ts';

export type ConditionType = 'Available' | 'Progressing' | 'ReplicaFailure';

/** Of condition Progressing (pkg/controller/deployment/util). */
export const REASONS = {
  updated: 'ReplicaSetUpdated',
  createFailed: 'ReplicaSetCreateError',
  created: 'NewReplicaSetCreated',
  found: 'FoundNewReplicaSet',
  available: 'NewReplicaSetAvailable',
  timedOut: 'ProgressDeadlineExceeded',
  paused: 'DeploymentPaused',
  resumed: 'DeploymentResumed',
} as const;

/** What upstream takes for no deadline: the largest int32. */
const NO_DEADLINE = 2 ** 31 - 1;

export const hasDeadline = ({ spec }: V1Deployment): boolean => (spec?.progressDeadlineSeconds ?? NO_DEADLINE) !== NO_DEADLINE;

export const conditionIn = (status: V1DeploymentStatus | undefined, type: ConditionType): V1DeploymentCondition | undefined =>
  status?.conditions?.find((condition) => condition.type === type);

/** The conditions with this one in it; one that says the same already stays, and a status that stays keeps its time. */
export function withCondition(
  conditions: readonly V1DeploymentCondition[],
  said: { type: ConditionType; status: 'True' | 'False' | 'Unknown'; reason: string; message: string },
  nowMs: number,
): V1DeploymentCondition[] {
  const existing = conditions.find(({ type }) => type === said.type);
  if (existing?.status === said.status && existing.reason === said.reason) return [...conditions];
  const now = formatTime(nowMs) as unknown as V1DeploymentCondition['lastUpdateTime'];
  const lastTransitionTime = existing?.status === said.status ? existing.lastTransitionTime : now;
  return [...withoutCondition(conditions, said.type), { ...said, lastUpdateTime: now, lastTransitionTime }];
}

export const withoutCondition = (conditions: readonly V1DeploymentCondition[], type: ConditionType): V1DeploymentCondition[] =>
  conditions.filter((condition) => condition.type !== type);

/** Counts, and whether enough pods are available; what is told of progress is left as it is. */
export function countedStatus(
  deployment: V1Deployment,
  all: readonly V1ReplicaSet[],
  newest: V1ReplicaSet | undefined,
  nowMs: number,
): V1DeploymentStatus {
  const available = countedIn(all, 'availableReplicas');
  const isEnough = available >= replicasOf(deployment) - maxUnavailable(deployment);
  const count = (name: string, value: number) => (value > 0 ? { [name]: value } : {});
  const conditions = withCondition(
    deployment.status?.conditions ?? [],
    isEnough
      ? {
          type: 'Available',
          status: 'True',
          reason: 'MinimumReplicasAvailable',
          message: 'Deployment has minimum availability.',
        }
      : {
          type: 'Available',
          status: 'False',
          reason: 'MinimumReplicasUnavailable',
          message: 'Deployment does not have minimum availability.',
        },
    nowMs,
  );
  const { collisionCount } = deployment.status ?? {};
  return {
    ...(deployment.metadata?.generation && { observedGeneration: deployment.metadata.generation }),
    ...count('replicas', countedIn(all, 'replicas')),
    ...count('updatedReplicas', countedIn([newest], 'replicas')),
    ...count('readyReplicas', countedIn(all, 'readyReplicas')),
    ...count('availableReplicas', available),
    ...count('unavailableReplicas', wantedCount(all) - available),
    terminatingReplicas: countedIn(all, 'terminatingReplicas'),
    ...(collisionCount !== undefined && { collisionCount }),
    conditions,
  };
}

/** All pods are of the newest template and available, and no old ones are left. */
export function isComplete(deployment: V1Deployment, status: V1DeploymentStatus): boolean {
  const wanted = replicasOf(deployment);
  return (
    (status.updatedReplicas ?? 0) === wanted &&
    (status.replicas ?? 0) === wanted &&
    (status.availableReplicas ?? 0) === wanted &&
    (status.observedGeneration ?? 0) >= (deployment.metadata?.generation ?? 0)
  );
}

function isProgressing({ status: before = {} }: V1Deployment, after: V1DeploymentStatus): boolean {
  const old = (status: V1DeploymentStatus) => (status.replicas ?? 0) - (status.updatedReplicas ?? 0);
  return (
    (after.updatedReplicas ?? 0) > (before.updatedReplicas ?? 0) ||
    old(after) < old(before) ||
    (after.readyReplicas ?? 0) > (before.readyReplicas ?? 0) ||
    (after.availableReplicas ?? 0) > (before.availableReplicas ?? 0)
  );
}

/** When a rollout that makes no progress has failed; undefined when it has no deadline, is done, or has failed already. */
export function deadlineMs(deployment: V1Deployment, status = deployment.status): number | undefined {
  const condition = conditionIn(status, 'Progressing');
  if (!hasDeadline(deployment) || !condition?.lastUpdateTime) return undefined;
  if (condition.reason === REASONS.available || condition.reason === REASONS.timedOut) return undefined;
  return Date.parse(String(condition.lastUpdateTime)) + (deployment.spec?.progressDeadlineSeconds ?? 0) * 1000;
}

/** The status in the middle of a rollout: counts, availability, progress, and what keeps pods from being made. */
export function rolloutStatus(
  deployment: V1Deployment,
  all: readonly V1ReplicaSet[],
  newest: V1ReplicaSet | undefined,
  nowMs: number,
): V1DeploymentStatus {
  const status = countedStatus(deployment, all, newest, nowMs);
  let conditions = status.conditions ?? [];
  if (!hasDeadline(deployment)) conditions = withoutCondition(conditions, 'Progressing');
  const current = conditionIn(deployment.status, 'Progressing');
  const isDone = (status.replicas ?? 0) === (status.updatedReplicas ?? 0) && current?.reason === REASONS.available;
  const subject = newest ? `ReplicaSet "${newest.metadata?.name}"` : `Deployment "${deployment.metadata?.name}"`;
  const say = (value: 'True' | 'False', reason: string, message: string) => {
    conditions = withCondition(conditions, { type: 'Progressing', status: value, reason, message }, nowMs);
  };
  if (hasDeadline(deployment) && !isDone) {
    if (isComplete(deployment, status)) say('True', REASONS.available, `${subject} has successfully progressed.`);
    else if (isProgressing(deployment, status)) {
      // Its time is that of the last progress, though it says the same as before.
      if (current?.status === 'True') {
        const now = formatTime(nowMs) as unknown as V1DeploymentCondition['lastUpdateTime'];
        const renewed = { ...current, reason: REASONS.updated, message: `${subject} is progressing.`, lastUpdateTime: now };
        conditions = [...withoutCondition(conditions, 'Progressing'), renewed];
      } else say('True', REASONS.updated, `${subject} is progressing.`);
    } else if ((deadlineMs(deployment) ?? Number.POSITIVE_INFINITY) < nowMs)
      say('False', REASONS.timedOut, `${subject} has timed out progressing.`);
  }
  const failure = replicaFailure([...(newest ? [newest] : []), ...all]);
  conditions = failure ? withCondition(conditions, failure, nowMs) : withoutCondition(conditions, 'ReplicaFailure');
  return { ...status, conditions };
}

/** The newest ReplicaSet's trouble goes before that of others. */
function replicaFailure(newestFirst: readonly V1ReplicaSet[]) {
  for (const set of newestFirst) {
    const condition = set.status?.conditions?.find(({ type }) => type === 'ReplicaFailure');
    if (condition)
      return {
        type: 'ReplicaFailure' as const,
        status: condition.status as 'True',
        reason: condition.reason ?? '',
        message: condition.message ?? '',
      };
  }
  return undefined;
}
