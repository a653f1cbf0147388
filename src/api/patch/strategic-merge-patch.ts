/**
 * Strategic merge patch (apimachinery/pkg/util/strategicpatch): a merge patch that knows by which field the items of a list are told
 * apart, with the directives $patch, $retainKeys, $setElementOrder and $deleteFromPrimitiveList.
 */

import { exactJsonText } from '../../std/exact-json.ts';
import { cloneJson, isJsonMap, type JsonMap, setField } from '../machinery/clone.ts';
import { fieldOfSchema, goTypeName } from '../machinery/schema.ts';
import { badRequest } from '../machinery/status-error.ts';
import { type Identity, orderItems } from './element-order.ts';
import { type PatchStrategy, patchStrategyOf } from './merge-keys.ts';

const SET_ELEMENT_ORDER = '$setElementOrder/';
const DELETE_FROM_PRIMITIVES = '$deleteFromPrimitiveList/';
const RETAIN_KEYS = '$retainKeys';
const PATCH = '$patch';

const LIST_FORMATS = 'invalid patch format';

/**
 * The document after the patch; it shares nothing with either argument. `schemaName` is the document's type, `V1Pod`.
 * Throws a BadRequest when the patch's directives make no sense.
 */
export function applyStrategicMergePatch<T>(document: T, patch: unknown, schemaName: string): T {
  if (!isJsonMap(patch)) throw badRequest('invalid JSON document: a strategic merge patch is an object');
  return mergeMap(cloneJson(document) as JsonMap, cloneJson(patch), schemaName) as T;
}

/** Merges into `current`; both are the caller's own. `schema` is undefined below fields whose type is not known. */
function mergeMap(current: JsonMap, patch: JsonMap, schema: string | undefined): JsonMap {
  if (Object.hasOwn(patch, PATCH)) return applyMapDirective(patch);
  retainKeys(current, patch);
  const handled = mergeOrderedLists(current, patch, schema);
  for (const key of Object.keys(patch)) {
    if (handled.has(key) || key === RETAIN_KEYS || key.startsWith(SET_ELEMENT_ORDER)) continue;
    const value = patch[key];
    if (key.startsWith(DELETE_FROM_PRIMITIVES)) {
      const name = key.slice(DELETE_FROM_PRIMITIVES.length);
      if (Array.isArray(current[name])) current[name] = withoutPrimitives(current[name], value);
    } else if (value === null) delete current[key];
    else setField(current, key, mergeField(Object.hasOwn(current, key) ? current[key] : undefined, value, schema, key));
  }
  return current;
}

function applyMapDirective(patch: JsonMap): JsonMap {
  const { [PATCH]: directive, ...rest } = patch;
  if (directive === 'replace') return withoutDirectives(rest) as JsonMap;
  if (directive === 'delete') return {};
  throw unknownDirective(directive, patch);
}

function unknownDirective(directive: unknown, map: JsonMap): Error {
  const name = typeof directive === 'string' ? directive : exactJsonText(directive);
  return badRequest(`unknown patch type: ${name} in map: ${exactJsonText(map)}`);
}

/** Drops every field that `$retainKeys` does not name: how a union is switched from one member to another. */
function retainKeys(current: JsonMap, patch: JsonMap): void {
  const kept = patch[RETAIN_KEYS];
  if (kept === undefined) return;
  const names = new Set(Array.isArray(kept) ? kept : []);
  const own = Object.keys(patch).filter((key) => !key.startsWith('$') && patch[key] !== null);
  if (!Array.isArray(kept) || own.some((key) => !names.has(key))) throw badRequest(`${LIST_FORMATS} of retainKeys`);
  for (const key of Object.keys(current)) if (!names.has(key)) delete current[key];
}

/** Handles each list that has a `$setElementOrder`; returns the names of those lists. */
function mergeOrderedLists(current: JsonMap, patch: JsonMap, schema: string | undefined): Set<string> {
  const handled = new Set<string>();
  for (const directive of Object.keys(patch)) {
    if (!directive.startsWith(SET_ELEMENT_ORDER)) continue;
    const name = directive.slice(SET_ELEMENT_ORDER.length);
    const order = patch[directive];
    const additions = patch[name];
    if (!Array.isArray(order) || (additions !== undefined && additions !== null && !Array.isArray(additions)))
      throw badRequest(`${LIST_FORMATS} of setElementOrder list`);
    const identify = identityOf(strategyOf(schema, name)?.mergeKey);
    checkOrder(additions ?? [], order, identify);
    const before = Array.isArray(current[name]) ? (current[name] as unknown[]) : undefined;
    if (additions === null) continue;
    handled.add(name);
    const deletions = patch[DELETE_FROM_PRIMITIVES + name];
    if (before === undefined && additions === undefined) continue;
    let merged = additions === undefined ? before! : (mergeField(before, additions, schema, name) as unknown[]);
    if (deletions !== undefined) merged = withoutPrimitives(merged, deletions);
    current[name] = orderItems(merged, order, before ?? [], identify);
  }
  return handled;
}

/** The patch's items must be in the order that it sets, and all in it, but for those that it deletes. */
function checkOrder(additions: readonly unknown[], order: readonly unknown[], identify: Identity): void {
  const identities = order.map(identify);
  let from = 0;
  for (const item of additions) {
    if (isJsonMap(item) && Object.hasOwn(item, PATCH)) continue;
    const place = identities.indexOf(identify(item), from);
    if (place < 0)
      throw badRequest(
        `The order in patch list:\n${exactJsonText(additions)}\n doesn't match $setElementOrder list:\n${exactJsonText(order)}\n`,
      );
    from = place + 1;
  }
}

function strategyOf(schema: string | undefined, field: string): PatchStrategy | undefined {
  return schema === undefined ? undefined : patchStrategyOf(goTypeName(schema).name, field);
}

/** The structure that a field, or each of its items, holds. */
function schemaBelow(schema: string | undefined, field: string): string | undefined {
  let type = schema === undefined ? undefined : fieldOfSchema(schema, field);
  while (type && (type.form === 'list' || type.form === 'map')) type = type.of;
  return type?.form === 'structure' ? type.schema : undefined;
}

function mergeField(before: unknown, value: unknown, schema: string | undefined, field: string): unknown {
  const strategy = strategyOf(schema, field);
  if (isJsonMap(value)) {
    if (strategy?.strategy === 'replace' || !isJsonMap(before)) return withoutDirectives(value);
    return mergeMap(before, value, mapSchema(schema, field));
  }
  if (!Array.isArray(value)) return value;
  if (strategy?.strategy !== 'merge' || !Array.isArray(before)) return withoutDirectives(value);
  return strategy.mergeKey === undefined
    ? mergePrimitives(before, value)
    : mergeItems(before, value, strategy.mergeKey, schemaBelow(schema, field));
}

/** A map of structures has no fields of its own: below its keys, the types are not followed (no built-in list there is merged). */
function mapSchema(schema: string | undefined, field: string): string | undefined {
  const type = schema === undefined ? undefined : fieldOfSchema(schema, field);
  return type?.form === 'structure' ? type.schema : undefined;
}

function mergePrimitives(before: readonly unknown[], additions: readonly unknown[]): unknown[] {
  return orderItems([...new Set([...before, ...additions])], additions, before, (item) => item);
}

function withoutPrimitives(list: readonly unknown[], deletions: unknown): unknown[] {
  if (!Array.isArray(deletions)) throw badRequest(`${LIST_FORMATS} of primitive list`);
  const deleted = new Set<unknown>(deletions);
  return list.filter((item) => !deleted.has(item));
}

const identityOf =
  (mergeKey: string | undefined): Identity =>
  (item) =>
    mergeKey !== undefined && isJsonMap(item) ? item[mergeKey] : item;

function mergeItems(
  before: readonly unknown[],
  additions: readonly unknown[],
  mergeKey: string,
  schema: string | undefined,
): unknown[] {
  const items = additions.map((item) => requireKey(item, mergeKey));
  const ordinary = items.filter((item) => !Object.hasOwn(item, PATCH));
  const directives = items.filter((item) => Object.hasOwn(item, PATCH));
  const deleted = new Set<unknown>();
  for (const item of directives) {
    if (item[PATCH] === 'replace') return ordinary.map(withoutDirectives);
    if (item[PATCH] === 'merge') throw badRequest('merging lists cannot yet be specified in the patch');
    if (item[PATCH] !== 'delete') throw unknownDirective(item[PATCH], item);
    deleted.add(item[mergeKey]);
  }
  const merged = deleted.size
    ? before.filter((existing) => !isJsonMap(existing) || !deleted.has(existing[mergeKey]))
    : [...before];
  const identify = identityOf(mergeKey);
  // Looked up, not searched for: twenty thousand conditions in a node's status would hold the server for seconds.
  const places = new Map<unknown, number>();
  for (const [place, existing] of merged.entries()) if (!places.has(identify(existing))) places.set(identify(existing), place);
  for (const item of ordinary) {
    const place = places.get(item[mergeKey]) ?? merged.length;
    const existing = merged[place];
    if (isJsonMap(existing)) merged[place] = mergeMap(existing, item, schema);
    else {
      if (!places.has(item[mergeKey])) places.set(item[mergeKey], merged.length);
      merged.push(withoutDirectives(item));
    }
  }
  return orderItems(merged, ordinary, before, identify);
}

/** An item that replaces the whole list needs no key; every other one does. */
function requireKey(item: unknown, mergeKey: string): JsonMap {
  if (!isJsonMap(item))
    throw badRequest(`expected an object with ${JSON.stringify(mergeKey)} in a list that is merged, got ${exactJsonText(item)}`);
  if (!Object.hasOwn(item, mergeKey) && item[PATCH] !== 'replace')
    throw badRequest(`map: ${exactJsonText(item)} does not contain declared merge key: ${mergeKey}`);
  return item;
}

/** What is added as a whole: without directives, items to delete and nulls. */
function withoutDirectives(value: unknown): unknown {
  if (Array.isArray(value))
    return value
      .filter(
        (item) =>
          !(
            isJsonMap(item) &&
            (item[PATCH] === 'delete' ||
              (Object.keys(item).every((key) => key === PATCH && item[key] === 'replace') && Object.hasOwn(item, PATCH)))
          ),
      )
      .map(withoutDirectives);
  if (!isJsonMap(value)) return value;
  const plain: JsonMap = {};
  for (const key of Object.keys(value)) {
    const isDirective =
      key === PATCH || key === RETAIN_KEYS || key.startsWith(SET_ELEMENT_ORDER) || key.startsWith(DELETE_FROM_PRIMITIVES);
    if (!isDirective && value[key] !== null) setField(plain, key, withoutDirectives(value[key]));
  }
  return plain;
}
