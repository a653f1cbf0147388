/** Server-side apply, decided: what becomes of an object and of who owns it (structured-merge-diff's merge/update.go, Updater.Apply). */
import type { Steps } from '../../std/pauses.ts';
import { cloneJson, equalJson } from '../machinery/clone.ts';
import type { DynamicObject } from '../machinery/object.ts';
import { compareObjects } from './compare.ts';
import { type Conflict, conflictError, conflictsOutside } from './conflicts.ts';
import { difference, EMPTY, equalSets, type FieldSet, intersection, isEmptySet, LEAF, union } from './field-set.ts';
import { fieldsOf } from './fields-of.ts';
import { fieldsLastApplied, KUBECTL, refreshLastApplied } from './last-applied.ts';
import { capUpdaters, type Manager, type Managers, managerId } from './managed-fields.ts';
import { mergeInto } from './merge.ts';
import type { StructureType } from './object-type.ts';
import { conflictsWith, disown, ownable } from './ownership.ts';
import { withNamedFields, withoutFields } from './remove.ts';
import { trackCreate, type Writer } from './track-update.ts';

/** Who owns what was there before anybody applied, where it was not tracked. */
export const BEFORE_FIRST_APPLY = 'before-first-apply';

export interface ApplyRequest {
  readonly type: StructureType;
  /** What is there, without its managed fields counting; an empty object of the kind when nothing is. Not changed. */
  readonly live: DynamicObject;
  readonly managers: Managers;
  /** Checked already. Not changed. */
  readonly configuration: DynamicObject;
  readonly writer: Writer;
  readonly force: boolean;
  /** Top-level fields that this request has no say in. */
  readonly except: readonly string[];
}

export interface ApplyPlan {
  /** With the configuration's nulls, and before defaults; undefined when nothing changes but, perhaps, who owns it. */
  readonly object: DynamicObject | undefined;
  readonly managers: Managers;
}

/** @throws StatusError 409 that names the fields that others own, unless forced */
export function* planApply(request: ApplyRequest): Steps<ApplyPlan> {
  const { type, live, configuration, writer, except } = request;
  const tracked = request.managers.size ? request.managers : ownedBefore(request);
  const id = managerId(writer);
  const last = tracked.get(id)?.fields ?? EMPTY;
  const mentioned = without(fieldsOf(type, configuration), except);
  const applied = ownable(mentioned);
  yield;
  const managers = new Map(tracked).set(id, { ...writer, fields: applied });

  const merged = mergeInto(type, live, configuration);
  yield;
  const object = prune(type, merged, { managers, mentioned, last }) as DynamicObject;
  yield;
  const found = compareObjects(type, live, object, except);
  yield;
  if (!request.force) refuseConflicts(request, conflictsWith(managers, id, found));

  const unchanged = isEmptySet(found.changed) && isEmptySet(found.removed) && equalJson(live, object);
  yield;
  const left = disown(managers, id, found);
  const before = tracked.get(id);
  if (isEmptySet(applied)) left.delete(id);
  else if (before && unchanged && equalSets(before.fields, applied)) left.set(id, { ...before, apiVersion: writer.apiVersion });
  if (unchanged) return { object: undefined, managers: capUpdaters(left) };
  if (writer.manager === KUBECTL && !writer.subresource) refreshLastApplied(object, configuration);
  return { object, managers: capUpdaters(left) };
}

/** Kubectl may take over what its own client-side apply set; nothing else of others. */
function refuseConflicts({ type, live, writer }: ApplyRequest, conflicts: readonly Conflict[]): void {
  if (!conflicts.length) return;
  const left = writer.manager === KUBECTL ? conflictsOutside(conflicts, fieldsLastApplied(type, live)) : conflicts;
  if (left.length) throw conflictError(left);
}

function ownedBefore({ type, live, writer, except }: ApplyRequest): Managers {
  const first: Writer = { ...writer, manager: BEFORE_FIRST_APPLY, operation: 'Update' };
  const fields = trackCreate(type, live, first, except)?.[0]?.fieldsV1;
  const manager: Manager | undefined = fields && { ...first, fields: fields as FieldSet };
  return new Map(manager && [[managerId(first), manager]]);
}

function without(fields: FieldSet, names: readonly string[]): FieldSet {
  if (!names.some((name) => fields[`f:${name}`])) return fields;
  return Object.fromEntries(Object.entries(fields).filter(([element]) => !names.includes(element.slice(2))));
}

interface Pruning {
  readonly managers: Managers;
  /** All that the applier says, with what nobody owns: its name keeps the metadata in place. */
  readonly mentioned: FieldSet;
  readonly last: FieldSet;
}

/** Always there, whoever owns what is in it. */
const IDENTITY: FieldSet = { 'f:apiVersion': LEAF, 'f:kind': LEAF, 'f:metadata': LEAF };

/**
 * Takes out what the applier owned the last time, does not mention any more, and nobody else owns. Others keep what they own together
 * with all that it stands in; what stands in something that goes, and is nobody's, goes with it.
 */
function prune(type: StructureType, merged: unknown, { managers, mentioned, last }: Pruning): unknown {
  if (isEmptySet(difference(last, mentioned))) return merged; // nothing is left out: nearly always
  const named = (fields: FieldSet) => withNamedFields(type, fields);
  const present = (value: unknown) => named(fieldsOf(type, value ?? {}));
  const lastNamed = named(last);
  const all = present(merged);
  const stripped = withoutFields(type, merged, lastNamed);
  let owned = union(mentioned, IDENTITY);
  for (const { fields } of managers.values()) owned = union(owned, fields);
  const kept = withoutFields(type, merged, difference(all, union(present(stripped), named(owned))));
  const gone = intersection(difference(all, present(kept)), lastNamed);
  return cloneJson(withoutFields(type, merged, gone) ?? {});
}
