import { isIP } from 'node:net';
import type { V1Endpoint, V1EndpointAddress, V1EndpointSubset, V1Endpoints, V1Service } from '../../api/gen/types.ts';
import type { EndpointGroup } from '../endpointslice/plan.ts';
import { hasSelector } from '../endpointslice/service-pods.ts';

export const MIRROR_CONTROLLER = 'endpointslicemirroring-controller.k8s.io';
export const SKIP_MIRROR = 'endpointslice.kubernetes.io/skip-mirror';
const LEADER_ANNOTATION = 'control-plane.alpha.kubernetes.io/leader';

/** Whether slices are made of this object: a Service of its name selects no pods, and nobody said not to. */
export function isMirrored(endpoints: V1Endpoints | undefined, service: V1Service | undefined): boolean {
  if (!endpoints || !service || hasSelector(service)) return false;
  const { labels, annotations } = endpoints.metadata ?? {};
  return labels?.[SKIP_MIRROR] !== 'true' && annotations?.[LEADER_ANNOTATION] === undefined;
}

export interface Mirrored {
  readonly groups: readonly EndpointGroup[];
  /** How many addresses are no IP addresses. */
  readonly invalid: number;
  /** How many are left out for that or for the limit. */
  readonly skipped: number;
}

/** The same endpoints in the groups that slices hold; `limit` addresses of each subset at most. */
export function mirrorGroups(endpoints: V1Endpoints, limit: number): Mirrored {
  let invalid = 0;
  let skipped = 0;
  const groups = new Map<string, EndpointGroup & { endpoints: V1Endpoint[] }>();
  for (const subset of endpoints.subsets ?? []) {
    let room = limit;
    const ports = (subset.ports ?? []).map(({ name = '', port, protocol = 'TCP', appProtocol }) => ({
      name,
      port,
      protocol,
      ...(appProtocol !== undefined && { appProtocol }),
    }));
    const portsKey = JSON.stringify(ports);
    for (const [address, ready] of addressesIn(subset)) {
      const family = isIP(address.ip);
      if (room > 0 && family === 0) invalid++;
      if (room <= 0 || family === 0) {
        skipped++;
        continue;
      }
      room--;
      const addressType = family === 6 ? 'IPv6' : 'IPv4';
      const key = `${addressType} ${portsKey}`;
      const group = groups.get(key) ?? { addressType, ports, endpoints: [] };
      groups.set(key, group);
      const { hostname, nodeName, targetRef, ip } = address;
      group.endpoints.push({
        addresses: [ip],
        conditions: { ready },
        ...(hostname && { hostname }),
        ...(nodeName && { nodeName }),
        ...(targetRef && { targetRef }),
      });
    }
  }
  return { groups: [...groups.values()], invalid, skipped };
}

function addressesIn({ addresses = [], notReadyAddresses = [] }: V1EndpointSubset): [V1EndpointAddress, boolean][] {
  return [
    ...addresses.map((one): [V1EndpointAddress, boolean] => [one, true]),
    ...notReadyAddresses.map((one): [V1EndpointAddress, boolean] => [one, false]),
  ];
}
