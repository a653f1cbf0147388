import { isJsonMap, type JsonMap, setField } from '../machinery/clone.ts';
import { type FieldSet, isLeaf, isMember, LEAF } from './field-set.ts';
import { elementOrNothing } from './item-key.ts';
import { isAtomic, type ListType, type ObjectType } from './object-type.ts';
import { fieldElement } from './path-element.ts';

/**
 * An object without the fields of a set and all below them (typed/remove.go). What has nothing left in it is null: it is still there.
 * Shares what stays with the original.
 */
export function withoutFields(type: ObjectType, value: unknown, set: FieldSet): unknown {
  if (isLeaf(set) || isAtomic(type)) return value;
  if (type.form === 'list') return Array.isArray(value) ? withoutItems(type, value, set) : value;
  if (type.form === 'scalar' || !isJsonMap(value)) return value;
  const kept: JsonMap = {};
  let left = false;
  for (const key in value) {
    const node = set[fieldElement(key)];
    if (node && isMember(node)) continue;
    const field = type.form === 'structure' ? type.fields.get(key) : undefined;
    const inner = node && (type.form === 'map' ? type.element() : (field?.type() ?? type.rest?.()));
    const rest = node && inner ? withoutFields(inner, value[key], node) : value[key];
    setField(kept, key, rest ?? field?.absent ?? null);
    left = true;
  }
  return left ? kept : null;
}

function withoutItems(type: ListType, list: readonly unknown[], set: FieldSet): unknown[] | null {
  const inner = type.element();
  const kept: unknown[] = [];
  for (const item of list) {
    const node = set[elementOrNothing(type, item)];
    if (node && isMember(node)) continue;
    kept.push(node ? withoutFields(inner, item, node) : item);
  }
  return kept.length ? kept : null;
}

/**
 * The set with every structure's field in it that something below is in it of: who owns `spec.replicas` says that there is a `spec`
 * (fieldpath.Set.EnsureNamedFieldsAreMembers). Entries of maps and items of lists are not so.
 */
export function withNamedFields(type: ObjectType, set: FieldSet): FieldSet {
  let result: Record<string, FieldSet> | undefined;
  for (const element in set) {
    const node = set[element]!;
    if (element === '.' || isLeaf(node)) continue;
    const inner = innerType(type, element);
    const named = type.form === 'structure' && inner !== undefined;
    const children = inner ? withNamedFields(inner, node) : node;
    const member = named || isMember(node);
    if (children === node && member === isMember(node)) continue;
    // Copied when something is different: of a large set that takes longest.
    result ??= { ...set };
    result[element] = withMembership(children, member);
  }
  return result ?? set;
}

/** A node with something below it, itself in the set or not. */
function withMembership(node: FieldSet, member: boolean): FieldSet {
  if ((node['.'] !== undefined) === member) return node;
  if (member) return { '.': LEAF, ...node };
  const { '.': _, ...below } = node;
  return below;
}

/** The type of what an element of a path leads to; undefined when there is no such field. */
export function innerType(type: ObjectType, element: string): ObjectType | undefined {
  if (type.form === 'structure')
    return element.startsWith('f:') ? (type.fields.get(element.slice(2))?.type() ?? type.rest?.()) : undefined;
  return type.form === 'scalar' ? undefined : type.element();
}
