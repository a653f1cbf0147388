/** Who may change which condition of a certificate request, and how its times are filled in. */
import type { V1CertificateSigningRequestCondition } from '../../gen/types.ts';
import { equalJson } from '../../machinery/clone.ts';
import { duplicateField, forbiddenField, invalidField, notSupportedField, requiredField } from '../../machinery/field-error.ts';
import { formatTime } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';

type Condition = V1CertificateSigningRequestCondition;

export const APPROVED = 'Approved';
export const DENIED = 'Denied';
export const FAILED = 'Failed';

const PATH = 'status.conditions';
const ONLY_TRUE = [APPROVED, DENIED, FAILED];

const ofType = (conditions: readonly Condition[], type: string) => conditions.filter((condition) => condition.type === type);
const hasDuplicates = (conditions: readonly Condition[]) => new Set(conditions.map(({ type }) => type)).size < conditions.length;
const hasBoth = (conditions: readonly Condition[]) =>
  ofType(conditions, APPROVED).length > 0 && ofType(conditions, DENIED).length > 0;

/** Complaints about the conditions themselves; what was already wrong in `existing` is let be. */
export function validateConditions(conditions: readonly Condition[], existing: readonly Condition[]): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  const before = {
    hasNameless: existing.some(({ type }) => !type),
    hasBoth: hasBoth(existing),
    repeats: hasDuplicates(existing),
  };
  conditions.forEach(({ type, status }, i) => {
    if (!type && !before.hasNameless) errors.push(requiredField(`${PATH}[${i}].type`));
    const allowed = ONLY_TRUE.includes(type) ? ['True'] : ['False', 'True', 'Unknown'];
    if (!status) errors.push(requiredField(`${PATH}[${i}].status`));
    else if (!allowed.includes(status)) errors.push(notSupportedField(`${PATH}[${i}].status`, status, allowed));
    if ((type === APPROVED && seen.has(DENIED)) || (type === DENIED && seen.has(APPROVED)))
      if (!before.hasBoth) errors.push(invalidField(PATH, type, 'Approved and Denied conditions are mutually exclusive'));
    if (seen.has(type) && !before.repeats) errors.push(duplicateField(`${PATH}[${i}].type`, type));
    seen.add(type);
  });
  return errors;
}

/** Complaints about a change: nothing final is taken back, and only the approval subresource approves and denies. */
export function validateConditionsUpdate(
  updated: readonly Condition[],
  existing: readonly Condition[],
  mayApprove: boolean,
): FieldError[] {
  const errors: FieldError[] = [];
  for (const type of [APPROVED, DENIED, FAILED])
    if (ofType(updated, type).length < ofType(existing, type).length)
      errors.push(forbiddenField(PATH, `updates may not remove a condition of type "${type}"`));
  if (mayApprove) return errors;
  for (const type of [APPROVED, DENIED]) {
    const before = ofType(existing, type);
    const after = ofType(updated, type);
    if (after.length > before.length) errors.push(forbiddenField(PATH, `updates may not add a condition of type "${type}"`));
    else if (after.length === before.length && !equalJson(before, after))
      errors.push(forbiddenField(PATH, `updates may not modify a condition of type "${type}"`));
  }
  return errors;
}

/** Conditions with the times that the client left out; a condition that was there keeps the time of its last change. */
export function withTimes(conditions: readonly Condition[], existing: readonly Condition[], nowMs: number): Condition[] {
  const now = formatTime(nowMs);
  const identityOf = ({ type, status }: Condition) => JSON.stringify([type, status]);
  // Of several that are the same the first one counts.
  const before = new Map(existing.toReversed().map((condition) => [identityOf(condition), condition]));
  return conditions.map((condition) => {
    const same = before.get(identityOf(condition));
    return {
      ...condition,
      lastUpdateTime: condition.lastUpdateTime ?? now,
      lastTransitionTime: condition.lastTransitionTime ?? same?.lastTransitionTime ?? now,
    };
  });
}

/** The new conditions, with Approved and Denied as they were where their number is unchanged. */
export function preserveApproval(conditions: readonly Condition[], existing: readonly Condition[]): Condition[] {
  let result = [...conditions];
  for (const type of [APPROVED, DENIED]) {
    const before = ofType(existing, type);
    if (before.length !== ofType(result, type).length) continue;
    let next = 0;
    result = result.map((condition) => (condition.type === type ? before[next++]! : condition));
  }
  return result;
}
