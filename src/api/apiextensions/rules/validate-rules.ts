import { goQuote } from '../../../std/go-text.ts';
import type { Steps } from '../../../std/pauses.ts';
import { ErrorValue, PER_CALL_LIMIT, type Program, type Value } from '../../cel/cel.ts';
import { Optional } from '../../cel/values.ts';
import { isJsonMap } from '../../machinery/clone.ts';
import { duplicateField, forbiddenField, invalidField, requiredField } from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { child, index, key } from '../schema/field-path.ts';
import {
  isEmbedded,
  itemsOf,
  type JsonSchema,
  propertyOf,
  someSchema,
  type ValidationRule,
  valuesOf,
} from '../schema/json-schema.ts';
import { byName } from '../schema/list-items.ts';
import { resolveFieldPath } from '../schema/simple-path.ts';
import { correlateItems, Unchanged } from '../schema/unchanged.ts';
import { type CompiledRule, compileRulesInSteps, SELF_TYPE } from './compile-rules.ts';
import { valueBySchema } from './schema-value.ts';

/** What all rules of one object may cost together (apiserver/pkg/apis/cel/config.go). */
const BUDGET = 10_000_000;
/** Told of one object; when there are more, no further rules are run. */
const MOST_ERRORS = 1000;
/** After rules of so much effort, some 5 ms, others have their turn. */
const STEP_EFFORT = 50_000;

export interface RuledValue {
  readonly value: unknown;
  readonly schema: JsonSchema;
  /** Where the value is; '' for a whole object. */
  readonly path: string;
  /** What was there before, of an update. */
  readonly old?: unknown;
  readonly isResource?: boolean;
  /** Is told what an unchanged part breaks, which is not held against it. */
  readonly warn?: ((text: string) => void) | undefined;
}

/** What is known of schemas. A memo of a pure function: it changes no answer. */
const ruled = new WeakMap<JsonSchema, boolean>();

/** Whether anything below a schema has rules. */
export function hasRules(schema: JsonSchema): boolean {
  let known = ruled.get(schema);
  if (known === undefined) {
    known = someSchema(schema, (each) => !!each['x-kubernetes-validations']?.length);
    ruled.set(schema, known);
  }
  return known;
}

/**
 * Rules that a value breaks (…/schema/cel/validation.go). Rules about an unchanged value are not held against it. Costly rules are run one
 * a step.
 */
export function* validateRules({ value, schema, path, old, isResource, warn }: RuledValue): Steps<FieldError[]> {
  const run: Run = { errors: [], budget: BUDGET, stopped: false, stepEffort: 0, unchanged: new Unchanged(), warn };
  const part = old === undefined ? undefined : { value, old, schema };
  yield* check({ value, schema, path, old, isResource: isResource ?? isEmbedded(schema), ratchet: { part } }, run);
  return run.errors;
}

interface Run {
  readonly errors: FieldError[];
  budget: number;
  stopped: boolean;
  /** Since the last step. */
  stepEffort: number;
  readonly unchanged: Unchanged;
  readonly warn: ((text: string) => void) | undefined;
}

/** A part of an object beside what it was before. */
interface Part {
  readonly value: unknown;
  readonly old: unknown;
  readonly schema: JsonSchema;
}

/** What must be unchanged for a broken rule to be let through: the value itself, or the nearest part around it that can be compared. */
interface Ratchet {
  readonly part?: Part | undefined;
  readonly around?: Part | undefined;
}

function ratchetBelow({ part, around }: Ratchet, value: unknown, old: unknown, schema: JsonSchema): Ratchet {
  if (!part) return { around };
  return { part: old === undefined ? undefined : { value, old, schema }, around: part };
}

interface Checked extends Required<Omit<RuledValue, 'old' | 'warn'>> {
  readonly old: unknown;
  readonly ratchet: Ratchet;
}

function* check(checked: Checked, run: Run): Steps<void> {
  const { value, schema, path, old, ratchet } = checked;
  if (run.stopped || !hasRules(schema) || value === null) return;
  if (schema['x-kubernetes-validations']?.length) yield* checkOwn(checked, run);
  if (Array.isArray(value)) {
    const items = itemsOf(schema);
    if (!items || !hasRules(items)) return;
    const before = correlateItems(schema, old);
    for (const [i, item] of value.entries()) {
      const oldItem = before?.(item);
      const inner = ratchetBelow(ratchet, item, oldItem, items);
      yield* check({ ...below(items), value: item, path: index(path, i), old: oldItem, ratchet: inner }, run);
    }
  } else if (isJsonMap(value)) {
    const before = isJsonMap(old) ? old : undefined;
    const oldOf = (name: string) => (before && Object.hasOwn(before, name) ? before[name] : undefined);
    const values = valuesOf(schema);
    for (const name of Object.keys(value)) {
      const property = propertyOf(schema, name);
      const inner = property ?? values;
      if (!inner || !hasRules(inner)) continue;
      const at = property ? child(path, name) : key(path, name);
      const oldValue = oldOf(name);
      const ratchetInner = ratchetBelow(ratchet, value[name], oldValue, inner);
      yield* check({ ...below(inner), value: value[name], path: at, old: oldValue, ratchet: ratchetInner }, run);
    }
  }
}

const below = (schema: JsonSchema) => ({ schema, isResource: isEmbedded(schema) });

function* checkOwn({ value, schema, path, old, isResource, ratchet }: Checked, run: Run): Steps<void> {
  const { rules } = yield* compileRulesInSteps(schema, isResource);
  const self = valueBySchema(value, schema, SELF_TYPE, isResource);
  const oldSelf = old === undefined || old === null ? undefined : valueBySchema(old, schema, SELF_TYPE, isResource);
  const at = path || '<nil>';
  const type = schema.type ?? '';
  for (const compiled of rules) {
    if (run.stopped) return;
    if (run.stepEffort >= STEP_EFFORT) {
      run.stepEffort = 0;
      yield;
    }
    if (!compiled.program) {
      if (!compiled.rule.rule?.trim()) continue;
      run.errors.push(invalidField(at, type, `rule compile error: ${compiled.error}`));
      continue;
    }
    const { rule } = compiled;
    if (compiled.usesOldSelf && oldSelf === undefined && !rule.optionalOldSelf) continue;
    const before = rule.optionalOldSelf ? new Optional(oldSelf) : oldSelf;
    const activation = (name: string): Value | undefined => (name === 'self' ? self : name === 'oldSelf' ? before : undefined);
    const result = evaluate(compiled.program, activation, run);
    if (result === undefined) {
      run.errors.push(invalidField(at, type, OUT_OF_BUDGET));
      return;
    }
    if (result.value instanceof ErrorValue) {
      run.errors.push(invalidField(at, type, failureText(result.value.message, rule)));
      if (result.costLimitReached) run.stopped = true;
    } else if (result.value !== true) {
      const message = messageOf(compiled, activation, run);
      const { text, error } = message;
      const broken = error
        ? invalidField(fieldOf(rule, path, schema), type, error)
        : brokenRule(compiled, text, { path, value, schema });
      if (!compiled.usesOldSelf && isUnchanged(ratchet, run)) run.warn?.(`${broken.field}: ${broken.message}`);
      else run.errors.push(broken);
      if (run.errors.length >= MOST_ERRORS) run.stopped = true;
    }
  }
}

function isUnchanged({ part, around }: Ratchet, { unchanged }: Run): boolean {
  const compared = part ?? around;
  return compared !== undefined && unchanged.is(compared.value, compared.old, compared.schema);
}

const OUT_OF_BUDGET = 'validation failed due to running out of cost budget, no further validation rules will be run';

/** Undefined, and nothing more is run, when all rules together have become too costly. */
function evaluate(program: Program, activation: (name: string) => Value | undefined, run: Run) {
  const result = program.evaluate(activation, PER_CALL_LIMIT);
  run.stepEffort += result.effort;
  if (result.costLimitReached) return result;
  run.budget -= result.effort;
  if (run.budget >= 0) return result;
  run.stopped = true;
  return undefined;
}

function failureText(message: string, rule: ValidationRule): string {
  const about = (rule.message || rule.rule).trim();
  if (message.startsWith('no such overload'))
    return `'${message}': call arguments did not match a supported operator, function or macro signature for rule: ${about}`;
  if (message.startsWith('operation cancelled: actual cost limit exceeded'))
    return `'${message}': no further validation rules will be run due to call cost exceeds limit for rule: ${about}`;
  return `${message} evaluating rule: ${about}`;
}

const LONGEST_MESSAGE = 5 * 1024;

/** What a rule's messageExpression says, or its message where that says nothing. It costs as rules do: `error` ends all of them. */
function messageOf(
  { rule, message }: CompiledRule,
  activation: (name: string) => Value | undefined,
  run: Run,
): { readonly text: string; readonly error?: string } {
  const fixed = { text: rule.message ? rule.message.trim() : `failed rule: ${rule.rule.trim()}` };
  if (!message) return fixed;
  const result = evaluate(message, activation, run);
  if (!result) return { ...fixed, error: MESSAGE_OUT_OF_BUDGET };
  if (result.costLimitReached) {
    run.stopped = true;
    const why = 'no further validation rules will be run due to call cost exceeds limit for messageExpression';
    return { ...fixed, error: `${why}: ${goQuote(rule.messageExpression ?? '')}` };
  }
  if (typeof result.value !== 'string') return fixed;
  const text = result.value.trim();
  return text === '' || Buffer.byteLength(text) > LONGEST_MESSAGE || text.includes('\n') ? fixed : { text };
}

const MESSAGE_OUT_OF_BUDGET =
  'messageExpression evaluation failed due to running out of cost budget, no further validation rules will be run';

interface BrokenPlace {
  readonly path: string;
  readonly value: unknown;
  readonly schema: JsonSchema;
}

/** Objects and lists that break a rule are not shown. */
function brokenRule({ rule }: CompiledRule, message: string, { path, value, schema }: BrokenPlace): FieldError {
  const at = fieldOf(rule, path, schema);
  const isLarge = schema.type === 'object' || schema.type === 'array';
  switch (rule.reason) {
    case 'FieldValueForbidden':
      return forbiddenField(at, message);
    case 'FieldValueRequired':
      return requiredField(at, message);
    case 'FieldValueDuplicate':
      return isLarge
        ? { field: at, reason: 'FieldValueDuplicate', message: 'Duplicate value' }
        : duplicateField(at, byName(value));
    default:
      return isLarge
        ? { field: at, reason: 'FieldValueInvalid', message: `Invalid value: ${message}` }
        : invalidField(at, byName(value), message);
  }
}

/** A rule can name the field that it blames. */
function fieldOf({ fieldPath }: ValidationRule, path: string, schema: JsonSchema): string {
  const found = fieldPath ? resolveFieldPath(fieldPath, schema) : undefined;
  if (!found || 'error' in found) return path || '<nil>';
  let at = path;
  let inner: JsonSchema | undefined = schema;
  for (const name of found.names) {
    const property: JsonSchema | undefined = inner && propertyOf(inner, name);
    at = property ? child(at, name) : key(at, name);
    inner = property ?? (inner && valuesOf(inner));
  }
  return at;
}
