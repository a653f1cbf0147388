import { jobKind } from '../../api/batch/v1/job.ts';
import type { V1Container, V1Job, V1Pod } from '../../api/gen/types.ts';
import { podFromTemplate } from '../workloads/pod-control.ts';

/** Upstream's names (k8s.io/api/batch/v1). */
export const TRACKING = 'batch.kubernetes.io/job-tracking';
export const COMPLETION_INDEX = 'batch.kubernetes.io/job-completion-index';
const INDEX_FAILURES = 'batch.kubernetes.io/job-index-failure-count';
const INDEX_VARIABLE = 'JOB_COMPLETION_INDEX';

export const isIndexed = ({ spec }: V1Job): boolean => spec?.completionMode === 'Indexed';
export const isTracked = ({ metadata }: V1Pod): boolean => metadata?.finalizers?.includes(TRACKING) ?? false;

/** Of a pod of an indexed Job; undefined when it says none. */
export function indexOf({ metadata }: V1Pod): number | undefined {
  const text = metadata?.annotations?.[COMPLETION_INDEX];
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}

/** How often the index had failed before this pod. */
export const failuresBefore = ({ metadata }: V1Pod): number => Number(metadata?.annotations?.[INDEX_FAILURES] ?? 0) || 0;

/**
 * A pod of the Job. Its finalizer keeps it until it has been counted.
 *
 * @param failures how often its index has failed, where the Job counts that
 */
export function jobPod(job: V1Job, index: number | undefined, failures: number): V1Pod {
  const pod = podFromTemplate(jobKind, job, job.spec?.template);
  const { metadata, spec } = pod;
  const finalizers = [...(metadata?.finalizers ?? []), TRACKING];
  if (index === undefined) return { ...pod, metadata: { ...metadata, finalizers } };
  const countsFailures = job.spec?.backoffLimitPerIndex !== undefined;
  return {
    ...pod,
    metadata: {
      ...metadata,
      generateName: `${job.metadata?.name}-${index}-`,
      finalizers,
      labels: { ...metadata?.labels, [COMPLETION_INDEX]: String(index) },
      annotations: {
        ...metadata?.annotations,
        [COMPLETION_INDEX]: String(index),
        ...(countsFailures && { [INDEX_FAILURES]: String(failures) }),
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

function withIndex(container: V1Container): V1Container {
  if (container.env?.some(({ name }) => name === INDEX_VARIABLE)) return container;
  const fieldRef = { fieldPath: `metadata.labels['${COMPLETION_INDEX}']` };
  return { ...container, env: [...(container.env ?? []), { name: INDEX_VARIABLE, valueFrom: { fieldRef } }] };
}
