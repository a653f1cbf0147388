/** What pods and pod templates must look like (pkg/apis/core/validation). */

import { isIP } from 'node:net';
import type { V1HostAlias, V1Pod, V1PodSpec, V1PodTemplateSpec, V1Toleration } from '../../gen/types.ts';
import { cloneJson, equalJson } from '../../machinery/clone.ts';
import { forbiddenField, invalidField, notSupportedField, requiredField } from '../../machinery/field-error.ts';
import { checkDnsLabel, checkDnsSubdomain, checkLabelValue, checkQualifiedName, type NameCheck } from '../../machinery/names.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { validateAnnotations, validateLabels } from '../../machinery/validate-metadata.ts';
import { type PodNames, validateContainer } from './container-validation.ts';
import { NOT_AN_IP } from './service-cluster-ips.ts';
import { validateVolumes } from './volume-validation.ts';

const RESTART_POLICIES = ['Always', 'OnFailure', 'Never'];
const DNS_POLICIES = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'];
const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];
const LARGEST_INT32 = 2 ** 31 - 1;

export function validatePod(object: DynamicObject): FieldError[] {
  const { spec } = object as V1Pod;
  return spec ? validatePodSpec(spec, 'spec') : [requiredField('spec')];
}

/** Complaints about a workload's template. `restartPolicies`: those that make sense for it. */
export function validatePodTemplate(
  template: V1PodTemplateSpec | undefined,
  path: string,
  restartPolicies: readonly string[] = ['Always'],
): FieldError[] {
  const { metadata, spec } = template ?? {};
  const errors = [
    ...validateLabels(metadata?.labels, `${path}.labels`),
    ...validateAnnotations(metadata?.annotations, `${path}.annotations`),
    ...validatePodSpec(spec ?? { containers: [] }, `${path}.spec`),
  ];
  if (spec?.restartPolicy && RESTART_POLICIES.includes(spec.restartPolicy) && !restartPolicies.includes(spec.restartPolicy))
    errors.push(notSupportedField(`${path}.spec.restartPolicy`, spec.restartPolicy, restartPolicies));
  return errors;
}

/** Complaints about a pod's spec at `path`. */
export function validatePodSpec(spec: V1PodSpec, path: string): FieldError[] {
  const volumes = validateVolumes(spec.volumes ?? [], `${path}.volumes`);
  const names: PodNames = { containers: new Set(), volumes: volumes.names, hostNetwork: spec.hostNetwork ?? false };
  const errors = volumes.errors;
  if (!spec.containers.length) errors.push(requiredField(`${path}.containers`));
  for (const list of ['containers', 'initContainers', 'ephemeralContainers'] as const)
    (spec[list] ?? []).forEach((container, i) => {
      errors.push(...validateContainer(container, `${path}.${list}[${i}]`, names));
    });
  errors.push(...validateChoices(spec, path), ...validateNames(spec, path), ...validateNumbers(spec, path));
  errors.push(...validateLabels(spec.nodeSelector, `${path}.nodeSelector`));
  (spec.tolerations ?? []).forEach((toleration, i) => {
    errors.push(...validateToleration(toleration, `${path}.tolerations[${i}]`));
  });
  (spec.hostAliases ?? []).forEach((alias, i) => {
    errors.push(...validateHostAlias(alias, `${path}.hostAliases[${i}]`));
  });
  (spec.readinessGates ?? []).forEach(({ conditionType }, i) => {
    for (const complaint of checkQualifiedName(conditionType))
      errors.push(invalidField(`${path}.readinessGates[${i}].conditionType`, conditionType, complaint));
  });
  return errors;
}

function validateChoices(spec: V1PodSpec, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (!spec.restartPolicy) errors.push(requiredField(`${path}.restartPolicy`));
  else if (!RESTART_POLICIES.includes(spec.restartPolicy))
    errors.push(notSupportedField(`${path}.restartPolicy`, spec.restartPolicy, RESTART_POLICIES));
  if (!spec.dnsPolicy) errors.push(requiredField(`${path}.dnsPolicy`));
  else if (!DNS_POLICIES.includes(spec.dnsPolicy))
    errors.push(notSupportedField(`${path}.dnsPolicy`, spec.dnsPolicy, DNS_POLICIES));
  if (spec.dnsPolicy === 'None' && !spec.dnsConfig?.nameservers?.length)
    errors.push(
      requiredField(`${path}.dnsConfig.nameservers`, 'must provide at least one DNS nameserver when `dnsPolicy` is None'),
    );
  return errors;
}

const NAMED: readonly (readonly [
  'nodeName' | 'serviceAccountName' | 'hostname' | 'subdomain' | 'priorityClassName' | 'runtimeClassName',
  NameCheck,
])[] = [
  ['nodeName', checkDnsSubdomain],
  ['serviceAccountName', checkDnsSubdomain],
  ['hostname', checkDnsLabel],
  ['subdomain', checkDnsLabel],
  ['priorityClassName', checkDnsSubdomain],
  ['runtimeClassName', checkDnsSubdomain],
];

function validateNames(spec: V1PodSpec, path: string): FieldError[] {
  return NAMED.flatMap(([field, check]) => {
    const value = spec[field];
    return value ? check(value).map((complaint) => invalidField(`${path}.${field}`, value, complaint)) : [];
  });
}

function validateNumbers(spec: V1PodSpec, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const { activeDeadlineSeconds: deadline, terminationGracePeriodSeconds: grace } = spec;
  if (deadline !== undefined && (deadline < 1 || deadline > LARGEST_INT32))
    errors.push(invalidField(`${path}.activeDeadlineSeconds`, deadline, `must be between 1 and ${LARGEST_INT32}, inclusive`));
  if (grace !== undefined && grace < 0)
    errors.push(invalidField(`${path}.terminationGracePeriodSeconds`, grace, 'must be greater than or equal to 0'));
  return errors;
}

function validateToleration({ key, operator, value, effect, tolerationSeconds }: V1Toleration, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (key) for (const complaint of checkQualifiedName(key)) errors.push(invalidField(`${path}.key`, key, complaint));
  else if (operator !== 'Exists')
    errors.push(
      invalidField(
        `${path}.operator`,
        operator ?? '',
        'operator must be Exists when `key` is empty, which means "match all values and all keys"',
      ),
    );
  if (operator === 'Exists') {
    if (value)
      errors.push(
        invalidField(`${path}.operator`, { key, operator, value, effect }, "value must be empty when `operator` is 'Exists'"),
      );
  } else if (!operator || operator === 'Equal')
    for (const complaint of checkLabelValue(value ?? '')) errors.push(invalidField(`${path}.operator`, value ?? '', complaint));
  else if (operator !== 'Lt' && operator !== 'Gt')
    errors.push(notSupportedField(`${path}.operator`, operator, ['Equal', 'Exists']));
  if (effect && !EFFECTS.includes(effect)) errors.push(notSupportedField(`${path}.effect`, effect, EFFECTS));
  if (tolerationSeconds !== undefined && effect !== 'NoExecute')
    errors.push(invalidField(`${path}.effect`, effect ?? '', "effect must be 'NoExecute' when `tolerationSeconds` is set"));
  return errors;
}

function validateHostAlias({ ip, hostnames = [] }: V1HostAlias, path: string): FieldError[] {
  const errors = isIP(ip) ? [] : [invalidField(`${path}.ip`, ip, NOT_AN_IP)];
  for (const hostname of hostnames)
    for (const complaint of checkDnsSubdomain(hostname)) errors.push(invalidField(`${path}.hostnames`, hostname, complaint));
  return errors;
}

const MAY_CHANGE =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

/** A pod is what it was made as, but for images, a shorter deadline, more tolerations and fewer scheduling gates. */
export function validatePodUpdate(updated: DynamicObject, existing: DynamicObject): FieldError[] {
  const after = (updated as V1Pod).spec;
  const before = (existing as V1Pod).spec;
  if (!after || !before) return [];
  if (after.containers.length !== before.containers.length)
    return [forbiddenField('spec.containers', 'pod updates may not add or remove containers')];
  if ((after.initContainers?.length ?? 0) !== (before.initContainers?.length ?? 0))
    return [forbiddenField('spec.initContainers', 'pod updates may not add or remove containers')];
  return [
    ...validateDeadline(after, before),
    ...validateTolerations(after, before),
    ...validateGates(after, before),
    ...validateRest(after, before),
  ];
}

function validateDeadline(after: V1PodSpec, before: V1PodSpec): FieldError[] {
  const [now, then] = [after.activeDeadlineSeconds, before.activeDeadlineSeconds];
  if (then === undefined || now === then) return [];
  if (now === undefined)
    return [invalidField('spec.activeDeadlineSeconds', now, 'must not update from a positive integer to nil value')];
  if (now > then) return [invalidField('spec.activeDeadlineSeconds', now, `must be less than or equal to previous value`)];
  return [];
}

function validateTolerations(after: V1PodSpec, before: V1PodSpec): FieldError[] {
  // By what they say, since comparing each with each takes minutes when there are many.
  const textOf = ({ key, operator, value, effect }: V1Toleration) => JSON.stringify([key, operator, value, effect]);
  const now = new Set(after.tolerations?.map(textOf));
  const kept = (before.tolerations ?? []).every((old) => now.has(textOf(old)));
  return kept ? [] : [forbiddenField('spec.tolerations', 'existing toleration can not be modified except its tolerationSeconds')];
}

function validateGates(after: V1PodSpec, before: V1PodSpec): FieldError[] {
  const known = new Set(before.schedulingGates?.map(({ name }) => name));
  const added = (after.schedulingGates ?? []).filter(({ name }) => !known.has(name));
  return added.map((gate) =>
    forbiddenField('spec.schedulingGates', `only deletion is allowed, but found new scheduling gate '${gate.name}'`),
  );
}

function validateRest(after: V1PodSpec, before: V1PodSpec): FieldError[] {
  const fixed = (spec: V1PodSpec): V1PodSpec => {
    const { activeDeadlineSeconds: _, tolerations: __, schedulingGates: ___, ...rest } = cloneJson(spec);
    for (const container of [...rest.containers, ...(rest.initContainers ?? [])]) delete container.image;
    return rest;
  };
  const [now, then] = [fixed(after), fixed(before)];
  if ((before.terminationGracePeriodSeconds ?? 0) < 0 && after.terminationGracePeriodSeconds === 1) {
    delete now.terminationGracePeriodSeconds;
    delete then.terminationGracePeriodSeconds;
  }
  return equalJson(now, then) ? [] : [forbiddenField('spec', MAY_CHANGE)];
}
