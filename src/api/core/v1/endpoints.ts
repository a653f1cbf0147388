import type { V1Endpoints } from '../../gen/types.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { endpointsColumns } from './endpoints-columns.ts';
import { validateEndpoints } from './endpoints-validation.ts';

export const endpointsKind = defineKind({
  group: '',
  version: 'v1',
  kind: 'Endpoints',
  resource: 'endpoints',
  namespaced: true,
  shortNames: ['ep'],
  storagePath: 'services/endpoints',
  columns: endpointsColumns,
  deprecation: 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
  validate: validateEndpoints,
  setDefaults: (object) => {
    for (const { ports } of (object as V1Endpoints).subsets ?? []) for (const port of ports ?? []) port.protocol ||= 'TCP';
  },
});
