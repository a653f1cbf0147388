/**
 * Sets of fields, in the very form in which `metadata.managedFields[].fieldsV1` is sent (structured-merge-diff's fieldpath):
 *
 *     { "f:spec": { "f:replicas": {}, "f:template": { … "k:{\"name\":\"web\"}": { ".": {}, "f:image": {} } } } }
 *
 * A node without children is in the set; one with children is when it has the child ".". Sets are never changed once made, so they
 * share their parts, and what an operation leaves as it is comes back as the same object.
 */
export interface FieldSet {
  readonly [element: string]: FieldSet;
}

type Building = Record<string, FieldSet>;

/** A field that is in the set and has nothing below it; at the root, the empty set. */
export const LEAF: FieldSet = Object.freeze({});
export const EMPTY = LEAF;
const MEMBER = '.';

/** Whether nothing is below a node (but itself). */
export function isLeaf(node: FieldSet): boolean {
  for (const _ in node) return false;
  return true;
}

export const isEmptySet = isLeaf;

export const isMember = (node: FieldSet): boolean => node[MEMBER] !== undefined || isLeaf(node);

/** A node of children, itself in the set or not; undefined when neither it nor anything below is. */
export function nodeOf(children: FieldSet | undefined, member: boolean): FieldSet | undefined {
  if (children === undefined || isLeaf(children)) return member ? LEAF : undefined;
  return member ? { [MEMBER]: LEAF, ...children } : children;
}

/** What is in either. */
export function union(a: FieldSet, b: FieldSet): FieldSet {
  return unionOfNodes(a, b, true);
}

function unionOfNodes(a: FieldSet, b: FieldSet, isRoot = false): FieldSet {
  if (a === b) return a;
  const result: Building = {};
  let same = true;
  // A leaf says by having no children that it is in the set: as soon as it gets some, that has to be said.
  if (!isRoot && (isMember(a) || isMember(b))) {
    result[MEMBER] = LEAF;
    if (a[MEMBER] === undefined && !(isLeaf(a) && onlyMember(b))) same = false;
  }
  for (const key in a) {
    if (key === MEMBER) continue;
    const other = b[key];
    const merged = other === undefined ? a[key]! : unionOfNodes(a[key]!, other);
    if (merged !== a[key]) same = false;
    result[key] = merged;
  }
  for (const key in b) {
    if (key === MEMBER || a[key] !== undefined) continue;
    same = false;
    result[key] = b[key]!;
  }
  if (same) return a;
  return onlyMember(result) ? LEAF : result;
}

const onlyMember = (node: FieldSet): boolean => {
  for (const key in node) if (key !== MEMBER) return false;
  return true;
};

/** What is in the first and not in the second. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  return isLeaf(b) ? a : (withoutBelow(a, b) ?? EMPTY);
}

function differenceOfNodes(a: FieldSet, b: FieldSet): FieldSet | undefined {
  const member = isMember(a) && !isMember(b);
  const children = withoutBelow(a, b);
  if (children === a && member === isMember(a)) return a;
  return nodeOf(children && withoutMember(children), member);
}

/** A node's children without those of the other; the same object when all stay. */
function withoutBelow(a: FieldSet, b: FieldSet): FieldSet | undefined {
  return replaceChildren(a, b, differenceOfNodes);
}

/**
 * The first's children, those that the second has too replaced by what `combine` makes of both (undefined: left out). Built anew rather
 * than deleted from: objects that had something deleted are slow to write as JSON.
 */
function replaceChildren(
  a: FieldSet,
  b: FieldSet,
  combine: (child: FieldSet, other: FieldSet) => FieldSet | undefined,
): FieldSet | undefined {
  let replaced: Map<string, FieldSet | undefined> | undefined;
  // Of the two the short one is gone through: there may be thousands of managers of a field each, and a write that changes a hundred thousand.
  for (const key in isShort(a) ? a : b) {
    const [child, other] = key === MEMBER ? [] : [a[key], b[key]];
    if (child === undefined || other === undefined) continue;
    const left = combine(child, other);
    if (left === child) continue;
    replaced ??= new Map();
    replaced.set(key, left);
  }
  if (!replaced) return a;
  let result: Building | undefined;
  for (const key in a) {
    const kept = replaced.has(key) ? replaced.get(key) : a[key];
    if (kept === undefined) continue;
    result ??= {};
    result[key] = kept;
  }
  return result;
}

const SHORT = 16;

function isShort(node: FieldSet): boolean {
  let count = 0;
  for (const _ in node) if (++count > SHORT) return false;
  return true;
}

function withoutMember(node: FieldSet): FieldSet {
  if (node[MEMBER] === undefined) return node;
  const { [MEMBER]: _, ...children } = node;
  return children;
}

/** The first without what is in the second and all that lies below that. */
export function withoutBranches(a: FieldSet, b: FieldSet): FieldSet {
  return isLeaf(b) ? a : (branchesBelow(a, b) ?? EMPTY);
}

function branchesBelow(a: FieldSet, b: FieldSet): FieldSet | undefined {
  return replaceChildren(a, b, (child, other) => {
    if (isMember(other)) return undefined;
    const rest = branchesBelow(child, other);
    return rest === child ? child : nodeOf(rest && withoutMember(rest), isMember(child));
  });
}

/** What is in both. */
export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  return commonBelow(a, b) ?? EMPTY;
}

function commonBelow(a: FieldSet, b: FieldSet): FieldSet | undefined {
  let result: Building | undefined;
  for (const key in a) {
    const other = key === MEMBER ? undefined : b[key];
    if (other === undefined) continue;
    const child = a[key]!;
    const common = nodeOf(commonBelow(child, other), isMember(child) && isMember(other));
    if (common === undefined) continue;
    result ??= {};
    result[key] = common;
  }
  return result;
}

/** Whether both hold the same fields. */
export function equalSets(a: FieldSet, b: FieldSet): boolean {
  if (a === b) return true;
  if (isMember(a) !== isMember(b)) return false;
  for (const key in a) if (key !== MEMBER && (b[key] === undefined || !equalSets(a[key]!, b[key]!))) return false;
  for (const key in b) if (key !== MEMBER && a[key] === undefined) return false;
  return true;
}

/** Every path in the set, as elements: of a node first what is in the set, then what lies below, each in the elements' order. */
export function* pathsOf(set: FieldSet, above: readonly string[] = []): Generator<readonly string[]> {
  const elements = Object.keys(set)
    .filter((key) => key !== MEMBER)
    .sort(byElement);
  for (const element of elements) if (isMember(set[element]!)) yield [...above, element];
  for (const element of elements) yield* pathsOf(set[element]!, [...above, element]);
}

/** Fields, then keys, values and places, each by their text. */
const KINDS = 'fkvi';
const byElement = (a: string, b: string) => KINDS.indexOf(a[0]!) - KINDS.indexOf(b[0]!) || (a < b ? -1 : a > b ? 1 : 0);
