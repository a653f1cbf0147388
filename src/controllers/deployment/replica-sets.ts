import { createHash } from 'node:crypto';
import { deploymentKind } from '../../api/apps/v1/deployment.ts';
import { replicaSetKind } from '../../api/apps/v1/replica-set.ts';
import type { V1Deployment, V1PodTemplateSpec, V1ReplicaSet } from '../../api/gen/types.ts';
import { equalJson } from '../../api/machinery/clone.ts';
import { controllerReference } from '../workloads/owner.ts';
import { annotationsOfNewest, revisionOf } from './annotations.ts';
import { replicasOf } from './replica-numbers.ts';

export const TEMPLATE_HASH = 'pod-template-hash';

/** Characters of names that make no words: no vowels, no digits that look like them (k8s.io/apimachinery/pkg/util/rand). */
const SAFE = 'bcdfghjklmnpqrstvwxz2456789';

/** A short name for a template. `collisions` makes it another when somebody has taken the first. */
export function templateHash(template: V1PodTemplateSpec | undefined, collisions: number | undefined): string {
  const digest = createHash('sha256').update(canonical(template));
  if (collisions !== undefined) digest.update(`\n${collisions}`);
  return Array.from(digest.digest().subarray(0, 10), (byte) => SAFE[byte % SAFE.length]).join('');
}

/** The same text for the same value, whatever the order of its fields. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value).filter(([, field]) => field !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([name, field]) => `${JSON.stringify(name)}:${canonical(field)}`).join()}}`;
}

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

export const highestRevision = (sets: readonly V1ReplicaSet[]): number => Math.max(0, ...sets.map(revisionOf));

/** Those that are told to have pods. */
export const activeSets = (sets: readonly (V1ReplicaSet | undefined)[]): V1ReplicaSet[] =>
  sets.filter((set): set is V1ReplicaSet => set !== undefined && replicasOf(set) > 0);

/** A ReplicaSet for the Deployment's template, named after it. */
export function newReplicaSet(deployment: V1Deployment, replicas: number, revision: number): V1ReplicaSet {
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
