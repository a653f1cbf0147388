import { statefulSetKind } from '../../api/apps/v1/stateful-set.ts';
import type { V1PersistentVolumeClaim, V1Pod, V1PodTemplateSpec, V1StatefulSet } from '../../api/gen/types.ts';
import type { OwnerReference } from '../../api/machinery/object.ts';
import { controllerReference } from '../workloads/owner.ts';
import { podFromTemplate } from '../workloads/pod-control.ts';
import { REVISION_LABEL } from '../workloads/revisions.ts';

const POD_NAME = 'statefulset.kubernetes.io/pod-name';
const POD_INDEX = 'apps.kubernetes.io/pod-index';

export const firstOrdinal = ({ spec }: V1StatefulSet): number => spec?.ordinals?.start ?? 0;
export const replicasOf = ({ spec }: V1StatefulSet): number => spec?.replicas ?? 1;

export const memberName = (set: V1StatefulSet, ordinal: number): string => `${set.metadata?.name}-${ordinal}`;

/** The ordinal in a member's name; undefined for a pod that is called otherwise. */
export function ordinalOf(set: V1StatefulSet, pod: V1Pod): number | undefined {
  const prefix = `${set.metadata?.name}-`;
  const name = pod.metadata?.name ?? '';
  const text = name.startsWith(prefix) ? name.slice(prefix.length) : '';
  return /^(0|[1-9]\d{0,9})$/.test(text) ? Number(text) : undefined;
}

export const isInRange = (set: V1StatefulSet, ordinal: number): boolean =>
  ordinal >= firstOrdinal(set) && ordinal < firstOrdinal(set) + replicasOf(set);

export const claimName = (template: V1PersistentVolumeClaim, set: V1StatefulSet, ordinal: number): string =>
  `${template.metadata?.name}-${memberName(set, ordinal)}`;

/** A member: a pod with a name, a host name and claims of its own, which its successors get as well. */
export function memberPod(
  set: V1StatefulSet,
  ordinal: number,
  template: V1PodTemplateSpec | undefined,
  revisionName: string,
): V1Pod {
  const { metadata, spec, ...rest } = podFromTemplate(statefulSetKind, set, template);
  const { generateName: _, ...named } = metadata ?? {};
  return {
    ...rest,
    metadata: {
      ...named,
      name: memberName(set, ordinal),
      labels: { ...named.labels, ...identityLabels(set, ordinal), [REVISION_LABEL]: revisionName },
    },
    spec: {
      ...spec!,
      hostname: memberName(set, ordinal),
      ...(set.spec?.serviceName && { subdomain: set.spec.serviceName }),
      ...volumesWith(set, ordinal, spec?.volumes ?? []),
    },
  } as V1Pod;
}

export const identityLabels = (set: V1StatefulSet, ordinal: number): Record<string, string> => ({
  [POD_NAME]: memberName(set, ordinal),
  [POD_INDEX]: String(ordinal),
});

type Volumes = NonNullable<NonNullable<V1Pod['spec']>['volumes']>;

/** A claim template takes the place of a volume of its name. */
function volumesWith(set: V1StatefulSet, ordinal: number, volumes: Volumes): { volumes?: Volumes } {
  const templates = set.spec?.volumeClaimTemplates ?? [];
  const claimed = templates.map((template) => ({
    name: template.metadata?.name ?? '',
    persistentVolumeClaim: { claimName: claimName(template, set, ordinal), readOnly: false },
  }));
  const names = new Set(claimed.map(({ name }) => name));
  const all = [...claimed, ...volumes.filter(({ name }) => !names.has(name))] as Volumes;
  return all.length > 0 ? { volumes: all } : {};
}

/** The claims of a member, as they are to be made. */
export function claimsOf(set: V1StatefulSet, ordinal: number): V1PersistentVolumeClaim[] {
  return (set.spec?.volumeClaimTemplates ?? []).map((template) => {
    const { labels, annotations } = template.metadata ?? {};
    return {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: {
        name: claimName(template, set, ordinal),
        namespace: set.metadata?.namespace,
        labels: { ...labels, ...set.spec?.selector?.matchLabels },
        ...(annotations && { annotations }),
      },
      spec: structuredClone(template.spec),
    } as V1PersistentVolumeClaim;
  });
}

/**
 * Whom a claim is to go with, by the set's persistentVolumeClaimRetentionPolicy: with the set, with a pod that scaling down takes, or with nobody
 * (https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#persistentvolumeclaim-retention).
 */
export function claimOwner(set: V1StatefulSet, pod: V1Pod | undefined, ordinal: number): OwnerReference | undefined {
  const { whenDeleted, whenScaled } = set.spec?.persistentVolumeClaimRetentionPolicy ?? {};
  const { name = '', uid = '' } = pod?.metadata ?? {};
  if (whenScaled === 'Delete' && !isInRange(set, ordinal))
    return pod && { apiVersion: 'v1', kind: 'Pod', name, uid, controller: true, blockOwnerDeletion: true };
  return whenDeleted === 'Delete' ? controllerReference(statefulSetKind, set) : undefined;
}
