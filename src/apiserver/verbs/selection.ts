import { checkFieldSelector, type FieldSelector, parseFieldSelector } from '../../api/machinery/field-selector.ts';
import type { KindDefinition } from '../../api/machinery/kind.ts';
import { parseLabelSelector } from '../../api/machinery/label-selector.ts';
import type { RequestInfo } from '../contracts.ts';
import type { ListQuery } from '../request/query-options.ts';
import type { Keyspace } from '../store-access/keyspace.ts';
import type { CachedObject } from '../watch-cache/cached-object.ts';
import type { Trigger } from '../watch-cache/kind-cache.ts';

/** Which objects of a kind a list or watch is about. */
export interface Selection {
  readonly keyPrefix: string;
  /** The one name it is about. */
  readonly name?: string;
  readonly matches?: (object: CachedObject) => boolean;
  readonly trigger?: Trigger;
}

/** Reads path and selectors. Throws 400 for selectors that cannot be understood. */
export function parseSelection(kind: KindDefinition, info: RequestInfo, query: ListQuery, keyspace: Keyspace): Selection {
  const keyPrefix = keyspace.collectionPrefix(kind, info.namespace);
  const fields = query.fieldSelector ? parseFieldSelector(query.fieldSelector) : undefined;
  if (fields) checkFieldSelector(kind, fields);
  const labels = query.labelSelector ? parseLabelSelector(query.labelSelector) : undefined;
  // A name in the path (the old /watch/…/name) or as the only condition.
  const name = fields?.exact('metadata.name') ?? (query.fieldSelector ? undefined : info.name || undefined);
  const useFields = fields && !fields.empty;
  const useLabels = labels && !labels.empty;
  if (!useFields && !useLabels && name === undefined) return { keyPrefix };
  const matches = (object: CachedObject): boolean =>
    (name === undefined || object.name === name) &&
    (!useLabels || labels.matches(object.object.metadata.labels)) &&
    (!useFields || fields.matches((field) => fieldOf(kind, object, field)));
  const trigger = triggerFor(kind, name, fields);
  return { keyPrefix, matches, ...(name !== undefined && { name }), ...(trigger && { trigger }) };
}

function fieldOf(kind: KindDefinition, object: CachedObject, field: string): string {
  if (field === 'metadata.name') return object.name;
  if (field === 'metadata.namespace') return object.namespace;
  return kind.selectableFields[field]!(object.object);
}

function triggerFor(kind: KindDefinition, name: string | undefined, fields: FieldSelector | undefined): Trigger | undefined {
  if (name !== undefined) return { field: 'metadata.name', value: name, valueOf: (object) => object.name };
  // The index holds objects in their stored form, which another version's fields cannot be read from.
  if (!fields || kind.storedAs) return undefined;
  for (const field of Object.keys(kind.selectableFields)) {
    const value = fields.exact(field);
    if (value !== undefined) return { field, value, valueOf: (object) => kind.selectableFields[field]!(object.object) };
  }
  return undefined;
}
