/**
 * JSON paths as kubectl and printer columns have them (client-go/util/jsonpath), without templates around them:
 * `.spec.containers[*].name`, `.status.conditions[?(@.type=="Ready")].status`, `['a.b']`, `..name`, `[0:2]`.
 */
import { isJsonMap } from './clone.ts';

type Step =
  | { readonly type: 'field'; readonly name: string }
  | { readonly type: 'all' }
  | { readonly type: 'below' }
  | { readonly type: 'slice'; readonly from: number | undefined; readonly to: number | undefined; readonly step: number }
  | { readonly type: 'index'; readonly at: number }
  | { readonly type: 'any-of'; readonly steps: readonly Step[] }
  | {
      readonly type: 'filter';
      readonly left: Operand;
      readonly operator: string | undefined;
      readonly right: Operand | undefined;
    };

type Operand = { readonly path: readonly Step[] } | { readonly value: unknown };

/** Values that a path leads to, in order; nothing where it leads nowhere. */
export type JsonPath = (root: unknown) => unknown[];

/** Paths come from clients; so do documents. */
const LONGEST_PATH = 4_096;
const MOST_FOUND = 10_000;

/** @throws Error that says what cannot be understood */
export function parseJsonPath(text: string): JsonPath {
  if (text.length > LONGEST_PATH) throw new Error('the JSON path is too long');
  const steps = parseSteps(text.replace(/^\$/, ''));
  return (root) => follow(steps, [root]);
}

function parseSteps(text: string): Step[] {
  const steps: Step[] = [];
  let rest = text;
  while (rest !== '') {
    if (rest.startsWith('..')) {
      steps.push({ type: 'below' });
      rest = rest.slice(rest[2] === '[' ? 2 : 1);
      continue;
    }
    if (rest.startsWith('[')) {
      const end = closingBracket(rest);
      steps.push(parseBracket(rest.slice(1, end).trim()));
      rest = rest.slice(end + 1);
      continue;
    }
    const name = /^\.?((?:\\.|[^.[\]\\])+)/.exec(rest);
    if (!name) {
      if (rest === '.') return steps;
      throw new Error(`unexpected ${JSON.stringify(rest[0])} in JSON path ${JSON.stringify(text)}`);
    }
    const field = name[1]!.replace(/\\(.)/g, '$1');
    steps.push(field === '*' ? { type: 'all' } : { type: 'field', name: field });
    rest = rest.slice(name[0].length);
  }
  return steps;
}

/** Of the bracket that the text begins with, past quotes and inner brackets. */
function closingBracket(text: string): number {
  let depth = 0;
  let quote = '';
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!;
    if (quote) {
      if (character === '\\') i++;
      else if (character === quote) quote = '';
    } else if (character === '"' || character === "'") quote = character;
    else if (character === '[') depth++;
    else if (character === ']' && --depth === 0) return i;
  }
  throw new Error('unterminated array');
}

function parseBracket(text: string): Step {
  if (text === '*') return { type: 'all' };
  if (text.startsWith('?')) return parseFilter(text);
  const parts = splitOutside(text, ',');
  if (parts.length > 1) return { type: 'any-of', steps: parts.map((part) => parseBracket(part.trim())) };
  const quoted = unquote(text);
  if (quoted !== undefined) return { type: 'field', name: quoted };
  const slice = /^(-?\d*):(-?\d*)(?::(\d*))?$/.exec(text);
  if (slice) {
    const number = (part: string | undefined) => (part ? Number(part) : undefined);
    return { type: 'slice', from: number(slice[1]), to: number(slice[2]), step: number(slice[3]) || 1 };
  }
  if (/^-?\d+$/.test(text)) return { type: 'index', at: Number(text) };
  throw new Error(`invalid array index ${text}`);
}

function parseFilter(text: string): Step {
  const inner = /^\?\s*\((.*)\)$/s.exec(text);
  if (!inner) throw new Error('unterminated filter');
  const operator = splitOutside(inner[1]!, /^(==|!=|<=|>=|<|>)/);
  if (operator.length === 1) return { type: 'filter', left: parseOperand(operator[0]!), operator: undefined, right: undefined };
  if (operator.length !== 3) throw new Error(`invalid filter ${inner[1]}`);
  const [left, sign, right] = operator as [string, string, string];
  return { type: 'filter', left: parseOperand(left), operator: sign, right: parseOperand(right) };
}

function parseOperand(given: string): Operand {
  const text = given.trim();
  if (text.startsWith('@')) return { path: parseSteps(text.slice(1)) };
  const quoted = unquote(text);
  if (quoted !== undefined) return { value: quoted };
  if (text === 'true' || text === 'false') return { value: text === 'true' };
  if (/^-?\d+(\.\d+)?$/.test(text)) return { value: Number(text) };
  throw new Error(`unrecognized operand ${text} in filter`);
}

const unquote = (text: string): string | undefined => {
  const found = /^'((?:[^'\\]|\\.)*)'$|^"((?:[^"\\]|\\.)*)"$/.exec(text);
  return found ? (found[1] ?? found[2])!.replace(/\\(.)/g, '$1') : undefined;
};

/** At a separator that is in no quotes or brackets; what a pattern matched is kept as a part. */
function splitOutside(text: string, separator: string | RegExp): string[] {
  const parts: string[] = [];
  let quote = '';
  let depth = 0;
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!;
    if (quote) {
      if (character === '\\') i++;
      else if (character === quote) quote = '';
      continue;
    }
    if (character === '"' || character === "'") quote = character;
    else if (character === '[') depth++;
    else if (character === ']') depth--;
    else if (depth === 0) {
      const found =
        typeof separator === 'string' ? character === separator && separator : separator.exec(text.slice(i, i + 2))?.[0];
      if (!found) continue;
      parts.push(text.slice(from, i));
      if (typeof separator !== 'string') parts.push(found);
      i += found.length - 1;
      from = i + 1;
    }
  }
  return [...parts, text.slice(from)];
}

function follow(steps: readonly Step[], roots: readonly unknown[]): unknown[] {
  let values = [...roots];
  for (const step of steps) {
    const next: unknown[] = [];
    for (const value of values) {
      for (const found of one(step, value)) {
        if (next.length >= MOST_FOUND) return next;
        next.push(found);
      }
    }
    values = next;
  }
  return values;
}

function one(step: Step, value: unknown): readonly unknown[] {
  switch (step.type) {
    case 'field':
      return isJsonMap(value) && Object.hasOwn(value, step.name) ? [value[step.name]] : [];
    case 'all':
      return Array.isArray(value) ? value : isJsonMap(value) ? Object.values(value) : [];
    case 'below':
      return everythingBelow(value);
    case 'any-of':
      return step.steps.flatMap((each) => one(each, value));
    case 'index':
      return Array.isArray(value) && value.at(step.at) !== undefined ? [value.at(step.at)] : [];
    case 'slice': {
      if (!Array.isArray(value)) return [];
      return value.slice(step.from ?? 0, step.to ?? value.length).filter((_, i) => i % step.step === 0);
    }
    case 'filter':
      return Array.isArray(value) ? value.filter((item) => passes(step, item)) : [];
  }
}

function everythingBelow(value: unknown): unknown[] {
  const found: unknown[] = [];
  const waiting = [value];
  for (let next = waiting.pop(); next !== undefined && found.length < MOST_FOUND; next = waiting.pop()) {
    found.push(next);
    if (typeof next === 'object' && next !== null) waiting.push(...Object.values(next).reverse());
  }
  return found;
}

function passes({ left, operator, right }: Extract<Step, { type: 'filter' }>, item: unknown): boolean {
  const read = (operand: Operand) => ('path' in operand ? follow(operand.path, [item])[0] : operand.value);
  const a = read(left);
  if (a === undefined) return false;
  if (operator === undefined || !right) return true;
  const b = read(right);
  if (b === undefined || typeof a !== typeof b) return false;
  switch (operator) {
    case '==':
      return a === b;
    case '!=':
      return a !== b;
    case '<':
      return (a as number) < (b as number);
    case '<=':
      return (a as number) <= (b as number);
    case '>':
      return (a as number) > (b as number);
    default:
      return (a as number) >= (b as number);
  }
}
