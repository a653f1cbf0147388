import { shownForm } from '../../core/v1/internal-form.ts';
import type { V1ServiceCIDR } from '../../gen/types.ts';
import { ageColumn, nameColumn, textColumn } from '../../machinery/columns.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { IMMUTABLE, invalidField, requiredField } from '../../machinery/field-error.ts';
import { checkCanonicalCidr, parseCidr } from '../../machinery/ip.ts';
import type { WriteContext } from '../../machinery/kind.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { mergeStatusAlone, statusPart } from '../../machinery/status-part.ts';

const CIDRS = 'spec.cidrs';
const cidrsOf = (object: DynamicObject) => (object as V1ServiceCIDR).spec?.cidrs ?? [];

/** A second range, of the other family, may be added; otherwise ranges stay. */
function validateServiceCidr(object: DynamicObject, _context: WriteContext, existing?: DynamicObject): FieldError[] {
  const after = cidrsOf(object);
  if (!existing) return validateCidrs(object);
  const before = cidrsOf(existing);
  if (after.length === before.length)
    return after.flatMap((cidr, i) => (cidr === before[i] ? [] : [invalidField(`${CIDRS}[${i}]`, cidr, IMMUTABLE)]));
  if (before.length !== 1 || after.length !== 2) return [invalidField(CIDRS, after, IMMUTABLE)];
  const changed = after[0] === before[0] ? [] : [invalidField(`${CIDRS}[0]`, after[0], IMMUTABLE)];
  return [...changed, ...validateCidrs(object)];
}

function validateCidrs(object: DynamicObject): FieldError[] {
  const cidrs = cidrsOf(object);
  if (!cidrs.length) return [requiredField(CIDRS, 'at least one CIDR required')];
  if (cidrs.length > 2) return [invalidField(CIDRS, shownForm('ServiceCIDRSpec', { cidrs }), 'may only hold up to 2 values')];
  const errors = cidrs.flatMap((cidr, i) => checkCanonicalCidr(`${CIDRS}[${i}]`, cidr));
  const [first, second] = cidrs.map((cidr) => parseCidr(cidr)?.address.family);
  if (first !== undefined && first === second)
    errors.push(
      invalidField(CIDRS, cidrs, 'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64'),
    );
  return errors;
}

export const serviceCidrKind = defineKind({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'ServiceCIDR',
  resource: 'servicecidrs',
  namespaced: false,
  hasGeneration: false,
  parts: [statusPart({ merge: mergeStatusAlone })],
  columns: [
    nameColumn,
    textColumn<V1ServiceCIDR>('CIDRs', 'Its ranges.', ({ spec }) => (spec?.cidrs ?? []).join(',')),
    ageColumn,
  ],
  prepareForCreate: (object) => {
    object['status'] = {};
  },
  validate: validateServiceCidr,
});
