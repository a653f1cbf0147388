/** What is different in objects with very wide maps, as labels or data, a few thousand keys in one turn of the event loop. */
import type { Steps } from '../../std/pauses.ts';
import { equalJson, isJsonMap, type JsonMap } from '../machinery/clone.ts';
import { compareObjects, type Difference } from './compare.ts';
import { type FieldSet, LEAF } from './field-set.ts';
import type { KnownItems } from './known-items.ts';
import type { StructureType } from './object-type.ts';
import { fieldElement } from './path-element.ts';
import { KEYS_IN_ONE_TURN, lengthened, shortened, type WideMap, wideMaps, withChild, withValueAt } from './wide-maps.ts';

/** As `compareObjects`. */
export function* compareInSteps(
  type: StructureType,
  old: JsonMap,
  now: JsonMap,
  except: readonly string[],
  known: KnownItems | undefined,
  keysInOneTurn = KEYS_IN_ONE_TURN,
): Steps<Difference> {
  const wide = (yield* wideMaps(type, now, keysInOneTurn)).filter(({ path }) => !except.includes(path[0]!));
  if (!wide.length) return compareObjects(type, old, now, except, known);
  const changing: { readonly wide: WideMap; readonly before: JsonMap }[] = [];
  const added: WideMap[] = [];
  for (const each of wide) {
    const before = valueAt(old, each.path);
    if (isJsonMap(before)) changing.push({ wide: each, before });
    else added.push(each);
  }
  const without = (object: JsonMap) => changing.reduce((rest, { wide: { path } }) => withValueAt(rest, path, {}), object);
  const rest = compareObjects(type, without(old), without(shortened(now, added)), except, known);
  let { changed, removed } = rest;
  changed = yield* lengthened(changed, added, keysInOneTurn);
  for (const { wide: each, before } of changing) {
    const found = yield* compareEntries(before, each, keysInOneTurn);
    if (found.changed) changed = withChild(changed, each.path, found.changed);
    if (found.removed) removed = withChild(removed, each.path, found.removed);
  }
  return { changed, removed };
}

function* compareEntries(
  before: JsonMap,
  { map, keys }: WideMap,
  keysInOneTurn: number,
): Steps<{ readonly changed?: FieldSet; readonly removed?: FieldSet }> {
  const isThere = (object: JsonMap, key: string) => Object.hasOwn(object, key) && object[key] !== undefined;
  let changed: Record<string, FieldSet> | undefined;
  let removed: Record<string, FieldSet> | undefined;
  for (const [i, key] of keys.entries()) {
    if (i % keysInOneTurn === 0) yield;
    if (!isThere(map, key) || (isThere(before, key) && equalJson(before[key], map[key]))) continue;
    changed ??= {};
    changed[fieldElement(key)] = LEAF;
  }
  const keysBefore = Object.keys(before);
  for (const [i, key] of keysBefore.entries()) {
    if (i % keysInOneTurn === 0) yield;
    if (!isThere(before, key) || isThere(map, key)) continue;
    removed ??= {};
    removed[fieldElement(key)] = LEAF;
  }
  return { ...(changed && { changed }), ...(removed && { removed }) };
}

function valueAt(object: JsonMap, path: readonly string[]): unknown {
  let value: unknown = object;
  for (const name of path) value = isJsonMap(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  return value;
}
