/** How pods begin and how long their end may take (pkg/registry/core/pod/strategy.go). */
import type {
  V1AppArmorProfile,
  V1LabelSelector,
  V1Pod,
  V1PodAffinity,
  V1PodAffinityTerm,
  V1PodCondition,
  V1PodSpec,
} from '../../gen/types.ts';
import { equalJson } from '../../machinery/clone.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { APP_ARMOR_CONTAINER } from './pod-annotations.ts';
import { eachContainer } from './pod-containers.ts';
import { qualityOfService } from './quality-of-service.ts';
import { checkAppArmorProfile } from './security-context-validation.ts';
import { dropUnservedFields } from './unserved-pod-fields.ts';

const GATED: V1PodCondition = {
  type: 'PodScheduled',
  status: 'False',
  // A pod begins with this generation.
  observedGeneration: 1,
  reason: 'SchedulingGated',
  message: 'Scheduling is blocked due to non-empty scheduling gates',
};

export function preparePod(object: DynamicObject): void {
  const pod = object as V1Pod;
  const { spec } = pod;
  pod.status = { phase: 'Pending', ...(spec && { qosClass: qualityOfService(spec) }) };
  if (!spec) return;
  dropUnservedFields(spec);
  if (spec.schedulingGates?.length) pod.status.conditions = [{ ...GATED }];
  if (spec.affinity || spec.topologySpreadConstraints) selectByOwnLabels(pod.metadata?.labels ?? {}, spec);
  if (pod.metadata?.annotations && spec.os?.name !== 'windows') takeAppArmorFromAnnotations(pod.metadata.annotations, spec);
}

type Labels = Readonly<Record<string, string>>;

/** `matchLabelKeys` name labels whose values the pod's selectors get. */
function selectByOwnLabels(labels: Labels, { affinity, topologySpreadConstraints = [] }: V1PodSpec): void {
  for (const side of [affinity?.podAffinity, affinity?.podAntiAffinity])
    for (const term of termsOf(side)) selectByKeys(term, labels);
  for (const { labelSelector, matchLabelKeys } of topologySpreadConstraints)
    addRequirements(labelSelector, matchLabelKeys, 'In', labels);
}

const termsOf = (affinity: V1PodAffinity | undefined): V1PodAffinityTerm[] => [
  ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(({ podAffinityTerm }) => podAffinityTerm),
  ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
];

function selectByKeys({ labelSelector, matchLabelKeys, mismatchLabelKeys }: V1PodAffinityTerm, labels: Labels): void {
  addRequirements(labelSelector, matchLabelKeys, 'In', labels);
  addRequirements(labelSelector, mismatchLabelKeys, 'NotIn', labels);
}

function addRequirements(
  selector: V1LabelSelector | undefined,
  keys: readonly string[] | undefined,
  operator: 'In' | 'NotIn',
  labels: Labels,
): void {
  if (!selector || !keys?.length) return;
  const added = keys.filter((key) => Object.hasOwn(labels, key)).map((key) => ({ key, operator, values: [labels[key]!] }));
  if (added.length) selector.matchExpressions = [...(selector.matchExpressions ?? []), ...added];
}

/** The profile that an annotation names, or undefined when it names none that is sound. */
export function appArmorOfAnnotation(annotation: string): V1AppArmorProfile | undefined {
  if (annotation === 'unconfined') return { type: 'Unconfined' };
  if (annotation === 'runtime/default' || annotation === '') return { type: 'RuntimeDefault' };
  if (!annotation.startsWith('localhost/')) return undefined;
  const profile: V1AppArmorProfile = { type: 'Localhost', localhostProfile: annotation.slice('localhost/'.length) };
  const errors: FieldError[] = [];
  checkAppArmorProfile(profile, '', errors);
  return errors.length ? undefined : profile;
}

/** Old clients name profiles in annotations, new nodes read the fields. */
function takeAppArmorFromAnnotations(annotations: Labels, spec: V1PodSpec): void {
  eachContainer(spec, '', (container) => {
    const key = APP_ARMOR_CONTAINER + container.name;
    if (!Object.hasOwn(annotations, key) || container.securityContext?.appArmorProfile) return;
    const profile = appArmorOfAnnotation(annotations[key]!);
    if (profile && !equalJson(profile, spec.securityContext?.appArmorProfile))
      container.securityContext = { ...container.securityContext, appArmorProfile: profile };
  });
}

/** Seconds that a pod gets to end: none when nothing of it runs. */
export function podGracePeriodSeconds(object: DynamicObject, requested: number | undefined): number {
  const { spec, status } = object as V1Pod;
  if (!spec?.nodeName || status?.phase === 'Failed' || status?.phase === 'Succeeded') return 0;
  const seconds = requested ?? spec.terminationGracePeriodSeconds ?? 0;
  return seconds < 0 ? 1 : seconds;
}
