/**
 * Maps with thousands of keys in an object, as labels or data. A pass over one takes tens of milliseconds, so it is taken out of the object,
 * everything else is done at once, and the map's own keys then a few thousand at a time.
 */
import type { Steps } from '../../std/pauses.ts';
import { isJsonMap, type JsonMap, setField } from '../machinery/clone.ts';
import { EMPTY, type FieldSet, isLeaf, LEAF } from './field-set.ts';
import { isAtomic, type ObjectType, type StructureType } from './object-type.ts';
import { fieldElement } from './path-element.ts';

/** What is looked at in one turn, some 3 ms; a map of fewer keys is left where it is. */
export const KEYS_IN_ONE_TURN = 4096;

export interface WideMap {
  /** Names of fields: one, or two where it lies in a structure at the object's top. */
  readonly path: readonly string[];
  readonly map: JsonMap;
  /** To list them takes as long as a turn should, so it is done once. */
  readonly keys: readonly string[];
}

/** Maps of scalars, owned one by one, with so many keys and more: at an object's top, and in the structures there. */
export function* wideMaps(type: StructureType, object: JsonMap, atLeast: number): Steps<WideMap[]> {
  const wide: WideMap[] = [];
  findMaps(type, object, [], (inner, map, path) => {
    if (inner.form !== 'map' || inner.element().form !== 'scalar') return;
    const keys = Object.keys(map);
    if (keys.length >= atLeast) wide.push({ path, map, keys });
  });
  if (wide.length) yield;
  return wide;
}

/** The object with the first key of each of the maps, which stands for all of them. */
export function shortened(object: JsonMap, wide: readonly WideMap[]): JsonMap {
  let short = object;
  for (const { path, map, keys } of wide) {
    const first = keys.find((key) => map[key] !== undefined);
    const beginning: JsonMap = {};
    if (first !== undefined) setField(beginning, first, map[first]);
    short = withValueAt(short, path, beginning);
  }
  return short;
}

/** A set that was made of the shortened object as it is of the whole one. */
export function* lengthened(set: FieldSet, wide: readonly WideMap[], keysInOneTurn: number): Steps<FieldSet> {
  let long = set;
  for (const { path, map, keys } of wide) {
    const node = nodeAt(set, path);
    if (node === undefined || isLeaf(node)) continue; // nobody's, or owned as a whole
    const whole: Record<string, FieldSet> = { ...node };
    for (const [i, key] of keys.entries()) {
      if (i % keysInOneTurn === 0) yield;
      if (map[key] !== undefined) whole[fieldElement(key)] = LEAF;
    }
    long = withNodeAt(long, path, whole);
  }
  return long;
}

/** Whether every key that a node names is in the map. */
export function* holdsAll(map: JsonMap, node: FieldSet, keysInOneTurn: number): Steps<boolean> {
  const elements = Object.keys(node);
  for (const [i, element] of elements.entries()) {
    if (i % keysInOneTurn === 0) yield;
    if (element !== '.' && !isGiven(map, element.slice(2))) return false;
  }
  return true;
}

export function nodeAt(set: FieldSet, path: readonly string[]): FieldSet | undefined {
  let node: FieldSet | undefined = set;
  for (const name of path) node = node?.[fieldElement(name)];
  return node;
}

/** The set with another node where it has one. */
export function withNodeAt(set: FieldSet, [name, ...below]: readonly string[], node: FieldSet): FieldSet {
  const element = fieldElement(name!);
  return { ...set, [element]: below.length ? withNodeAt(set[element]!, below, node) : node };
}

/** The set with children below it at a path, where it has none yet. */
export function withChild(set: FieldSet, [name, ...below]: readonly string[], node: FieldSet): FieldSet {
  const element = fieldElement(name!);
  return { ...set, [element]: below.length ? withChild(set[element] ?? EMPTY, below, node) : node };
}

const isGiven = (map: JsonMap, name: string) => Object.hasOwn(map, name) && map[name] !== undefined;

/** What is a map, or a structure, in the object and in the structures at its top, and is not owned as a whole. No generator: most objects are small. */
function findMaps(
  type: StructureType,
  object: JsonMap,
  above: readonly string[],
  found: (type: ObjectType, map: JsonMap, path: readonly string[]) => void,
): void {
  for (const name in object) {
    const map = object[name];
    if (!isJsonMap(map)) continue;
    const field = type.fields.get(name);
    if (!field || field.ignored) continue;
    const inner = field.type();
    if (isAtomic(inner)) continue;
    const path = [...above, name];
    found(inner, map, path);
    if (inner.form === 'structure' && above.length === 0) findMaps(inner, map, path, found);
  }
}

export function withValueAt(object: JsonMap, [name, ...below]: readonly string[], value: JsonMap): JsonMap {
  return { ...object, [name!]: below.length ? withValueAt(object[name!] as JsonMap, below, value) : value };
}
