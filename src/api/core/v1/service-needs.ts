import type { V1ServiceSpec } from '../../gen/types.ts';

export const HEADLESS = 'None';

export const needsClusterIp = ({ type }: V1ServiceSpec) => type !== 'ExternalName';

/** Has, or may have, a port on every node. */
export const needsNodePorts = ({ type }: V1ServiceSpec) => type === 'NodePort' || type === 'LoadBalancer';

export const isReachableFromOutside = (spec: V1ServiceSpec) =>
  needsNodePorts(spec) || (spec.type === 'ClusterIP' && (spec.externalIPs?.length ?? 0) > 0);

/** Load balancers that lead to local endpoints only ask each node whether it has any. */
export const needsHealthCheckPort = ({ type, externalTrafficPolicy }: V1ServiceSpec) =>
  type === 'LoadBalancer' && externalTrafficPolicy === 'Local';

export const isHeadless = ({ clusterIPs }: V1ServiceSpec) => clusterIPs?.length === 1 && clusterIPs[0] === HEADLESS;

/** The addresses, also of a Service that was stored with the older, single field alone. */
export const clusterIpsOf = ({ clusterIP, clusterIPs }: V1ServiceSpec): readonly string[] =>
  clusterIPs?.length ? clusterIPs : clusterIP ? [clusterIP] : [];

/** The ports on nodes, without repetitions and without the health check's. */
export const nodePortsOf = ({ ports }: V1ServiceSpec): ReadonlySet<number> =>
  new Set((ports ?? []).flatMap(({ nodePort }) => (nodePort ? [nodePort] : [])));

/** Whether two lists hold the same, in the same order; an absent one is empty. */
export const sameList = (a: readonly string[] = [], b: readonly string[] = []) =>
  a.length === b.length && a.every((item, i) => item === b[i]);
