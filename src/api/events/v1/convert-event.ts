/** Events as events.k8s.io/v1 and as core/v1 name their fields (pkg/apis/events/v1/conversion.go). */
import type { DynamicObject } from '../../machinery/object.ts';

/** Field of events.k8s.io/v1 → field of core/v1. All others have the same name in both. */
const RENAMED: readonly (readonly [newer: string, core: string])[] = [
  ['note', 'message'],
  ['regarding', 'involvedObject'],
  ['reportingController', 'reportingComponent'],
  ['deprecatedSource', 'source'],
  ['deprecatedFirstTimestamp', 'firstTimestamp'],
  ['deprecatedLastTimestamp', 'lastTimestamp'],
  ['deprecatedCount', 'count'],
];

const toCore: ReadonlyMap<string, string> = new Map(RENAMED);
const fromCore: ReadonlyMap<string, string> = new Map(RENAMED.map(([newer, core]) => [core, newer]));

function rename(event: DynamicObject, names: ReadonlyMap<string, string>, apiVersion: string): DynamicObject {
  const renamed: Record<string, unknown> = {};
  for (const field of Object.keys(event)) renamed[names.get(field) ?? field] = event[field];
  return { ...renamed, apiVersion, kind: 'Event', metadata: event.metadata };
}

/** Shares the fields' values with the argument. */
export function toCoreEvent(event: DynamicObject): DynamicObject {
  const core = rename(event, toCore, 'v1');
  core['involvedObject'] ??= {};
  return core;
}

/** Shares the fields' values with the argument. */
export function fromCoreEvent(event: DynamicObject): DynamicObject {
  return rename(event, fromCore, 'events.k8s.io/v1');
}
