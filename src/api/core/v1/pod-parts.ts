/** The parts of a pod that are written by themselves (pkg/registry/core/pod/strategy.go). */
import type { V1Container, V1Pod, V1PodCondition, V1PodStatus } from '../../gen/types.ts';
import type { PartSubresource } from '../../machinery/kind.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { mergeStatusKeeping, statusPart } from '../../machinery/status-part.ts';
import { podRules } from './pod-rules.ts';
import { dropUnservedStatus } from './unserved-pod-fields.ts';

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
  validate: podRules.part('ephemeralcontainers'),
};

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
  validate: podRules.part('resize'),
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
    // Only a deletion says when a pod goes.
    delete merged.metadata.deletionTimestamp;
    const status: V1PodStatus = { ...(merged as V1Pod).status };
    const before = (existing as V1Pod).status ?? {};
    if (!status.qosClass && before.qosClass) status.qosClass = before.qosClass;
    if (!status.observedGeneration && before.observedGeneration) status.observedGeneration = before.observedGeneration;
    if (status.conditions) status.conditions = keepGenerations(status.conditions, before.conditions ?? []);
    syncAddresses(status);
    dropUnservedStatus(status, before);
    return { ...merged, status };
  },
  validate: podRules.part('status'),
});

/** A writer that does not know of a condition's `observedGeneration` does not take it away. */
function keepGenerations(after: readonly V1PodCondition[], before: readonly V1PodCondition[]): V1PodCondition[] {
  const known = new Map(
    Map.groupBy(before, ({ type }) => type)
      .entries()
      .map(([type, all]) => [type, all.values()]),
  );
  return after.map((condition) => {
    const observedGeneration = known.get(condition.type)?.next().value?.observedGeneration;
    return condition.observedGeneration || !observedGeneration ? condition : { ...condition, observedGeneration };
  });
}

/** The one address and the list of them say the same (core/v1/conversion.go). */
function syncAddresses(status: V1PodStatus): void {
  const { podIP, podIPs = [] } = status;
  if (podIP && podIP !== podIPs[0]?.ip) status.podIPs = [{ ip: podIP }];
  else if (!podIP && podIPs[0]) status.podIP = podIPs[0].ip;
}
