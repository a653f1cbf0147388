import { defineKind } from '../../machinery/define-kind.ts';

export const eventKind = defineKind({
  group: '',
  version: 'v1',
  kind: 'Event',
  resource: 'events',
  namespaced: true,
  shortNames: ['ev'],
  schema: 'CoreV1Event',
  ttlSeconds: 3600,
});
