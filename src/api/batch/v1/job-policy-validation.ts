/** When a job has failed, and when it has succeeded (pkg/apis/batch/validation validatePodFailurePolicy, validateSuccessPolicy). */
import type {
  V1JobSpec,
  V1PodFailurePolicyOnExitCodesRequirement,
  V1PodFailurePolicyOnPodConditionsPattern,
  V1PodFailurePolicyRule,
  V1SuccessPolicyRule,
} from '../../gen/types.ts';
import { NOT_NEGATIVE } from '../../machinery/field-checks.ts';
import {
  duplicateField,
  invalidField,
  notSupportedField,
  requiredField,
  tooLongField,
  tooManyField,
} from '../../machinery/field-error.ts';
import { checkQualifiedName } from '../../machinery/names.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { parseIndexes } from './index-ranges.ts';

const MOST_RULES = 20;
const MOST_EXIT_CODES = 255;
const MOST_CONDITIONS = 20;
const LONGEST_INDEXES = 64 * 1024;
const ACTIONS = ['Count', 'FailIndex', 'FailJob', 'Ignore'];
const OPERATORS = ['In', 'NotIn'];
const STATUSES = ['False', 'True', 'Unknown'];

/** As Go prints lists of quoted texts. */
const validValues = (values: readonly string[]) => `valid values: [${values.map((value) => JSON.stringify(value)).join(' ')}]`;

/** An invalid structure that is not shown. */
const invalidRule = (field: string, detail: string): FieldError => ({
  field,
  reason: 'FieldValueInvalid',
  message: `Invalid value: ${detail}`,
});

export function validateFailurePolicy(spec: V1JobSpec, path: string, errors: FieldError[]): void {
  const { rules } = spec.podFailurePolicy!;
  const { containers = [], initContainers = [] } = spec.template.spec ?? {};
  if (rules.length > MOST_RULES) errors.push(tooManyField(`${path}.rules`, rules.length, MOST_RULES));
  const names = new Set([...containers, ...initContainers].map(({ name }) => name));
  rules.forEach((rule, i) => {
    checkFailureRule(rule, `${path}.rules[${i}]`, spec.backoffLimitPerIndex !== undefined, names, errors);
  });
}

function checkFailureRule(
  { action, onExitCodes, onPodConditions = [] }: V1PodFailurePolicyRule,
  path: string,
  countsByIndex: boolean,
  containers: ReadonlySet<string>,
  errors: FieldError[],
): void {
  if (!action) errors.push(requiredField(`${path}.action`, validValues(ACTIONS)));
  else if (action === 'FailIndex') {
    if (!countsByIndex) errors.push(invalidField(`${path}.action`, action, 'requires the backoffLimitPerIndex to be set'));
  } else if (!ACTIONS.includes(action)) errors.push(notSupportedField(`${path}.action`, action, ACTIONS));
  if (onExitCodes) checkExitCodes(onExitCodes, `${path}.onExitCodes`, containers, errors);
  if (onPodConditions.length) checkConditions(onPodConditions, `${path}.onPodConditions`, errors);
  if (onExitCodes && onPodConditions.length)
    errors.push(invalidRule(path, 'specifying both OnExitCodes and OnPodConditions is not supported'));
  if (!onExitCodes && !onPodConditions.length)
    errors.push(invalidRule(path, 'specifying one of OnExitCodes and OnPodConditions is required'));
}

function checkExitCodes(
  { operator, containerName, values }: V1PodFailurePolicyOnExitCodesRequirement,
  path: string,
  containers: ReadonlySet<string>,
  errors: FieldError[],
): void {
  if (!operator) errors.push(requiredField(`${path}.operator`, validValues(OPERATORS)));
  else if (!OPERATORS.includes(operator)) errors.push(notSupportedField(`${path}.operator`, operator, OPERATORS));
  if (containerName !== undefined && !containers.has(containerName))
    errors.push(
      invalidField(
        `${path}.containerName`,
        containerName,
        'must be one of the container or initContainer names in the pod template',
      ),
    );
  if (!values.length) errors.push(invalidField(`${path}.values`, values, 'at least one value is required'));
  else if (values.length > MOST_EXIT_CODES) errors.push(tooManyField(`${path}.values`, values.length, MOST_EXIT_CODES));
  const seen = new Set<number>();
  values.forEach((value, i) => {
    const at = `${path}.values[${i}]`;
    if (operator === 'In' && value === 0) errors.push(invalidField(at, value, 'must not be 0 for the In operator'));
    if (seen.has(value)) errors.push(duplicateField(at, value));
    seen.add(value);
  });
  if (values.some((value, i) => i > 0 && values[i - 1]! > value))
    errors.push(invalidField(`${path}.values`, values, 'must be ordered'));
}

function checkConditions(
  patterns: readonly V1PodFailurePolicyOnPodConditionsPattern[],
  path: string,
  errors: FieldError[],
): void {
  if (patterns.length > MOST_CONDITIONS) errors.push(tooManyField(path, patterns.length, MOST_CONDITIONS));
  patterns.forEach(({ type, status }, i) => {
    const at = `${path}[${i}]`;
    for (const complaint of checkQualifiedName(type)) errors.push(invalidField(`${at}.type`, type, complaint));
    if (!status) errors.push(requiredField(`${at}.status`, validValues(STATUSES)));
    else if (!STATUSES.includes(status)) errors.push(notSupportedField(`${at}.status`, status, STATUSES));
  });
}

export function validateSuccessPolicy({ successPolicy, completions = 0 }: V1JobSpec, path: string, errors: FieldError[]): void {
  const { rules } = successPolicy!;
  if (!rules.length)
    errors.push(requiredField(`${path}.rules`, 'at least one rules must be specified when the successPolicy is specified'));
  if (rules.length > MOST_RULES) errors.push(tooManyField(`${path}.rules`, rules.length, MOST_RULES));
  rules.forEach((rule, i) => {
    checkSuccessRule(rule, `${path}.rules[${i}]`, completions, errors);
  });
}

function checkSuccessRule(
  { succeededCount: count, succeededIndexes: indexes }: V1SuccessPolicyRule,
  path: string,
  completions: number,
  errors: FieldError[],
): void {
  if (count === undefined && indexes === undefined)
    errors.push(requiredField(path, 'at least one of succeededCount or succeededIndexes must be specified'));
  let total = 0;
  if (indexes !== undefined) {
    if (Buffer.byteLength(indexes) > LONGEST_INDEXES) errors.push(tooLongField(`${path}.succeededIndexes`, LONGEST_INDEXES));
    const parsed = parseIndexes(indexes, completions);
    if ('error' in parsed)
      errors.push(invalidField(`${path}.succeededIndexes`, indexes, `error parsing succeededIndexes: ${parsed.error}`));
    else total = parsed.total;
  }
  if (count === undefined) return;
  const field = `${path}.succeededCount`;
  if (count < 0) errors.push(invalidField(field, count, NOT_NEGATIVE));
  if (count > completions)
    errors.push(invalidField(field, count, `must be less than or equal to ${completions} (the number of specified completions)`));
  if (indexes !== undefined && count > total)
    errors.push(
      invalidField(
        field,
        count,
        `must be less than or equal to ${total} (the number of indexes in the specified succeededIndexes field)`,
      ),
    );
}
