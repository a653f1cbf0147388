/** Fields of pods that the release has behind switches that are off: they are dropped, unless what is stored has them (pkg/api/pod/util.go). */
import type {
  V1ContainerStatus,
  V1Lifecycle,
  V1PodSpec,
  V1PodStatus,
  V1PodTemplateSpec,
  V1VolumeProjection,
} from '../../gen/types.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { eachContainer } from './pod-containers.ts';

/** Changes `spec`, of a pod or a template; `stored` is what it was before an update. */
export function dropUnservedFields(spec: V1PodSpec | undefined, stored?: V1PodSpec): void {
  if (!spec) return;
  if (spec.schedulingGroup && !stored?.schedulingGroup) delete spec.schedulingGroup;
  const keepsSignals = stored !== undefined && hasStopSignals(stored);
  eachContainer(spec, '', (container) => {
    if (container.lifecycle?.stopSignal === undefined || keepsSignals) return;
    const { stopSignal: _, ...lifecycle }: V1Lifecycle = container.lifecycle;
    if (Object.keys(lifecycle).length) container.lifecycle = lifecycle;
    else delete container.lifecycle;
  });
  for (const field of ['clusterTrustBundle', 'podCertificate'] as const) {
    if (projects(stored, field)) continue;
    for (const { projected } of spec.volumes ?? []) for (const source of projected?.sources ?? []) delete source[field];
  }
}

/** The same of kinds whose pods are made of `spec.template`. */
export function dropUnservedOfTemplate(object: DynamicObject, existing?: DynamicObject): void {
  dropUnservedFields(templateOf(object)?.spec, templateOf(existing)?.spec);
}

const templateOf = (object: DynamicObject | undefined) =>
  (object?.['spec'] as { readonly template?: V1PodTemplateSpec } | undefined)?.template;

function hasStopSignals(spec: V1PodSpec): boolean {
  let found = false;
  eachContainer(spec, '', ({ lifecycle }) => {
    found ||= lifecycle?.stopSignal !== undefined;
  });
  return found;
}

const projects = (spec: V1PodSpec | undefined, field: keyof V1VolumeProjection): boolean =>
  spec?.volumes?.some(({ projected }) => projected?.sources?.some((source) => source[field])) ?? false;

const LISTS = ['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses'] as const;

const statusesOf = (status: V1PodStatus | undefined): V1ContainerStatus[] => LISTS.flatMap((list) => status?.[list] ?? []);

/** The same for what a kubelet says. Changes `status`. */
export function dropUnservedStatus(status: V1PodStatus, stored: V1PodStatus | undefined): void {
  if (status.nodeAllocatableResourceClaimStatuses && !stored?.nodeAllocatableResourceClaimStatuses?.length)
    delete status.nodeAllocatableResourceClaimStatuses;
  const before = statusesOf(stored);
  const hasSignals = before.some(({ stopSignal }) => stopSignal !== undefined);
  const hasDigests = before.some(({ volumeMounts }) => volumeMounts?.some(({ volumeStatus }) => volumeStatus));
  for (const container of statusesOf(status)) {
    if (!hasSignals && container.stopSignal !== undefined) delete container.stopSignal;
    for (const mount of container.volumeMounts ?? []) if (!hasDigests && mount.volumeStatus) delete mount.volumeStatus;
  }
}
