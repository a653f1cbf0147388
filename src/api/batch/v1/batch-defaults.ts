/** Defaults of jobs (pkg/apis/batch/v1/defaults.go). All functions change their argument. */
import { setPodTemplateDefaults } from '../../core/v1/pod-defaults.ts';
import type { V1CronJob, V1Job, V1JobSpec } from '../../gen/types.ts';
import type { DynamicObject } from '../../machinery/object.ts';

function setJobSpecDefaults(spec: V1JobSpec): void {
  setPodTemplateDefaults(spec.template);
  // Completions alone may be missing: then one success ends a work queue.
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
  spec.parallelism ??= 1;
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : 2 ** 31 - 1;
  spec.completionMode ||= 'NonIndexed';
  spec.suspend ??= false;
  spec.podReplacementPolicy ||= spec.podFailurePolicy ? 'Failed' : 'TerminatingOrFailed';
}

export function setJobDefaults(object: DynamicObject): void {
  const { spec } = object as V1Job;
  if (spec) setJobSpecDefaults(spec);
}

export function setCronJobDefaults(object: DynamicObject): void {
  const { spec } = object as unknown as V1CronJob;
  if (!spec) return;
  // The selector of each job is made with the job; what is defaulted here are its pods.
  setPodTemplateDefaults(spec.jobTemplate.spec?.template);
  spec.concurrencyPolicy ||= 'Allow';
  spec.suspend ??= false;
  spec.successfulJobsHistoryLimit ??= 3;
  spec.failedJobsHistoryLimit ??= 1;
}

const UID_LABELS = ['batch.kubernetes.io/controller-uid', 'controller-uid'];
const NAME_LABELS = ['batch.kubernetes.io/job-name', 'job-name'];

/** Gives a job's pods the labels by which the job knows them, unless its maker looks after that. The job has its uid already. */
export function generateJobSelector(object: DynamicObject): void {
  const { metadata, spec } = object as V1Job;
  if (!spec || spec.manualSelector || !metadata?.uid) return;
  const template = spec.template;
  template.metadata ??= {};
  const labels = { ...template.metadata.labels };
  for (const label of UID_LABELS) labels[label] = metadata.uid;
  for (const label of NAME_LABELS) labels[label] = metadata.name ?? '';
  template.metadata.labels = labels;
  spec.selector ??= { matchLabels: { [UID_LABELS[0]!]: metadata.uid } };
}
