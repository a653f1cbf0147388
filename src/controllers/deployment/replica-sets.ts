import { deploymentKind } from '../../api/apps/v1/deployment.ts';
import { replicaSetKind } from '../../api/apps/v1/replica-set.ts';
import type { V1Deployment, V1PodTemplateSpec, V1ReplicaSet } from '../../api/gen/types.ts';
import { equalJson } from '../../api/machinery/clone.ts';
import { controllerReference } from '../workloads/owner.ts';
import { shortHash } from '../workloads/short-hash.ts';
import { annotationsOfNewest, revisionOf } from './annotations.ts';
import { replicasOf } from './replica-numbers.ts';

export const TEMPLATE_HASH = 'pod-template-hash';

/** A short name for a template. `collisions` makes it another when somebody has taken the first. */
export const templateHash = (template: V1PodTemplateSpec | undefined, collisions: number | undefined): string =>
  shortHash(template, collisions);

/** Whether two templates make the same pods: their hash label aside. */
export function equalTemplates(a: V1PodTemplateSpec | undefined, b: V1PodTemplateSpec | undefined): boolean {
  return equalJson(withoutHash(a), withoutHash(b));
}

function withoutHash(template: V1PodTemplateSpec | undefined): unknown {
  const { labels: { [TEMPLATE_HASH]: _, ...labels } = {}, ...metadata } = template?.metadata ?? {};
  return { metadata: { ...metadata, labels }, spec: template?.spec ?? {} };
}

const createdMs = ({ metadata }: V1ReplicaSet) => Date.parse(String(metadata?.creationTimestamp ?? '')) || 0;

export function byCreation(a: V1ReplicaSet, b: V1ReplicaSet): number {
  return createdMs(a) - createdMs(b) || ((a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1);
}

/** The ReplicaSet that has the Deployment's template: the oldest, should there be several. */
export function findNewest(deployment: V1Deployment, sets: readonly V1ReplicaSet[]): V1ReplicaSet | undefined {
  return sets.toSorted(byCreation).find((set) => equalTemplates(set.spec?.template, deployment.spec?.template));
}

export const othersThan = (newest: V1ReplicaSet | undefined, sets: readonly V1ReplicaSet[]): V1ReplicaSet[] =>
  sets.filter(({ metadata }) => metadata?.uid !== newest?.metadata?.uid);

export function highestRevision(sets: readonly V1ReplicaSet[]): bigint {
  let highest = 0n;
  for (const revision of sets.map(revisionOf)) if (revision > highest) highest = revision;
  return highest;
}

/** Those that are told to have pods. */
export const activeSets = (sets: readonly (V1ReplicaSet | undefined)[]): V1ReplicaSet[] =>
  sets.filter((set): set is V1ReplicaSet => set !== undefined && replicasOf(set) > 0);

/** A ReplicaSet for the Deployment's template, named after it. */
export function newReplicaSet(deployment: V1Deployment, replicas: number, revision: bigint): V1ReplicaSet {
  const { metadata, spec, status } = deployment;
  const hash = templateHash(spec?.template, status?.collisionCount);
  const labels = { ...spec?.template?.metadata?.labels, [TEMPLATE_HASH]: hash };
  return {
    apiVersion: 'apps/v1',
    kind: replicaSetKind.kind,
    metadata: {
      name: `${metadata?.name}-${hash}`,
      namespace: metadata?.namespace,
      labels,
      annotations: { ...annotationsOfNewest(deployment, undefined, revision) },
      ownerReferences: [controllerReference(deploymentKind, deployment)],
    },
    spec: {
      replicas,
      minReadySeconds: spec?.minReadySeconds,
      selector: {
        ...spec?.selector,
        matchLabels: { ...spec?.selector?.matchLabels, [TEMPLATE_HASH]: hash },
      },
      template: { ...structuredClone(spec?.template), metadata: { ...structuredClone(spec?.template?.metadata), labels } },
    },
  } as unknown as V1ReplicaSet;
}
