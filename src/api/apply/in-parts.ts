/**
 * What is done with very wide sets of fields, a few thousand children in one turn of the event loop. The children of a wide node are taken
 * out of the sets, the rest is done at once, and then the children, some at a time, as if they were sets of their own:
 *
 *     { f:metadata: …, f:data: { ".", f:a, f:b, f:c } }   =   { f:metadata: …, f:data: { ".", < } }   +   { f:a, f:b }   +   { f:c }
 */
import type { Steps } from '../../std/pauses.ts';
import { difference, EMPTY, type FieldSet, intersection, isLeaf, isMember, LEAF, union, withoutBranches } from './field-set.ts';
import type { ObjectType } from './object-type.ts';
import { innerType, withNamedFields } from './remove.ts';
import { KEYS_IN_ONE_TURN } from './wide-maps.ts';

/** Something that is done with sets child by child: what becomes of one depends on nothing but that child in each of the sets. */
export interface SetOperation {
  /** The first set itself where that stays as it is. `path`: where the sets lie. */
  readonly of: (sets: readonly FieldSet[], path: Path) => FieldSet;
  /** Whether all that comes out is in the first set: the others are looked at no further than that goes. */
  readonly isWithinFirst?: true;
  /** Whether it looks at no children, where it is given these nodes. */
  readonly isShort?: (nodes: readonly (FieldSet | undefined)[]) => boolean;
}

type Path = readonly string[];
type Building = Record<string, FieldSet>;

export const UNION: SetOperation = { of: ([a, b]) => union(a!, b!) };
export const DIFFERENCE: SetOperation = { of: ([a, b]) => difference(a!, b!), isWithinFirst: true };
export const INTERSECTION: SetOperation = { of: ([a, b]) => intersection(a!, b!), isWithinFirst: true };
export const WITHOUT_BRANCHES: SetOperation = {
  of: ([a, b]) => withoutBranches(a!, b!),
  isWithinFirst: true,
  isShort: ([, b]) => b !== undefined && isMember(b),
};

/** `withNamedFields` of an object of a type. */
export const withNamedFieldsOf = (type: ObjectType): SetOperation => ({
  of: ([set], path) => {
    const inner = path.reduce<ObjectType | undefined>((outer, element) => outer && innerType(outer, element), type);
    return inner ? withNamedFields(inner, set!) : set!;
  },
});

/** Stands for the children that were taken out of the set of a place: no path has such an element. */
const standIn = (place: number) => `<${place}`;
const MEMBER = '.';
/** Wide nodes lie in an object's structures, not far below its top. */
const DEEPEST = 6;

/** Does it with sets of which some may be very wide. What is taken from a set, and was not in it, leaves the set itself. */
export function* inParts(
  operation: SetOperation,
  sets: readonly FieldSet[],
  childrenInOneTurn = KEYS_IN_ONE_TURN,
): Steps<FieldSet> {
  const found: Path[] = [];
  for (const set of sets) {
    yield* findWide(set, [], childrenInOneTurn, found);
    if (operation.isWithinFirst && !found.length) return operation.of(sets, []);
  }
  const isShort = (path: Path) => operation.isShort?.(sets.map((set) => nodeAt(set, path))) ?? false;
  const wide = found.filter(
    (path) => !found.some((other) => isAbove(other, path)) && !path.some((_, i) => isShort(path.slice(0, i + 1))),
  );
  if (!wide.length) return operation.of(sets, []);
  const short = sets.map((set, place) => wide.reduce((left, path) => withoutChildren(left, path, standIn(place)), set));
  const rest = operation.of(short, []);
  yield;
  let isSame = rest === short[0];
  let result = rest;
  for (const path of wide) {
    const nodes = sets.map((set) => nodeAt(set, path));
    const after = nodeAt(rest, path);
    const member = path.length > 0 && after !== undefined && isMember(after);
    const parts = yield* partsOf(operation, nodes, path, childrenInOneTurn);
    const stays = parts.areSame && (!path.length || (nodes[0] ? member === isMember(nodes[0]) : after === undefined));
    isSame &&= stays;
    const node = stays ? nodes[0] : yield* joined(parts.results, member);
    result = replaced(result, path, node) ?? EMPTY;
  }
  return isSame ? sets[0]! : result;
}

/** Paths of nodes with so many children and more. */
function* findWide(set: FieldSet, path: Path, atLeast: number, found: Path[]): Steps<void> {
  const elements = Object.keys(set);
  if (elements.length >= atLeast) {
    if (!found.some((known) => known.length === path.length && isAbove(known, [...path, '']))) found.push(path);
    yield;
  } else if (path.length < DEEPEST)
    for (const element of elements) if (element !== MEMBER) yield* findWide(set[element]!, [...path, element], atLeast, found);
}

const nodeAt = (set: FieldSet, path: Path) => path.reduce<FieldSet | undefined>((node, element) => node?.[element], set);

const isAbove = (path: Path, below: Path) => path.length < below.length && path.every((element, i) => element === below[i]);

/** The set with nothing but the stand-in in the node at a path, where it has children. */
function withoutChildren(set: FieldSet, path: Path, instead: string): FieldSet {
  const [element, ...below] = path;
  if (element !== undefined) {
    const child = set[element];
    return child ? { ...set, [element]: withoutChildren(child, below, instead) } : set;
  }
  const short: Building = set[MEMBER] ? { [MEMBER]: LEAF } : {};
  if (!isLeaf(set)) short[instead] = LEAF;
  return short;
}

interface Parts {
  readonly results: readonly FieldSet[];
  /** Whether nothing became of the first node's children. */
  readonly areSame: boolean;
}

/** What becomes of the children of nodes of one path. */
function* partsOf(operation: SetOperation, nodes: readonly (FieldSet | undefined)[], path: Path, atOnce: number): Steps<Parts> {
  const results: FieldSet[] = [];
  let areSame = true;
  for (const [place, node] of nodes.entries()) {
    if (!node) continue;
    const before = nodes.slice(0, place);
    const elements = Object.keys(node);
    yield;
    for (let from = 0; from < elements.length; from += atOnce) {
      const some = elements
        .slice(from, from + atOnce)
        .filter((element) => element !== MEMBER && !before.some((other) => other?.[element] !== undefined));
      if (!some.length) continue;
      const sets = nodes.map((each) => pick(each, some));
      const made = operation.of(sets, path);
      areSame &&= made === sets[0];
      results.push(made);
      yield;
    }
  }
  return { results, areSame };
}

function pick(node: FieldSet | undefined, elements: readonly string[]): FieldSet {
  if (!node) return EMPTY;
  const some: Building = {};
  for (const element of elements) if (node[element]) some[element] = node[element];
  return some;
}

/** A node with such children, itself in the set or not; undefined when it is not, and there are none. */
function* joined(parts: readonly FieldSet[], member: boolean): Steps<FieldSet | undefined> {
  const some = parts.filter((part) => !isLeaf(part));
  if (!some.length) return member ? LEAF : undefined;
  const whole: Building = member ? { [MEMBER]: LEAF } : {};
  for (const part of some) {
    for (const element in part) whole[element] = part[element]!;
    yield;
  }
  return whole;
}

/** The set with another node at a path, or with none; undefined when nothing is left in it. */
function replaced(set: FieldSet | undefined, path: Path, node: FieldSet | undefined, isRoot = true): FieldSet | undefined {
  const [element, ...below] = path;
  if (element === undefined) return node;
  const child = replaced(set?.[element], below, node, false);
  const { [element]: _, ...others } = set ?? EMPTY;
  const children: FieldSet = child ? { ...set, [element]: child } : others;
  const member = !isRoot && set !== undefined && isMember(set);
  if (child && member && !children[MEMBER]) return { [MEMBER]: LEAF, ...children };
  return Object.keys(children).some((other) => other !== MEMBER) ? children : member ? LEAF : undefined;
}
