/** What Events must say, in the older group and in the newer one (core/validation events.go). */
import type { CoreV1Event } from '../../gen/types.ts';
import { checkField, checkImmutable, checkRequired, sameMeaning } from '../../machinery/field-checks.ts';
import { addErrors, invalidField, requiredField } from '../../machinery/field-error.ts';
import { checkDnsSubdomain, checkQualifiedName } from '../../machinery/names.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';

/** Events about objects without a namespace are kept in these. */
const DEFAULT_NAMESPACE = 'default';
const SYSTEM_NAMESPACE = 'kube-system';
const LONGEST = { reportingInstance: 128, action: 128, reason: 128, message: 1024 } as const;

const eventOf = (object: DynamicObject) => object as unknown as CoreV1Event;

/** An event lives where the object lives that it is about. What has an event time is of the newer kind, and complete. */
export function validateEvent(object: DynamicObject): FieldError[] {
  const event = eventOf(object);
  const errors = event.eventTime ? validateComplete(event) : validatePlace(event);
  return [...errors, ...checkField('namespace', event.metadata.namespace ?? '', checkDnsSubdomain)];
}

const misplaced = (namespace: string) => invalidField('involvedObject.namespace', namespace, 'does not match event.namespace');

function validatePlace({ metadata, involvedObject }: CoreV1Event): FieldError[] {
  const namespace = metadata.namespace ?? '';
  const about = involvedObject.namespace ?? '';
  const fits = about ? about === namespace : namespace === '' || namespace === DEFAULT_NAMESPACE;
  return fits ? [] : [misplaced(about)];
}

function validateComplete(event: CoreV1Event): FieldError[] {
  const { metadata, involvedObject, reportingComponent = '' } = event;
  const namespace = metadata.namespace ?? '';
  const errors: FieldError[] = [];
  if (!involvedObject.namespace && namespace !== DEFAULT_NAMESPACE && namespace !== SYSTEM_NAMESPACE) errors.push(misplaced(''));
  if (!reportingComponent) errors.push(requiredField('reportingController'));
  addErrors(errors, checkField('reportingController', reportingComponent, checkQualifiedName));
  for (const [field, most] of Object.entries(LONGEST)) {
    const text = event[field as keyof typeof LONGEST] ?? '';
    if (!text && field !== 'message') errors.push(requiredField(field));
    if (Buffer.byteLength(text) > most) errors.push(invalidField(field, '', `can have at most ${most} characters`));
  }
  return errors;
}

function validateSeries({ series }: CoreV1Event): FieldError[] {
  if (!series) return [];
  const errors: FieldError[] = [];
  if ((series.count ?? 0) < 2) errors.push(invalidField('series.count', '', 'should be at least 2'));
  return series.lastObservedTime ? errors : [...errors, requiredField('series.lastObservedTime')];
}

/** Besides `validateEvent`, for new events of events.k8s.io/v1. `object` is in the core form. */
export function validateNewEvent(object: DynamicObject): FieldError[] {
  const event = eventOf(object);
  const { metadata, eventTime, type, firstTimestamp, lastTimestamp, count, source } = event;
  const unset = (field: string) => invalidField(field, '', 'needs to be unset');
  return [
    ...checkRequired('metadata.name', metadata.name, checkDnsSubdomain),
    ...validateSeries(event),
    ...(eventTime ? [] : [requiredField('eventTime')]),
    ...(type === 'Normal' || type === 'Warning' ? [] : [invalidField('type', '', `has invalid value: ${type ?? ''}`)]),
    ...(firstTimestamp ? [unset('firstTimestamp')] : []),
    ...(lastTimestamp ? [unset('lastTimestamp')] : []),
    ...(count ? [unset('count')] : []),
    ...(source?.component || source?.host ? [unset('source')] : []),
  ];
}

/** The fields that stay, with the names that they are complained about by. */
const FIXED: readonly (readonly [field: keyof CoreV1Event, shown: string])[] = [
  ['involvedObject', 'involvedObject'],
  ['reason', 'reason'],
  ['message', 'message'],
  ['source', 'source'],
  ['firstTimestamp', 'firstTimestamp'],
  ['lastTimestamp', 'lastTimestamp'],
  ['count', 'count'],
  ['type', 'type'],
  ['eventTime', 'eventTime'],
  ['action', 'action'],
  ['related', 'related'],
  ['reportingComponent', 'reportingController'],
  ['reportingInstance', 'reportingInstance'],
];

/** Besides `validateEvent`, for updates by events.k8s.io/v1: only the series goes on. Both are in the core form. */
export function validateEventUpdate(updated: DynamicObject, existing: DynamicObject): FieldError[] {
  const [after, before] = [eventOf(updated), eventOf(existing)];
  return [
    ...(sameMeaning(after.series, before.series) ? [] : validateSeries(after)),
    ...FIXED.flatMap(([field, shown]) => checkImmutable(shown, after[field], before[field])),
  ];
}
