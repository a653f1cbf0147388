/** Who owns what after a write (structured-merge-diff's merge/update.go). */
import type { Steps } from '../../std/pauses.ts';
import type { KindDefinition } from '../machinery/kind.ts';
import type { DynamicObject } from '../machinery/object.ts';
import { SAME } from './compare.ts';
import type { Conflict } from './conflicts.ts';
import { difference, EMPTY, type FieldSet, intersection, isEmptySet, LEAF, union, withoutBranches } from './field-set.ts';
import { DIFFERENCE, INTERSECTION, inParts, UNION, WITHOUT_BRANCHES } from './in-parts.ts';
import type { DifferenceIn } from './kind-versions.ts';
import type { KnownItems } from './known-items.ts';
import { type Manager, type Managers, managerId } from './managed-fields.ts';

const METADATA = [
  'name',
  'namespace',
  'creationTimestamp',
  'selfLink',
  'uid',
  'clusterName',
  'generation',
  'managedFields',
  'resourceVersion',
];

/** What says which object it is, or is the server's: nobody owns it. */
const NOBODYS: FieldSet = {
  'f:apiVersion': LEAF,
  'f:kind': LEAF,
  'f:metadata': { '.': LEAF, ...Object.fromEntries(METADATA.map((name) => [`f:${name}`, LEAF])) },
};

/** The set without what nobody owns. */
export const ownable = (fields: FieldSet): FieldSet => difference(fields, NOBODYS);

/**
 * Top-level fields that a write cannot change, so that its writer does not come to own them: status by the object itself where there
 * is a status subresource, everything else by that subresource.
 */
export function fieldsOutOfReach(kind: KindDefinition, subresource: string, object: DynamicObject): string[] {
  const ofStatus = subresource === 'status' || subresource === 'approval';
  if (ofStatus) return Object.keys(object).filter((name) => name !== 'status' && name !== 'metadata');
  return subresource || kind.parts.some(({ name }) => name === 'status') ? ['status'] : [];
}

/** What others own of what a write changed. Pauses after each of them. */
export function* conflictsWith(
  managers: Managers,
  ownId: string,
  differenceIn: DifferenceIn,
  known?: KnownItems,
): Steps<Conflict[]> {
  const conflicts: Conflict[] = [];
  for (const [id, manager] of managers) {
    if (id === ownId) continue;
    const changed = differenceIn(manager.apiVersion)?.changed ?? EMPTY;
    if (isEmptySet(changed)) continue;
    const fields = known?.isWide
      ? yield* inParts(INTERSECTION, [manager.fields, changed])
      : intersection(manager.fields, changed);
    if (!isEmptySet(fields)) conflicts.push({ manager, fields });
    yield;
  }
  return conflicts;
}

/** Takes what was changed or removed from everybody but the writer; who owns nothing any more is dropped, and so is who owns fields of no version. */
export function* disown(
  managers: Managers,
  ownId: string,
  differenceIn: DifferenceIn,
  known?: KnownItems,
): Steps<Map<string, Manager>> {
  const left = new Map<string, Manager>();
  for (const [id, manager] of managers) {
    if (id === ownId) {
      left.set(id, manager);
      continue;
    }
    const found = differenceIn(manager.apiVersion);
    if (!found) continue;
    const fields = known?.isWide
      ? yield* inParts(WITHOUT_BRANCHES, [yield* inParts(DIFFERENCE, [manager.fields, found.changed]), found.removed])
      : withoutBranches(difference(manager.fields, found.changed), found.removed);
    yield;
    if (!isEmptySet(fields)) left.set(id, fields === manager.fields ? manager : { ...manager, fields });
  }
  return left;
}

/** After a plain write: the writer owns what it changed besides what it owned, and nobody owns what is gone. */
export function* ownUpdate(
  managers: Managers,
  writer: Omit<Manager, 'fields'>,
  differenceIn: DifferenceIn,
  known?: KnownItems,
): Steps<Map<string, Manager>> {
  const id = managerId(writer);
  const found = differenceIn(writer.apiVersion) ?? SAME;
  const after = yield* disown(managers, id, differenceIn, known);
  const before = managers.get(id);
  // In this order: an item that is there twice now is both, removed with what was in it, and changed.
  const had = before?.fields ?? EMPTY;
  const owned = known?.isWide
    ? yield* inParts(UNION, [yield* inParts(WITHOUT_BRANCHES, [had, found.removed]), found.changed])
    : union(withoutBranches(had, found.removed), found.changed);
  yield;
  const fields = ownable(owned);
  // A writer that only took fields away has written all the same.
  if (isEmptySet(fields)) after.delete(id);
  else after.set(id, { ...writer, fields });
  return after;
}
