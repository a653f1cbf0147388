import type { V1LoadBalancerIngress, V1Service, V1ServicePort, V1ServiceSpec } from '../../gen/types.ts';
import { checkEach, checkField, checkOneOf, checkRequired } from '../../machinery/field-checks.ts';
import {
  addErrors,
  duplicateField,
  forbiddenField,
  IMMUTABLE,
  invalidField,
  notSupportedField,
  requiredField,
} from '../../machinery/field-error.ts';
import { checkCidr, checkIp, checkNotSpecial } from '../../machinery/ip.ts';
import type { WriteContext } from '../../machinery/kind.ts';
import { validateEntrances } from '../../machinery/load-balancer-entrances.ts';
import { checkDnsLabel, checkDnsSubdomain, checkQualifiedName } from '../../machinery/names.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { checkPort, checkPortNumber } from '../../machinery/ports.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { validateLabels } from '../../machinery/validate-metadata.ts';
import { shownForm } from './internal-form.ts';
import { validateClusterIps, validateClusterIpsUpdate } from './service-cluster-ips.ts';
import {
  clusterIpsOf,
  HEADLESS,
  isHeadless,
  isReachableFromOutside,
  needsHealthCheckPort,
  needsNodePorts,
} from './service-needs.ts';

export { isPortNumber, NOT_A_PORT } from '../../machinery/ports.ts';

const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];
const AFFINITIES = ['ClientIP', 'None'];
const LONGEST_AFFINITY_SECONDS = 86_400;
const TRAFFIC_POLICIES = ['Cluster', 'Local'];
/** In upstream's order, not in the alphabet's. */
const DISTRIBUTIONS = ['PreferClose', 'PreferSameZone', 'PreferSameNode'];
const IP_MODES = ['Proxy', 'VIP'];
export const TOPOLOGY_HINTS = 'service.kubernetes.io/topology-aware-hints';
export const TOPOLOGY_MODE = 'service.kubernetes.io/topology-mode';
const SOURCE_RANGES = 'service.beta.kubernetes.io/load-balancer-source-ranges';
const FOR_LOAD_BALANCERS = "may only be used when `type` is 'LoadBalancer'";

const specOf = (object: DynamicObject | undefined): V1ServiceSpec => (object as V1Service | undefined)?.spec ?? {};

/**
 * In upstream's order (core/validation ValidateService): what may not change first. What is stored may stay where addresses are checked
 * more strictly today.
 */
export function validateService(object: DynamicObject, _context?: WriteContext, existing?: DynamicObject): FieldError[] {
  const spec = specOf(object);
  const before = specOf(existing);
  const storedIps = new Set(before.externalIPs);
  return [
    ...(existing ? validateChange(spec, before) : []),
    ...validateTopologyAnnotations(object),
    ...(spec.ports?.length || isHeadless(spec) || spec.type === 'ExternalName' ? [] : [requiredField('spec.ports')]),
    ...validateType(spec),
    ...validatePorts(spec.ports ?? []),
    ...validateLabels(spec.selector, 'spec.selector'),
    ...validateAffinity(spec),
    ...validateClusterIps(spec, clusterIpsOf(before)),
    ...checkEach(spec.externalIPs, 'spec.externalIPs', (ip, path) => {
      const errors = checkIp(path, ip, storedIps);
      return errors.length ? errors : checkNotSpecial(path, ip);
    }),
    ...(spec.type ? checkOneOf('spec.type', spec.type, TYPES) : [requiredField('spec.type')]),
    ...validateNodePorts(spec),
    ...validateDuplicatePorts(spec.ports ?? []),
    ...validateSourceRanges(object, existing),
    ...validateLoadBalancerFields(spec),
    ...validateExternalTraffic(spec),
    ...validateInternalTraffic(spec),
    ...(spec.trafficDistribution === undefined || DISTRIBUTIONS.includes(spec.trafficDistribution)
      ? []
      : [notSupportedField('spec.trafficDistribution', spec.trafficDistribution, DISTRIBUTIONS)]),
  ];
}

function validateTopologyAnnotations({ metadata }: DynamicObject): FieldError[] {
  const { [TOPOLOGY_HINTS]: hints, [TOPOLOGY_MODE]: mode } = metadata.annotations ?? {};
  if (hints === undefined || mode === undefined || hints === mode) return [];
  const detail = `must match annotations[${TOPOLOGY_HINTS}] when both are specified`;
  return [invalidField(`metadata.annotations[${TOPOLOGY_MODE}]`, mode, detail)];
}

function validateType(spec: V1ServiceSpec): FieldError[] {
  if (needsNodePorts(spec))
    return isHeadless(spec)
      ? [invalidField('spec.clusterIPs[0]', HEADLESS, `may not be set to 'None' for ${spec.type} services`)]
      : [];
  if (spec.type !== 'ExternalName') return [];
  const { externalName = '', clusterIP, clusterIPs, ipFamilies, ipFamilyPolicy } = spec;
  const errors: FieldError[] = [];
  const refuse = (field: string) => errors.push(forbiddenField(`spec.${field}`, 'may not be set for ExternalName services'));
  if (clusterIP || clusterIPs?.length) refuse('clusterIPs');
  if (ipFamilies?.length) refuse('ipFamilies');
  if (ipFamilyPolicy !== undefined) refuse('ipFamilyPolicy');
  return [...errors, ...checkRequired('spec.externalName', externalName.replace(/\.$/, ''), checkDnsSubdomain)];
}

function validateAffinity({ sessionAffinity, sessionAffinityConfig: config }: V1ServiceSpec): FieldError[] {
  if (!sessionAffinity) return [requiredField('spec.sessionAffinity')];
  const errors = checkOneOf('spec.sessionAffinity', sessionAffinity, AFFINITIES);
  const path = 'spec.sessionAffinityConfig';
  if (sessionAffinity === 'None' && config) errors.push(forbiddenField(path, 'must not be set when session affinity is None'));
  if (sessionAffinity !== 'ClientIP') return errors;
  const needed = 'when session affinity type is ClientIP';
  if (!config) return [...errors, requiredField(path, needed)];
  if (!config.clientIP) return [...errors, requiredField(`${path}.clientIP`, needed)];
  const { timeoutSeconds: seconds } = config.clientIP;
  const field = `${path}.clientIP.timeoutSeconds`;
  if (seconds === undefined) return [...errors, requiredField(field, needed)];
  if (seconds <= 0 || seconds > LONGEST_AFFINITY_SECONDS)
    errors.push(invalidField(field, seconds, `must be greater than 0 and less than ${LONGEST_AFFINITY_SECONDS}`));
  return errors;
}

/** The field, or the annotation from before there was one. */
function validateSourceRanges({ metadata, spec }: DynamicObject, existing: DynamicObject | undefined): FieldError[] {
  const { loadBalancerSourceRanges: ranges = [], type } = spec as V1ServiceSpec;
  const annotated = metadata.annotations?.[SOURCE_RANGES];
  if (!ranges.length && annotated === undefined) return [];
  const field = ranges.length ? 'spec.LoadBalancerSourceRanges' : `metadata.annotations[${SOURCE_RANGES}]`;
  const errors = type === 'LoadBalancer' ? [] : [forbiddenField(field, FOR_LOAD_BALANCERS)];
  const stored = new Set(specOf(existing).loadBalancerSourceRanges?.map((range) => range.trim()));
  if (ranges.length) return [...errors, ...checkEach(ranges, field, (range, path) => checkCidr(path, range.trim(), stored))];
  if (existing?.metadata.annotations?.[SOURCE_RANGES] === annotated) return errors;
  const texts = annotated!.trim() ? annotated!.split(',') : [];
  return [...errors, ...texts.flatMap((range) => checkCidr(field, range.trim()))];
}

function validateLoadBalancerFields(spec: V1ServiceSpec): FieldError[] {
  const { type, allocateLoadBalancerNodePorts: allocates } = spec;
  const errors: FieldError[] = [];
  if (type === 'LoadBalancer') {
    if (allocates === undefined) errors.push(requiredField('allocateLoadBalancerNodePorts'));
  } else if (allocates !== undefined) errors.push(forbiddenField('spec.allocateLoadBalancerNodePorts', FOR_LOAD_BALANCERS));
  return [...errors, ...validateLoadBalancerClass(spec)];
}

function validateLoadBalancerClass({ type, loadBalancerClass }: V1ServiceSpec): FieldError[] {
  const field = 'spec.loadBalancerClass';
  if (loadBalancerClass === undefined) return [];
  if (type !== 'LoadBalancer') return [forbiddenField(field, FOR_LOAD_BALANCERS)];
  return checkField(field, loadBalancerClass, checkQualifiedName);
}

function validateInternalTraffic({ type = '', internalTrafficPolicy: policy }: V1ServiceSpec): FieldError[] {
  const field = 'spec.internalTrafficPolicy';
  if (policy !== undefined) return checkOneOf(field, policy, TRAFFIC_POLICIES);
  return ['ClusterIP', 'NodePort', 'LoadBalancer'].includes(type) ? [requiredField(field)] : [];
}

/** A port on nodes is of one port of one Service, though for TCP and UDP it may have the same number. */
function validateNodePorts({ type, ports }: V1ServiceSpec): FieldError[] {
  const seen = new Set<string>();
  const repeated = (ports ?? []).flatMap(({ nodePort, protocol }, i) => {
    if (!nodePort) return [];
    const field = `spec.ports[${i}].nodePort`;
    const identity = `${protocol}/${nodePort}`;
    if (seen.has(identity)) return [duplicateField(field, nodePort)];
    seen.add(identity);
    return [];
  });
  if (type !== 'ClusterIP') return repeated;
  const misplaced = checkEach(ports, 'spec.ports', ({ nodePort }, path) =>
    nodePort ? [forbiddenField(`${path}.nodePort`, "may not be used when `type` is 'ClusterIP'")] : [],
  );
  return [...misplaced, ...repeated];
}

/** What matters only to traffic from outside (validateServiceExternalTrafficPolicy). */
function validateExternalTraffic(spec: V1ServiceSpec): FieldError[] {
  const { externalTrafficPolicy: policy, healthCheckNodePort: port = 0 } = spec;
  const errors: FieldError[] = [];
  const field = 'spec.externalTrafficPolicy';
  if (!isReachableFromOutside(spec)) {
    if (policy) errors.push(invalidField(field, policy, 'may only be set for externally-accessible services'));
  } else if (!policy) errors.push(requiredField(field));
  else addErrors(errors, checkOneOf(field, policy, TRAFFIC_POLICIES));
  if (needsHealthCheckPort(spec)) {
    if (port) addErrors(errors, checkPortNumber('spec.healthCheckNodePort', port));
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
  return checkEach(ports, 'spec.ports', ({ name, port, protocol, targetPort, appProtocol }, path) => {
    const errors: FieldError[] = [];
    if (!name) {
      if (ports.length > 1) errors.push(requiredField(`${path}.name`));
    } else {
      addErrors(errors, checkField(`${path}.name`, name, checkDnsLabel));
      if (names.has(name)) errors.push(duplicateField(`${path}.name`, name));
      names.add(name);
    }
    addErrors(errors, checkPortNumber(`${path}.port`, port));
    if (!protocol) errors.push(requiredField(`${path}.protocol`));
    else addErrors(errors, checkOneOf(`${path}.protocol`, protocol, PROTOCOLS));
    if (targetPort !== undefined) addErrors(errors, checkPort(`${path}.targetPort`, targetPort));
    if (appProtocol !== undefined) addErrors(errors, checkField(`${path}.appProtocol`, appProtocol, checkQualifiedName));
    return errors;
  });
}

function validateDuplicatePorts(ports: readonly V1ServicePort[]): FieldError[] {
  const seen = new Set<string>();
  return checkEach(ports, 'spec.ports', ({ port, protocol }, path) => {
    const identity = `${protocol}/${port}`;
    if (seen.has(identity)) return [duplicateField(path, shownForm('ServicePort', { port, protocol }))];
    seen.add(identity);
    return [];
  });
}

/** What a Service was given once stays while it has a use for it. */
function validateChange(after: V1ServiceSpec, before: V1ServiceSpec): FieldError[] {
  const errors = validateClusterIpsUpdate(after, before);
  if (before.type === 'LoadBalancer' && after.type === 'LoadBalancer' && before.loadBalancerClass !== after.loadBalancerClass)
    errors.push(invalidField('spec.loadBalancerClass', after.loadBalancerClass, 'may not change once set'));
  addErrors(errors, validateLoadBalancerClass(after));
  if (needsHealthCheckPort(before) && needsHealthCheckPort(after) && before.healthCheckNodePort !== after.healthCheckNodePort)
    errors.push(forbiddenField('spec.healthCheckNodePort', IMMUTABLE));
  return errors;
}

/** Only load balancers are reached at addresses of their own. */
export function validateServiceStatus(updated: DynamicObject, existing: DynamicObject): FieldError[] {
  const entrances = (object: DynamicObject) => (object as V1Service).status?.loadBalancer?.ingress ?? [];
  const path = 'status.loadBalancer.ingress';
  const given = entrances(updated);
  if (given.length && specOf(updated).type !== 'LoadBalancer')
    return [forbiddenField(path, "may only be used when `spec.type` is 'LoadBalancer'")];
  return validateEntrances(given, entrances(existing), path, validateIpMode);
}

function validateIpMode({ ip, ipMode }: V1LoadBalancerIngress, path: string): FieldError[] {
  if (ipMode === undefined) return ip ? [requiredField(`${path}.ipMode`, 'must be specified when `ip` is set')] : [];
  if (!ip) return [forbiddenField(`${path}.ipMode`, 'may not be specified when `ip` is not set')];
  return checkOneOf(`${path}.ipMode`, ipMode, IP_MODES);
}
