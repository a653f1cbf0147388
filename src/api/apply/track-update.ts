import type { Steps } from '../../std/pauses.ts';
import type { JsonMap } from '../machinery/clone.ts';
import type { DynamicObject, JsonObject, ManagedFieldsEntry } from '../machinery/object.ts';
import { compareObjects } from './compare.ts';
import { type FieldSet, isEmptySet } from './field-set.ts';
import { compareInSteps } from './in-steps.ts';
import { differencesIn, type KindVersions } from './kind-versions.ts';
import { KnownItems } from './known-items.ts';
import {
  asksForReset,
  capUpdaters,
  type Manager,
  type Managers,
  parseManagedFields,
  readManagedFields,
  writeEntry,
} from './managed-fields.ts';
import type { StructureType } from './object-type.ts';
import { ownable, ownUpdate } from './ownership.ts';
import { KEYS_IN_ONE_TURN, lengthened, shortened, wideMaps } from './wide-maps.ts';

/** Who makes a write, without what it comes to own. */
export type Writer = Omit<Manager, 'fields'>;

const NOTHING = Object.freeze({});

/** The managed fields of a new object, all of them its creator's. `except`: top-level fields that creators have no say in. */
export function trackCreate(
  type: StructureType,
  object: object,
  writer: Writer,
  except: readonly string[],
): ManagedFieldsEntry[] | undefined {
  return created(type, object, writer, except);
}

function created(
  type: StructureType,
  object: object,
  writer: Writer,
  except: readonly string[],
  known?: KnownItems,
): ManagedFieldsEntry[] | undefined {
  const fields = ownable(compareObjects(type, NOTHING, object, except, known).changed);
  return isEmptySet(fields) ? undefined : [writeEntry({ ...writer, fields })];
}

/** The same of a large object. */
export function* trackCreateInSteps(
  type: StructureType,
  object: object,
  writer: Writer,
  except: readonly string[],
  keysInOneTurn = KEYS_IN_ONE_TURN,
): Steps<ManagedFieldsEntry[] | undefined> {
  const map = object as JsonMap;
  const wide = yield* wideMaps(type, map, keysInOneTurn);
  const known = new KnownItems(keysInOneTurn);
  yield* known.learn(type, object);
  const [entry] = created(type, shortened(map, wide), writer, except, known) ?? [];
  if (!entry) return undefined;
  yield;
  return [{ ...entry, fieldsV1: (yield* lengthened(entry.fieldsV1 as FieldSet, wide, keysInOneTurn)) as JsonObject }];
}

/** The managers of a stored object. */
export function storedManagers(entries: readonly ManagedFieldsEntry[] | undefined): Managers {
  return entries ? readManagedFields(entries) : NOBODY;
}

const NOBODY: Managers = new Map();

/**
 * Whose fields they are before a plain write. Clients may send managed fields along: `[]` and `[{}]` drop all, readable ones replace what is
 * stored, and all else (none, or what does not parse) leaves it.
 */
export function managersBefore(
  sent: readonly ManagedFieldsEntry[] | undefined,
  stored: readonly ManagedFieldsEntry[] | undefined,
  isSame: (a: unknown, b: unknown) => boolean,
): ManagersBefore {
  const asStored = () => ({ managers: storedManagers(stored), stored: true });
  if (!sent || isSame(sent, stored)) return asStored();
  if (asksForReset(sent)) return { managers: NOBODY, stored: false };
  try {
    return { managers: parseManagedFields(sent), stored: false };
  } catch {
    return asStored(); // as upstream: clients that do not understand managed fields shall not lose them
  }
}

export interface ManagersBefore {
  readonly managers: Managers;
  /** As they are stored; else as the client wants them. */
  readonly stored: boolean;
}

export interface UpdateToTrack {
  readonly type: StructureType;
  readonly versions: KindVersions;
  readonly before: DynamicObject;
  readonly after: DynamicObject;
  readonly managers: Managers;
  readonly writer: Writer;
  /** Top-level fields that the write left as they were. */
  readonly except?: readonly string[];
}

/**
 * The managed fields after a plain write. Where nothing is tracked yet (the object was made before there were managed fields, or they
 * were dropped), nothing is: what somebody owned cannot be told any more.
 */
export function* trackUpdate(update: UpdateToTrack): Steps<Managers> {
  const { type, versions, before, after, managers, writer, except = [] } = update;
  if (managers.size === 0) return managers;
  const known = new KnownItems();
  yield* known.learn(type, before);
  yield* known.learn(type, after);
  const found = yield* compareInSteps(type, before, after, except, known);
  if (isEmptySet(ownable(found.changed)) && isEmptySet(ownable(found.removed))) return managers;
  yield;
  const write = { versions, apiVersion: writer.apiVersion, before, after, except };
  return capUpdaters(yield* ownUpdate(managers, writer, differencesIn(write, found), known));
}
