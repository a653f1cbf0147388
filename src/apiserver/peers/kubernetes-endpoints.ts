import { endpointsKind } from '../../api/core/v1/endpoints.ts';
import { endpointSliceKind } from '../../api/discovery/v1/endpoint-slice.ts';
import type { V1Endpoints } from '../../api/gen/types.ts';
import type { KindDefinition } from '../../api/machinery/kind.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import type { ObjectReader, ObjectWriter } from '../contracts.ts';
import { ensureObject, type WantedObject } from '../ensure-object.ts';
import { fieldsEqual } from '../store-access/json-equal.ts';
import type { StoredEndpoints } from './plan-endpoints.ts';

export interface EndpointsDeps {
  readonly kinds: readonly KindDefinition[];
  readonly reader: ObjectReader;
  readonly writer: ObjectWriter;
  /** Where the servers listen. */
  readonly port: number;
}

const NAME = 'kubernetes';
const NAMESPACE = 'default';
const metadata = { name: NAME, namespace: NAMESPACE };

/** The addresses behind the Service `kubernetes` as they are stored now. */
export async function readEndpoints({ kinds, reader }: EndpointsDeps): Promise<StoredEndpoints> {
  if (!kinds.includes(endpointsKind)) return { addresses: undefined };
  await reader.waitFresh(endpointsKind);
  const { subsets = [] } = (reader.get(endpointsKind, NAMESPACE, NAME) ?? {}) as V1Endpoints;
  if (subsets.length !== 1) return { addresses: undefined };
  return { addresses: (subsets[0]!.addresses ?? []).map(({ ip }) => ip) };
}

/** Makes the Service `kubernetes` lead to these addresses: its Endpoints and its EndpointSlice. Writes nothing when it does. */
export async function writeEndpoints(deps: EndpointsDeps, addresses: readonly string[]): Promise<void> {
  const ports = [{ name: 'https', port: deps.port, protocol: 'TCP' }];
  const subsets = addresses.length > 0 ? [{ addresses: addresses.map((ip) => ({ ip })), ports }] : [];
  const endpoints: WantedObject = {
    // The slice is written below; the mirror is not to make another.
    metadata: { ...metadata, labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } },
    subsets,
  };
  const slice = {
    addressType: addresses.some((address) => address.includes(':')) ? 'IPv6' : 'IPv4',
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
    ports,
  };
  const labelled = { ...metadata, labels: { 'kubernetes.io/service-name': NAME } };
  const { kinds } = deps;
  await Promise.all([
    kinds.includes(endpointsKind) &&
      ensureObject(deps, endpointsKind, endpoints, (existing) =>
        fieldsEqual({ subsets }, { subsets: existing['subsets'] ?? [] }),
      ),
    kinds.includes(endpointSliceKind) &&
      ensureObject(deps, endpointSliceKind, { metadata: labelled, ...slice }, (existing) => fieldsEqual(slice, shown(existing))),
  ]);
}

const shown = ({
  addressType,
  endpoints,
  ports,
}: DynamicObject & { addressType?: unknown; endpoints?: unknown; ports?: unknown }) => ({
  addressType,
  endpoints: endpoints ?? [],
  ports,
});
