import type { V1Node, V1Taint } from '../../gen/types.ts';
import { equalJson } from '../../machinery/clone.ts';
import { duplicateField, forbiddenField, invalidField, notSupportedField } from '../../machinery/field-error.ts';
import { checkLabelValue, checkQualifiedName } from '../../machinery/names.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { compareQuantities, parseQuantity } from '../../machinery/quantity.ts';
import type { FieldError } from '../../machinery/status-error.ts';

const TAINT_EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

/** What can be allocated is all there is, unless said otherwise. */
export function setNodeDefaults(object: DynamicObject): void {
  const { status } = object as V1Node;
  if (status?.capacity && !status.allocatable) status.allocatable = { ...status.capacity };
}

export function validateNode(object: DynamicObject): FieldError[] {
  const { spec, status } = object as V1Node;
  return [...validateTaints(spec?.taints ?? []), ...validateNodeStatus({ status }), ...validatePodCidrs(spec?.podCIDRs ?? [])];
}

/** Kubernetes' old single field and the newer list say the same. */
export function syncPodCidr(object: DynamicObject): void {
  const { spec } = object as V1Node;
  if (!spec) return;
  if (spec.podCIDR && !spec.podCIDRs?.length) spec.podCIDRs = [spec.podCIDR];
  else if (spec.podCIDRs?.length && !spec.podCIDR) spec.podCIDR = spec.podCIDRs[0];
}

function validateTaints(taints: readonly V1Taint[]): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  taints.forEach(({ key, value, effect }, i) => {
    const path = `metadata.taints[${i}]`;
    for (const complaint of checkQualifiedName(key)) errors.push(invalidField(`${path}.key`, key, complaint));
    for (const complaint of checkLabelValue(value ?? '')) errors.push(invalidField(`${path}.value`, value, complaint));
    if (!TAINT_EFFECTS.includes(effect)) errors.push(notSupportedField(`${path}.effect`, effect, TAINT_EFFECTS));
    const identity = `${effect}/${key}`;
    if (seen.has(identity))
      errors.push(duplicateField(path, { key, value, effect }, 'taints must be unique by key and effect pair'));
    seen.add(identity);
  });
  return errors;
}

const CIDR = /^[0-9a-fA-F:.]+\/\d{1,3}$/;

function validatePodCidrs(podCidrs: readonly string[]): FieldError[] {
  const errors = podCidrs.flatMap((cidr, i) =>
    CIDR.test(cidr)
      ? []
      : [invalidField(`spec.podCIDRs[${i}]`, cidr, 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)')],
  );
  if (podCidrs.length > 2)
    errors.push(invalidField('spec.podCIDRs', podCidrs, 'may specify no more than one CIDR for each IP family'));
  return errors;
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
      if (compareQuantities(parseQuantity(quantity), parseQuantity('0')) < 0)
        errors.push(invalidField(`status.${field}.${resource}`, quantity, 'must be greater than or equal to 0'));
  return errors;
}

/** A node's provider and its pod addresses are set once. */
export function validateNodeUpdate(updated: DynamicObject, existing: DynamicObject): FieldError[] {
  const after = (updated as V1Node).spec ?? {};
  const before = (existing as V1Node).spec ?? {};
  const errors: FieldError[] = [];
  if (before.podCIDRs?.length && !equalJson(after.podCIDRs ?? [], before.podCIDRs))
    errors.push(forbiddenField('spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid'));
  if (before.providerID && after.providerID !== before.providerID)
    errors.push(forbiddenField('spec.providerID', 'node updates may not change providerID except from "" to valid'));
  return errors;
}
