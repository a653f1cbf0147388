/** Server-side apply, decided: what becomes of an object and of who owns it (structured-merge-diff's merge/update.go, Updater.Apply). */
import type { Steps } from '../../std/pauses.ts';
import { equalJson } from '../machinery/clone.ts';
import type { DynamicObject } from '../machinery/object.ts';
import { type Conflict, conflictError, conflictsOutside } from './conflicts.ts';
import { type FieldSet, isEmptySet } from './field-set.ts';
import { fieldsOf, fieldsOfWide } from './fields-of.ts';
import { withoutGivenUp } from './give-up.ts';
import { compareInSteps } from './in-steps.ts';
import { differencesIn, type KindVersions } from './kind-versions.ts';
import { KnownItems } from './known-items.ts';
import { fieldsLastApplied, KUBECTL, refreshLastApplied } from './last-applied.ts';
import { capUpdaters, type Manager, type Managers, managerId } from './managed-fields.ts';
import { mergeInSteps, mergeInto } from './merge.ts';
import type { StructureType } from './object-type.ts';
import { conflictsWith, disown, ownable } from './ownership.ts';
import { trackCreate, type Writer } from './track-update.ts';

/** Who owns what was there before anybody applied, where it was not tracked. */
export const BEFORE_FIRST_APPLY = 'before-first-apply';

export interface ApplyRequest {
  readonly type: StructureType;
  readonly versions: KindVersions;
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
  const { type, versions, live, configuration, writer, except } = request;
  const tracked = request.managers.size ? request.managers : ownedBefore(request);
  const id = managerId(writer);
  const last = tracked.get(id);
  const known = new KnownItems();
  yield* known.learn(type, configuration);
  const mentioned = without(
    known.isWide ? yield* fieldsOfWide(type, configuration, known) : fieldsOf(type, configuration, known),
    except,
  );
  const applied = ownable(mentioned);
  yield;
  const managers = new Map(tracked).set(id, { ...writer, fields: applied });

  yield* known.learn(type, live);
  const merged = (
    known.isWide ? yield* mergeInSteps(type, live, configuration, known) : mergeInto(type, live, configuration, known)
  ) as DynamicObject;
  yield;
  const object = yield* withoutGivenUp(merged, {
    type,
    versions,
    apiVersion: writer.apiVersion,
    managers,
    mentioned,
    last,
    known,
  });
  yield;
  yield* known.learn(type, object);
  const found = yield* compareInSteps(type, live, object, except, known);
  const write = { versions, apiVersion: writer.apiVersion, before: live, after: object, except };
  const differenceIn = differencesIn(write, found);
  yield;
  if (!request.force) yield* refuseConflicts(request, yield* conflictsWith(managers, id, differenceIn, known));

  const unchanged = isEmptySet(found.changed) && isEmptySet(found.removed) && equalJson(live, object);
  yield;
  const left = yield* disown(managers, id, differenceIn, known);
  if (isEmptySet(applied)) left.delete(id);
  else if (unchanged) left.set(id, { ...writer, fields: applied, time: last?.time });
  if (unchanged) return { object: undefined, managers: capUpdaters(left) };
  if (writer.manager === KUBECTL && !writer.subresource) refreshLastApplied(object, configuration);
  return { object, managers: capUpdaters(left) };
}

/** Kubectl may take over what its own client-side apply set; nothing else of others. */
function* refuseConflicts({ type, live, writer }: ApplyRequest, conflicts: readonly Conflict[]): Steps<void> {
  if (!conflicts.length) return;
  const left = writer.manager === KUBECTL ? conflictsOutside(conflicts, fieldsLastApplied(type, live)) : conflicts;
  yield;
  if (left.length) throw yield* conflictError(left);
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
