/** `metadata.managedFields` as a map of managers, and back (apimachinery/pkg/util/managedfields/internal/managedfields.go). */
import type { JsonObject, ManagedFieldsEntry } from '../machinery/object.ts';
import { EMPTY, equalSets, type FieldSet, isEmptySet, union } from './field-set.ts';
import { parseFieldSet } from './parse-field-set.ts';

/** Who owns what, and by which kind of request. */
export interface Manager {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly subresource: string;
  /** When it last came to own something, gave something up or gave something another value. */
  readonly time: string | undefined;
  readonly fields: FieldSet;
}

/** By `managerId`. */
export type Managers = ReadonlyMap<string, Manager>;

/** Two entries with the same id are one. Appliers are the same in every version. */
export function managerId({ manager, operation, apiVersion, subresource }: Omit<Manager, 'time' | 'fields'>): string {
  return JSON.stringify([manager, operation, operation === 'Apply' ? '' : apiVersion, subresource]);
}

/** Reads entries that a client sent. Throws an Error that says what is wrong with them. */
export function parseManagedFields(entries: readonly ManagedFieldsEntry[]): Managers {
  return readManagers(entries, (entry, place) => {
    if (entry.operation !== 'Apply' && entry.operation !== 'Update') throw new Error('operation must be `Apply` or `Update`');
    if (!entry.apiVersion) throw new Error('apiVersion must not be empty');
    if (!entry.fieldsType) throw new Error(`missing fieldsType in managed fields entry ${place}`);
    if (entry.fieldsType !== 'FieldsV1')
      throw new Error(`invalid fieldsType ${JSON.stringify(entry.fieldsType)} in managed fields entry ${place}`);
    return entry.fieldsV1 === undefined ? EMPTY : parseFieldSet(entry.fieldsV1);
  });
}

/** Reads entries as this server wrote them: their sets are in canonical form, and are taken as they are. */
export function readManagedFields(entries: readonly ManagedFieldsEntry[]): Managers {
  return readManagers(entries, (entry) => (entry.fieldsV1 ?? EMPTY) as FieldSet);
}

function readManagers(
  entries: readonly ManagedFieldsEntry[],
  fieldsOf: (entry: ManagedFieldsEntry, place: number) => FieldSet,
): Managers {
  const managers = new Map<string, Manager>();
  entries.forEach((entry, place) => {
    const fields = fieldsOf(entry, place);
    const { manager = '', operation = 'Update', apiVersion = '', subresource = '', time } = entry;
    const read: Manager = { manager, operation, apiVersion, subresource, time, fields };
    managers.set(managerId(read), read);
  });
  return managers;
}

/** The entries of the managers that own anything, in upstream's order; undefined when nobody does. */
export function writeManagedFields(managers: Managers): ManagedFieldsEntry[] | undefined {
  const owning = [...managers.values()].filter(({ fields }) => !isEmptySet(fields));
  if (!owning.length) return undefined;
  return owning.sort(byPlace).map(writeEntry);
}

export function writeEntry({ manager, operation, apiVersion, subresource, time, fields }: Manager): ManagedFieldsEntry {
  return {
    ...(manager && { manager }),
    operation,
    apiVersion,
    ...(time !== undefined && { time }),
    fieldsType: 'FieldsV1',
    fieldsV1: fields as JsonObject,
    ...(subresource && { subresource }),
  };
}

const compareTexts = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** Appliers first, then the older ones; times are all in UTC and of the same form. */
const byPlace = (a: Manager, b: Manager) =>
  compareTexts(a.operation, b.operation) ||
  compareTexts(a.time ?? '', b.time ?? '') ||
  compareTexts(a.manager, b.manager) ||
  compareTexts(a.apiVersion, b.apiVersion) ||
  compareTexts(a.subresource, b.subresource);

/** Whether the same managers own the same, whenever they came to. */
export function sameOwners(a: Managers, b: Managers): boolean {
  if (a === b) return true;
  if (a.size !== b.size) return false;
  for (const [id, manager] of a) {
    const other = b.get(id);
    if (!other || other.apiVersion !== manager.apiVersion || !equalSets(manager.fields, other.fields)) return false;
  }
  return true;
}

/** `[]` or `[{}]`: how a client asks that nothing is owned any more. */
export function asksForReset(entries: readonly ManagedFieldsEntry[]): boolean {
  return !entries.length || (entries.length === 1 && Object.keys(entries[0]!).length === 0);
}

/** Managers of plain writes that are kept apart; above it the oldest become one. */
const MOST_UPDATERS = 10;
export const ANCIENT_CHANGES = 'ancient-changes';

/** Merges the oldest updaters of a version into one (capmanagers.go). */
export function capUpdaters(managers: Managers): Managers {
  const updaters = [...managers].filter(([, { operation }]) => operation === 'Update');
  if (updaters.length <= MOST_UPDATERS) return managers;
  updaters.sort(([idA, a], [idB, b]) => compareTexts(a.time ?? '', b.time ?? '') || compareTexts(idA, idB));
  const capped = new Map(managers);
  const firstOfVersion = new Map<string, string>();
  /** What becomes one, by its id: united at the end, for a client may send ten thousand managers. */
  const united = new Map<string, FieldSet[]>();
  let left = updaters.length;
  for (const [id, updater] of updaters) {
    if (left <= MOST_UPDATERS) break;
    const { apiVersion, time } = updater;
    const first = firstOfVersion.get(apiVersion);
    if (first === undefined) {
      firstOfVersion.set(apiVersion, id);
      continue;
    }
    const bucket = { manager: ANCIENT_CHANGES, operation: 'Update', apiVersion, subresource: '', time } as const;
    const bucketId = managerId(bucket);
    const known = capped.get(bucketId) ?? capped.get(first)!;
    if (!capped.has(bucketId)) capped.delete(first);
    capped.delete(id);
    const sets = united.get(bucketId);
    if (sets) sets.push(updater.fields);
    else united.set(bucketId, [known.fields, updater.fields]);
    capped.set(bucketId, { ...bucket, fields: EMPTY });
    left--;
  }
  for (const [id, sets] of united) capped.set(id, { ...capped.get(id)!, fields: unionOfAll(sets) });
  return capped;
}

/** Two by two, and those again: one by one each would be looked through as often as there are others behind it. */
function unionOfAll(sets: readonly FieldSet[]): FieldSet {
  let left = sets;
  while (left.length > 1)
    left = Array.from({ length: Math.ceil(left.length / 2) }, (_, i) => {
      const [one, other] = [left[2 * i]!, left[2 * i + 1]];
      return other ? union(other, one) : one;
    });
  return left[0] ?? EMPTY;
}
