import { isJsonMap } from '../machinery/clone.ts';
import { EMPTY, type FieldSet, LEAF, nodeOf } from './field-set.ts';
import { itemsByElement } from './item-key.ts';
import type { KnownItems } from './known-items.ts';
import { isAtomic, type ListType, type ObjectType, type StructureType } from './object-type.ts';
import { fieldElement } from './path-element.ts';

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
  if (isAtomic(type) || value === null) return LEAF;
  if (type.form === 'list') return Array.isArray(value) ? belowList(type, value, known) : undefined;
  if (!isJsonMap(value)) return type.form === 'map' && type.undescribed ? LEAF : undefined;
  let children: Building | undefined;
  let any = false;
  for (const key in value) {
    const given = value[key];
    if (given === undefined) continue;
    any = true;
    const field = type.form === 'structure' ? type.fields.get(key) : undefined;
    const rest = type.form === 'structure' ? type.rest : undefined;
    const inner = type.form === 'map' ? type.element() : (field?.type() ?? rest?.());
    const node = inner === undefined ? LEAF : below(inner, given, known);
    // An entry of a map is there by somebody's will; a field of a structure need not be.
    const kept = type.form === 'map' ? nodeOf(node === LEAF ? undefined : node, true) : node;
    if (kept === undefined) continue;
    children ??= {};
    children[field?.element ?? fieldElement(key)] = kept;
  }
  return any ? children : LEAF;
}

function belowList(type: ListType, list: readonly unknown[], known: KnownItems | undefined): FieldSet | undefined {
  const items = itemsByElement(type, list, known);
  // Lists that are always sent stand here as [], where Go has null: they are there.
  if (!items?.size) return LEAF;
  let children: Building | undefined;
  const inner = type.element();
  for (const [element, [item, ...same]] of items) {
    const node = same.length ? LEAF : below(inner, item, known);
    children ??= {};
    children[element] = nodeOf(node === LEAF ? undefined : node, true)!;
  }
  return children;
}
