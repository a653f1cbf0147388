/** PriorityClasses (pkg/apis/scheduling/validation). */
import type { V1PriorityClass } from '../../gen/types.ts';
import { checkImmutable } from '../../machinery/field-checks.ts';
import { forbiddenField, notSupportedField, requiredField } from '../../machinery/field-error.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';

const SYSTEM_PREFIX = 'system-';
const HIGHEST_USER_PRIORITY = 1_000_000_000;
const SYSTEM_CLASSES: Readonly<Record<string, number>> = {
  'system-node-critical': 2_000_001_000,
  'system-cluster-critical': 2_000_000_000,
};
const PREEMPTION_POLICIES = ['PreemptLowerPriority', 'Never'];

const classOf = (object: DynamicObject) => object as unknown as V1PriorityClass;

/** Of a new class; of one that is there, nothing that is looked at here may change. */
export function validatePriorityClass(object: DynamicObject, _context: unknown, existing?: DynamicObject): FieldError[] {
  if (existing) return [];
  const { metadata, value = 0, preemptionPolicy } = classOf(object);
  const name = metadata?.name ?? '';
  const errors: FieldError[] = [];
  if (name.startsWith(SYSTEM_PREFIX)) {
    const wrong = systemComplaint(classOf(object), name);
    if (wrong)
      errors.push(
        forbiddenField(
          'metadata.name',
          `priority class names with '${SYSTEM_PREFIX}' prefix are reserved for system use only. error: ${wrong}`,
        ),
      );
  } else if (value > HIGHEST_USER_PRIORITY)
    errors.push(forbiddenField('value', `maximum allowed value of a user defined priority is ${HIGHEST_USER_PRIORITY}`));
  if (preemptionPolicy === '') errors.push(requiredField('preemptionPolicy'));
  else if (preemptionPolicy !== undefined && !PREEMPTION_POLICIES.includes(preemptionPolicy))
    errors.push(notSupportedField('preemptionPolicy', preemptionPolicy, PREEMPTION_POLICIES));
  return errors;
}

function systemComplaint({ value = 0, globalDefault = false }: V1PriorityClass, name: string): string | undefined {
  const expected = Object.hasOwn(SYSTEM_CLASSES, name) ? SYSTEM_CLASSES[name]! : undefined;
  if (expected === undefined) return `${name} is not a known system priority class`;
  if (value !== expected) return `value of ${name} PriorityClass must be ${expected}`;
  return globalDefault ? `globalDefault of ${name} PriorityClass must be false` : undefined;
}

export function validatePriorityClassUpdate(updated: DynamicObject, existing: DynamicObject): FieldError[] {
  const [after, before] = [classOf(updated), classOf(existing)];
  return [
    ...((after.value ?? 0) === (before.value ?? 0) ? [] : [forbiddenField('value', 'may not be changed in an update.')]),
    ...checkImmutable('preemptionPolicy', after.preemptionPolicy, before.preemptionPolicy),
  ];
}
