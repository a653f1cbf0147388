import type { V1Service, V1ServiceSpec } from '../../gen/types.ts';
import { equalJson } from '../../machinery/clone.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { isReachableFromOutside, needsClusterIp, needsHealthCheckPort, needsNodePorts, nodePortsOf } from './service-needs.ts';

/**
 * Drops, in place, what a Service's new type has no use for, unless the same update changed it: then validation refuses it
 * (registry/core/service/strategy.go, dropTypeDependentFields). What is dropped is free for others.
 */
export function dropFieldsOfOldType(updated: DynamicObject, existing: DynamicObject): void {
  const [{ spec: after, status }, { spec: before }] = [updated as V1Service, existing as V1Service];
  if (!after || !before) return;
  if (needsClusterIp(before) && !needsClusterIp(after)) {
    if (same(after, before, 'clusterIP') && same(after, before, 'clusterIPs')) {
      delete after.clusterIP;
      delete after.clusterIPs;
    }
    dropIfSame(after, before, 'ipFamilies', 'ipFamilyPolicy');
  }
  if (needsNodePorts(before) && !needsNodePorts(after)) {
    if (nodePortsOf(after).isSubsetOf(nodePortsOf(before))) for (const port of after.ports ?? []) delete port.nodePort;
  }
  if (isReachableFromOutside(before) && !isReachableFromOutside(after)) dropIfSame(after, before, 'externalTrafficPolicy');
  if (needsHealthCheckPort(before) && !needsHealthCheckPort(after)) dropIfSame(after, before, 'healthCheckNodePort');
  if (before.type === 'LoadBalancer' && after.type !== 'LoadBalancer')
    dropIfSame(after, before, 'allocateLoadBalancerNodePorts', 'loadBalancerClass');
  if (after.type !== 'LoadBalancer' && status) status.loadBalancer = {};
}

const same = (a: V1ServiceSpec, b: V1ServiceSpec, field: keyof V1ServiceSpec) => equalJson(a[field], b[field]);

function dropIfSame(after: V1ServiceSpec, before: V1ServiceSpec, ...fields: (keyof V1ServiceSpec)[]): void {
  for (const field of fields) if (same(after, before, field)) delete after[field];
}
