/** Defaults of jobs (pkg/apis/batch/v1/defaults.go), and the selector that a job is given. All functions change their argument. */
import { setPodTemplateDefaults } from '../../core/v1/pod-defaults.ts';
import type { V1CronJobSpec, V1Job, V1JobSpec } from '../../gen/types.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { specOf } from '../../machinery/spec-of.ts';

const LARGEST_INT32 = 2 ** 31 - 1;

function setJobSpecDefaults(spec: V1JobSpec): void {
  spec.template ??= {};
  setPodTemplateDefaults(spec.template);
  // Completions alone may be missing: then one success ends a work queue.
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
  spec.parallelism ??= 1;
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : LARGEST_INT32;
  spec.completionMode ??= 'NonIndexed';
  spec.suspend ??= false;
  spec.manualSelector ??= false;
  for (const { onPodConditions } of spec.podFailurePolicy?.rules ?? [])
    for (const pattern of onPodConditions ?? []) pattern.status ||= 'True';
  spec.podReplacementPolicy ??= spec.podFailurePolicy ? 'Failed' : 'TerminatingOrFailed';
}

export function setJobDefaults(object: DynamicObject): void {
  setJobSpecDefaults(specOf(object));
}

export function setCronJobDefaults(object: DynamicObject): void {
  const spec = specOf<V1CronJobSpec>(object);
  spec.schedule ??= '';
  spec.jobTemplate ??= {};
  spec.jobTemplate.spec ??= { template: {} };
  spec.jobTemplate.spec.template ??= {};
  // The rest is defaulted with each job; what is defaulted here are its pods. Upstream always writes the metadata.
  spec.jobTemplate.metadata ??= {};
  setPodTemplateDefaults(spec.jobTemplate.spec.template);
  for (const { onPodConditions } of spec.jobTemplate.spec.podFailurePolicy?.rules ?? [])
    for (const pattern of onPodConditions ?? []) pattern.status ||= 'True';
  spec.concurrencyPolicy ||= 'Allow';
  spec.suspend ??= false;
  spec.successfulJobsHistoryLimit ??= 3;
  spec.failedJobsHistoryLimit ??= 1;
}

export const UID_LABEL = 'batch.kubernetes.io/controller-uid';
export const NAME_LABEL = 'batch.kubernetes.io/job-name';
export const OLD_UID_LABEL = 'controller-uid';
export const OLD_NAME_LABEL = 'job-name';

/**
 * Gives a job's pods the labels by which the job knows them, unless its maker looks after that; labels that are there stay, to be
 * checked. The job has its uid already. A job without labels of its own has those of its pods.
 */
export function generateJobSelector(object: DynamicObject): void {
  const { metadata, spec } = object as V1Job;
  if (!spec || !metadata?.uid) return;
  const { template } = spec;
  if (!spec.manualSelector) {
    template.metadata ??= {};
    template.metadata.labels = {
      [OLD_NAME_LABEL]: metadata.name ?? '',
      [NAME_LABEL]: metadata.name ?? '',
      [OLD_UID_LABEL]: metadata.uid,
      [UID_LABEL]: metadata.uid,
      ...template.metadata.labels,
    };
    spec.selector = { ...spec.selector, matchLabels: { [UID_LABEL]: metadata.uid, ...spec.selector?.matchLabels } };
  }
  const labels = template.metadata?.labels;
  if (labels && !Object.keys(metadata.labels ?? {}).length) metadata.labels = { ...labels };
}
