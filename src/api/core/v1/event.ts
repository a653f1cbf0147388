import type { CoreV1Event } from '../../gen/types.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { eventColumns } from './event-columns.ts';
import { validateEvent } from './event-rules.ts';

const of =
  (field: (event: CoreV1Event) => string | undefined) =>
  (object: DynamicObject): string =>
    field(object as unknown as CoreV1Event) ?? '';

/** Events are kept in this form, whichever version they are written in. */
export const eventKind = defineKind({
  group: '',
  version: 'v1',
  kind: 'Event',
  resource: 'events',
  namespaced: true,
  anyFinalizers: true,
  shortNames: ['ev'],
  schema: 'CoreV1Event',
  nameRule: 'path-segment',
  ttlSeconds: 3600,
  columns: eventColumns,
  selectableFields: {
    'involvedObject.kind': of(({ involvedObject }) => involvedObject?.kind),
    'involvedObject.namespace': of(({ involvedObject }) => involvedObject?.namespace),
    'involvedObject.name': of(({ involvedObject }) => involvedObject?.name),
    'involvedObject.uid': of(({ involvedObject }) => involvedObject?.uid),
    'involvedObject.apiVersion': of(({ involvedObject }) => involvedObject?.apiVersion),
    'involvedObject.resourceVersion': of(({ involvedObject }) => involvedObject?.resourceVersion),
    'involvedObject.fieldPath': of(({ involvedObject }) => involvedObject?.fieldPath),
    reason: of(({ reason }) => reason),
    reportingComponent: of(({ reportingComponent }) => reportingComponent),
    source: of(({ source, reportingComponent }) => source?.component || reportingComponent),
    type: of(({ type }) => type),
  },
  validate: validateEvent,
});
