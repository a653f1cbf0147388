import type { Endpoint } from './endpoint.ts';
import { isExternal, type ServicePort } from './service-port.ts';

/** Where this proxy runs. */
export interface NodePlace {
  readonly name: string;
  readonly zone?: string;
}

export interface ChosenEndpoints {
  /** For traffic that may go anywhere. */
  readonly cluster: readonly Endpoint[];
  /** For traffic that must stay on this node. */
  readonly local: readonly Endpoint[];
  /** Whether there is one anywhere, though not for this node. */
  readonly hasAny: boolean;
}

/**
 * Which endpoints take a port's traffic (upstream's CategorizeEndpoints): ready ones, narrowed by the hints of traffic distribution;
 * when none is ready, those that go but still answer (KEP-1669).
 */
export function chooseEndpoints(port: ServicePort, endpoints: readonly Endpoint[], node: NodePlace): ChosenEndpoints {
  const usable = (list: readonly Endpoint[]) => {
    const ready = list.filter((endpoint) => endpoint.ready);
    return ready.length > 0 ? ready : list.filter(({ serving, terminating }) => serving && terminating);
  };
  const anywhere = usable(endpoints);
  // Pods' own traffic to an external address goes anywhere, even when outsiders' must stay here.
  const usesCluster = !port.internalLocal || isExternal(port);
  const usesLocal = port.internalLocal || (port.externalLocal && isExternal(port));
  return {
    cluster: usesCluster ? nearest(anywhere, node) : [],
    local: usesLocal ? usable(endpoints.filter(({ isLocal }) => isLocal)) : [],
    hasAny: anywhere.length > 0,
  };
}

/** Hints count only when every ready endpoint has them and one is for this place; otherwise traffic could find nobody. */
function nearest(endpoints: readonly Endpoint[], { name, zone }: NodePlace): readonly Endpoint[] {
  if (endpoints.length === 0 || !endpoints[0]?.ready) return endpoints;
  const narrowed = (hints: (endpoint: Endpoint) => readonly string[], place: string) => {
    if (!endpoints.every((endpoint) => hints(endpoint).length > 0)) return [];
    return endpoints.filter((endpoint) => hints(endpoint).includes(place));
  };
  const here = narrowed(({ nodeHints }) => nodeHints, name);
  if (here.length > 0) return here;
  const inZone = zone ? narrowed(({ zoneHints }) => zoneHints, zone) : [];
  return inZone.length > 0 ? inZone : endpoints;
}
