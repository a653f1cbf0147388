import { isIP } from 'node:net';
import type { V1Service, V1ServicePort, V1ServiceSpec } from '../../gen/types.ts';
import {
  duplicateField,
  forbiddenField,
  IMMUTABLE,
  invalidField,
  notSupportedField,
  requiredField,
} from '../../machinery/field-error.ts';
import { checkDnsLabel, checkDnsSubdomain, checkPortName } from '../../machinery/names.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { validateLabels } from '../../machinery/validate-metadata.ts';
import { NOT_AN_IP, validateClusterIps, validateClusterIpsUpdate } from './service-cluster-ips.ts';
import { HEADLESS, isHeadless, needsHealthCheckPort, needsNodePorts } from './service-needs.ts';

const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];
const AFFINITIES = ['ClientIP', 'None'];
const LONGEST_AFFINITY_SECONDS = 86_400;
const TRAFFIC_POLICIES = ['Cluster', 'Local'];

export const NOT_A_PORT = 'must be between 1 and 65535, inclusive';

export const isPortNumber = (port: number) => Number.isInteger(port) && port >= 1 && port <= 65_535;

export function validateService(object: DynamicObject): FieldError[] {
  const { spec } = object as V1Service;
  if (!spec) return [requiredField('spec')];
  const errors: FieldError[] = [];
  if (!TYPES.includes(spec.type ?? '')) errors.push(notSupportedField('spec.type', spec.type ?? '', TYPES));
  if (spec.type === 'ExternalName') errors.push(...validateExternalName(spec));
  else if (!spec.ports?.length && spec.clusterIP !== HEADLESS) errors.push(requiredField('spec.ports'));
  errors.push(...validateClusterIps(spec), ...validatePorts(spec.ports ?? []), ...validateNodePorts(spec));
  errors.push(...validateLabels(spec.selector, 'spec.selector'));
  if (!AFFINITIES.includes(spec.sessionAffinity ?? ''))
    errors.push(notSupportedField('spec.sessionAffinity', spec.sessionAffinity ?? '', AFFINITIES));
  const seconds = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds;
  if (seconds !== undefined && (seconds <= 0 || seconds > LONGEST_AFFINITY_SECONDS))
    errors.push(
      invalidField(
        'spec.sessionAffinityConfig.clientIP.timeoutSeconds',
        seconds,
        `must be greater than 0 and less than ${LONGEST_AFFINITY_SECONDS}`,
      ),
    );
  errors.push(...validateAddresses(spec), ...validateExternalTraffic(spec));
  return errors;
}

function validateExternalName({ externalName, clusterIP, clusterIPs, ipFamilies, ipFamilyPolicy }: V1ServiceSpec): FieldError[] {
  const errors: FieldError[] = [];
  const refuse = (field: string) => errors.push(forbiddenField(`spec.${field}`, 'may not be set for ExternalName services'));
  if (clusterIP || clusterIPs?.length) refuse('clusterIPs');
  if (ipFamilies?.length) refuse('ipFamilies');
  if (ipFamilyPolicy !== undefined) refuse('ipFamilyPolicy');
  if (!externalName) errors.push(requiredField('spec.externalName'));
  else
    for (const complaint of checkDnsSubdomain(externalName.replace(/\.$/, '')))
      errors.push(invalidField('spec.externalName', externalName, complaint));
  return errors;
}

function validateAddresses(spec: V1ServiceSpec): FieldError[] {
  const { externalIPs = [], loadBalancerSourceRanges = [], type } = spec;
  const errors: FieldError[] = [];
  if (isHeadless(spec) && needsNodePorts(spec))
    errors.push(invalidField('spec.clusterIPs[0]', HEADLESS, `may not be set to 'None' for ${type} services`));
  externalIPs.forEach((ip, i) => {
    if (!isIP(ip)) errors.push(invalidField(`spec.externalIPs[${i}]`, ip, NOT_AN_IP));
  });
  if (loadBalancerSourceRanges.length && type !== 'LoadBalancer')
    errors.push(forbiddenField('spec.LoadBalancerSourceRanges', "may only be used when `type` is 'LoadBalancer'"));
  if (spec.allocateLoadBalancerNodePorts !== undefined && type !== 'LoadBalancer')
    errors.push(forbiddenField('spec.allocateLoadBalancerNodePorts', "may only be used when `type` is 'LoadBalancer'"));
  return errors;
}

/** A port on nodes is of one port of one Service, though for TCP and UDP it may have the same number. */
function validateNodePorts({ type, ports }: V1ServiceSpec): FieldError[] {
  const seen = new Set<string>();
  return (ports ?? []).flatMap(({ nodePort, protocol }, i) => {
    if (!nodePort) return [];
    const field = `spec.ports[${i}].nodePort`;
    if (type === 'ClusterIP') return [forbiddenField(field, "may not be used when `type` is 'ClusterIP'")];
    const identity = `${protocol}/${nodePort}`;
    if (seen.has(identity)) return [duplicateField(field, nodePort)];
    seen.add(identity);
    return [];
  });
}

/** What matters only to traffic from outside (validateServiceExternalTrafficPolicy). */
function validateExternalTraffic(spec: V1ServiceSpec): FieldError[] {
  const { externalTrafficPolicy: policy, healthCheckNodePort: port = 0, type, externalIPs } = spec;
  const errors: FieldError[] = [];
  if (!needsNodePorts(spec) && !(type === 'ClusterIP' && externalIPs?.length)) {
    if (policy)
      errors.push(invalidField('spec.externalTrafficPolicy', policy, 'may only be set for externally-accessible services'));
  } else if (!policy) {
    if (needsNodePorts(spec)) errors.push(requiredField('spec.externalTrafficPolicy'));
  } else if (!TRAFFIC_POLICIES.includes(policy))
    errors.push(notSupportedField('spec.externalTrafficPolicy', policy, TRAFFIC_POLICIES));
  if (needsHealthCheckPort(spec)) {
    if (port && !isPortNumber(port)) errors.push(invalidField('spec.healthCheckNodePort', port, NOT_A_PORT));
  } else if (port)
    errors.push(
      invalidField(
        'spec.healthCheckNodePort',
        port,
        "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
      ),
    );
  return errors;
}

function validatePorts(ports: readonly V1ServicePort[]): FieldError[] {
  const names = new Set<string>();
  const numbers = new Set<string>();
  return ports.flatMap((port, i) => {
    const path = `spec.ports[${i}]`;
    const errors = validatePort(port, path, ports.length > 1);
    if (port.name) {
      if (names.has(port.name)) errors.push(duplicateField(`${path}.name`, port.name));
      names.add(port.name);
    }
    const identity = `${port.protocol}/${port.port}`;
    if (numbers.has(identity)) errors.push(duplicateField(path, port));
    numbers.add(identity);
    return errors;
  });
}

function validatePort(
  { name, port, protocol, targetPort, nodePort }: V1ServicePort,
  path: string,
  nameNeeded: boolean,
): FieldError[] {
  const errors: FieldError[] = [];
  if (!name) {
    if (nameNeeded) errors.push(requiredField(`${path}.name`));
  } else for (const complaint of checkDnsLabel(name)) errors.push(invalidField(`${path}.name`, name, complaint));
  if (!isPortNumber(port)) errors.push(invalidField(`${path}.port`, port, NOT_A_PORT));
  if (!protocol) errors.push(requiredField(`${path}.protocol`));
  else if (!PROTOCOLS.includes(protocol)) errors.push(notSupportedField(`${path}.protocol`, protocol, PROTOCOLS));
  if (typeof targetPort === 'string')
    for (const complaint of checkPortName(targetPort)) errors.push(invalidField(`${path}.targetPort`, targetPort, complaint));
  else if (targetPort !== undefined && !isPortNumber(targetPort))
    errors.push(invalidField(`${path}.targetPort`, targetPort, NOT_A_PORT));
  if (nodePort && !isPortNumber(nodePort)) errors.push(invalidField(`${path}.nodePort`, nodePort, NOT_A_PORT));
  return errors;
}

/** What a Service was given once stays while it has a use for it. */
export function validateServiceUpdate(updated: DynamicObject, existing: DynamicObject): FieldError[] {
  const after = (updated as V1Service).spec ?? {};
  const before = (existing as V1Service).spec ?? {};
  const errors = validateClusterIpsUpdate(after, before);
  if (needsHealthCheckPort(before) && needsHealthCheckPort(after) && before.healthCheckNodePort !== after.healthCheckNodePort)
    errors.push(forbiddenField('spec.healthCheckNodePort', IMMUTABLE));
  return errors;
}
