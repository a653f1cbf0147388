import { limitRangeKind } from '../../../api/core/v1/limit-range.ts';
import { podLimits, podRequests } from '../../../api/core/v1/pod-resource-usage.ts';
import type {
  V1Container,
  V1LimitRange,
  V1LimitRangeItem,
  V1PersistentVolumeClaim,
  V1Pod,
  V1ResourceRequirements,
} from '../../../api/gen/types.ts';
import type { DynamicObject } from '../../../api/machinery/object.ts';
import { parseResourceList } from '../../../api/machinery/resource-list.ts';
import type { AdmissionAttributes, AdmissionPlugin, ObjectReader } from '../../contracts.ts';
import { isAbout, refuse } from '../refusal.ts';
import { applyContainerDefaults } from './container-defaults.ts';
import { type Amounts, claimComplaints, complaints } from './limits.ts';

/** Keeps pods and claims within their namespace's LimitRanges, and gives containers the defaults of these (plugin/pkg/admission/limitranger). */
export function createLimitRanger(reader: ObjectReader): AdmissionPlugin {
  const rangesFor = ({ namespace, oldObject }: AdmissionAttributes): readonly V1LimitRange[] =>
    // What is going away is not held up.
    oldObject?.metadata.deletionTimestamp ? [] : (reader.list(limitRangeKind, namespace) as unknown as V1LimitRange[]);
  return {
    name: 'LimitRanger',
    handles: (attributes) => {
      const { operation } = attributes;
      if (operation === 'CREATE') return isAbout(attributes, 'pods') || isAbout(attributes, 'persistentvolumeclaims');
      return operation === 'UPDATE' && (isAbout(attributes, 'pods', 'resize') || isAbout(attributes, 'persistentvolumeclaims'));
    },
    async admit(attributes) {
      if (attributes.kind.resource !== 'pods') return;
      for (const range of rangesFor(attributes)) applyContainerDefaults(attributes.object as unknown as V1Pod, range);
    },
    async validate(attributes) {
      const { kind, object, oldObject } = attributes;
      const check = kind.resource === 'pods' ? checkPod : checkClaim;
      for (const { spec } of rangesFor(attributes)) {
        const found = (spec?.limits ?? []).flatMap((item) => check(item, object!, oldObject));
        const [first, ...others] = new Set(found);
        if (first !== undefined) throw refuse(attributes, others.length ? `[${[first, ...others].join(', ')}]` : first);
      }
    },
  };
}

function checkPod(item: V1LimitRangeItem, object: DynamicObject, oldObject: DynamicObject | undefined): string[] {
  const pod = object as unknown as V1Pod;
  const before = oldObject as unknown as V1Pod | undefined;
  if (item.type === 'Pod') return complaints(item, amountsOfPod(pod), before && amountsOfPod(before));
  if (item.type !== 'Container') return [];
  const check = (now: readonly V1Container[] = [], was: readonly V1Container[] = []) => {
    const before = new Map(was.map((container) => [container.name, container]));
    return now.flatMap((container) => {
      const old = before.get(container.name);
      return complaints(item, amountsOf(container.resources), old && amountsOf(old.resources));
    });
  };
  return [
    ...check(pod.spec?.containers, before?.spec?.containers),
    ...check(pod.spec?.initContainers, before?.spec?.initContainers),
  ];
}

function checkClaim(item: V1LimitRangeItem, object: DynamicObject, oldObject: DynamicObject | undefined): string[] {
  if (item.type !== 'PersistentVolumeClaim') return [];
  const requests = (claim: DynamicObject) =>
    amountsOf({ requests: (claim as unknown as V1PersistentVolumeClaim).spec?.resources?.requests ?? {} });
  return claimComplaints(item, requests(object), oldObject && requests(oldObject));
}

const amountsOf = (resources: V1ResourceRequirements | undefined): Amounts => ({
  requests: parseResourceList(resources?.requests),
  limits: parseResourceList(resources?.limits),
});

/** Overhead is not the pod's own asking: it does not count here. */
const amountsOfPod = (pod: V1Pod): Amounts => ({
  requests: podRequests(pod, { overhead: false }),
  limits: podLimits(pod, { overhead: false }),
});
