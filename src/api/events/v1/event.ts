import { defineKind } from '../../machinery/define-kind.ts';

export const eventKind = defineKind({
  group: 'events.k8s.io',
  version: 'v1',
  kind: 'Event',
  resource: 'events',
  namespaced: true,
  shortNames: ['ev'],
  schema: 'EventsV1Event',
  ttlSeconds: 3600,
});
