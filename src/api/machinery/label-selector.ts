/** Label selectors: the text form of queries and the object form of specs (apimachinery/pkg/labels, same grammar and errors). */
import { lowerBound } from '../../std/lower-bound.ts';
import { Pace, runAtOnce, type Steps } from '../../std/pauses.ts';
import { sortInSteps } from '../../std/sort-in-steps.ts';
import { describeErrors, invalidField } from './field-error.ts';
import { checkLabelValue, checkQualifiedName } from './names.ts';
import { badRequest, type FieldError, type StatusError } from './status-error.ts';

export type LabelOperator = '=' | '==' | '!=' | 'in' | 'notin' | 'exists' | '!' | '>' | '<';

export interface LabelRequirement {
  readonly key: string;
  readonly operator: LabelOperator;
  readonly values: readonly string[];
}

export type Labels = Readonly<Record<string, string>> | undefined | null;

export interface Selector {
  readonly requirements: readonly LabelRequirement[];
  /** Whether it selects everything. */
  readonly empty: boolean;
  matches(labels: Labels): boolean;
  /** The canonical text; parsing it gives an equal selector. */
  toString(): string;
}

/** meta/v1 LabelSelector. */
export interface LabelSelectorObject {
  matchLabels?: Record<string, string>;
  matchExpressions?: { key: string; operator: string; values?: string[] }[];
}

const INTEGER = /^[+-]?\d+$/;

/** From so many values, or requirements, on they are looked up by their hash. */
const MANY = 16;

/** @param many the values, where there are many of them */
function satisfies(
  { key, operator, values }: LabelRequirement,
  labels: Readonly<Record<string, string>>,
  many: ReadonlySet<string> | undefined,
): boolean {
  const present = Object.hasOwn(labels, key);
  const value = present ? labels[key]! : '';
  switch (operator) {
    case '=':
    case '==':
    case 'in':
      return present && (many ? many.has(value) : values.includes(value));
    case '!=':
    case 'notin':
      return !present || !(many ? many.has(value) : values.includes(value));
    case 'exists':
      return present;
    case '!':
      return !present;
    case '>':
      return present && INTEGER.test(value) && BigInt(value) > BigInt(values[0]!);
    case '<':
      return present && INTEGER.test(value) && BigInt(value) < BigInt(values[0]!);
  }
}

function formatRequirement({ key, operator, values }: LabelRequirement): string {
  switch (operator) {
    case 'exists':
      return key;
    case '!':
      return `!${key}`;
    case 'in':
    case 'notin':
      return `${key} ${operator} (${[...values].sort().join(',')})`;
    default:
      return `${key}${operator}${values[0]}`;
  }
}

const NO_LABELS = {};

/** Requirements as they are asked: made with the first labels, for to read a long selector takes its time already. */
class Matcher {
  /** By key. */
  readonly #sorted: readonly LabelRequirement[];
  /** What must be there. The others are true of labels that are not. */
  readonly #needed: LabelRequirement[] = [];
  readonly #sets = new Map<LabelRequirement, ReadonlySet<string>>();

  constructor(sorted: readonly LabelRequirement[]) {
    this.#sorted = sorted;
    for (const requirement of sorted) {
      const { operator, values } = requirement;
      if (values.length >= MANY) this.#sets.set(requirement, new Set(values));
      if (operator !== '!' && operator !== '!=' && operator !== 'notin') this.#needed.push(requirement);
    }
  }

  /** Asks only of the labels that are there: of requirements there may be a hundred thousand. */
  matches(labels: Readonly<Record<string, string>>): boolean {
    return (
      this.#needed.every((each) => this.#holds(each, labels)) && Object.keys(labels).every((key) => this.#allOf(key, labels))
    );
  }

  #allOf(key: string, labels: Readonly<Record<string, string>>): boolean {
    const first = lowerBound(this.#sorted.length, (i) => this.#sorted[i]!.key < key);
    for (let i = first; this.#sorted[i]?.key === key; i++) if (!this.#holds(this.#sorted[i]!, labels)) return false;
    return true;
  }

  #holds(requirement: LabelRequirement, labels: Readonly<Record<string, string>>): boolean {
    return satisfies(requirement, labels, this.#sets.get(requirement));
  }
}

/** A selector of requirements that are known to be sound. */
export function createSelector(requirements: readonly LabelRequirement[]): Selector {
  return selectorOf(requirements.toSorted(byKey));
}

const compareTexts = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
const byKey = (a: LabelRequirement, b: LabelRequirement) => compareTexts(a.key, b.key);

function selectorOf(sorted: readonly LabelRequirement[]): Selector {
  const isLong = sorted.length >= MANY || sorted.some(({ values }) => values.length >= MANY);
  let matcher: Matcher | undefined;
  return {
    requirements: sorted,
    empty: sorted.length === 0,
    matches(labels) {
      if (!isLong) return sorted.every((requirement) => satisfies(requirement, labels ?? NO_LABELS, undefined));
      matcher ??= new Matcher(sorted);
      return matcher.matches(labels ?? NO_LABELS);
    },
    toString: () => sorted.map(formatRequirement).join(','),
  };
}

export const selectEverything: Selector = createSelector([]);
export const selectNothing: Selector = { requirements: [], empty: false, matches: () => false, toString: () => '' };

/** Every pair must be there. The values are not checked. */
export function selectorFromLabels(labels: Labels): Selector {
  return createSelector(Object.entries(labels ?? {}).map(([key, value]) => ({ key, operator: '=', values: [value] })));
}

const OPERATORS: Readonly<Record<string, LabelOperator>> = { In: 'in', NotIn: 'notin', Exists: 'exists', DoesNotExist: '!' };

/**
 * The selector that a spec means: none selects nothing, an empty one everything. Throws a BadRequest for an operator that does not
 * exist and for keys, values or counts that are not allowed.
 */
export function selectorFromLabelSelector(object: LabelSelectorObject | undefined | null): Selector {
  if (!object) return selectNothing;
  const requirements = Object.entries(object.matchLabels ?? {}).map(([key, value]) => checked(key, '=', [value]));
  for (const { key, operator, values } of object.matchExpressions ?? []) {
    const known = Object.hasOwn(OPERATORS, operator) ? OPERATORS[operator] : undefined;
    if (!known) throw badRequest(`${JSON.stringify(operator)} is not a valid label selector operator`);
    requirements.push(checked(key, known, values ?? []));
  }
  return createSelector(requirements);
}

/** Parses `a=b,c in (d,e),!f,g>1`. Throws a BadRequest in upstream's words. */
export function parseLabelSelector(text: string): Selector {
  return runAtOnce(parseLabelSelectorInSteps(text));
}

/** So many requirements and values are read between two pauses: a few milliseconds. */
const PART = 4096;

/** The same with pauses: a query has room for more than a hundred thousand values. */
export function* parseLabelSelectorInSteps(text: string): Steps<Selector> {
  const requirements = yield* new Parser(text).parse();
  return selectorOf(yield* sortInSteps(requirements, byKey));
}

const checked = (key: string, operator: LabelOperator, values: readonly string[]): LabelRequirement =>
  runAtOnce(checkedInSteps(key, operator, values, new Pace(PART)));

function* checkedInSteps(key: string, operator: LabelOperator, values: readonly string[], pace: Pace): Steps<LabelRequirement> {
  const errors = requirementErrors(key, operator, values);
  for (const [i, value] of values.entries()) {
    const complaints = checkLabelValue(value);
    if (complaints.length) errors.push(invalidField(`values[${i}][${key}]`, value, complaints.join('; ')));
    if (pace.due(1)) yield;
  }
  if (errors.length) throw badRequest(`unable to parse requirement: ${describeErrors(errors)}`);
  return { key, operator, values };
}

/** But for what is wrong with the values themselves. */
function requirementErrors(key: string, operator: LabelOperator, values: readonly string[]): FieldError[] {
  const errors: FieldError[] = [];
  const keyComplaints = checkQualifiedName(key);
  if (keyComplaints.length) errors.push(invalidField('key', key, keyComplaints.join('; ')));
  switch (operator) {
    case 'in':
    case 'notin':
      if (!values.length) errors.push(invalidField('values', values, "for 'in', 'notin' operators, values set can't be empty"));
      break;
    case 'exists':
    case '!':
      if (values.length) errors.push(invalidField('values', values, 'values set must be empty for exists and does not exist'));
      break;
    case '>':
    case '<':
      if (!INTEGER.test(values[0] ?? ''))
        errors.push(invalidField('values[0]', values[0], "for 'Gt', 'Lt' operators, the value must be an integer"));
      break;
  }
  return errors;
}

type Token = { readonly type: 'identifier' | 'symbol' | 'end' | 'error'; readonly text: string };

const SYMBOLS = new Set([')', ',', '!', '==', '=', '>', '<', '!=', '(']);
const BINARY_OPERATORS = 'in, notin, =, ==, !=, gt, lt';

function* tokens(text: string): Generator<Token, undefined> {
  for (const [raw] of text.matchAll(/[=!(),><]+|[^=!(),>< \t\r\n]+/g)) {
    if (!/^[=!(),><]/.test(raw)) {
      yield { type: 'identifier', text: raw };
      continue;
    }
    for (let i = 0; i < raw.length; ) {
      const symbol = SYMBOLS.has(raw.slice(i, i + 2)) && raw.length > i + 1 ? raw.slice(i, i + 2) : raw[i]!;
      yield { type: 'symbol', text: symbol };
      i += symbol.length;
    }
  }
  yield { type: 'end', text: '' };
  return undefined;
}

class Parser {
  readonly #tokens: Iterator<Token, undefined>;
  readonly #pace = new Pace(PART);
  #next: Token;

  constructor(text: string) {
    this.#tokens = tokens(text);
    this.#next = this.#tokens.next().value!;
  }

  *parse(): Steps<LabelRequirement[]> {
    const requirements: LabelRequirement[] = [];
    if (this.#next.type === 'end') return requirements;
    if (!this.#beginsRequirement()) throw badRequest(`found '${this.#next.text}', expected: !, identifier, or 'end of string'`);
    for (;;) {
      requirements.push(yield* this.#requirement());
      if (this.#pace.due(1)) yield;
      const separator = this.#take();
      if (separator.type === 'end') return requirements;
      if (separator.text !== ',' || separator.type !== 'symbol')
        throw badRequest(`found '${separator.text}', expected: ',' or 'end of string'`);
      if (!this.#beginsRequirement()) throw badRequest(`found '${this.#next.text}', expected: identifier after ','`);
    }
  }

  #take(): Token {
    const token = this.#next;
    if (token.type !== 'end') this.#next = this.#tokens.next().value!;
    return token;
  }

  #isSymbol(text: string): boolean {
    return this.#next.type === 'symbol' && this.#next.text === text;
  }

  #takeSymbol(text: string): boolean {
    const taken = this.#isSymbol(text);
    if (taken) this.#take();
    return taken;
  }

  #beginsRequirement(): boolean {
    return this.#next.type === 'identifier' || this.#isSymbol('!');
  }

  #unable(why: string): StatusError {
    return badRequest(`unable to parse requirement: ${why}`);
  }

  *#requirement(): Steps<LabelRequirement> {
    const negated = this.#isSymbol('!');
    if (negated) this.#take();
    const key = this.#take();
    if (key.type !== 'identifier') throw this.#unable(`found '${key.text}', expected: identifier`);
    const complaints = checkQualifiedName(key.text);
    if (complaints.length) throw this.#unable(`<nil>: ${invalidField('', key.text, complaints.join('; ')).message}`);
    if (negated) return checked(key.text, '!', []);
    if (this.#next.type === 'end' || this.#isSymbol(',')) return checked(key.text, 'exists', []);
    const operator = this.#operator();
    const values = operator === 'in' || operator === 'notin' ? yield* this.#valueList() : [this.#exactValue()];
    return yield* checkedInSteps(key.text, operator, values, this.#pace);
  }

  #operator(): LabelOperator {
    const { text } = this.#take();
    switch (text) {
      case 'in':
      case 'notin':
      case '=':
      case '==':
      case '!=':
      case '>':
      case '<':
        return text;
      default:
        throw this.#unable(`found '${text}', expected: ${BINARY_OPERATORS}`);
    }
  }

  #exactValue(): string {
    if (this.#next.type === 'end' || this.#isSymbol(',')) return '';
    const value = this.#take();
    if (value.type !== 'identifier') throw this.#unable(`found '${value.text}', expected: identifier`);
    return value.text;
  }

  /** `(a,,b)`: an omitted value is the empty one. */
  *#valueList(): Steps<string[]> {
    const open = this.#take();
    if (open.text !== '(' || open.type !== 'symbol') throw this.#unable(`found '${open.text}' expected: '('`);
    const values = new Set<string>();
    if (this.#takeSymbol(')')) return [''];
    if (this.#next.type !== 'identifier' && !this.#isSymbol(','))
      throw this.#unable(`found '${this.#next.text}', expected: ',', ')' or identifier`);
    for (;;) {
      if (this.#pace.due(1)) yield;
      const { type, text } = this.#take();
      if (type === 'identifier') {
        values.add(text);
        if (this.#takeSymbol(')')) break;
        if (!this.#isSymbol(',')) throw this.#unable(`found '${this.#next.text}', expected: ',' or ')'`);
        continue;
      }
      if (type !== 'symbol' || text !== ',') throw this.#unable(`found '${text}', expected: ',', or identifier`);
      if (values.size === 0 || this.#isSymbol(',') || this.#isSymbol(')')) values.add('');
      if (this.#takeSymbol(')')) break;
    }
    return yield* sortInSteps([...values], compareTexts);
  }
}
