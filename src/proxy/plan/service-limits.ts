import type { V1EndpointSlice } from '../../api/gen/types.ts';
import type { Family } from '../../api/machinery/ip.ts';
import { SERVICE_NAME_LABEL } from './endpoint.ts';
import type { ServicePort } from './service-port.ts';

/*
 * A Service multiplies: each of its ports has a rule for each external address and source range, and one for each endpoint. Who may write one Service
 * of a megabyte could ask every node for thousands of millions of rules; what no cluster needs is not served, and said.
 */

/** Ports times external addresses, load balancers' addresses and source ranges, of one Service. */
const MOST_ADDRESS_RULES = 20_000;
/** Ports times endpoints, of one Service: a hundred ports of a thousand pods. */
const MOST_ENDPOINT_RULES = 100_000;

/** Why a Service's external addresses are too many to be served; undefined when they are not. @param ports of one Service */
export function tooManyAddresses(ports: readonly ServicePort[]): string | undefined {
  const [first] = ports;
  if (!first) return undefined;
  const addresses = first.externalIps.length + first.loadBalancerIps.length + first.sourceRanges.length;
  return ports.length * addresses > MOST_ADDRESS_RULES
    ? `${ports.length} ports times ${addresses} external addresses and source ranges are more than ${MOST_ADDRESS_RULES}`
    : undefined;
}

/** Services with more endpoints than are served, by `namespace/name`, and why. */
export function tooManyEndpoints(slices: readonly V1EndpointSlice[], family: Family): ReadonlyMap<string, string> {
  const counts = new Map<string, number>();
  for (const { metadata, addressType, ports, endpoints } of slices) {
    const service = metadata?.labels?.[SERVICE_NAME_LABEL];
    if (!service || addressType !== (family === 4 ? 'IPv4' : 'IPv6')) continue;
    const key = `${metadata?.namespace}/${service}`;
    counts.set(key, (counts.get(key) ?? 0) + (ports?.length ?? 0) * (endpoints?.length ?? 0));
  }
  const refused = new Map<string, string>();
  for (const [key, count] of counts)
    if (count > MOST_ENDPOINT_RULES)
      // Without their number: it is told of once, and not with each endpoint that comes or goes.
      refused.set(key, `its ports times their endpoints are more than ${MOST_ENDPOINT_RULES}`);
  return refused;
}
