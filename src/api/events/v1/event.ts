import { eventKind as coreEventKind } from '../../core/v1/event.ts';
import { validateEvent, validateEventUpdate, validateNewEvent } from '../../core/v1/event-rules.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { fromCoreEvent, toCoreEvent } from './convert-event.ts';

const selectable = (coreField: string) => (object: DynamicObject) =>
  coreEventKind.selectableFields[coreField]!(toCoreEvent(object));

/** The same objects as core Events, under the names of the newer group. */
export const eventKind = defineKind({
  group: 'events.k8s.io',
  version: 'v1',
  kind: 'Event',
  resource: 'events',
  namespaced: true,
  anyFinalizers: true,
  shortNames: ['ev'],
  schema: 'EventsV1Event',
  nameRule: coreEventKind.nameRule,
  ttlSeconds: coreEventKind.ttlSeconds,
  storedAs: { group: '', version: 'v1', kind: 'Event', fromStored: fromCoreEvent, toStored: toCoreEvent },
  columns: coreEventKind.columns.map((column) => ({
    ...column,
    cell: (object, nowMs) => column.cell(toCoreEvent(object), nowMs),
  })),
  selectableFields: {
    'regarding.kind': selectable('involvedObject.kind'),
    'regarding.namespace': selectable('involvedObject.namespace'),
    'regarding.name': selectable('involvedObject.name'),
    'regarding.uid': selectable('involvedObject.uid'),
    'regarding.apiVersion': selectable('involvedObject.apiVersion'),
    'regarding.resourceVersion': selectable('involvedObject.resourceVersion'),
    'regarding.fieldPath': selectable('involvedObject.fieldPath'),
    reason: selectable('reason'),
    reportingController: selectable('reportingComponent'),
    type: selectable('type'),
  },
  validate: (object, _context, existing) => {
    const event = toCoreEvent(object);
    return [...validateEvent(event), ...(existing ? [] : validateNewEvent(event))];
  },
  validateUpdate: (updated, existing) => validateEventUpdate(toCoreEvent(updated), toCoreEvent(existing)),
});
