/** What is said of pods and templates that are let through, and yet are not as their makers will have meant (pkg/api/pod/warnings.go). */
import { addAll } from '../../../std/add-all.ts';
import type { V1EnvVar, V1ObjectMeta, V1Pod, V1PodAffinity, V1PodSpec, V1PodTemplateSpec } from '../../gen/types.ts';
import { ipWarnings } from '../../machinery/ip.ts';
import { checkDnsLabel } from '../../machinery/names.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { AnyContainer } from './container-defaults.ts';
import { fractionWarnings } from './fraction-warnings.ts';
import { nodeLabelWarnings } from './node-label-warnings.ts';
import { APP_ARMOR_CONTAINER, SECCOMP_CONTAINER, SECCOMP_POD } from './pod-annotations.ts';
import { eachContainer } from './pod-containers.ts';
import { appArmorOfAnnotation } from './pod-lifecycle.ts';
import { portWarnings } from './port-warnings.ts';
import { volumeWarnings } from './volume-warnings.ts';

/** `[a b]`, as Go prints lists. */
const goList = (texts: readonly string[]) => `[${texts.join(' ')}]`;

/** Names that pods and hosts are called after had better be labels. `used`: what for. */
export function nameWarnings(name: string | undefined, used: string): string[] {
  const complaints = checkDnsLabel(name ?? '');
  return complaints.length
    ? [
        `metadata.name: this is used in ${used}, which can result in surprising behavior; a DNS label is recommended: ${goList(complaints)}`,
      ]
    : [];
}

export function podWarnings(object: DynamicObject): string[] {
  const { metadata, spec } = object as V1Pod;
  if (!spec) return [];
  return [...nameWarnings(metadata?.name, "the Pod's hostname"), ...specWarnings(spec, metadata, '')];
}

/** `path`: `spec.template`. */
export function templateWarnings(template: V1PodTemplateSpec | undefined, path: string): string[] {
  return template?.spec ? specWarnings(template.spec, template.metadata, `${path}.`) : [];
}

const OLD_ANNOTATIONS: readonly (readonly [string, string])[] = [
  ['scheduler.alpha.kubernetes.io/critical-pod', 'non-functional in v1.16+; use the "priorityClassName" field instead'],
  ['security.alpha.kubernetes.io/sysctls', 'non-functional in v1.11+; use the "sysctls" field instead'],
  ['security.alpha.kubernetes.io/unsafe-sysctls', 'non-functional in v1.11+; use the "sysctls" field instead'],
];

const BYTES = ['memory', 'ephemeral-storage'];

function specWarnings(spec: V1PodSpec, metadata: V1ObjectMeta | undefined, at: string): string[] {
  const annotations = metadata?.annotations ?? {};
  const has = (key: string) => Object.hasOwn(annotations, key);
  const annotation = (key: string) => `${at}metadata.annotations[${key}]`;
  const warnings =
    spec.nodeSelector || spec.affinity || spec.topologySpreadConstraints ? nodeLabelWarnings(spec, `${at}spec`) : [];
  for (const [key, message] of OLD_ANNOTATIONS) if (has(key)) warnings.push(`${annotation(key)}: ${message}`);
  if (spec.volumes) addAll(warnings, volumeWarnings(spec.volumes, `${at}spec.volumes`));
  spec.hostAliases?.forEach(({ ip }, i) => {
    addAll(warnings, ipWarnings(`${at}spec.hostAliases[${i}].ip`, ip));
  });
  spec.dnsConfig?.nameservers?.forEach((address, i) => {
    addAll(warnings, ipWarnings(`${at}spec.dnsConfig.nameservers[${i}]`, address));
  });
  if (spec.hostAliases)
    addAll(
      warnings,
      repeated(
        spec.hostAliases.map(({ ip }) => ip),
        `${at}spec.hostAliases`,
        'ip',
      ),
    );
  if (spec.imagePullSecrets) addAll(warnings, secretWarnings(spec.imagePullSecrets, `${at}spec.imagePullSecrets`));
  addAll(warnings, fractionWarnings(spec.overhead, `${at}spec.overhead`, BYTES));
  if (!spec.securityContext?.seccompProfile && has(SECCOMP_POD)) warnings.push(seccomp(annotation(SECCOMP_POD)));
  eachContainer(spec, `${at}spec`, (container, path) => {
    const ofSeccomp = SECCOMP_CONTAINER + container.name;
    if (has(ofSeccomp) && !container.securityContext?.seccompProfile) warnings.push(seccomp(annotation(ofSeccomp)));
    const ofAppArmor = APP_ARMOR_CONTAINER + container.name;
    if (has(ofAppArmor) && isLeftToAnnotation(spec, container, annotations[ofAppArmor]!, at !== ''))
      warnings.push(`${annotation(ofAppArmor)}: deprecated since v1.30; use the "appArmorProfile" field instead`);
    const { limits, requests } = container.resources ?? {};
    for (const name of BYTES) {
      addAll(warnings, fractionWarnings(limits, `${path}.resources.limits`, [name]));
      addAll(warnings, fractionWarnings(requests, `${path}.resources.requests`, [name]));
    }
    if ((container.env?.length ?? 0) > 1) addAll(warnings, environmentWarnings(container.env!, `${path}.env`));
  });
  addAll(warnings, portWarnings(spec, `${at}spec`));
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0)
    warnings.push(`${at}spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1`);
  if (spec.affinity) {
    addAll(warnings, selectorWarnings(spec.affinity.podAffinity, `${at}spec.affinity.podAffinity`));
    addAll(warnings, selectorWarnings(spec.affinity.podAntiAffinity, `${at}spec.affinity.podAntiAffinity`));
  }
  return warnings;
}

const seccomp = (path: string) => `${path}: non-functional in v1.27+; use the "seccompProfile" field instead`;

/** In pods the annotation has been put into the field already, so that the field is the pod's own only when it says something else. */
function isLeftToAnnotation(
  spec: V1PodSpec,
  { securityContext }: AnyContainer,
  annotation: string,
  isTemplate: boolean,
): boolean {
  const ofPod = spec.securityContext?.appArmorProfile;
  const own = securityContext?.appArmorProfile;
  if (isTemplate) return !ofPod && !own;
  const named = appArmorOfAnnotation(annotation);
  if (!named) return !own;
  return own !== undefined && !(ofPod?.type === own.type && ofPod.localhostProfile === own.localhostProfile);
}

function repeated(values: readonly string[], path: string, field: string): string[] {
  const seen = new Set<string>();
  return values.flatMap((value, i) => {
    if (seen.has(value)) return [`${path}[${i}].${field}: duplicate ${field} ${JSON.stringify(value)}`];
    seen.add(value);
    return [];
  });
}

function secretWarnings(secrets: readonly { name?: string }[], path: string): string[] {
  const names = secrets.map(({ name = '' }) => name);
  return [
    ...repeated(names, path, 'name'),
    ...names.flatMap((name, i) => (name === '' ? [`${path}[${i}].name: invalid empty name ""`] : [])),
  ];
}

/** A second definition of a variable is for building on the first one. */
function environmentWarnings(env: readonly V1EnvVar[], path: string): string[] {
  const seen = new Set<string>();
  return env.flatMap(({ name, value = '', valueFrom }, i) => {
    if (!seen.has(name)) {
      seen.add(name);
      return [];
    }
    const reference = `$(${name})`;
    return valueFrom || value === reference || !value.includes(reference)
      ? [`${path}[${i}]: hides previous definition of ${JSON.stringify(name)}, which may be dropped when using apply`]
      : [];
  });
}

function selectorWarnings(affinity: V1PodAffinity | undefined, path: string): string[] {
  const NULL_SELECTOR = 'a null labelSelector results in matching no pod';
  const [required, preferred] = [
    'requiredDuringSchedulingIgnoredDuringExecution',
    'preferredDuringSchedulingIgnoredDuringExecution',
  ] as const;
  return [
    ...(affinity?.[required] ?? []).flatMap(({ labelSelector }, i) =>
      labelSelector ? [] : [`${path}.${required}[${i}].labelSelector: ${NULL_SELECTOR}`],
    ),
    ...(affinity?.[preferred] ?? []).flatMap(({ podAffinityTerm }, i) =>
      podAffinityTerm.labelSelector ? [] : [`${path}.${preferred}[${i}].podAffinityTerm.labelSelector: ${NULL_SELECTOR}`],
    ),
  ];
}
