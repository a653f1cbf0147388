import type { V1EndpointSlice } from '../../api/gen/types.ts';
import { type Family, formatIp, parseIp } from '../../api/machinery/ip.ts';

/** One backend of a Service's port. */
export interface Endpoint {
  readonly ip: string;
  readonly port: number;
  readonly isLocal: boolean;
  readonly ready: boolean;
  /** Answers still, ready or on its way out. */
  readonly serving: boolean;
  readonly terminating: boolean;
  readonly zoneHints: readonly string[];
  readonly nodeHints: readonly string[];
}

export const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';

/** By `namespace/service`, then by `portName/protocol`. */
export type EndpointTable = ReadonlyMap<string, ReadonlyMap<string, readonly Endpoint[]>>;

/** How an address and a port are written together. */
export const endpointText = ({ ip, port }: Pick<Endpoint, 'ip' | 'port'>): string =>
  ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;

/**
 * The endpoints of a family, from all slices. What two slices tell of one endpoint is one endpoint; a ready one goes before one that is
 * not, since a pod moves from slice to slice. Sorted, so that the same slices always make the same rules.
 */
export function readEndpoints(slices: readonly V1EndpointSlice[], family: Family, nodeName: string): EndpointTable {
  const table = new Map<string, Map<string, Map<string, Endpoint>>>();
  for (const slice of slices) {
    const service = slice.metadata?.labels?.[SERVICE_NAME_LABEL];
    if (!service || slice.addressType !== (family === 4 ? 'IPv4' : 'IPv6')) continue;
    const key = `${slice.metadata?.namespace}/${service}`;
    const ports = table.get(key) ?? new Map<string, Map<string, Endpoint>>();
    table.set(key, ports);
    for (const { name = '', protocol = 'TCP', port } of slice.ports ?? []) {
      if (!port) continue;
      const portKey = `${name}/${protocol.toLowerCase()}`;
      const known = ports.get(portKey) ?? new Map<string, Endpoint>();
      ports.set(portKey, known);
      for (const raw of slice.endpoints ?? []) {
        const endpoint = readEndpoint(raw, { port, family, nodeName });
        if (!endpoint) continue;
        const text = endpointText(endpoint);
        const previous = known.get(text);
        if (!previous || rank(endpoint) > rank(previous)) known.set(text, endpoint);
      }
    }
  }
  return new Map([...table].map(([key, ports]) => [key, new Map([...ports].map(([port, known]) => [port, sorted(known)]))]));
}

type SliceEndpoint = NonNullable<V1EndpointSlice['endpoints']>[number];

function readEndpoint(
  { addresses, conditions = {}, nodeName, hints }: SliceEndpoint,
  about: { port: number; family: Family; nodeName: string },
): Endpoint | undefined {
  // All but the first are ignored: consumers of slices are told to.
  const address = parseIp(addresses?.[0] ?? '');
  if (address?.family !== about.family) return undefined;
  const ready = conditions.ready ?? true;
  return {
    ip: formatIp(address),
    port: about.port,
    isLocal: nodeName !== undefined && nodeName === about.nodeName,
    ready,
    serving: conditions.serving ?? true,
    terminating: conditions.terminating ?? false,
    zoneHints: (hints?.forZones ?? []).map(({ name }) => name),
    nodeHints: (hints?.forNodes ?? []).map(({ name }) => name),
  };
}

const rank = ({ ready, serving }: Endpoint) => (ready ? 2 : serving ? 1 : 0);

const sorted = (known: ReadonlyMap<string, Endpoint>): Endpoint[] =>
  [...known].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, endpoint]) => endpoint);
