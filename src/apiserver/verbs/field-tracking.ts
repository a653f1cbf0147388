import { typeOfKind } from '../../api/apply/built-in-type.ts';
import type { KindVersions } from '../../api/apply/kind-versions.ts';
import { type Managers, sameOwners, writeManagedFields } from '../../api/apply/managed-fields.ts';
import { fieldsOutOfReach } from '../../api/apply/ownership.ts';
import { withoutAbsent } from '../../api/apply/present-fields.ts';
import {
  managersBefore,
  storedManagers,
  trackCreate,
  trackCreateInSteps,
  trackUpdate,
  type Writer,
} from '../../api/apply/track-update.ts';
import type { KindDefinition } from '../../api/machinery/kind.ts';
import { apiVersionOf } from '../../api/machinery/kind.ts';
import { type DynamicObject, formatTime } from '../../api/machinery/object.ts';
import type { Steps } from '../../std/pauses.ts';
import { fieldsEqual, jsonEqual } from '../store-access/json-equal.ts';

/**
 * Says in `metadata.managedFields` who owns which field, of objects on their way to the store. All change their argument in place, and are
 * to be run to their end; of `large` objects no step takes long.
 */
export interface FieldTracking {
  /** A new object with its defaults, before the server adds to it. */
  created(kind: KindDefinition, object: DynamicObject, nowMs: number, large?: boolean): Steps<void>;
  /** The same object as it is to be stored: nobody owns what the server took out again. */
  prepared(kind: KindDefinition, object: DynamicObject, large?: boolean): Steps<void>;
  /** What an update leads to, as it is to be stored. */
  updated(kind: KindDefinition, write: TrackedUpdate): Steps<void>;
}

export interface TrackedUpdate {
  readonly updated: DynamicObject;
  readonly old: DynamicObject;
  readonly versions: KindVersions;
  readonly nowMs: number;
  readonly large?: boolean;
}

/** Who makes a write. */
export interface FieldManager {
  readonly manager: string;
  /** Of a part, or of an action that writes the object (`scale`). */
  readonly subresource: string;
}

/** The tracking of plain writes: create, update and the patches that are no apply. */
export function trackPlainWrites({ manager, subresource }: FieldManager): FieldTracking {
  const writerOf = (kind: KindDefinition, nowMs: number): Writer => ({
    manager,
    operation: 'Update',
    apiVersion: apiVersionOf(kind),
    subresource,
    time: formatTime(nowMs),
  });
  return {
    *created(kind, object, nowMs, large) {
      const track = [typeOfKind(kind), object, writerOf(kind, nowMs), fieldsOutOfReach(kind, '', object)] as const;
      yield;
      setManagedFields(object, large ? yield* trackCreateInSteps(...track) : trackCreate(...track));
    },
    prepared: dropAbsent,
    *updated(kind, { updated, old, versions, nowMs, large }) {
      const stored = old.metadata.managedFields;
      // What comes by a subresource is about that alone.
      const sent = subresource ? undefined : updated.metadata.managedFields;
      if (!stored && !sent) {
        delete updated.metadata.managedFields;
        return;
      }
      const type = typeOfKind(kind);
      const before = managersBefore(sent, stored, jsonEqual);
      yield;
      const writer = writerOf(kind, nowMs);
      const except = fieldsOutOfReach(kind, subresource, updated);
      const after = yield* trackUpdate({
        ...{ type, versions, before: old, after: updated },
        ...{ managers: before.managers, writer, except },
      });
      yield;
      if (!before.stored) setManagedFields(updated, writeManagedFields(yield* withoutAbsent(type, updated, after, large)));
      else setManagedFields(updated, after === before.managers ? stored : writeManagedFields(after));
    },
  };
}

/** The tracking of an apply, whose plan has decided who owns what: `planned` is what it said last. */
export function trackApply(planned: () => Managers): FieldTracking {
  return {
    *created(kind, object, _nowMs, large) {
      setManagedFields(object, writeManagedFields(yield* withoutAbsent(typeOfKind(kind), object, planned(), large)));
    },
    prepared: dropAbsent,
    *updated(kind, { updated, old, large }) {
      const present = yield* withoutAbsent(typeOfKind(kind), updated, planned(), large);
      const stored = old.metadata.managedFields;
      // Not even the time of something that changes nothing.
      let same = sameOwners(present, storedManagers(stored));
      yield;
      same &&= sameButOwners(updated, old);
      setManagedFields(updated, same ? stored : writeManagedFields(present));
    },
  };
}

function* dropAbsent(kind: KindDefinition, object: DynamicObject, large?: boolean): Steps<void> {
  const managers = storedManagers(object.metadata.managedFields);
  const present = yield* withoutAbsent(typeOfKind(kind), object, managers, large);
  if (present !== managers) setManagedFields(object, writeManagedFields(present));
}

const sameButOwners = (a: DynamicObject, b: DynamicObject) =>
  fieldsEqual(a, b, ['metadata']) &&
  fieldsEqual(a.metadata as object as Record<string, unknown>, b.metadata as object as Record<string, unknown>, [
    'managedFields',
    'resourceVersion',
    'selfLink',
  ]);

function setManagedFields({ metadata }: DynamicObject, entries: DynamicObject['metadata']['managedFields']): void {
  if (entries) metadata.managedFields = entries;
  else delete metadata.managedFields;
}
