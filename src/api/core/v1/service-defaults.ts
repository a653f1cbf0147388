import type { V1Service, V1ServiceSpec } from '../../gen/types.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { specOf } from '../../machinery/spec-of.ts';
import { isReachableFromOutside } from './service-needs.ts';

/** Three hours. */
const AFFINITY_SECONDS = 10_800;

export function setServiceDefaults(object: DynamicObject): void {
  const { status } = object as V1Service;
  if (status) status.loadBalancer ??= {};
  const spec = specOf<V1ServiceSpec>(object);
  spec.sessionAffinity ||= 'None';
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig;
  else spec.sessionAffinityConfig = { clientIP: { timeoutSeconds: AFFINITY_SECONDS, ...spec.sessionAffinityConfig?.clientIP } };
  spec.type ||= 'ClusterIP';
  for (const port of spec.ports ?? []) {
    port.protocol ||= 'TCP';
    if (port.targetPort === undefined || port.targetPort === 0 || port.targetPort === '') port.targetPort = port.port;
  }
  const outside = spec.type === 'NodePort' || spec.type === 'LoadBalancer';
  if (isReachableFromOutside(spec)) spec.externalTrafficPolicy ||= 'Cluster';
  if (outside || spec.type === 'ClusterIP') spec.internalTrafficPolicy ??= 'Cluster';
  if (spec.type === 'LoadBalancer') {
    spec.allocateLoadBalancerNodePorts ??= true;
    for (const entrance of status?.loadBalancer?.ingress ?? []) if (entrance.ip) entrance.ipMode ??= 'VIP';
  }
}
