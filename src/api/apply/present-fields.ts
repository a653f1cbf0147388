import { Pace, runAtOnce, type Steps } from '../../std/pauses.ts';
import { isJsonMap, type JsonMap } from '../machinery/clone.ts';
import type { DynamicObject } from '../machinery/object.ts';
import { EMPTY, type FieldSet, isEmptySet, isLeaf, isMember, LEAF, nodeOf } from './field-set.ts';
import { elementOrNothing } from './item-key.ts';
import type { Manager, Managers } from './managed-fields.ts';
import { isAtomic, type ObjectType, type StructureType } from './object-type.ts';
import { innerType } from './remove.ts';
import { holdsAll, KEYS_IN_ONE_TURN, nodeAt, wideMaps, withNodeAt } from './wide-maps.ts';

/** What a set names that is also in the object: nobody owns what is not there. The set itself when all of it is. */
export function presentFields(type: ObjectType, value: unknown, set: FieldSet): FieldSet {
  return runAtOnce(presentBelow(type, value, set, new Pace(Number.POSITIVE_INFINITY))) ?? EMPTY;
}

/** The same of a large object. */
export function* presentFieldsInSteps(
  type: StructureType,
  object: object,
  set: FieldSet,
  keysInOneTurn = KEYS_IN_ONE_TURN,
): Steps<FieldSet> {
  const whole: { readonly path: readonly string[]; readonly node: FieldSet }[] = [];
  for (const { path, map } of yield* wideMaps(type, object as JsonMap, keysInOneTurn)) {
    const node = nodeAt(set, path);
    // Where something is not there any more, which is rare, all of the map is looked through once more, at once.
    if (node && !isLeaf(node) && (yield* holdsAll(map, node, keysInOneTurn))) whole.push({ path, node });
  }
  const short = whole.reduce((rest, { path }) => withNodeAt(rest, path, LEAF), set);
  const present = (yield* presentBelow(type, object, short, new Pace(keysInOneTurn))) ?? EMPTY;
  return present === short ? set : whole.reduce((rest, { path, node }) => withNodeAt(rest, path, node), present);
}

function* presentBelow(type: ObjectType, value: unknown, set: FieldSet, pace: Pace): Steps<FieldSet | undefined> {
  let kept: Map<string, FieldSet | undefined> | undefined;
  const childAt = yield* lookUp(type, value, pace);
  for (const element in set) {
    if (element === '.') continue;
    const node = set[element]!;
    const child = childAt(element);
    const present = child === undefined ? undefined : yield* presentNode(innerType(type, element), child, node, pace);
    if (pace.due(1)) yield;
    if (present === node) continue;
    kept ??= new Map();
    kept.set(element, present);
  }
  if (!kept) return set;
  let result: Record<string, FieldSet> | undefined;
  for (const element in set) {
    const node = kept.has(element) ? kept.get(element) : set[element];
    if (node === undefined || element === '.') continue;
    result ??= {};
    result[element] = node;
  }
  return result;
}

function* presentNode(type: ObjectType | undefined, value: unknown, node: FieldSet, pace: Pace): Steps<FieldSet | undefined> {
  if (type === undefined || isLeaf(node) || isAtomic(type)) return node;
  const below = yield* presentBelow(type, value, node, pace);
  return below === node ? node : nodeOf(below, isMember(node));
}

/** Finds what elements lead to; undefined what is not there. */
function* lookUp(type: ObjectType, value: unknown, pace: Pace): Steps<(element: string) => unknown> {
  if (type.form === 'list') {
    if (!Array.isArray(value)) return () => undefined;
    const items = new Map<string, unknown>();
    for (const item of value) {
      items.set(elementOrNothing(type, item), item);
      if (pace.due(1)) yield;
    }
    return (element) => items.get(element);
  }
  if (!isJsonMap(value)) return () => undefined;
  return (element) => {
    const name = element.slice(2);
    if (Object.hasOwn(value, name)) return value[name];
    const field = type.form === 'structure' ? type.fields.get(name) : undefined;
    return field?.absent ?? field?.zero;
  };
}

/**
 * Managers without fields that are not in the object: what a client applied as null, or sent as managed fields, or what the server took
 * out, may not be there. Who owns nothing then is dropped. `large`: not all of it in one turn.
 */
export function* withoutAbsent(
  type: StructureType,
  object: Pick<DynamicObject, 'apiVersion'>,
  managers: Managers,
  large = false,
): Steps<Managers> {
  let changed: Map<string, Manager> | undefined;
  for (const [id, manager] of managers) {
    if (manager.apiVersion !== object.apiVersion) continue; // speaks of the fields of another version
    const { fields: owned } = manager;
    const fields = large ? yield* presentFieldsInSteps(type, object, owned) : presentFields(type, object, owned);
    yield;
    if (fields === owned) continue;
    changed ??= new Map(managers);
    if (isEmptySet(fields)) changed.delete(id);
    else changed.set(id, { ...manager, fields });
  }
  return changed ?? managers;
}
