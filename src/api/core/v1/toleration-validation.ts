/** Which taints of nodes a pod puts up with (core/validation ValidateTolerations). */
import type { V1Toleration } from '../../gen/types.ts';
import { forbiddenField, invalidField, notSupportedField } from '../../machinery/field-error.ts';
import { checkLabelValue, checkQualifiedName } from '../../machinery/names.ts';
import type { FieldError } from '../../machinery/status-error.ts';

const OPERATORS = ['Equal', 'Exists'];
/** Known, and only taken where a feature is on that is off. */
const COMPARISONS = ['Lt', 'Gt'];
const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

export function validateTolerations(tolerations: readonly V1Toleration[], path: string, errors: FieldError[]): void {
  for (let i = 0; i < tolerations.length; i++) checkToleration(tolerations[i]!, path, i, errors);
}

function checkToleration(toleration: V1Toleration, path: string, i: number, errors: FieldError[]): void {
  const { key, operator = '', value = '', effect = '', tolerationSeconds } = toleration;
  const complain = (field: string, bad: unknown, detail: string) =>
    errors.push(invalidField(`${path}[${i}].${field}`, bad, detail));
  if (key) for (const complaint of checkQualifiedName(key)) complain('key', key, complaint);
  else if (operator !== 'Exists')
    complain('operator', operator, 'operator must be Exists when `key` is empty, which means "match all values and all keys"');
  if (tolerationSeconds !== undefined && effect !== 'NoExecute')
    complain('effect', effect, "effect must be 'NoExecute' when `tolerationSeconds` is set");
  if (operator === 'Exists') {
    if (value) complain('operator', value, "value must be empty when `operator` is 'Exists'");
  } else if (operator === '' || operator === 'Equal') {
    const complaints = value ? checkLabelValue(value) : [];
    if (complaints.length) complain('operator', value, complaints.join(';'));
  } else
    errors.push(
      notSupportedField(
        `${path}[${i}].operator`,
        operator,
        COMPARISONS.includes(operator) ? [...OPERATORS, ...COMPARISONS] : OPERATORS,
      ),
    );
  if (effect && !EFFECTS.includes(effect)) errors.push(notSupportedField(`${path}[${i}].effect`, effect, EFFECTS));
}

/** Of a pod that is there, tolerations may become more, and how long they last may change. */
export function checkKeptTolerations(
  after: readonly V1Toleration[] = [],
  before: readonly V1Toleration[] = [],
  path: string,
  errors: FieldError[],
): void {
  // By what they say, since comparing each with each takes minutes when there are many.
  const textOf = ({ key, operator, value, effect }: V1Toleration) =>
    JSON.stringify([key || null, operator || null, value || null, effect || null]);
  const now = new Set(after.map(textOf));
  if (!before.every((toleration) => now.has(textOf(toleration))))
    errors.push(forbiddenField(path, 'existing toleration can not be modified except its tolerationSeconds'));
  else validateTolerations(after, path, errors);
}
