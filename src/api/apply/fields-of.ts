import { Pace, type Steps } from '../../std/pauses.ts';
import { isJsonMap } from '../machinery/clone.ts';
import { EMPTY, type FieldSet, LEAF, nodeOf } from './field-set.ts';
import { itemsByElement } from './item-key.ts';
import type { KnownItems } from './known-items.ts';
import {
  isAtomic,
  type ListType,
  type MapType,
  type ObjectType,
  type StructureField,
  type StructureType,
} from './object-type.ts';
import { fieldElement } from './path-element.ts';
import { KEYS_IN_ONE_TURN } from './wide-maps.ts';

type Building = Record<string, FieldSet>;

/**
 * The fields that an object says something of: what somebody who applies it owns (typed.TypedValue.ToFieldSet). Of structures and
 * maps only what is in them, unless they are empty; of lists also the items themselves.
 */
export function fieldsOf(type: StructureType, object: unknown, known?: KnownItems): FieldSet {
  return below(type, object, known) ?? EMPTY;
}

/** A node's children, or LEAF for a value that is owned as a whole; undefined when nothing is said. */
function below(type: ObjectType, value: unknown, known: KnownItems | undefined): FieldSet | undefined {
  if (type.form === 'scalar' || isAtomic(type) || value === null) return LEAF;
  if (type.form === 'list') return Array.isArray(value) ? belowList(type, value, known) : undefined;
  if (!isJsonMap(value)) return type.form === 'map' && type.undescribed ? LEAF : undefined;
  let children: Building | undefined;
  let any = false;
  for (const key in value) {
    const given = value[key];
    if (given === undefined) continue;
    any = true;
    const field = type.form === 'structure' ? type.fields.get(key) : undefined;
    const inner = innerOf(type, field);
    const kept = childOf(type, inner === undefined ? LEAF : below(inner, given, known));
    if (kept === undefined) continue;
    children ??= {};
    children[field?.element ?? fieldElement(key)] = kept;
  }
  return any ? children : LEAF;
}

const innerOf = (type: StructureType | MapType, field: StructureField | undefined): ObjectType | undefined =>
  type.form === 'map' ? type.element() : (field?.type() ?? type.rest?.());

/** An entry of a map is there by somebody's will; a field of a structure need not be. */
const childOf = (type: StructureType | MapType, node: FieldSet | undefined): FieldSet | undefined =>
  type.form === 'map' ? nodeOf(node === LEAF ? undefined : node, true) : node;

function belowList(type: ListType, list: readonly unknown[], known: KnownItems | undefined): FieldSet | undefined {
  const items = itemsByElement(type, list, known);
  // Lists that are always sent stand here as [], where Go has null: they are there.
  if (!items?.size) return LEAF;
  const children: Building = {};
  const inner = type.element();
  for (const [element, same] of items) children[element] = itemOf(inner, same, known);
  return children;
}

function itemOf(inner: ObjectType, [item, ...same]: readonly unknown[], known: KnownItems | undefined): FieldSet {
  const node = same.length ? LEAF : below(inner, item, known);
  return nodeOf(node === LEAF ? undefined : node, true)!;
}

/** The same as `fieldsOf` with pauses in wide maps and long lists, which lie in structures or at the top. */
export function* fieldsOfWide(
  type: StructureType,
  object: unknown,
  known: KnownItems | undefined,
  atOnce = KEYS_IN_ONE_TURN,
): Steps<FieldSet> {
  return (yield* belowInSteps(type, object, known, new Pace(atOnce))) ?? EMPTY;
}

function* belowInSteps(type: ObjectType, value: unknown, known: KnownItems | undefined, pace: Pace): Steps<FieldSet | undefined> {
  if (isAtomic(type) || type.form === 'scalar' || typeof value !== 'object' || value === null) return below(type, value, known);
  if (type.form === 'list') {
    const items = Array.isArray(value) ? itemsByElement(type, value, known) : undefined;
    if (!items?.size) return below(type, value, known);
    const children: Building = {};
    const inner = type.element();
    for (const [element, same] of items) {
      children[element] = itemOf(inner, same, known);
      if (pace.due(1)) yield;
    }
    return children;
  }
  if (!isJsonMap(value)) return below(type, value, known);
  let children: Building | undefined;
  let any = false;
  for (const key in value) {
    const given = value[key];
    if (given === undefined) continue;
    any = true;
    const field = type.form === 'structure' ? type.fields.get(key) : undefined;
    const inner = innerOf(type, field);
    let node: FieldSet | undefined = LEAF;
    if (inner) node = type.form === 'map' ? below(inner, given, known) : yield* belowInSteps(inner, given, known, pace);
    const kept = childOf(type, node);
    if (pace.due(1)) yield;
    if (kept === undefined) continue;
    children ??= {};
    children[field?.element ?? fieldElement(key)] = kept;
  }
  return any ? children : LEAF;
}
