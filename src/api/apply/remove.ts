import { isJsonMap, type JsonMap, setField } from '../machinery/clone.ts';
import { type FieldSet, isLeaf, isMember, nodeOf } from './field-set.ts';
import { elementOfItem } from './item-key.ts';
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
    const inner = node && (type.form === 'map' ? type.element() : field?.type());
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

function elementOrNothing(type: ListType, item: unknown): string {
  try {
    return elementOfItem(type, item);
  } catch {
    return ''; // has no element, so no set names it
  }
}

/**
 * The set with every structure's field in it that something below is in it of: who owns `spec.replicas` says that there is a `spec`
 * (fieldpath.Set.EnsureNamedFieldsAreMembers). Entries of maps and items of lists are not so.
 */
export function withNamedFields(type: ObjectType, set: FieldSet): FieldSet {
  const result: Record<string, FieldSet> = {};
  for (const element in set) {
    const node = set[element]!;
    if (element === '.') {
      result[element] = node;
      continue;
    }
    const inner = innerType(type, element);
    const named = type.form === 'structure' && inner !== undefined;
    const children = inner && !isLeaf(node) ? withNamedFields(inner, node) : node;
    const { '.': _, ...below } = children;
    result[element] = nodeOf(below, named || isMember(node))!;
  }
  return result;
}

function innerType(type: ObjectType, element: string): ObjectType | undefined {
  if (type.form === 'structure') return element.startsWith('f:') ? type.fields.get(element.slice(2))?.type() : undefined;
  return type.form === 'scalar' ? undefined : type.element();
}

/** What a set names that is also in the object: nobody owns what is not there. */
export function presentFields(type: ObjectType, value: unknown, set: FieldSet): FieldSet {
  const result: Record<string, FieldSet> = {};
  const items = type.form === 'list' && Array.isArray(value) ? value : undefined;
  const byElement = items && new Map(items.map((item) => [elementOrNothing(type as ListType, item), item] as const));
  let same = true;
  for (const element in set) {
    const node = set[element]!;
    if (element === '.') {
      result[element] = node;
      continue;
    }
    const inner = innerType(type, element);
    const child = byElement ? byElement.get(element) : isJsonMap(value) ? fieldOf(type, value, element) : undefined;
    if (child === undefined) {
      same = false;
      continue;
    }
    const below = isLeaf(node) || !inner || isAtomic(inner) ? node : presentFields(inner, child, node);
    const { '.': _, ...rest } = below;
    const kept = below === node ? node : nodeOf(rest, isMember(node));
    if (kept !== node) same = false;
    if (kept) result[element] = kept;
  }
  return same ? set : result;
}

function fieldOf(type: ObjectType, value: JsonMap, element: string): unknown {
  const name = element.slice(2);
  if (Object.hasOwn(value, name)) return value[name];
  return type.form === 'structure' ? type.fields.get(name)?.absent : undefined;
}
