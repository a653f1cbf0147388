import type { V1Node, V1NodeConfigSource, V1Taint } from '../../gen/types.ts';
import { equalJson } from '../../machinery/clone.ts';
import { checkEach, checkField } from '../../machinery/field-checks.ts';
import { duplicateField, forbiddenField, invalidField, notSupportedField, requiredField } from '../../machinery/field-error.ts';
import { checkCidr, parseCidr } from '../../machinery/ip.ts';
import type { WriteContext } from '../../machinery/kind.ts';
import {
  checkConfigKey,
  checkDnsLabel,
  checkDnsSubdomain,
  checkLabelValue,
  checkQualifiedName,
  type NameCheck,
} from '../../machinery/names.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { validateDeclaredFeatures } from './declared-features.ts';
import { checkResourceAmount } from './resources-validation.ts';

const TAINT_EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

/** What can be allocated is all there is, unless said otherwise. */
export function setNodeDefaults(object: DynamicObject): void {
  const { status } = object as V1Node;
  if (status?.capacity && !status.allocatable) status.allocatable = { ...status.capacity };
}

export function validateNode(object: DynamicObject, _context: WriteContext, existing?: DynamicObject): FieldError[] {
  const { spec, status } = object as V1Node;
  const stored = (existing as V1Node | undefined)?.spec?.podCIDRs ?? [];
  return [
    ...validateTaints(spec?.taints ?? []),
    ...validateNodeStatus({ status }),
    ...validatePodCidrs(spec?.podCIDRs ?? [], stored),
  ];
}

/** Kubernetes' old single field and the newer list say the same; where they do not, it is the old one that was changed. */
export function syncPodCidr(object: DynamicObject): void {
  const { spec } = object as V1Node;
  if (!spec) return;
  if (spec.podCIDR && spec.podCIDR !== spec.podCIDRs?.[0]) spec.podCIDRs = [spec.podCIDR];
  else if (spec.podCIDRs?.length && !spec.podCIDR) spec.podCIDR = spec.podCIDRs[0];
}

function validateTaints(taints: readonly V1Taint[]): FieldError[] {
  const seen = new Set<string>();
  return checkEach(taints, 'metadata.taints', ({ key, value = '', effect }, path) => {
    const errors = checkField(`${path}.key`, key, checkQualifiedName);
    const wrong = checkLabelValue(value);
    if (wrong.length) errors.push(invalidField(`${path}.value`, value, wrong.join(';')));
    if (!effect) errors.push(requiredField(`${path}.effect`));
    else if (!TAINT_EFFECTS.includes(effect)) errors.push(notSupportedField(`${path}.effect`, effect, TAINT_EFFECTS));
    const identity = `${effect}/${key}`;
    if (seen.has(identity))
      errors.push(duplicateField(path, { key, value, effect }, 'taints must be unique by key and effect pair'));
    seen.add(identity);
    return errors;
  });
}

function validatePodCidrs(podCidrs: readonly string[], stored: readonly string[]): FieldError[] {
  const path = 'spec.podCIDRs';
  const errors = checkEach(podCidrs, path, (cidr, at) => checkCidr(at, cidr, stored));
  if (podCidrs.length < 2) return errors;
  const families = new Set(podCidrs.map((cidr) => parseCidr(cidr)?.address.family));
  if (families.size !== 2 || podCidrs.length > 2)
    errors.push(invalidField(path, podCidrs, 'may specify no more than one CIDR for each IP family'));
  return [
    ...errors,
    ...checkEach(podCidrs, path, (cidr, at, i) => (podCidrs.indexOf(cidr) < i ? [duplicateField(at, cidr)] : [])),
  ];
}

export function validateNodeStatus({ status }: Pick<V1Node, 'status'>): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  (status?.addresses ?? []).forEach((address, i) => {
    const identity = `${address.type}/${address.address}`;
    if (seen.has(identity)) errors.push(duplicateField(`status.addresses[${i}]`, address));
    seen.add(identity);
  });
  for (const field of ['capacity', 'allocatable'] as const)
    for (const [resource, quantity] of Object.entries(status?.[field] ?? {}))
      checkResourceAmount(resource, quantity, `status.${field}.${resource}`, errors);
  errors.push(...validateDeclaredFeatures(status?.declaredFeatures ?? [], 'status.declaredFeatures'));
  return errors;
}

/** A node's provider and its pod addresses are set once. */
export function validateNodeUpdate(updated: DynamicObject, existing: DynamicObject): FieldError[] {
  const { spec: after = {}, status } = updated as V1Node;
  const before = (existing as V1Node).spec ?? {};
  const errors: FieldError[] = [];
  if (before.podCIDRs?.length && !equalJson(after.podCIDRs ?? [], before.podCIDRs))
    errors.push(forbiddenField('spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid'));
  if (before.providerID && after.providerID !== before.providerID)
    errors.push(forbiddenField('spec.providerID', 'node updates may not change providerID except from "" to valid'));
  if (after.configSource) errors.push(...validateConfigSource(after.configSource, 'spec.configSource', false));
  for (const field of ['assigned', 'active', 'lastKnownGood'] as const)
    if (status?.config?.[field]) errors.push(...validateConfigSource(status.config[field], `status.config.${field}`, true));
  if ((after.externalID ?? '') !== (before.externalID ?? ''))
    errors.push(forbiddenField('spec.externalID', 'may not be updated'));
  return errors;
}

/** Of dynamic kubelet configuration, which is gone; objects may still have it. */
function validateConfigSource(source: V1NodeConfigSource, path: string, inStatus: boolean): FieldError[] {
  const { configMap } = source;
  if (!configMap) return [invalidField(path, source, 'exactly one reference subfield must be non-nil')];
  const errors: FieldError[] = [];
  const at = `${path}.configMap`;
  for (const field of ['uid', 'resourceVersion'] as const)
    if (inStatus && !configMap[field]) errors.push(requiredField(`${at}.${field}`, `${field} must be set in status`));
    else if (!inStatus && configMap[field]) errors.push(forbiddenField(`${at}.${field}`, `${field} must not be set in spec`));
  const needed: readonly (readonly ['namespace' | 'name' | 'kubeletConfigKey', NameCheck])[] = [
    ['namespace', checkDnsLabel],
    ['name', checkDnsSubdomain],
    ['kubeletConfigKey', checkConfigKey],
  ];
  for (const [field, check] of needed)
    if (!configMap[field]) errors.push(requiredField(`${at}.${field}`, `${field} must be set`));
    else errors.push(...checkField(`${at}.${field}`, configMap[field], check));
  return errors;
}
