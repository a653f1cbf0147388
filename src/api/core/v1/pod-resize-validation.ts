/** How resources of pods may change while they run (core/validation ValidatePodResize). */
import type { V1Container, V1Pod, V1ResourceRequirements } from '../../gen/types.ts';
import { sameMeaning } from '../../machinery/field-checks.ts';
import { forbiddenField, invalidField } from '../../machinery/field-error.ts';
import type { WriteContext } from '../../machinery/kind.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { MIRROR_POD } from './pod-annotations.ts';
import { validatePod } from './pod-validation.ts';
import { qualityOfService } from './quality-of-service.ts';

const MUTABLE = 'only cpu and memory resources are mutable';
const ADDED = 'pod updates may not add or remove containers';

export function validatePodResize(updated: DynamicObject, existing: DynamicObject, context: WriteContext): FieldError[] {
  if (Object.hasOwn(existing.metadata.annotations ?? {}, MIRROR_POD))
    return [forbiddenField('', 'static pods cannot be resized')];
  const [before, after] = [(existing as V1Pod).spec, (updated as V1Pod).spec];
  if (!before || !after) return [];
  if (before.os?.name === 'windows') return [forbiddenField('', 'windows pods cannot be resized')];
  const errors = validatePod(updated, context, existing);
  for (const list of ['containers', 'initContainers'] as const)
    if (!isSameList(before[list], after[list])) return [...errors, forbiddenField(`spec.${list}`, ADDED)];
  const { status = {} } = existing as V1Pod;
  if ((status.qosClass ?? qualityOfService(before)) !== qualityOfService(after))
    errors.push(invalidField('spec', status.qosClass ?? '', 'Pod QOS Class may not change as a result of resizing'));
  const running = status.containerStatuses?.find(({ state }) => state?.running);
  if (running && !running.resources) errors.push(forbiddenField('spec', 'Pod running on node without support for resize'));
  before.initContainers?.forEach((container, i) => {
    const now = after.initContainers![i]!;
    const at = `spec.initContainers[${i}].resources`;
    if (container.restartPolicy === 'Always') {
      checkRemoved(container.resources, now.resources, at, errors);
      if (!sameButCompute(container, now))
        errors.push(forbiddenField('spec', 'only cpu and memory resources for sidecar containers are mutable'));
    } else if (!sameMeaning(container, now))
      errors.push(forbiddenField('spec', 'resources for non-sidecar init containers are immutable'));
  });
  before.containers.forEach((container, i) => {
    const now = after.containers[i]!;
    checkRemoved(container.resources, now.resources, `spec.containers[${i}].resources`, errors);
    if (!sameButCompute(container, now)) errors.push(forbiddenField('spec', MUTABLE));
  });
  checkRemoved(before.resources, after.resources, 'spec.resources', errors);
  return errors;
}

const isSameList = (before: readonly V1Container[] = [], after: readonly V1Container[] = []) =>
  before.length === after.length && before.every(({ name }, i) => name === after[i]!.name);

function checkRemoved(
  before: V1ResourceRequirements | undefined,
  after: V1ResourceRequirements | undefined,
  path: string,
  errors: FieldError[],
): void {
  for (const field of ['requests', 'limits'] as const) {
    const now = after?.[field] ?? {};
    if (Object.keys(before?.[field] ?? {}).some((name) => !Object.hasOwn(now, name)))
      errors.push(forbiddenField(`${path}.${field}`, `resource ${field} cannot be removed`));
  }
}

function sameButCompute(before: V1Container, after: V1Container): boolean {
  const rest = ({ resources, resizePolicy: _, ...others }: V1Container) => ({
    ...others,
    resources: { ...resources, limits: withoutCompute(resources?.limits), requests: withoutCompute(resources?.requests) },
  });
  return sameMeaning(rest(before), rest(after)) && sameMeaning(before.resizePolicy, after.resizePolicy);
}

function withoutCompute(amounts: Readonly<Record<string, string>> | undefined): Record<string, string> | undefined {
  const { cpu: _, memory: __, ...others } = amounts ?? {};
  return Object.keys(others).length ? others : undefined;
}
