/**
 * JSON paths as kubectl and printer columns have them (client-go/util/jsonpath): `.spec.containers[*].name`,
 * `.status.conditions[?(@.type=="Ready")].status`, `['a\.b']`, `..name`, `[0:2]`.
 */
import { isExactInteger } from '../../std/exact-json.ts';
import { isJsonMap } from './clone.ts';
import { type Bound, type PathNode, parsePathNodes } from './json-path-parser.ts';

/** Values that a path leads to, in order; nothing where it leads nowhere, or where a part of it is asked of what it cannot be asked of. */
export type JsonPath = (root: unknown) => unknown[];

/** Paths come from clients; so do documents. */
const LONGEST_PATH = 4_096;
const MOST_FOUND = 10_000;

/** @throws Error that says what cannot be understood */
export function parseJsonPath(text: string): JsonPath {
  if (text.length > LONGEST_PATH) throw new Error('the JSON path is too long');
  const nodes = parsePathNodes(text);
  return (root) => {
    try {
      return follow(nodes, [{ value: root }]).map(({ value }) => value);
    } catch (error) {
      if (error instanceof Misled) return [];
      throw error;
    }
  };
}

/** A part of a path does not fit the document: the whole of it leads nowhere. */
class Misled extends Error {
  /** Whether there was anything where it went astray. */
  fromSomething = false;
}

/** Numbers of paths say whether they are whole by how they are written. */
interface Found {
  readonly value: unknown;
  readonly isFloat?: boolean;
}

function follow(nodes: readonly PathNode[], roots: readonly Found[]): readonly Found[] {
  let found = roots;
  try {
    for (const node of nodes) found = step(node, found);
  } catch (error) {
    if (error instanceof Misled) error.fromSomething = found.length > 0;
    throw error;
  }
  return found;
}

function step(node: PathNode, from: readonly Found[]): readonly Found[] {
  switch (node.type) {
    case 'value':
      // A text is said once, whatever stands before it.
      return typeof node.value === 'string' ? [node] : from.map(() => node);
    case 'word':
      throw new Misled(`unrecognized identifier ${node.word}`);
    case 'union':
      return gather(node.lists, (list) => follow(list, from));
    case 'recursive':
      return everythingBelow(from);
    default:
      return gather(from, ({ value }) => one(node, value));
  }
}

/** What each leads to, no more than may be found: a union may lead to one long list as often as it likes. */
function gather<T>(each: readonly T[], lead: (one: T) => readonly Found[]): Found[] {
  const found: Found[] = [];
  for (const one of each) {
    for (const next of lead(one)) {
      if (found.length === MOST_FOUND) return found;
      found.push(next);
    }
  }
  return found;
}

function one(node: Extract<PathNode, { type: 'field' | 'wildcard' | 'array' | 'filter' }>, value: unknown): readonly Found[] {
  switch (node.type) {
    case 'field':
      return isJsonMap(value) && Object.hasOwn(value, node.name) ? [{ value: value[node.name] }] : [];
    case 'wildcard':
      return childrenOf(value);
    case 'array':
      return value === null || value === undefined ? [] : slice(value, node.bounds);
    case 'filter':
      if (!Array.isArray(value)) throw new Misled('is not array or slice and cannot be filtered');
      return value.filter((item) => passes(node, item)).map((item) => ({ value: item }));
  }
}

/** To Go a text is a list of bytes. */
function childrenOf(value: unknown): Found[] {
  if (typeof value === 'string') return [...Buffer.from(value).subarray(0, MOST_FOUND)].map((byte) => ({ value: byte }));
  if (Array.isArray(value)) return value.map((item) => ({ value: item }));
  return isJsonMap(value) ? Object.values(value).map((inner) => ({ value: inner })) : [];
}

function slice(value: unknown, [from, to, step]: readonly [Bound, Bound, Bound]): Found[] {
  if (!Array.isArray(value)) throw new Misled('is not array or slice');
  const { length } = value;
  const first = from.known && from.value < 0 ? from.value + length : from.known ? from.value : 0;
  const last = !to.known ? length : to.value < 0 || (to.value === 0 && to.derived) ? to.value + length : to.value;
  if (first === last) return [];
  if (first < 0 || first >= length || last < 0 || last > length || first > last) throw new Misled('array index out of bounds');
  if (step.known && step.value <= 0) throw new Misled('step must be > 0');
  const every = step.known ? step.value : 1;
  return value
    .slice(first, last)
    .filter((_, i) => i % every === 0)
    .map((item) => ({ value: item }));
}

/** What holds something, and all that does below it. */
function everythingBelow(from: readonly Found[]): Found[] {
  const found: Found[] = [];
  const waiting = from.map(({ value }) => value).reverse();
  while (waiting.length && found.length < MOST_FOUND) {
    const next = waiting.pop();
    const isText = typeof next === 'string';
    const children = isText ? [] : childrenOf(next);
    if (!children.length && !(isText && next !== '')) continue;
    found.push({ value: next });
    for (const child of children.reverse()) waiting.push(child.value);
  }
  return found;
}

function passes({ left, operator, right }: Extract<PathNode, { type: 'filter' }>, item: unknown): boolean {
  const itself = [{ value: item }];
  if (operator === 'exists') return exists(left, itself);
  const a = follow(left, itself);
  if (a.length > 1) throw new Misled('can only compare one element at a time');
  if (a.length === 0) return false;
  const b = follow(right, itself);
  if (b.length > 1) throw new Misled('can only compare one element at a time');
  return b.length === 1 && compare(a[0]!, operator, b[0]!);
}

function exists(path: readonly PathNode[], from: readonly Found[]): boolean {
  try {
    return follow(path, from).length > 0;
  } catch (error) {
    // As upstream: what was found before it went astray counts.
    if (error instanceof Misled) return error.fromSomething;
    throw error;
  }
}

function kindOf({ value, isFloat }: Found): string {
  if (typeof value === 'string' || typeof value === 'boolean') return typeof value;
  if (typeof value !== 'number' && typeof value !== 'bigint') throw new Misled('invalid type for comparison');
  return !isFloat && isExactInteger(value) ? 'integer' : 'float';
}

/** Only what is of one kind can be compared. */
function compare(left: Found, operator: string, right: Found): boolean {
  const kind = kindOf(left);
  if (kind !== kindOf(right)) throw new Misled('incompatible types for comparison');
  const [a, b] = [left.value as string | number, right.value as string | number];
  if (operator === '==') return a === b;
  if (operator === '!=') return a !== b;
  if (kind === 'boolean' && /^[<>]=?$/.test(operator)) throw new Misled('invalid type for comparison');
  const order = kind === 'string' ? Buffer.compare(Buffer.from(String(a)), Buffer.from(String(b))) : a < b ? -1 : a > b ? 1 : 0;
  switch (operator) {
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '>':
      return order > 0;
    case '>=':
      return order >= 0;
    default:
      throw new Misled(`unrecognized filter operator ${operator}`);
  }
}
