/** The parts of a pod that are written by themselves (pkg/registry/core/pod/strategy.go). */
import type { V1Container, V1Pod, V1PodCondition, V1PodStatus } from '../../gen/types.ts';
import { sameMeaning } from '../../machinery/field-checks.ts';
import { forbiddenField } from '../../machinery/field-error.ts';
import type { PartSubresource, WriteContext } from '../../machinery/kind.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { mergeStatusKeeping, statusPart } from '../../machinery/status-part.ts';
import { MIRROR_POD, validatePodAnnotationsUpdate } from './pod-annotations.ts';
import { validatePodResize } from './pod-resize-validation.ts';
import { validatePodStatusUpdate } from './pod-status-validation.ts';
import { validatePod } from './pod-validation.ts';
import { describeDifference } from './spec-difference.ts';

/** Metadata stays, but for the version that the write was made for. */
const keptMetadata = (existing: DynamicObject, requested: DynamicObject): DynamicObject['metadata'] => {
  const { resourceVersion: _, ...kept } = existing.metadata;
  const { resourceVersion } = requested.metadata;
  return { ...kept, ...(resourceVersion && { resourceVersion }) };
};

/** Debug containers are added here and nowhere else. */
export const ephemeralContainersPart: PartSubresource = {
  name: 'ephemeralcontainers',
  verbs: ['get', 'patch', 'update'],
  merge: (existing, requested) => {
    const { ephemeralContainers: _, ...spec } = (existing as V1Pod).spec ?? { containers: [] };
    const added = (requested as V1Pod).spec?.ephemeralContainers;
    return {
      ...existing,
      metadata: keptMetadata(existing, requested),
      spec: { ...spec, ...(added && { ephemeralContainers: added }) },
    };
  },
  validate: validateEphemeralContainersUpdate,
};

/** They come to stay: none goes or changes. */
function validateEphemeralContainersUpdate(updated: DynamicObject, existing: DynamicObject, context: WriteContext): FieldError[] {
  if (Object.hasOwn(existing.metadata.annotations ?? {}, MIRROR_POD))
    return [forbiddenField('', 'static pods do not support ephemeral containers')];
  const errors = [...validatePod(updated, context, existing), ...validatePodAnnotationsUpdate(updated, existing)];
  const now = new Map((updated as V1Pod).spec?.ephemeralContainers?.map((container) => [container.name, container]));
  for (const before of (existing as V1Pod).spec?.ephemeralContainers ?? []) {
    const after = now.get(before.name);
    const named = `existing ephemeral containers ${JSON.stringify(before.name)}`;
    if (!after) errors.push(forbiddenField('spec.ephemeralContainers', `${named} may not be removed\n`));
    else if (!sameMeaning(before, after)) {
      const difference = describeDifference('core.EphemeralContainer', before, after);
      errors.push(forbiddenField('spec.ephemeralContainers', `${named} may not be changed\n${difference}`));
    }
  }
  return errors;
}

/** Resources of running pods are changed here and nowhere else. */
export const resizePart: PartSubresource = {
  name: 'resize',
  verbs: ['get', 'patch', 'update'],
  merge: (existing, requested) => {
    const [before, after] = [(existing as V1Pod).spec, (requested as V1Pod).spec];
    if (!before || !after) return existing;
    const containers = withResourcesOf(before.containers, after.containers);
    const initContainers = withResourcesOf(before.initContainers ?? [], after.initContainers ?? []);
    const { resources: _, ...spec } = before;
    return {
      ...existing,
      metadata: keptMetadata(existing, requested),
      spec: {
        ...spec,
        containers,
        ...(initContainers.length > 0 && { initContainers }),
        ...(after.resources && { resources: after.resources }),
      },
    };
  },
  validate: validatePodResize,
};

/** Containers that were added, removed or renamed are left so, to be complained about. */
function withResourcesOf(before: readonly V1Container[], after: readonly V1Container[]): V1Container[] {
  if (before.length !== after.length || before.some(({ name }, i) => name !== after[i]!.name)) return [...after];
  return before.map((container, i) => {
    const { resources: _, resizePolicy: __, ...rest } = container;
    const { resources, resizePolicy } = after[i]!;
    return { ...rest, ...(resources && { resources }), ...(resizePolicy && { resizePolicy }) };
  });
}

// Old kubelets garble owner references when they write status.
const mergeStatus = mergeStatusKeeping('ownerReferences');

export const podStatusPart = statusPart({
  merge: (existing, requested, context) => {
    const merged = mergeStatus(existing, requested, context);
    const status: V1PodStatus = { ...(merged as V1Pod).status };
    const before = (existing as V1Pod).status ?? {};
    if (!status.qosClass && before.qosClass) status.qosClass = before.qosClass;
    if (!status.observedGeneration && before.observedGeneration) status.observedGeneration = before.observedGeneration;
    if (status.conditions) status.conditions = keepGenerations(status.conditions, before.conditions ?? []);
    syncAddresses(status);
    return { ...merged, status };
  },
  validate: validatePodStatusUpdate,
});

/** A writer that does not know of a condition's `observedGeneration` does not take it away. */
function keepGenerations(after: readonly V1PodCondition[], before: readonly V1PodCondition[]): V1PodCondition[] {
  const known = Map.groupBy(before, ({ type }) => type);
  return after.map((condition) => {
    const observedGeneration = known.get(condition.type)?.shift()?.observedGeneration;
    return condition.observedGeneration || !observedGeneration ? condition : { ...condition, observedGeneration };
  });
}

/** The one address and the list of them say the same (core/v1/conversion.go). */
function syncAddresses(status: V1PodStatus): void {
  const { podIP, podIPs = [] } = status;
  if (podIP && podIP !== podIPs[0]?.ip) status.podIPs = [{ ip: podIP }];
  else if (!podIP && podIPs[0]) status.podIP = podIPs[0].ip;
}
