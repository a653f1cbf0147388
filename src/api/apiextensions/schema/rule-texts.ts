import { invalidField, notSupportedField, requiredField } from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { child, index } from './field-path.ts';
import type { JsonSchema } from './json-schema.ts';
import { resolveFieldPath } from './simple-path.ts';

/** Compiles and weighs rules while a schema is walked; made by who knows CEL. */
export interface RuleChecks {
  root(schema: JsonSchema, path: string): RulePlace;
  /** What all rules cost together. */
  total(path: string): FieldError[];
}

/** A place in the schema where rules may stand. */
export interface RulePlace {
  property(schema: JsonSchema, name: string, path: string): RulePlace;
  items(schema: JsonSchema, path: string): RulePlace;
  values(schema: JsonSchema, path: string): RulePlace;
  check(): FieldError[];
}

const REASONS = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired'];
const breaksLines = (text: string) => /[\n\r]/.test(text);

/** What is wrong with rules besides their expressions. */
export function checkRuleTexts(schema: JsonSchema, path: string, errors: FieldError[]): void {
  schema['x-kubernetes-validations']?.forEach((rule, i) => {
    const at = (name: string) => child(index(child(path, 'x-kubernetes-validations'), i), name);
    const { message = '', messageExpression = '', reason, fieldPath = '' } = rule;
    const text = (rule.rule ?? '').trim();
    if (text === '') errors.push(requiredField(at('rule'), 'rule is not specified'));
    else if (message !== '' && message.trim() === '')
      errors.push(invalidField(at('message'), message, 'must be non-empty if specified'));
    else if (breaksLines(message.trim())) errors.push(invalidField(at('message'), message, 'must not contain line breaks'));
    else if (breaksLines(text) && message.trim() === '')
      errors.push(requiredField(at('message'), 'message must be specified if rule contains line breaks'));
    if (messageExpression !== '' && messageExpression.trim() === '')
      errors.push(requiredField(at('messageExpression'), 'messageExpression must be non-empty if specified'));
    if (reason !== undefined && !REASONS.includes(reason)) errors.push(notSupportedField(at('reason'), reason, REASONS));
    if (fieldPath === '') return;
    if (fieldPath.trim() === '') errors.push(invalidField(at('fieldPath'), fieldPath, 'must be non-empty if specified'));
    if (breaksLines(fieldPath)) errors.push(invalidField(at('fieldPath'), fieldPath, 'must not contain line breaks'));
    if ('error' in resolveFieldPath(fieldPath, schema))
      errors.push(invalidField(at('fieldPath'), fieldPath, 'must be a valid path'));
  });
}
