/** What a Service asks for in vain, or in an outlived way (pkg/api/service/warnings.go). */
import { addAll } from '../../../std/add-all.ts';
import type { V1Service } from '../../gen/types.ts';
import { cidrWarnings, ipWarnings } from '../../machinery/ip.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { HEADLESS, isHeadless } from './service-needs.ts';
import { TOPOLOGY_HINTS, TOPOLOGY_MODE } from './service-validation.ts';

export function serviceWarnings(object: DynamicObject): string[] {
  const { metadata, spec = {} } = object as V1Service;
  const { type, clusterIP, clusterIPs = [], externalIPs = [], loadBalancerIP, loadBalancerSourceRanges = [] } = spec;
  const warnings: string[] = [];
  if (metadata?.annotations?.[TOPOLOGY_HINTS] !== undefined)
    warnings.push(`annotation ${TOPOLOGY_HINTS} is deprecated, please use ${TOPOLOGY_MODE} instead`);
  if (type !== 'ExternalName' && clusterIP && clusterIP !== HEADLESS)
    addAll(
      warnings,
      clusterIPs.flatMap((ip, i) => ipWarnings(`spec.clusterIPs[${i}]`, ip)),
    );
  if (type === 'ClusterIP' && isHeadless(spec)) {
    if (loadBalancerIP) warnings.push('spec.loadBalancerIP is ignored for headless services');
    if (externalIPs.length) warnings.push('spec.externalIPs is ignored for headless services');
    if (spec.sessionAffinity !== 'None') warnings.push('spec.SessionAffinity is ignored for headless services');
  }
  if (externalIPs.length) warnings.push('spec.externalIPs is deprecated');
  addAll(
    warnings,
    externalIPs.flatMap((ip, i) => ipWarnings(`spec.externalIPs[${i}]`, ip)),
  );
  if (loadBalancerIP) addAll(warnings, ipWarnings('spec.loadBalancerIP', loadBalancerIP));
  addAll(
    warnings,
    loadBalancerSourceRanges.flatMap((range, i) => cidrWarnings(`spec.loadBalancerSourceRanges[${i}]`, range)),
  );
  if (type === 'ExternalName') {
    if (externalIPs.length) warnings.push('spec.externalIPs is ignored when spec.type is "ExternalName"');
  } else if (spec.externalName) warnings.push('spec.externalName is ignored when spec.type is not "ExternalName"');
  if (spec.trafficDistribution === 'PreferClose')
    warnings.push('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"');
  return warnings;
}
