import { jobKind } from '../../api/batch/v1/job.ts';
import type { V1Container, V1Job, V1Pod } from '../../api/gen/types.ts';
import { podFromTemplate } from '../workloads/pod-control.ts';
import { failureActionOf } from './failure-policy.ts';

/** Upstream's names (k8s.io/api/batch/v1). */
export const TRACKING = 'batch.kubernetes.io/job-tracking';
export const COMPLETION_INDEX = 'batch.kubernetes.io/job-completion-index';
const INDEX_FAILURES = 'batch.kubernetes.io/job-index-failure-count';
const IGNORED_FAILURES = 'batch.kubernetes.io/job-index-ignored-failure-count';
const INDEX_VARIABLE = 'JOB_COMPLETION_INDEX';

export const isIndexed = ({ spec }: V1Job): boolean => spec?.completionMode === 'Indexed';
export const isTracked = ({ metadata }: V1Pod): boolean => metadata?.finalizers?.includes(TRACKING) ?? false;

/** Of a pod of an indexed Job; undefined when it says none. */
export function indexOf({ metadata }: V1Pod): number | undefined {
  const text = metadata?.annotations?.[COMPLETION_INDEX];
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}

const countIn = ({ metadata }: V1Pod, name: string): number => Number(metadata?.annotations?.[name] ?? 0) || 0;
/** How often the index had failed before this pod, as far as that counts. */
export const failuresBefore = (pod: V1Pod): number => countIn(pod, INDEX_FAILURES);
/** The same with those failures that the Job's policy ignores: they too make the next pod wait longer. */
export const allFailuresBefore = (pod: V1Pod): number => failuresBefore(pod) + countIn(pod, IGNORED_FAILURES);

/**
 * A pod of the Job. Its finalizer keeps it until it has been counted.
 *
 * @param replaced the failed pod whose place it takes, where the Job counts how often each index fails
 */
export function jobPod(job: V1Job, index: number | undefined, replaced?: V1Pod): V1Pod {
  const pod = podFromTemplate(jobKind, job, job.spec?.template);
  const { metadata, spec } = pod;
  const given = metadata?.finalizers ?? [];
  const finalizers = given.includes(TRACKING) ? given : [...given, TRACKING];
  if (index === undefined) return { ...pod, metadata: { ...metadata, finalizers } };
  return {
    ...pod,
    metadata: {
      ...metadata,
      generateName: prefixWith(job.metadata?.name ?? '', index),
      finalizers,
      labels: { ...metadata?.labels, [COMPLETION_INDEX]: String(index) },
      annotations: {
        ...metadata?.annotations,
        [COMPLETION_INDEX]: String(index),
        ...(job.spec?.backoffLimitPerIndex !== undefined && failureCounts(job, replaced)),
      },
    },
    spec: {
      ...spec!,
      hostname: `${job.metadata?.name}-${index}`,
      ...(spec?.initContainers && { initContainers: spec.initContainers.map(withIndex) }),
      containers: (spec?.containers ?? []).map(withIndex),
    },
  };
}

/** The server cuts longer ones off at their end, where the index is. */
const LONGEST_PREFIX = 58;

/** What the name of an index's pod begins with: of a long name of the Job as much as leaves room for the index. */
export function prefixWith(jobName: string, index: number): string {
  const end = `-${index}-`;
  return `${jobName.slice(0, LONGEST_PREFIX - end.length)}${end}`;
}

function failureCounts(job: V1Job, replaced: V1Pod | undefined): Record<string, string> {
  if (!replaced) return { [INDEX_FAILURES]: '0' };
  const isIgnored = failureActionOf(job, replaced).action === 'Ignore';
  const ignored = countIn(replaced, IGNORED_FAILURES) + (isIgnored ? 1 : 0);
  return {
    [INDEX_FAILURES]: String(failuresBefore(replaced) + (isIgnored ? 0 : 1)),
    ...(ignored > 0 && { [IGNORED_FAILURES]: String(ignored) }),
  };
}

function withIndex(container: V1Container): V1Container {
  if (container.env?.some(({ name }) => name === INDEX_VARIABLE)) return container;
  const fieldRef = { fieldPath: `metadata.labels['${COMPLETION_INDEX}']` };
  return { ...container, env: [...(container.env ?? []), { name: INDEX_VARIABLE, valueFrom: { fieldRef } }] };
}
