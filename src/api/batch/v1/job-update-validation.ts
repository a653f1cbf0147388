/** What a job does is fixed when it is made, but for a little (pkg/apis/batch/validation ValidateJobSpecUpdate). */

import { shownForm } from '../../core/v1/internal-form.ts';
import type { V1Container, V1Job, V1JobSpec, V1PodSpec, V1PodTemplateSpec } from '../../gen/types.ts';
import { checkImmutable, sameMeaning } from '../../machinery/field-checks.ts';
import { IMMUTABLE, invalidField } from '../../machinery/field-error.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';

const FIXED = [
  ['completionMode'],
  ['podFailurePolicy', 'PodFailurePolicy'],
  ['backoffLimitPerIndex'],
  ['managedBy'],
  ['successPolicy', 'SuccessPolicy'],
] as const;

export function validateJobUpdate(updated: DynamicObject, existing: DynamicObject): FieldError[] {
  const [after, before] = [(updated as V1Job).spec, (existing as V1Job).spec];
  if (!after || !before) return [];
  return [
    ...checkCompletions(after, before),
    ...checkImmutable('spec.selector', after.selector, before.selector),
    ...checkTemplate(after.template, before.template, mayMove(existing as V1Job)),
    ...FIXED.flatMap(([field, type]) =>
      sameMeaning(after[field], before[field])
        ? []
        : [invalidField(`spec.${field}`, type ? shownForm(type, after[field]) : after[field], IMMUTABLE)],
    ),
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
function mayMove({ spec, status = {} }: V1Job): boolean {
  if (!spec?.suspend || status.active) return false;
  return !status.startTime || Boolean(status.conditions?.some(({ type, status: is }) => type === 'Suspended' && is === 'True'));
}

const TEMPLATE = 'spec.template';

function checkTemplate(after: V1PodTemplateSpec, before: V1PodTemplateSpec, movable: boolean): FieldError[] {
  const shown = () => shownForm('PodTemplateSpec', after);
  if (!movable) return sameMeaning(after, before) ? [] : [invalidField(TEMPLATE, shown(), IMMUTABLE)];
  const { spec: pod, ...others } = after;
  const { spec: podBefore, ...othersBefore } = before;
  return [
    ...(sameMeaning(fixedPod(pod, podBefore), fixedPod(podBefore, podBefore))
      ? []
      : [invalidField(`${TEMPLATE}.spec`, shownForm('PodSpec', pod), IMMUTABLE)]),
    ...(sameMeaning(fixedMetadata(others), fixedMetadata(othersBefore)) ? [] : [invalidField(TEMPLATE, shown(), IMMUTABLE)]),
  ];
}

function fixedMetadata({ metadata = {} }: Pick<V1PodTemplateSpec, 'metadata'>): object {
  const { labels: _, annotations: __, ...fixed } = metadata;
  return fixed;
}

/** What stays of a pod's spec: neither where it goes nor, of containers that were there `before` by the same name, what they are given. */
function fixedPod(spec: V1PodSpec = { containers: [] }, before: V1PodSpec = { containers: [] }): object {
  const { nodeSelector: _, tolerations: __, schedulingGates: ___, affinity, ...ofSpec } = spec;
  const { nodeAffinity: ____, ...others } = affinity ?? {};
  const fixed = (list: readonly V1Container[], old: readonly V1Container[] = []) =>
    list.map((container, i) => {
      if (container.name !== old[i]?.name) return container;
      const { resources: _resources, ...rest } = container;
      return rest;
    });
  return {
    ...ofSpec,
    containers: fixed(ofSpec.containers, before.containers),
    ...(ofSpec.initContainers && { initContainers: fixed(ofSpec.initContainers, before.initContainers) }),
    ...(Object.keys(others).length > 0 && { affinity: others }),
  };
}
