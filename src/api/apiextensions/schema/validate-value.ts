import { isExactInteger } from '../../../std/exact-json.ts';
import { Pace, runAtOnce, type Steps } from '../../../std/pauses.ts';
import { equalJson, isJsonMap, type JsonMap } from '../../machinery/clone.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { Findings } from './findings.ts';
import { formatCheck, isKnownFormat } from './formats.ts';
import { isIntOrString, itemsOf, type JsonSchema, propertyOf, valuesOf } from './json-schema.ts';
import { canonical } from './list-items.ts';
import { comparePattern } from './pattern.ts';
import { correlateItems, Unchanged } from './unchanged.ts';
import { isWhole, validateNumber } from './validate-number.ts';
import * as errors from './value-errors.ts';

/** Units of some 0.2 µs of work, after which there is a pause. */
const PART = 20_000;
/** What looking at one value against one schema comes to. */
const CHECK = 5;
/** What is compared within one unit. */
const COMPARISONS = 10;
const PATTERN_STEPS = 40;

/**
 * Checks a value against everything that its schema says but rules, list types and metadata, in upstream's words and order
 * (kube-openapi pkg/validation/validate). What an update leaves as it was is not held against it (validation ratcheting).
 *
 * @param path what the value is called: '' for a whole object
 * @param old what was there before, of an update
 */
export function validateValue(value: unknown, schema: JsonSchema, path = '', old?: unknown): FieldError[] {
  return runAtOnce(validateValueInSteps(value, schema, path, old));
}

/** The same, with a pause after each part of the work. */
export function* validateValueInSteps(value: unknown, schema: JsonSchema, path = '', old?: unknown): Steps<FieldError[]> {
  const { errors: found } = yield* check({ value, schema, path, old, unchanged: new Unchanged() }, new Pace(PART));
  return found;
}

interface Checked {
  readonly value: unknown;
  readonly schema: JsonSchema;
  readonly path: string;
  /** Undefined: there was nothing, or nothing that is surely the same. */
  readonly old?: unknown;
  readonly unchanged: Unchanged;
}

function* check(checked: Checked, pace: Pace): Steps<Findings> {
  if (pace.due(CHECK)) yield;
  const { value, schema, path } = checked;
  const found = new Findings();
  const types = typesOf(schema);
  const format = formatOf(schema, types);
  if (value === null) {
    if (types.length && !schema.nullable) found.add(errors.wrongType(path, types.join(), 'null'));
    else found.matchCount++;
    checkEnum(checked, found, pace);
    return ratcheted(found, checked);
  }
  if (types.length || format) checkType(value, { types, format, path }, found);
  yield* checkCombinations(checked, found, pace);
  if (typeof value === 'string') checkText(value, schema, { format, path }, found, pace);
  else if (typeof value === 'number' || typeof value === 'bigint') checkNumber(value, schema, { types, format, path }, found);
  else if (Array.isArray(value)) yield* checkList(value, checked, found, pace);
  checkEnum(checked, found, pace);
  if (isJsonMap(value)) yield* checkMap(value, checked, found, pace);
  found.matchCount++;
  return ratcheted(found, checked);
}

function ratcheted(found: Findings, { value, schema, old, unchanged }: Checked): Findings {
  return found.valid || old === undefined || !unchanged.is(value, old, schema) ? found : new Findings();
}

function typesOf(schema: JsonSchema): readonly string[] {
  if (isIntOrString(schema)) return INT_OR_STRING;
  return schema.type ? [schema.type] : NO_TYPES;
}
const INT_OR_STRING = ['integer', 'string'];
const NO_TYPES: readonly string[] = [];

/** What means nothing for the type is as if it were not said. */
function formatOf({ format = '' }: JsonSchema, types: readonly string[]): string {
  return format !== '' && isKnownFormat(format, types.length === 1 ? types[0] : '') ? format : '';
}

interface Declared {
  readonly types: readonly string[];
  readonly format: string;
  readonly path: string;
}

/**
 * Where a format is said, what is no number, text or list is told of that, and a text or list is let through to those who look at formats
 * (kube-openapi pkg/validation/validate typeValidator).
 */
function checkType(value: unknown, { types, format, path }: Declared, found: Findings): void {
  found.matchCount++;
  const type = typeOf(value);
  const fits =
    types.includes(type) ||
    (type === 'integer' && types.includes('number')) ||
    (type === 'number' && types.includes('integer') && isWhole(value as number));
  const isNumeric = types.includes('number') || types.includes('integer');
  if (format && !fits && type !== 'string' && type !== 'array') {
    const own = type === 'integer' ? 'int64' : type === 'number' ? 'float64' : '';
    found.add(errors.wrongType(path, format, own));
  } else if (!fits && !(format && !isNumeric)) found.add(errors.wrongType(path, types.join(), type));
  else found.matchCount++;
}

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (isExactInteger(value)) return 'integer';
  return typeof value;
}

function* checkCombinations({ value, schema, path, unchanged }: Checked, found: Findings, pace: Pace): Steps<void> {
  found.matchCount += 2;
  function* results(schemas: readonly JsonSchema[]): Steps<Findings[]> {
    const all: Findings[] = [];
    for (const each of schemas) all.push(yield* check({ value, schema: each, path, unchanged }, pace));
    return all;
  }
  if (schema.anyOf?.length) {
    const all = yield* results(schema.anyOf);
    const valid = all.find((each) => each.valid);
    if (!valid) found.add(errors.noneOfAny(path));
    found.merge(valid ?? nearest(all));
  }
  if (schema.oneOf?.length) {
    const all = yield* results(schema.oneOf);
    const valid = all.filter((each) => each.valid).length;
    if (valid !== 1) {
      found.add(errors.notExactlyOne(path, valid));
      if (valid === 0) found.merge(nearest(all));
    } else found.merge(all.find((each) => each.valid)!);
  }
  if (schema.allOf?.length) {
    const all = yield* results(schema.allOf);
    for (const each of all) found.merge(each);
    const valid = all.filter((each) => each.valid).length;
    if (valid !== all.length) found.add(errors.notAll(path, valid));
  }
  if (schema.not && (yield* check({ value, schema: schema.not, path, unchanged }, pace)).valid)
    found.add(errors.matchesNot(path));
}

/** Of failures, the one that came furthest. */
const nearest = (all: readonly Findings[]) => all.reduce((best, each) => (each.matchCount > best.matchCount ? each : best));

function checkText(
  value: string,
  schema: JsonSchema,
  { format, path }: Omit<Declared, 'types'>,
  found: Findings,
  pace: Pace,
): void {
  found.matchCount++;
  const { maxLength, minLength, pattern } = schema;
  if (maxLength !== undefined && lengthOf(value, maxLength) > maxLength) found.add(errors.tooLong(path, maxLength));
  else if (minLength !== undefined && lengthOf(value, minLength) < minLength) found.add(errors.tooShort(path, value, minLength));
  else if (pattern) {
    const steps = { taken: 0, most: Number.MAX_SAFE_INTEGER };
    const matches = comparePattern(pattern, value, steps);
    if (typeof matches === 'string') found.add(errors.notCompared(path, value, matches));
    else if (!matches) found.add(errors.noMatch(path, value, pattern));
    pace.add(steps.taken / PATTERN_STEPS);
  }
  const isFormed = format ? formatCheck(format) : undefined;
  if (!isFormed) return;
  found.matchCount++;
  if (!isFormed(value)) found.add(errors.wrongType(path, format, value));
}

/** In characters, as Go counts runes; counted only where units of UTF-16 leave it open. */
function lengthOf(value: string, limit: number): number {
  if (value.length <= limit / 2 || value.length > limit * 2 + 1) return value.length;
  let length = 0;
  for (const _ of value) length++;
  return length;
}

function checkNumber(value: number | bigint, schema: JsonSchema, { types, format, path }: Declared, found: Findings): void {
  found.matchCount += 2;
  const only = types.length === 1 ? types[0] : undefined;
  const type = only === 'integer' || only === 'number' ? only : '';
  for (const error of validateNumber(value, schema, { type, format: type && format }, path)) found.add(error);
}

function* checkList(
  value: readonly unknown[],
  { schema, path, old, unchanged }: Checked,
  found: Findings,
  pace: Pace,
): Steps<void> {
  found.matchCount += 2;
  const items = itemsOf(schema);
  if (items) {
    const before = correlateItems(schema, old);
    for (let i = 0; i < value.length && !found.full; i++)
      found.merge(
        yield* check({ value: value[i], schema: items, path: `${path}[${i}]`, old: before?.(value[i]), unchanged }, pace),
      );
  }
  const { minItems, maxItems, uniqueItems } = schema;
  if (minItems !== undefined && value.length < minItems) found.add(errors.tooFewItems(path, value.length, minItems));
  if (maxItems !== undefined && value.length > maxItems) found.add(errors.tooManyItems(path, value.length, maxItems));
  if (uniqueItems && new Set(value.map(canonical)).size < value.length) found.add(errors.duplicateItems(path));
}

/** Null is none of the values, even where it is among them. */
function checkEnum({ value, schema, path }: Checked, found: Findings, pace: Pace): void {
  if (value !== null) found.matchCount++;
  if (!schema.enum?.length) return;
  if (typeof value === 'string') {
    if (textsOf(schema.enum).has(value)) return;
  } else pace.add(schema.enum.length / COMPARISONS);
  if (value !== null && typeof value !== 'string' && schema.enum.some((each) => isEnumValue(value, each))) return;
  found.add(errors.notInEnum(path, value, schema.enum));
}

/** What is known of schemas. A memo of a pure function: it changes no answer. */
const enumTexts = new WeakMap<readonly unknown[], ReadonlySet<unknown>>();

function textsOf(allowed: readonly unknown[]): ReadonlySet<unknown> {
  let texts = enumTexts.get(allowed);
  if (!texts) {
    texts = new Set(allowed.filter((each) => typeof each === 'string'));
    enumTexts.set(allowed, texts);
  }
  return texts;
}

/** Equal, or made so by Go's conversions between numbers and texts. */
function isEnumValue(value: unknown, allowed: unknown): boolean {
  if (equalJson(value, allowed)) return true;
  if (typeof value === 'number' && isExactInteger(allowed)) return Math.trunc(value) === allowed;
  return isExactInteger(value) && typeof allowed === 'string' && runeText(value) === allowed;
}

function runeText(value: number | bigint): string {
  const isRune = value >= 0 && value <= 0x10ffff && !(value >= 0xd800 && value <= 0xdfff);
  return isRune ? String.fromCodePoint(Number(value)) : '\ufffd';
}

function* checkMap(value: JsonMap, { schema, path, old, unchanged }: Checked, found: Findings, pace: Pace): Steps<void> {
  found.matchCount++;
  const names = Object.keys(value);
  const { minProperties, maxProperties } = schema;
  if (minProperties !== undefined && names.length < minProperties)
    found.add(errors.tooFewProperties(path, names.length, minProperties));
  if (maxProperties !== undefined && names.length > maxProperties)
    found.add(errors.tooManyItems(path, names.length, maxProperties));
  const before = isJsonMap(old) ? old : undefined;
  const values = valuesOf(schema);
  for (const name of names) {
    if (found.full) return;
    const inner = propertyOf(schema, name) ?? values;
    if (inner) {
      const at = path === '' && inner !== values ? name : `${path}.${name}`;
      // What stood in their place before is told in another version.
      const isComparable = before !== undefined && !(path === '' && (name === 'kind' || name === 'apiVersion'));
      const oldInner = isComparable && Object.hasOwn(before, name) ? before[name] : undefined;
      found.merge(yield* check({ value: value[name], schema: inner, path: at, old: oldInner, unchanged }, pace));
    } else if (schema.additionalProperties === false) found.add(errors.forbiddenProperty(path, name));
  }
  const required = schema.required ?? [];
  pace.add(required.length / COMPARISONS);
  for (const name of required) if (!found.full && !Object.hasOwn(value, name)) found.add(errors.missing(`${path}.${name}`));
}
