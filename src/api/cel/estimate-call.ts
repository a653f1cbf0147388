/** What calls can cost at worst, before they run (cel-go checker/cost.go; apiserver/pkg/cel/library/cost.go). */
import { add, fixed, multiply, NOTHING, ONE, type Range, scale, UNKNOWN } from './cost-range.ts';
import type { Expression } from './expression.ts';
import type { CelType } from './types.ts';

/** An argument as the estimate sees it. */
export interface Sized {
  readonly expression: Expression;
  readonly type: CelType;
  readonly size: Range;
  /** Sizes of a list's elements. */
  readonly elementSize: Range;
}
export interface CallEstimate {
  readonly cost: Range;
  readonly size?: Range;
}

const PER_CHARACTER = 0.1;
const PER_PATTERN_CHARACTER = 0.25;
/** What making one costs. */
const LIST = 10;
const STRUCTURE = 40;
const ADDRESS: Range = { min: 4, max: 16 };

const scan = (size: Range, times = 1): Range => scale(size, times * PER_CHARACTER);
const only = (cost: Range, size?: Range): CallEstimate => ({ cost, ...(size && { size }) });

function pattern(text: Range, expression: Range): Range {
  return multiply(scan(add(text, ONE)), scale(expression, PER_PATTERN_CHARACTER));
}

function replaceSize(text: Range, from: Range, to: Range): Range {
  const max =
    from.min === 0 ? (text.max + 1) * to.max + text.max : to.max <= from.min ? text.max : Math.ceil(text.max / from.min) * to.max;
  const min =
    from.max === 0 ? (text.min + 1) * to.min + text.min : from.max <= to.min ? text.min : Math.ceil(text.min / from.max) * to.min;
  return { min: Math.min(min, UNKNOWN.max), max: Math.min(max, UNKNOWN.max) };
}

function overList({ type, size, elementSize }: Sized): Range {
  if (type.form !== 'list') return scan(size);
  const texts = type.of.form === 'simple' && (type.of.name === 'string' || type.of.name === 'bytes');
  return multiply(size, texts ? add(ONE, scan(elementSize)) : ONE);
}

function joinSize(list: Sized, separator: Sized | undefined): Range {
  const parts = multiply(list.size, list.elementSize);
  if (!separator) return parts;
  const between = { min: Math.max(0, list.size.min - 1), max: Math.max(0, list.size.max - 1) };
  return add(parts, multiply(separator.size, between));
}

/** A list of requirements, of two characters and more each, with a list of values in each. */
const parsedSelector = (text: Range): Range => add(fixed(LIST), scan(text), scale(scale(text, 0.5), LIST + STRUCTURE));

function containsCost(id: string, argument: Sized, cidr: boolean): Range {
  const compared = scan(add(ADDRESS, ADDRESS));
  const masked = cidr ? add(scan(ADDRESS), ONE) : NOTHING;
  return add(compared, masked, id.endsWith('_string') ? scan(argument.size) : NOTHING);
}

/** Values of Kubernetes' own types are told apart at a glance, but for the names of formats. */
const EQUALITY: ReadonlyMap<string, Range> = new Map([
  ...['kubernetes.Quantity', 'net.IP', 'net.CIDR', 'kubernetes.Semver', 'kubernetes.URL'].map((name) => [name, ONE] as const),
  ...['Authorizer', 'PathCheck', 'GroupCheck', 'ResourceCheck', 'Decision'].map(
    (name) => [`kubernetes.authorization.${name}`, ONE] as const,
  ),
  ['kubernetes.NamedFormat', scan({ min: 1, max: 64 })],
]);

function estimateEquality(a: CelType, b: CelType): CallEstimate | undefined {
  if (a.form !== 'opaque' || b.form !== 'opaque' || a.name !== b.name) return undefined;
  const cost = EQUALITY.get(a.name);
  return cost && only(cost);
}

const making = (looked: Range, size = looked): CallEstimate => only(add(looked, fixed(LIST + 1)), size);

function wholeNumber({ expression }: Sized, otherwise: number): number {
  if (expression.form !== 'literal' || typeof expression.value !== 'bigint') return otherwise;
  return Math.max(0, Number(expression.value));
}

function comparedWithin(list: Sized, factor: number): CallEstimate {
  const pairs = multiply(list.size, list.size);
  return making(scale(pairs, factor), pairs);
}

/** cel-go's functions of lists (ext/lists.go). */
function estimateOfLists(id: string, target: Sized | undefined, args: readonly Sized[]): CallEstimate | undefined {
  const [first, second] = args;
  if (id === 'lists_range') return making(fixed(wholeNumber(first!, UNKNOWN.max)));
  if (!target) return undefined;
  switch (id) {
    case 'list_slice': {
      const length = wholeNumber(second!, target.size.max) - wholeNumber(first!, 0);
      // The number is without a sign there.
      return making(fixed(length < 0 ? UNKNOWN.max : length));
    }
    case 'list_reverse':
      return making(target.size);
    case 'list_flatten':
    case 'list_flatten_int':
      return making(scale(target.size, first ? wholeNumber(first, UNKNOWN.max) : 1));
    case 'list_distinct':
      return comparedWithin(target, 2);
  }
  const sorted = /^list_(\w+)_sort(ByAssociatedKeys)?$/.exec(id);
  if (!sorted) return undefined;
  return comparedWithin(sorted[2] ? first! : target, sorted[1] === 'string' || sorted[1] === 'bytes' ? 2 + PER_CHARACTER : 2);
}

/** Kubernetes' prices by the function's name; undefined where those of cel-go hold. `target` stands in front of a member call. */
export function estimateLibraryCall(
  name: string,
  id: string,
  target: Sized | undefined,
  args: readonly Sized[],
): CallEstimate | undefined {
  const [first, second] = args;
  if (id === 'equals') return estimateEquality(first!.type, second!.type);
  const ofLists = estimateOfLists(id, target, args);
  if (ofLists) return ofLists;
  switch (name) {
    case 'check':
      return only(fixed(350_000));
    case 'isSorted':
    case 'sum':
    case 'max':
    case 'min':
    case 'indexOf':
    case 'lastIndexOf':
      return target && only(overList(target));
    case 'fieldSelector':
    case 'labelSelector':
      return first && only(parsedSelector(first.size));
    case 'url':
      return first && only(scan(first.size), first.size);
    case 'cidr':
    case 'isIP':
    case 'isCIDR':
    case 'quantity':
    case 'isQuantity':
    case 'semver':
    case 'isSemver':
      return first && only(scan(first.size));
    case 'ip':
      return id === 'cidr_ip' ? only(ONE) : first && only(scan(first.size));
    case 'ip.isCanonical':
      return first && only(scan(first.size, 2));
    case 'lowerAscii':
    case 'upperAscii':
    case 'substring':
    case 'trim':
      return target && only(scan(target.size), target.size);
    case 'replace':
      return target && second && only(scan(target.size, 2), replaceSize(target.size, first!.size, second.size));
    case 'split': {
      if (!target) return undefined;
      const limit = second?.expression.form === 'literal' ? second.expression.value : undefined;
      return only(scan(target.size, 2), {
        min: 0,
        max: typeof limit === 'bigint' && limit >= 0n ? Number(limit) : target.size.max,
      });
    }
    case 'join': {
      if (!target) return undefined;
      const size = joinSize(target, first);
      return only(scan(size), size);
    }
    case 'find':
    case 'findAll':
      return target && first && only(pattern(target.size, first.size), { min: 0, max: target.size.max });
    case 'containsIP':
      return target && first && only(containsCost(id, first, false));
    case 'containsCIDR':
      return target && first && only(containsCost(id, first, true));
    case 'validate':
      return target && first && only(scale(scan(first.size), 128 * PER_PATTERN_CHARACTER));
    case 'sets.contains':
    case 'sets.intersects':
      return first && second && only(add(multiply(first.size, second.size), ONE));
    case 'sets.equivalent':
      return first && second && only(add(multiply(multiply(first.size, second.size), fixed(2)), ONE));
    default:
      return undefined;
  }
}

const COMPARED = /^(?:equals|not_equals|(?:less|greater)(?:_equals)?_(?:string|bytes))$/;

/** cel-go's own prices by overload, without what the arguments cost. */
export function estimateCall(id: string, target: Sized | undefined, args: readonly Sized[]): CallEstimate {
  const [first, second] = args;
  if (COMPARED.test(id)) {
    const max = Math.min(first!.size.max, second!.size.max);
    return only(scan({ min: max > 0 ? 1 : 0, max }));
  }
  switch (id) {
    case 'string_format':
      return only(scan(target!.size));
    case 'strings_quote':
      return only(scan(first!.size), { min: first!.size.min + 2, max: Math.min(first!.size.max * 2 + 2, UNKNOWN.max) });
    case 'string_to_bytes':
      return only(scan(first!.size), { min: first!.size.min, max: Math.min(first!.size.max * 4, UNKNOWN.max) });
    case 'bytes_to_string':
      return only(scan(first!.size), { min: Math.floor(first!.size.min / 4), max: first!.size.max });
    case 'starts_with_string':
    case 'ends_with_string':
      return only(scan(first!.size));
    case 'in_list':
      return only(second!.size);
    case 'matches_string':
      return only(pattern(target!.size, first!.size));
    case 'contains_string':
      return only(multiply(scan(target!.size), scan(first!.size)));
    case 'add_string':
    case 'add_bytes':
    case 'add_list': {
      const size = add(first!.size, second!.size);
      return only(id === 'add_list' ? ONE : scan(size), size);
    }
    default:
      return only(ONE);
  }
}
