import { exactJsonText } from '../../std/exact-json.ts';
import { isJsonMap } from '../machinery/clone.ts';
import { decodeScalar } from '../machinery/decode-scalar.ts';
import { goFormat } from '../machinery/go-format.ts';
import type { ScalarName } from '../machinery/schema.ts';
import { elementOfItem } from './item-key.ts';
import type { ListType, ObjectType, ScalarType, StructureType } from './object-type.ts';
import { formatPath } from './path-element.ts';

/** More are not told. */
const MOST_ERRORS = 100;
/** Objects are not as deep as this, and functions that call themselves may go no deeper than the stack. */
const DEEPEST = 500;

interface Findings {
  readonly nullsRefused: boolean;
  readonly errors: string[];
  readonly path: string[];
}

/**
 * Checks a configuration that somebody applies against its type: unknown fields, wrong types, list items that are there twice or that
 * cannot be told apart. Puts times and quantities into their canonical form, in place, so that they compare with stored ones.
 * A null is nothing that was said, unless nulls are `refused`: those that expressions make are values.
 * Comes back with what is wrong in the words of structured-merge-diff (typed/validate.go): `.spec.replica: field not declared in schema`.
 */
export function checkConfiguration(
  type: StructureType,
  configuration: object,
  { nulls = 'ignored' }: { readonly nulls?: 'ignored' | 'refused' } = {},
): string[] {
  const findings: Findings = { errors: [], path: [], nullsRefused: nulls === 'refused' };
  check(type, configuration, findings);
  return findings.errors;
}

/** As upstream puts several errors into one message. */
export function joinErrors(errors: readonly string[]): string {
  return errors.length === 1 ? errors[0]! : ['errors:', ...errors.map((error) => `  ${error}`)].join('\n');
}

function complain({ errors, path }: Findings, what: string): void {
  if (errors.length < MOST_ERRORS) errors.push(path.length ? `${formatPath(path)}: ${what}` : what);
}

function check(type: ObjectType, value: unknown, findings: Findings): unknown {
  if (value === null && !findings.nullsRefused) return value;
  if (findings.path.length > DEEPEST) {
    complain(findings, 'exceeded max depth');
    return value;
  }
  switch (type.form) {
    case 'scalar':
      return checkScalar(type, value, findings);
    case 'list':
      checkList(type, value, findings);
      return value;
    default:
      checkMap(type, value, findings);
      return value;
  }
}

function checkMap(type: Exclude<ObjectType, ScalarType | ListType>, value: unknown, findings: Findings): void {
  if (!isJsonMap(value)) {
    if (type.form === 'map' && type.undescribed) checkScalar(ANYTHING, value, findings);
    else complain(findings, `expected map, got ${plain(value)}`);
    return;
  }
  for (const key of Object.keys(value)) {
    findings.path.push(`f:${key}`);
    const inner = type.form === 'map' ? type.element() : (type.fields.get(key)?.type() ?? type.rest?.());
    if (!inner) complain(findings, 'field not declared in schema');
    else replace(value, key, check(inner, value[key], findings));
    findings.path.pop();
  }
}

function checkList(type: ListType, value: unknown, findings: Findings): void {
  if (!Array.isArray(value)) {
    complain(findings, `expected list, got ${plain(value)}`);
    return;
  }
  const seen = new Set<string>();
  const inner = type.element();
  for (let i = 0; i < value.length; i++) {
    let element = `i:${i}`;
    if (type.relation !== 'atomic') {
      try {
        element = elementOfItem(type, value[i]);
      } catch (error) {
        // What is in it has no path to be told by.
        complain(findings, `element ${i}: ${(error as Error).message}`);
        return;
      }
      if (seen.has(element)) complain(findings, `duplicate entries for key ${formatPath([element])}`);
      seen.add(element);
    }
    findings.path.push(element);
    const checked = check(inner, value[i], findings);
    if (checked !== value[i]) value[i] = checked;
    findings.path.pop();
  }
}

function replace(map: Record<string, unknown>, key: string, value: unknown): void {
  if (map[key] === value) return;
  Object.defineProperty(map, key, { value, writable: true, enumerable: true, configurable: true });
}

const ANYTHING: ScalarType = { form: 'scalar', name: 'any' };
const NUMBERS: ReadonlySet<ScalarName> = new Set(['int32', 'int64', 'double']);
const TEXTS: ReadonlySet<ScalarName> = new Set(['string', 'bytes']);

function checkScalar({ name }: ScalarType, value: unknown, findings: Findings): unknown {
  if (name === 'any') {
    if (isDeeperThan(value, DEEPEST)) complain(findings, 'exceeded max depth');
    return value;
  }
  if (NUMBERS.has(name)) {
    if (typeof value !== 'number' && typeof value !== 'bigint')
      complain(findings, `expected numeric (int or float), got ${goType(value)}`);
  } else if (TEXTS.has(name)) {
    if (typeof value !== 'string') complain(findings, `expected string, got ${describe(value)}`);
  } else if (name === 'boolean') {
    if (typeof value !== 'boolean') complain(findings, `expected boolean, got ${plain(value)}`);
  } else if (typeof value === 'object') complain(findings, `expected any scalar, got ${plain(value)}`);
  else return canonical(name, value);
  return value;
}

function isDeeperThan(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return depth === 0 || Object.values(value).some((inner) => isDeeperThan(inner, depth - 1));
}

/** What does not parse stays as it is: decoding the merged object says what is wrong with it. */
function canonical(name: ScalarName, value: unknown): unknown {
  try {
    return decodeScalar(name, value) ?? value;
  } catch {
    return value;
  }
}

function goType(value: unknown): string {
  if (value === null) return 'structpb.NullValue';
  if (Array.isArray(value)) return '[]interface {}';
  if (typeof value === 'object') return 'map[string]interface {}';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

/** As Go prints it without looking for its types. */
const plain = (value: unknown) => (value === null ? '&{NULL_VALUE}' : `&{${goFormat(value).slice(0, 100)}}`);

const LONGEST_SHOWN = 100;
const describe = (value: unknown) =>
  `&value.valueUnstructured{Value:${value === null ? '0' : goSyntax(value).slice(0, LONGEST_SHOWN)}}`;

/** As Go would write the value in a program, as far as that is shown: every level and every part has a character at least. */
function goSyntax(value: unknown, room = LONGEST_SHOWN): string {
  if (value === null) return 'interface {}(nil)';
  if (typeof value !== 'object' || room <= 0) return exactJsonText(value)?.slice(0, LONGEST_SHOWN) ?? '';
  const shown = (inner: unknown) => goSyntax(inner, room - 10);
  if (Array.isArray(value)) return `[]interface {}{${value.slice(0, LONGEST_SHOWN).map(shown).join(', ')}}`;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  const parts = entries.slice(0, LONGEST_SHOWN).map(([key, inner]) => `${JSON.stringify(key)}:${shown(inner)}`);
  return `map[string]interface {}{${parts.join(', ')}}`;
}
