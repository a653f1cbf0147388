import type { V1Deployment, V1ReplicaSet } from '../../api/gen/types.ts';
import { maxSurge, replicasOf } from './replica-numbers.ts';

/** Upstream's names: kubectl reads revisions from them (`rollout history`). */
export const REVISION = 'deployment.kubernetes.io/revision';
export const REVISION_HISTORY = 'deployment.kubernetes.io/revision-history';
export const DESIRED_REPLICAS = 'deployment.kubernetes.io/desired-replicas';
export const MAX_REPLICAS = 'deployment.kubernetes.io/max-replicas';

/** A wish to go back to a revision, of clients of API groups that are no more. */
const ROLLBACK_TO = 'deprecated.deployment.rollback.to';

const NOT_COPIED: ReadonlySet<string> = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  REVISION,
  REVISION_HISTORY,
  DESIRED_REPLICAS,
  MAX_REPLICAS,
  ROLLBACK_TO,
]);

type Annotations = Readonly<Record<string, string>>;

const WHOLE_NUMBER = /^[+-]?\d{1,19}$/;

/** The revision that an annotation says; 0 when it says none. 64 bits, as upstream: an adopted ReplicaSet may have a large one. */
export function revisionOf(object: { readonly metadata?: { readonly annotations?: Annotations } }): bigint {
  const text = object.metadata?.annotations?.[REVISION] ?? '';
  const revision = WHOLE_NUMBER.test(text) ? BigInt(text.replace('+', '')) : 0n;
  return BigInt.asIntN(64, revision) === revision ? revision : 0n;
}

/** The revision that the Deployment is to go back to; undefined when none is wanted, or what is wanted is no number. */
export function rollbackOf({ metadata }: V1Deployment): bigint | undefined {
  const text = metadata?.annotations?.[ROLLBACK_TO] ?? '';
  return WHOLE_NUMBER.test(text) ? BigInt(text.replace('+', '')) : undefined;
}

export function withoutRollback({ metadata }: V1Deployment): Annotations {
  const { [ROLLBACK_TO]: _, ...annotations } = metadata?.annotations ?? {};
  return annotations;
}

/** Those of the ReplicaSet that is gone back to, with those of the Deployment that ReplicaSets do not have. */
export function annotationsAfterRollback(deployment: V1Deployment, set: V1ReplicaSet): Annotations {
  const kept = Object.entries(withoutRollback(deployment)).filter(([name]) => NOT_COPIED.has(name));
  const restored = Object.entries(set.metadata?.annotations ?? {}).filter(([name]) => !NOT_COPIED.has(name));
  return Object.fromEntries([...kept, ...restored]);
}

const LARGEST = 2 ** 31 - 1;

/** A number from a ReplicaSet's annotation, of 32 bits as upstream; undefined when it says none. */
export function numberIn(set: V1ReplicaSet, annotation: string): number | undefined {
  const text = set.metadata?.annotations?.[annotation];
  const number = text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
  return number !== undefined && number <= LARGEST ? number : undefined;
}

/** How many pods the Deployment wanted, and could have at most, when the ReplicaSet was last scaled. */
export function scaleAnnotations(deployment: V1Deployment): Record<string, string> {
  const replicas = replicasOf(deployment);
  return { [DESIRED_REPLICAS]: String(replicas), [MAX_REPLICAS]: String(replicas + maxSurge(deployment)) };
}

/** Longer than this no history grows: the oldest revisions leave it. */
const LONGEST_HISTORY = 2000;

function withRevision(history: string | undefined, revision: string): string {
  if (!history) return revision;
  const revisions = history.split(',');
  let length = history.length + revision.length + 1;
  let forgotten = 0;
  while (length > LONGEST_HISTORY && forgotten < revisions.length) length -= revisions[forgotten++]!.length + 1;
  return [...revisions.slice(forgotten), revision].join();
}

/**
 * The annotations of the ReplicaSet that has the Deployment's template: the Deployment's own, its revision, and the revisions that it
 * had before (a rollback makes an old one new).
 */
export function annotationsOfNewest(deployment: V1Deployment, set: V1ReplicaSet | undefined, newRevision: bigint): Annotations {
  const existing = set?.metadata?.annotations ?? {};
  const copied = Object.fromEntries(
    Object.entries(deployment.metadata?.annotations ?? {}).filter(([name]) => !NOT_COPIED.has(name)),
  );
  const annotations: Record<string, string> = { ...existing, ...copied };
  const old = set ? revisionOf(set) : 0n;
  if (old < newRevision) {
    annotations[REVISION] = String(newRevision);
    if (existing[REVISION]) annotations[REVISION_HISTORY] = withRevision(existing[REVISION_HISTORY], existing[REVISION]);
  }
  return set ? annotations : { ...annotations, ...scaleAnnotations(deployment) };
}
