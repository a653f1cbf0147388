/** What a call has cost once it has run (cel-go interpreter/runtimecost.go; apiserver/pkg/cel/library/cost.go). */
import { FormatValue } from './library/formats.ts';
import { costSizeOf, ListValue, MapValue, type Value } from './values.ts';
import { CostLimitReached, look, MOST_WORK, type Work } from './work.ts';

/** A tenth of a unit for each character looked at; a quarter for each character of a pattern. */
const PER_CHARACTER = 0.1;
const PER_PATTERN_CHARACTER = 0.25;
export const LIST_COST = 10;
export const MAP_COST = 30;
export const STRUCT_COST = 40;
/** Two checks of authorization fit into one expression. */
const AUTHORIZATION_COST = 350_000;
const BASE_SELECTOR_COST = 10;
const REQUIREMENT_COST = 50;

const scan = (a: Value, b?: Value) => Math.ceil((costSizeOf(a) + (b === undefined ? 0 : costSizeOf(b))) * PER_CHARACTER);

/** Values nested deeper than any request can make them are not gone through. */
const DEEPEST = 2000;

/** Lists may hold one list many times over: each time counts. */
function traversal(value: Value, work: Work, depth = 0): number {
  look(work, 1);
  if (depth > DEEPEST) throw new CostLimitReached();
  if (typeof value === 'string') return Math.floor(Buffer.byteLength(value) * PER_CHARACTER);
  if (value instanceof Uint8Array) return Math.floor(value.length * PER_CHARACTER);
  if (value instanceof ListValue) {
    let cost = 0;
    for (const item of value) cost += traversal(item, work, depth + 1);
    return cost;
  }
  if (!(value instanceof MapValue)) return 1;
  let cost = 0;
  for (const key of value.keys()) cost += traversal(key, work, depth + 1) + traversal(value.get(key)!, work, depth + 1);
  return cost;
}

/** A text that is twice as long as another has at least as many characters: they need not be counted. */
function smallerSize(a: Value, b: Value): number {
  if (typeof a === 'string' && typeof b === 'string') {
    if (a.length >= 2 * b.length) return costSizeOf(b);
    if (b.length >= 2 * a.length) return costSizeOf(a);
  }
  return Math.min(costSizeOf(a), costSizeOf(b));
}

const searched = (text: Value, patternSize: number) =>
  Math.ceil((1 + costSizeOf(text)) * PER_CHARACTER) * Math.ceil(patternSize * PER_PATTERN_CHARACTER);
const pattern = (text: Value, expression: Value) => searched(text, costSizeOf(expression));

const scanFirst: Price = ([of]) => scan(of!);
const comparison: Price = ([a, b]) => Math.ceil(smallerSize(a!, b!) * PER_CHARACTER);
const one: Price = () => 1;

/** What cel-go's functions of lists make: a list, and what each looks at. */
const making = (looked: number) => Math.floor(looked) + 1 + LIST_COST;

/** Every item beside every other: twice, and what texts take to compare. */
function comparedWithin(list: Value): number {
  if (!(list instanceof ListValue)) return making(0);
  const first = list.size ? list.at(0) : undefined;
  const texts = typeof first === 'string' || first instanceof Uint8Array;
  return making(list.size ** 2 * (texts ? 2 + PER_CHARACTER : 2));
}

/** cel-go's functions of lists (ext/lists.go), where it is known before which of a name's overloads runs. */
function listPrice(id: string): Price | undefined {
  switch (id) {
    case 'list_slice':
    case 'list_reverse':
    case 'lists_range':
      return (_, result) => making(costSizeOf(result));
    case 'list_flatten':
    case 'list_flatten_int':
      return ([of, depth]) => making(costSizeOf(of!) * (typeof depth === 'bigint' && depth > 0n ? Number(depth) : depth ? 0 : 1));
    case 'list_distinct':
      return ([of]) => comparedWithin(of!);
  }
  if (/^list_\w+_sort$/.test(id)) return ([of]) => comparedWithin(of!);
  return /^list_\w+_sortByAssociatedKeys$/.test(id) ? ([, keys]) => comparedWithin(keys!) : undefined;
}

/** By function, as Kubernetes prices its libraries; undefined where cel-go's own rules by overload hold. */
function libraryPrice(name: string, id: string): Price | undefined {
  switch (name) {
    case 'check':
      return () => AUTHORIZATION_COST;
    case 'fieldSelector':
    case 'labelSelector':
      return ([, text]) => BASE_SELECTOR_COST + scan(text!) + Math.ceil(costSizeOf(text!) / 2) * REQUIREMENT_COST;
    case 'isSorted':
    case 'sum':
    case 'max':
    case 'min':
    case 'indexOf':
    case 'lastIndexOf':
      return ([of], _, work) => traversal(of!, work);
    case 'url':
    case 'lowerAscii':
    case 'upperAscii':
    case 'substring':
    case 'trim':
    case 'cidr':
    case 'isIP':
    case 'isCIDR':
    case 'quantity':
    case 'isQuantity':
    case 'semver':
    case 'isSemver':
      return scanFirst;
    case 'ip':
      return id === 'cidr_ip' ? () => 1 : scanFirst;
    case 'replace':
    case 'split':
    case 'ip.isCanonical':
      return ([of]) => scan(of!, of!);
    case 'join':
      return (_, result) => scan(result, result);
    case 'find':
    case 'findAll':
      return ([text, expression]) => pattern(text!, expression!);
    case 'validate':
      return ([format, text]) => (format instanceof FormatValue ? searched(text!, format.patternSize) : 1);
    case 'containsIP':
      return ([range, ip]) => scan(range!, range!) + (id === 'cidr_contains_ip_string' ? scan(ip!) : 0);
    case 'containsCIDR':
      return ([range, other]) =>
        scan(range!, range!) + scan(range!) + 1 + (id === 'cidr_contains_cidr_string' ? scan(other!) : 0);
    case 'sets.contains':
    case 'sets.intersects':
      return ([a, b]) => 1 + costSizeOf(a!) * costSizeOf(b!);
    case 'sets.equivalent':
      return ([a, b]) => 1 + 2 * costSizeOf(a!) * costSizeOf(b!);
    default:
      return undefined;
  }
}

const SCANNED_COMPARISON = /^(?:less|greater)(?:_equals)?_(?:string|bytes)$/;

/** What these cost is known only when they have run; all others are paid for before, so that nobody waits for what is too dear. */
export const PAID_AFTERWARDS: ReadonlySet<string> = new Set(['join', 'flatten', 'lists.range', 'slice', 'reverse']);

/** What one call costs, without its arguments. What finding it out takes is counted in `work`. */
export type Price = (args: readonly Value[], result: Value, work: Work) => number;

/** The price of calls of an overload. */
export function priceOf(name: string, id: string): Price {
  const price = listPrice(id) ?? libraryPrice(name, id);
  if (price !== undefined) return price;
  switch (id) {
    case 'starts_with_string':
    case 'ends_with_string':
    case 'string_to_bytes':
    case 'bytes_to_string':
    case 'strings_quote':
    case 'string_format':
      return scanFirst;
    case 'in_list':
      return ([, list]) => costSizeOf(list!);
    case 'equals':
    case 'not_equals':
      return comparison;
    case 'add_string':
    case 'add_bytes':
      return ([a, b]) => scan(a!, b!);
    case 'matches_string':
      return ([text, expression]) => pattern(text!, expression!);
    case 'contains_string':
      return ([text, part]) => scan(text!) * scan(part!);
  }
  return SCANNED_COMPARISON.test(id) ? comparison : one;
}

/** Counts what one evaluation costs. */
export class Meter {
  readonly #limit: number;
  cost = 0;
  /** Handed to what looks at whole values, and counts there. */
  readonly work: Work = { done: 0 };

  constructor(limit: number) {
    this.#limit = limit;
  }

  charge(amount: number): void {
    this.cost += amount;
    if (this.cost > this.#limit || this.work.done > MOST_WORK) throw new CostLimitReached();
  }

  /** What was done so far, in units of cost. */
  get effort(): number {
    return Math.max(this.cost, Math.ceil(this.work.done * PER_CHARACTER));
  }

  /** Before something is done that looks at so many parts. */
  look(parts: number): void {
    look(this.work, parts);
  }
}
