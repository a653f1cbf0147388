import type { V1EndpointSlice } from '../../gen/types.ts';
import { ageColumn, formatSome, nameColumn, orElse, textColumn, UNSET } from '../../machinery/columns.ts';
import { defineKind } from '../../machinery/define-kind.ts';

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
          (ports ?? []).map(({ port, name }) => orElse(port ?? name, '*')),
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
    for (const port of (object as unknown as V1EndpointSlice).ports ?? []) {
      port.name ??= '';
      port.protocol ??= 'TCP';
    }
  },
});
