import {
  clusterIpsOf,
  needsClusterIp,
  needsHealthCheckPort,
  needsNodePorts,
  nodePortsOf,
  sameList,
} from '../../api/core/v1/service-needs.ts';
import type { V1ServiceSpec } from '../../api/gen/types.ts';
import { familyOf } from './address-range.ts';

/** A stored Service with the fields that later versions of it always have. */
export function completeStored(spec: V1ServiceSpec): V1ServiceSpec {
  const clusterIPs = [...clusterIpsOf(spec)];
  const families = clusterIPs.flatMap((ip) => familyOf(ip) ?? []);
  return { ...spec, clusterIPs, ipFamilies: spec.ipFamilies ?? families };
}

/**
 * Puts what was given to a Service before into an update that leaves it out, in place, so that the manifest it was made from can be
 * sent again (registry/core/service/storage, patchAllocatedValues).
 */
export function keepGivenValues(spec: V1ServiceSpec, before: V1ServiceSpec): void {
  if (needsClusterIp(before) && needsClusterIp(spec)) {
    if (!spec.clusterIP && before.clusterIP) spec.clusterIP = before.clusterIP;
    if (!spec.clusterIPs?.length && before.clusterIPs?.length) spec.clusterIPs = [...before.clusterIPs];
  }
  if (needsNodePorts(before) && needsNodePorts(spec)) {
    const wanted = nodePortsOf(spec);
    const byName = new Map((before.ports ?? []).map(({ name, nodePort }) => [name ?? '', nodePort]));
    for (const port of spec.ports ?? []) {
      const kept = byName.get(port.name ?? '');
      if (!port.nodePort && kept && !wanted.has(kept)) port.nodePort = kept;
    }
  }
  if (needsHealthCheckPort(before) && needsHealthCheckPort(spec) && before.healthCheckNodePort)
    spec.healthCheckNodePort ||= before.healthCheckNodePort;
}

/**
 * Drops, in place, the policy that external names were once given, have no use for and are never shown with
 * (registry/core/service/storage, defaultOnReadInternalTrafficPolicy). One that is none stays: validation refuses it.
 */
export function dropIdlePolicy(spec: V1ServiceSpec): void {
  const { type, internalTrafficPolicy: policy } = spec;
  if (type === 'ExternalName' && (policy === 'Cluster' || policy === 'Local')) delete spec.internalTrafficPolicy;
}

/** Makes `clusterIPs` follow `clusterIP`, which is all that older clients know, in place. */
export function followClusterIp(spec: V1ServiceSpec, before: V1ServiceSpec | undefined): void {
  const [ips, old] = [spec.clusterIPs ?? [], before?.clusterIPs ?? []];
  if (!before) {
    if (spec.clusterIP && ips.length === 0) spec.clusterIPs = [spec.clusterIP];
    return;
  }
  if (old.length > 0 && ips.length === 0 && before.clusterIP === spec.clusterIP) spec.clusterIPs = [...old];
  if ((before.clusterIP ?? '') === (spec.clusterIP ?? '') || !sameList(ips, old)) return;
  if (spec.clusterIP) spec.clusterIPs = [spec.clusterIP];
  else delete spec.clusterIPs;
}
