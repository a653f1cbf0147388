import type { V1EndpointSlice } from '../../gen/types.ts';
import { equalJson } from '../../machinery/clone.ts';
import { ageColumn, formatSome, nameColumn, orElse, textColumn, UNSET } from '../../machinery/columns.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import {
  dropTopology,
  endpointSliceWarnings,
  validateEndpointSlice,
  validateEndpointSliceUpdate,
} from './endpoint-slice-validation.ts';

export const endpointSliceKind = defineKind({
  group: 'discovery.k8s.io',
  version: 'v1',
  kind: 'EndpointSlice',
  resource: 'endpointslices',
  namespaced: true,
  hasGeneration: true,
  columns: [
    nameColumn,
    textColumn<V1EndpointSlice>('AddressType', 'What its addresses are.', ({ addressType }) => addressType),
    textColumn<V1EndpointSlice>('Ports', 'Its ports.', ({ ports }) =>
      orElse(
        formatSome(
          (ports ?? []).map(({ port, name }) => String(port ?? name ?? '*')),
          3,
        ),
        UNSET,
      ),
    ),
    textColumn<V1EndpointSlice>('Endpoints', 'Its addresses.', ({ endpoints }) =>
      orElse(
        formatSome(
          (endpoints ?? []).flatMap(({ addresses }) => addresses),
          3,
        ),
        UNSET,
      ),
    ),
    ageColumn,
  ],
  setDefaults: (object) => {
    const { ports, endpoints } = object as unknown as V1EndpointSlice;
    for (const endpoint of endpoints ?? []) endpoint.conditions ??= {};
    for (const port of ports ?? []) {
      port.name ??= '';
      port.protocol ??= 'TCP';
    }
  },
  prepareForCreate: (object) => dropTopology(object),
  prepareForUpdate: (updated, existing) => {
    dropTopology(updated, existing);
    // Unlike for other kinds, labels are a part of what is wanted: they say whose endpoints these are.
    if (!equalJson(updated.metadata.labels ?? {}, existing.metadata.labels ?? {}))
      updated.metadata.generation = (existing.metadata.generation ?? 0) + 1;
  },
  validate: validateEndpointSlice,
  warnings: endpointSliceWarnings,
  validateUpdate: validateEndpointSliceUpdate,
});
