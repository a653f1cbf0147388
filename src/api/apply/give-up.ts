/** What somebody applies no more goes (structured-merge-diff's merge/update.go, prune). */
import type { Steps } from '../../std/pauses.ts';
import { cloneJson } from '../machinery/clone.ts';
import type { DynamicObject } from '../machinery/object.ts';
import { EMPTY, type FieldSet, isEmptySet, LEAF } from './field-set.ts';
import { fieldsOf, fieldsOfWide } from './fields-of.ts';
import { DIFFERENCE, INTERSECTION, inParts, type SetOperation, UNION, withNamedFieldsOf } from './in-parts.ts';
import type { KindVersions } from './kind-versions.ts';
import type { KnownItems } from './known-items.ts';
import type { Manager, Managers } from './managed-fields.ts';
import type { StructureType } from './object-type.ts';
import { withoutFields } from './remove.ts';

export interface GivingUp {
  readonly type: StructureType;
  readonly versions: KindVersions;
  /** In which the merged object is. */
  readonly apiVersion: string;
  /** With the applier, and what it owns now. */
  readonly managers: Managers;
  /** All that the applier says, with what nobody owns: its name keeps the metadata in place. */
  readonly mentioned: FieldSet;
  /** The applier and what it owned the last time. */
  readonly last: Manager | undefined;
  readonly known: KnownItems;
}

/** Always there, whoever owns what is in it. */
const IDENTITY: FieldSet = { 'f:apiVersion': LEAF, 'f:kind': LEAF, 'f:metadata': LEAF };

/**
 * Takes out of an object what its applier owned the last time, does not mention any more, and nobody else owns. Others keep what they
 * own together with all that it stands in; what stands in something that goes, and is nobody's, goes with it. Each manager is asked in
 * its own version, the last of all the one that the applier wrote before. Pauses between its passes, and in those over what is wide.
 */
export function* withoutGivenUp(merged: DynamicObject, giving: GivingUp): Steps<DynamicObject> {
  const { versions, apiVersion, managers, mentioned, last, known } = giving;
  if (!last || isEmptySet(last.fields)) return merged;
  const sets = setsFor(known);
  // Nothing is left out: nearly always.
  if (last.apiVersion === apiVersion && isEmptySet(yield* sets(DIFFERENCE, [last.fields, mentioned]))) return merged;
  const typeIn = (version: string) => (version === apiVersion ? giving.type : versions.typeOf(version));
  const inVersion = (object: DynamicObject, version: string) =>
    object.apiVersion === version ? object : versions.convert(object, version);
  const lastType = typeIn(last.apiVersion);
  if (!lastType) return merged;

  yield;
  const before = inVersion(merged, last.apiVersion);
  const lastNamed = yield* sets(withNamedFieldsOf(lastType), [last.fields]);
  yield;
  let stripped = withoutFields(lastType, before, lastNamed) as DynamicObject;
  yield;
  for (const [version, owned] of yield* ownedByVersion(managers, apiVersion, mentioned, sets)) {
    const type = typeIn(version);
    if (type) stripped = yield* putBack(type, inVersion(before, version), inVersion(stripped, version), owned, known);
  }
  const kept = inVersion(stripped, last.apiVersion);
  const was = yield* present(lastType, before, known);
  const is = yield* present(lastType, kept, known);
  const changed = yield* sets(DIFFERENCE, [was, is]);
  yield;
  const gone = yield* sets(INTERSECTION, [changed, lastNamed]);
  yield;
  if (isEmptySet(gone)) return merged;
  const left = withoutFields(lastType, before, gone) as DynamicObject;
  yield;
  return cloneJson(inVersion(left, apiVersion));
}

/** Does something with sets of fields: at once, or in parts. */
type Sets = (operation: SetOperation, sets: readonly FieldSet[]) => Steps<FieldSet>;

// biome-ignore lint/correctness/useYield: what is small is done without a pause
function* atOnce(operation: SetOperation, sets: readonly FieldSet[]): Steps<FieldSet> {
  return operation.of(sets, []);
}

const setsFor = (known: KnownItems): Sets => (known.isWide ? inParts : atOnce);

function* ownedByVersion(
  managers: Managers,
  apiVersion: string,
  mentioned: FieldSet,
  sets: Sets,
): Steps<ReadonlyMap<string, FieldSet>> {
  const owned = new Map([[apiVersion, mentioned]]);
  for (const manager of managers.values()) {
    owned.set(manager.apiVersion, yield* sets(UNION, [owned.get(manager.apiVersion) ?? EMPTY, manager.fields]));
    yield;
  }
  return owned;
}

/** What was taken out of an object and is somebody's is in it again. */
function* putBack(
  type: StructureType,
  whole: DynamicObject,
  stripped: DynamicObject,
  owned: FieldSet,
  known: KnownItems,
): Steps<DynamicObject> {
  const sets = setsFor(known);
  const there = yield* present(type, stripped, known);
  const named = yield* sets(withNamedFieldsOf(type), [yield* sets(UNION, [owned, IDENTITY])]);
  yield;
  const kept = yield* sets(UNION, [there, named]);
  yield;
  const all = yield* present(type, whole, known);
  const gone = yield* sets(DIFFERENCE, [all, kept]);
  yield;
  const left = withoutFields(type, whole, gone) as DynamicObject;
  yield;
  return left;
}

function* present(type: StructureType, value: DynamicObject | null, known: KnownItems): Steps<FieldSet> {
  if (known.isWide) yield* known.learn(type, value ?? {});
  const fields = known.isWide ? yield* fieldsOfWide(type, value ?? {}, known) : fieldsOf(type, value ?? {});
  yield;
  const named = yield* setsFor(known)(withNamedFieldsOf(type), [fields]);
  yield;
  return named;
}
