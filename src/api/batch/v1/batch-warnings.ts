/** Warnings about jobs (pkg/api/job/warnings.go). */
import { nameWarnings, templateWarnings } from '../../core/v1/pod-warnings.ts';
import type { V1CronJob, V1Job, V1JobSpec } from '../../gen/types.ts';
import type { DynamicObject } from '../../machinery/object.ts';

const MANY_COMPLETIONS = 100_000;
const MUCH_PARALLELISM = 10_000;

function jobSpecWarnings(spec: V1JobSpec | undefined, path: string): string[] {
  if (!spec) return [];
  const { completionMode, completions = 0, parallelism = 0 } = spec;
  const many = completionMode === 'Indexed' && completions > MANY_COMPLETIONS && parallelism > MUCH_PARALLELISM;
  return [
    ...(many
      ? [
          `${path}: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail`,
        ]
      : []),
    ...templateWarnings(spec.template, `${path}.template`),
  ];
}

const isUnchanged = (object: DynamicObject, existing: DynamicObject | undefined) =>
  existing !== undefined && existing.metadata.generation === object.metadata.generation;

export function jobWarnings(object: DynamicObject, existing: DynamicObject | undefined): string[] {
  if (isUnchanged(object, existing)) return [];
  const names = existing ? [] : nameWarnings(object.metadata.name, 'Pod names and hostnames');
  return [...names, ...jobSpecWarnings((object as V1Job).spec, 'spec')];
}

export function cronJobWarnings(object: DynamicObject, existing: DynamicObject | undefined): string[] {
  const names = existing ? [] : nameWarnings(object.metadata.name, 'Pod names and hostnames');
  return [...names, ...jobSpecWarnings((object as unknown as V1CronJob).spec?.jobTemplate.spec, 'spec.jobTemplate.spec')];
}
