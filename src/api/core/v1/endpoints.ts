import { defineKind } from '../../machinery/define-kind.ts';
import { endpointsColumns } from './endpoints-columns.ts';

export const endpointsKind = defineKind({
  group: '',
  version: 'v1',
  kind: 'Endpoints',
  resource: 'endpoints',
  namespaced: true,
  shortNames: ['ep'],
  storagePath: 'services/endpoints',
  columns: endpointsColumns,
});
