/** What a job does is fixed when it is made, but for a little (pkg/apis/batch/validation ValidateJobSpecUpdate). */
import type { V1Container, V1Job, V1JobSpec, V1PodTemplateSpec } from '../../gen/types.ts';
import { checkImmutable, sameMeaning } from '../../machinery/field-checks.ts';
import { invalidField } from '../../machinery/field-error.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';

const FIXED = ['completionMode', 'podFailurePolicy', 'backoffLimitPerIndex', 'managedBy', 'successPolicy'] as const;

export function validateJobUpdate(updated: DynamicObject, existing: DynamicObject): FieldError[] {
  const [after, before] = [(updated as V1Job).spec, (existing as V1Job).spec];
  if (!after || !before) return [];
  return [
    ...checkCompletions(after, before),
    ...checkImmutable('spec.selector', after.selector, before.selector),
    ...checkTemplate(after.template, before.template, mayMove(existing as V1Job)),
    ...FIXED.flatMap((field) => checkImmutable(`spec.${field}`, after[field], before[field])),
  ];
}

/** An indexed job may get more or fewer indexes, all of which then run at once. */
function checkCompletions(after: V1JobSpec, before: V1JobSpec): FieldError[] {
  if (after.completionMode !== 'Indexed') return checkImmutable('spec.completions', after.completions, before.completions);
  if (after.completions === undefined || after.completions === before.completions) return [];
  return after.completions === after.parallelism
    ? []
    : [invalidField('spec.completions', after.completions, 'can only be modified in tandem with spec.parallelism')];
}

/** Whether no pod of it runs, and none is to run yet: then they may still be sent elsewhere, and be given other resources. */
function mayMove({ spec, status }: V1Job): boolean {
  if (!spec?.suspend) return false;
  if (!status?.startTime) return true;
  const suspended = status.conditions?.some((condition) => condition.type === 'Suspended' && condition.status === 'True');
  return Boolean(suspended) && !status.active;
}

function checkTemplate(after: V1PodTemplateSpec, before: V1PodTemplateSpec, movable: boolean): FieldError[] {
  const now = movable ? fixedPart(after) : after;
  const then = movable ? fixedPart(before) : before;
  return sameMeaning(now, then) ? [] : [invalidField('spec.template', after, 'field is immutable')];
}

function fixedPart({ metadata, spec }: V1PodTemplateSpec): object {
  const { labels: _, annotations: __, ...ofMetadata } = metadata ?? {};
  const { nodeSelector: ___, tolerations: ____, schedulingGates: _____, affinity, ...ofSpec } = spec ?? { containers: [] };
  const { nodeAffinity: ______, ...others } = affinity ?? {};
  const fixed = ({ resources: _resources, ...container }: V1Container) => container;
  return {
    metadata: ofMetadata,
    spec: {
      ...ofSpec,
      containers: ofSpec.containers.map(fixed),
      ...(ofSpec.initContainers && { initContainers: ofSpec.initContainers.map(fixed) }),
      ...(Object.keys(others).length > 0 && { affinity: others }),
    },
  };
}
