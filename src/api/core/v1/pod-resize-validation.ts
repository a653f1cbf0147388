/** How resources of pods may change while they run (core/validation ValidatePodResize). */
import type { V1Container, V1Pod, V1PodSpec, V1ResourceRequirements } from '../../gen/types.ts';
import { sameMeaning } from '../../machinery/field-checks.ts';
import { forbiddenField, invalidField, WHOLE_OBJECT } from '../../machinery/field-error.ts';
import type { WriteContext } from '../../machinery/kind.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { MIRROR_POD } from './pod-references.ts';
import { validatePod } from './pod-validation.ts';
import { qualityOfService } from './quality-of-service.ts';

const MUTABLE = 'only cpu and memory resources are mutable';

export function validatePodResize(updated: DynamicObject, existing: DynamicObject, context: WriteContext): FieldError[] {
  if (Object.hasOwn(existing.metadata.annotations ?? {}, MIRROR_POD))
    return [forbiddenField(WHOLE_OBJECT, 'static pods cannot be resized')];
  const [before, after] = [(existing as V1Pod).spec, (updated as V1Pod).spec];
  if (!before || !after) return [];
  if (before.os?.name === 'windows') return [forbiddenField(WHOLE_OBJECT, 'windows pods cannot be resized')];
  const errors = validatePod(updated, context, existing);
  checkPod(before, after, existing as V1Pod, errors);
  checkPodLevel(before.resources, after.resources, errors);
  const disorder = [...checkOrder(before, after, 'containers'), ...checkOrder(before, after, 'initContainers')];
  if (disorder.length) return [...errors, ...disorder];
  const [initBefore, initAfter] = [before.initContainers ?? [], after.initContainers ?? []];
  initBefore.forEach(({ resources }, i) => {
    checkRemoved(resources, initAfter[i]!.resources, `spec.initContainers[${i}].resources`, 'resource', errors);
  });
  before.containers.forEach(({ resources }, i) => {
    checkRemoved(resources, after.containers[i]!.resources, `spec.containers[${i}].resources`, 'resource', errors);
  });
  before.containers.forEach((container, i) => {
    if (!sameButCompute(container, after.containers[i]!)) errors.push(forbiddenField('spec', MUTABLE));
  });
  initBefore.forEach((container, i) => {
    checkInitContainer(container, initAfter[i]!, `spec.initContainers[${i}]`, errors);
  });
  return errors;
}

/** The pod keeps its place in the order of eviction, and its node has to know how to resize it. */
function checkPod(before: V1PodSpec, after: V1PodSpec, { status = {} }: V1Pod, errors: FieldError[]): void {
  if ((status.qosClass ?? qualityOfService(before)) !== qualityOfService(after))
    errors.push(invalidField('spec', status.qosClass ?? '', 'Pod QOS Class may not change as a result of resizing'));
  const running = status.containerStatuses?.find(({ state }) => state?.running);
  if (running && !running.resources) errors.push(forbiddenField('spec', 'Pod running on node without support for resize'));
}

function checkPodLevel(
  before: V1ResourceRequirements | undefined,
  after: V1ResourceRequirements | undefined,
  errors: FieldError[],
): void {
  if (!before && !after) return;
  if (before && !after) return void errors.push(forbiddenField('spec.resources', 'pod-level resources cannot be removed'));
  checkRemoved(before, after, 'spec.resources', 'pod-level resource', errors);
  if (!sameMeaning(otherThanCompute(before), otherThanCompute(after)))
    errors.push(forbiddenField('spec', `${MUTABLE} at pod-level`));
}

function checkOrder(before: V1PodSpec, after: V1PodSpec, list: 'containers' | 'initContainers'): FieldError[] {
  const [then, now] = [before[list] ?? [], after[list] ?? []];
  if (then.length !== now.length) return [forbiddenField(`spec.${list}`, `${list} may not be added or removed on resize`)];
  return then.flatMap(({ name }, i) =>
    name === now[i]!.name ? [] : [forbiddenField(`spec.${list}[${i}].name`, `${list} may not be renamed or reordered on resize`)],
  );
}

function checkRemoved(
  before: V1ResourceRequirements | undefined,
  after: V1ResourceRequirements | undefined,
  path: string,
  what: string,
  errors: FieldError[],
): void {
  for (const field of ['requests', 'limits'] as const) {
    const now = after?.[field] ?? {};
    if (Object.keys(before?.[field] ?? {}).some((name) => !Object.hasOwn(now, name)))
      errors.push(forbiddenField(`${path}.${field}`, `${what} ${field} cannot be removed`));
  }
}

/** One that ends before the others begin cannot be begun anew for the sake of its resources. */
function checkInitContainer(before: V1Container, after: V1Container, path: string, errors: FieldError[]): void {
  if (!sameButCompute(before, after))
    errors.push(forbiddenField(path, 'only cpu and memory resources for init or sidecar containers are mutable'));
  if (before.restartPolicy === 'Always' || sameMeaning(before, after)) return;
  for (const { restartPolicy } of after.resizePolicy ?? [])
    if (restartPolicy === 'RestartContainer')
      errors.push(forbiddenField(path, 'non-sidecar init containers with a resize policy of RestartContainer cannot be resized'));
}

const sameButCompute = (before: V1Container, after: V1Container) =>
  sameMeaning(
    { ...before, resources: otherThanCompute(before.resources) },
    { ...after, resources: otherThanCompute(after.resources) },
  );

/** What may not change of resources; that there are none is as good as that there are no others. */
function otherThanCompute(resources: V1ResourceRequirements = {}): V1ResourceRequirements {
  const [limits, requests] = [withoutCompute(resources.limits), withoutCompute(resources.requests)];
  return { ...(resources.claims && { claims: resources.claims }), ...(limits && { limits }), ...(requests && { requests }) };
}

function withoutCompute(amounts: Readonly<Record<string, string>> | undefined): Record<string, string> | undefined {
  const { cpu: _, memory: __, ...others } = amounts ?? {};
  return Object.keys(others).length ? others : undefined;
}
