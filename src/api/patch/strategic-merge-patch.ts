/**
 * Strategic merge patch (apimachinery/pkg/util/strategicpatch): a merge patch that knows by which field the items of a list are told
 * apart, with the directives $patch, $retainKeys, $setElementOrder and $deleteFromPrimitiveList.
 */

import { runAtOnce, type Steps } from '../../std/pauses.ts';
import { cloneJson, isJsonMap, type JsonMap, setField } from '../machinery/clone.ts';
import { type FieldType, fieldOfSchema, goTypeName } from '../machinery/schema.ts';
import { badRequest } from '../machinery/status-error.ts';
import { type Identity, orderItems } from './element-order.ts';
import { type PatchStrategy, patchStrategyOf } from './merge-keys.ts';
import {
  badFormat,
  itemsDiffer,
  keyMissing,
  noItems,
  noListOfLists,
  notOfType,
  patchFailure,
  printed,
  uncomparable,
  unknownDirective,
} from './strategic-patch-errors.ts';

const SET_ELEMENT_ORDER = '$setElementOrder';
const DELETE_FROM_PRIMITIVES = '$deleteFromPrimitiveList';
const RETAIN_KEYS = '$retainKeys';
const PATCH = '$patch';

/**
 * The document after the patch; it shares nothing with either argument. `schemaName` is the document's type, `V1Pod`.
 * Throws a StatusError when the patch's directives make no sense, with upstream's code: 500 for most of them.
 */
export const applyStrategicMergePatch = <T>(document: T, patch: unknown, schemaName: string): T =>
  runAtOnce(strategicMergePatchInSteps(document, patch, schemaName));

/** The same with pauses between its passes. */
export function* strategicMergePatchInSteps<T>(document: T, patch: unknown, schemaName: string): Steps<T> {
  if (!isJsonMap(patch)) throw badRequest('invalid JSON document: a strategic merge patch is an object');
  const type: FieldType = { form: 'structure', schema: schemaName };
  const current = cloneJson(document) as JsonMap;
  yield;
  const own = cloneJson(patch);
  yield;
  return mergeMap(current, own, type) as T;
}

/** Merges into `current`; both are the caller's own. */
function mergeMap(current: JsonMap, patch: JsonMap, type: FieldType): JsonMap {
  if (Object.hasOwn(patch, PATCH)) return applyMapDirective(patch, type);
  retainKeys(current, patch);
  const handled = mergeOrderedLists(current, patch, type);
  for (const key of Object.keys(patch)) {
    if (handled.has(key) || key === RETAIN_KEYS || key.startsWith(SET_ELEMENT_ORDER)) continue;
    const deletes = key.startsWith(DELETE_FROM_PRIMITIVES);
    const name = deletes ? nameBehind(DELETE_FROM_PRIMITIVES, key) || key : key;
    if (patch[key] === null) delete current[name];
    else if (deletes) deleteItems(current, name, patch[key], type);
    else mergeField(current, key, patch[key], type);
  }
  return current;
}

function applyMapDirective(patch: JsonMap, type: FieldType): JsonMap {
  const { [PATCH]: directive, ...rest } = patch;
  if (directive === 'replace') return rest;
  if (directive === 'delete') return {};
  throw unknownDirective(directive, maySayWhatIsIn(type) ? patch : undefined);
}

/** Not of Secrets and their `data`; upstream says it of these, too. */
function maySayWhatIsIn(type: FieldType): boolean {
  if (type.form === 'structure') return type.schema !== 'V1Secret';
  return !(type.form === 'map' && type.of.form === 'scalar' && type.of.name === 'bytes');
}

/** Drops every field that `$retainKeys` does not name: how a union is switched from one member to another. */
function retainKeys(current: JsonMap, patch: JsonMap): void {
  if (!Object.hasOwn(patch, RETAIN_KEYS)) return;
  const kept = patch[RETAIN_KEYS];
  if (!Array.isArray(kept)) throw badFormat('retainKeys');
  const names = new Set(kept.map(comparable));
  for (const key of Object.keys(patch)) {
    const isOwn = key !== RETAIN_KEYS && !key.startsWith(SET_ELEMENT_ORDER) && !key.startsWith(DELETE_FROM_PRIMITIVES);
    if (isOwn && patch[key] !== null && !names.has(key)) throw badFormat('retainKeys');
  }
  for (const key of Object.keys(current)) if (!names.has(key)) delete current[key];
}

/** The list that a directive is about. */
function nameBehind(directive: string, key: string): string {
  if (key[directive.length] === '/') return key.slice(directive.length + 1);
  throw badFormat(directive === SET_ELEMENT_ORDER ? 'setElementOrder list' : 'primitive list');
}

/** Handles each list that has a `$setElementOrder`; returns the names of those lists. */
function mergeOrderedLists(current: JsonMap, patch: JsonMap, type: FieldType): Set<string> {
  const handled = new Set<string>();
  for (const directive of Object.keys(patch)) {
    if (!directive.startsWith(SET_ELEMENT_ORDER)) continue;
    const order = requireList(patch[directive]);
    const name = nameBehind(SET_ELEMENT_ORDER, directive);
    const before = Object.hasOwn(current, name) ? requireList(current[name]) : undefined;
    const additions = Object.hasOwn(patch, name) ? requireList(patch[name]) : undefined;
    const field = fieldOf(type, name);
    const { mergeKey } = field.strategy;
    if (additions) checkOrder(additions, order, mergeKey);
    if (!before && !additions) continue;
    let merged: readonly unknown[];
    if (!additions) merged = before!;
    else if (!before) merged = withoutDirectives(additions, 'kept') as unknown[];
    else merged = mergeLists(before, additions, field);
    const isWanted = presence(order, mergeKey);
    const keyed = merged.filter(isWanted);
    const others = merged.filter((item) => !isWanted(item));
    const kind = itemKind(before ?? [], additions ?? []);
    if (kind === 'map') checkKeys(mergeKey, keyed, order, others, before ?? []);
    current[name] = orderItems(merged, order, before ?? [], identityOf(mergeKey));
    handled.add(name);
  }
  return handled;
}

function requireList(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  throw notOfType('[]interface {}', value);
}

/** The patch's items must be in the order that it sets, and all in it, but for those that it deletes. */
function checkOrder(additions: readonly unknown[], order: readonly unknown[], mergeKey: string | undefined): void {
  if (!order.length || !additions.length) return;
  const items = mergeKey === undefined ? additions : additions.filter((item) => requireMap(item)[PATCH] !== 'delete');
  let at = 0;
  let place = 0;
  while (at < items.length && place < order.length) {
    const item = items[at];
    if (isJsonMap(item) && Object.hasOwn(item, PATCH)) {
      at++;
      continue;
    }
    if (identityFor(item, mergeKey) === identityFor(order[place], mergeKey)) at++;
    place++;
  }
  if (at < items.length && place >= order.length)
    throw patchFailure(
      `The order in patch list:\n${printed(additions)}\n doesn't match ${SET_ELEMENT_ORDER} list:\n${printed(order)}\n`,
    );
}

/** What tells an item apart, which it must have. */
const identityFor = (item: unknown, mergeKey: string | undefined): unknown =>
  mergeKey === undefined ? comparable(item) : comparable(requireKey(requireMap(item), mergeKey));

function requireMap(item: unknown): JsonMap {
  if (isJsonMap(item)) return item;
  throw notOfType('map[string]interface {}', item);
}

function requireKey(item: JsonMap, mergeKey: string): unknown {
  if (Object.hasOwn(item, mergeKey)) return item[mergeKey];
  throw keyMissing(item, mergeKey);
}

/** Go has no answer to whether two maps, or two lists, are the same. */
function comparable(value: unknown): unknown {
  if (typeof value === 'object' && value !== null) throw uncomparable(value);
  return value;
}

/** Tells whether an item is among `list`; of keyed lists, what has no key is told of. */
function presence(list: readonly unknown[], mergeKey: string | undefined): (item: unknown) => boolean {
  const there = new Set(list.map((item) => (mergeKey === undefined ? comparable(item) : keyOf(item, mergeKey))));
  const stray = mergeKey === undefined ? -1 : list.findIndex((item) => !isJsonMap(item));
  return (item) => {
    if (there.has(identityFor(item, mergeKey))) return true;
    if (stray >= 0) throw patchFailure(`value for key ${stray} is not a map`);
    return false;
  };
}

const keyOf = (item: unknown, mergeKey: string): unknown =>
  isJsonMap(item) && Object.hasOwn(item, mergeKey) ? item[mergeKey] : ABSENT;
const ABSENT = Symbol('no merge key');

const identityOf =
  (mergeKey: string | undefined): Identity =>
  (item) =>
    mergeKey !== undefined && isJsonMap(item) ? item[mergeKey] : item;

function checkKeys(mergeKey: string | undefined, ...lists: (readonly unknown[])[]): void {
  for (const list of lists) for (const item of list) requireKey(requireMap(item), mergeKey ?? '');
}

interface Field {
  /** Of what the field holds; of each item where it is a list. */
  readonly type: FieldType;
  readonly strategy: PatchStrategy;
}

const PLAIN: PatchStrategy = {};

/** What a map's field is, in which there is something to merge already. Maps by name do not say what is in them, nor does unknown JSON. */
function fieldOf(type: FieldType, name: string): Field {
  if (type.form === 'map') throw patchFailure('merging an object in json but data type is not struct, instead is: map');
  if (type.form === 'list') throw patchFailure('merging an object in json but data type is not struct, instead is: slice');
  const found = type.form === 'structure' ? fieldOfSchema(type.schema, name) : undefined;
  const typeName = type.form === 'structure' ? goTypeName(type.schema).name : 'RawExtension';
  if (!found) throw patchFailure(`unable to find api field in struct ${typeName} for the json field ${JSON.stringify(name)}`);
  return { type: found.form === 'list' ? found.of : found, strategy: patchStrategyOf(typeName, name) ?? PLAIN };
}

function mergeField(current: JsonMap, key: string, value: unknown, type: FieldType): void {
  const before = Object.hasOwn(current, key) ? current[key] : undefined;
  if (isJsonMap(before) && isJsonMap(value)) {
    const field = fieldOf(type, key);
    setField(current, key, field.strategy.strategy === 'replace' ? value : mergeMap(before, value, field.type));
  } else if (Array.isArray(before) && Array.isArray(value)) {
    const field = fieldOf(type, key);
    current[key] = mergeLists(before, value, field);
  } else if (hasDirective(value)) delete current[key];
  else setField(current, key, withoutDirectives(value));
}

function mergeLists(before: unknown[], additions: unknown[], { type, strategy }: Field): unknown[] {
  if (strategy.strategy !== 'merge') return additions;
  if (!before.length && !additions.length) return before;
  if (itemKind(before, additions) !== 'map') {
    const isWanted = presence(additions, strategy.mergeKey);
    const merged = [...new Set([...before, ...additions])];
    merged.forEach(isWanted);
    return orderItems(merged, additions, before, identityOf(undefined));
  }
  return mergeItems(before as JsonMap[], additions as JsonMap[], strategy.mergeKey ?? '', type);
}

/** What the items of lists are, which must be the same of all. */
function itemKind(...lists: (readonly unknown[])[]): string {
  let kind: string | undefined;
  for (const list of lists)
    for (const item of list) {
      const own = goKind(item);
      if (kind === undefined && own === 'slice') throw noListOfLists();
      if (kind !== undefined && kind !== own) throw itemsDiffer(lists);
      kind = own;
    }
  if (kind === undefined) throw noItems();
  return kind;
}

function goKind(value: unknown): string {
  if (isJsonMap(value)) return 'map';
  if (Array.isArray(value)) return 'slice';
  if (typeof value === 'bigint') return 'int64';
  if (typeof value !== 'number') return value === null ? 'null' : typeof value;
  return Number.isInteger(value) ? 'int64' : 'float64';
}

function deleteItems(current: JsonMap, name: string, deletions: unknown, type: FieldType): void {
  const before = Object.hasOwn(current, name) ? current[name] : undefined;
  if (isJsonMap(before) && isJsonMap(deletions)) {
    mergeField(current, name, deletions, type);
    return;
  }
  if (!Array.isArray(before) || !Array.isArray(deletions)) return;
  const field = fieldOf(type, name);
  if (!before.length && !deletions.length) return;
  if (itemKind(before, deletions) === 'map') {
    const mergeKey = field.strategy.mergeKey;
    if (!mergeKey) throw patchFailure(`cannot merge lists without merge key for ${kindName(field.type)}`);
    current[name] = mergeItems(before, deletions, mergeKey, field.type);
    return;
  }
  const deleted = new Set(deletions.map(comparable));
  current[name] = before.filter((item) => !deleted.has(item));
}

const kindName = ({ form }: FieldType): string => (form === 'structure' ? 'struct' : form === 'list' ? 'slice' : form);

function mergeItems(before: JsonMap[], patch: JsonMap[], mergeKey: string, type: FieldType): unknown[] {
  const ordinary: JsonMap[] = [];
  const deleted = new Set<unknown>();
  let replaces = false;
  for (const item of patch) {
    if (!Object.hasOwn(item, PATCH)) ordinary.push(item);
    else if (item[PATCH] === 'replace') replaces = true;
    else if (item[PATCH] === 'merge') throw patchFailure('merging lists cannot yet be specified in the patch');
    else if (item[PATCH] === 'delete') deleted.add(comparable(requireKey(item, mergeKey)));
    else throw unknownDirective(item[PATCH], item);
  }
  if (replaces) {
    checkKeys(mergeKey, ordinary);
    return ordinary;
  }
  const kept = before.filter((item) => !Object.hasOwn(item, mergeKey) || !deleted.has(item[mergeKey]));
  const merged: JsonMap[] = [...kept];
  // Looked up, not searched for: twenty thousand conditions in a node's status would hold the server for seconds.
  const places = new Map<unknown, number>();
  for (const [place, item] of merged.entries()) if (!places.has(keyOf(item, mergeKey))) places.set(keyOf(item, mergeKey), place);
  for (const item of ordinary) {
    const key = comparable(requireKey(item, mergeKey));
    const place = places.get(key);
    if (place === undefined) places.set(key, merged.push(item) - 1);
    else {
      merged[place] = mergeMap(merged[place]!, item, type);
      // A patch that takes the key away is told of below.
      if (keyOf(merged[place], mergeKey) !== key) places.delete(key);
    }
  }
  checkKeys(mergeKey, merged, ordinary, kept);
  return orderItems(merged, ordinary, kept, identityOf(mergeKey));
}

/** What is added as a whole: without what has a `$patch`, and without nulls but in a list that comes with its order. */
function withoutDirectives(value: unknown, nulls: 'dropped' | 'kept' = 'dropped'): unknown {
  if (Array.isArray(value)) return value.filter((item) => !hasDirective(item)).map((item) => withoutDirectives(item, nulls));
  if (!isJsonMap(value)) return value;
  const plain: JsonMap = {};
  for (const key of Object.keys(value)) {
    const inner = value[key];
    if (hasDirective(inner) || (inner === null && nulls === 'dropped')) continue;
    setField(plain, key, withoutDirectives(inner, nulls));
  }
  return plain;
}

/** A directive that is null is none where nothing is to be merged. */
const hasDirective = (value: unknown): boolean => isJsonMap(value) && Object.hasOwn(value, PATCH) && value[PATCH] !== null;
