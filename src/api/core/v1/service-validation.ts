import { isIP } from 'node:net';
import type { V1Service, V1ServicePort, V1ServiceSpec } from '../../gen/types.ts';
import { duplicateField, forbiddenField, invalidField, notSupportedField, requiredField } from '../../machinery/field-error.ts';
import { checkDnsLabel, checkDnsSubdomain, checkPortName } from '../../machinery/names.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { validateLabels } from '../../machinery/validate-metadata.ts';

const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];
const AFFINITIES = ['ClientIP', 'None'];
const LONGEST_AFFINITY_SECONDS = 86_400;
const HEADLESS = 'None';

export const NOT_AN_IP = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
export const NOT_A_PORT = 'must be between 1 and 65535, inclusive';

export const isPortNumber = (port: number) => Number.isInteger(port) && port >= 1 && port <= 65_535;

export function validateService(object: DynamicObject): FieldError[] {
  const { spec } = object as V1Service;
  if (!spec) return [requiredField('spec')];
  const errors: FieldError[] = [];
  if (!TYPES.includes(spec.type ?? '')) errors.push(notSupportedField('spec.type', spec.type ?? '', TYPES));
  if (spec.type === 'ExternalName') errors.push(...validateExternalName(spec));
  else if (!spec.ports?.length && spec.clusterIP !== HEADLESS) errors.push(requiredField('spec.ports'));
  errors.push(...validatePorts(spec.ports ?? []));
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
  errors.push(...validateAddresses(spec));
  return errors;
}

function validateExternalName({ externalName, clusterIP }: V1ServiceSpec): FieldError[] {
  const errors: FieldError[] = [];
  if (clusterIP) errors.push(forbiddenField('spec.clusterIPs', 'may not be set for ExternalName services'));
  if (!externalName) errors.push(requiredField('spec.externalName'));
  else
    for (const complaint of checkDnsSubdomain(externalName.replace(/\.$/, '')))
      errors.push(invalidField('spec.externalName', externalName, complaint));
  return errors;
}

function validateAddresses({ clusterIP, externalIPs = [], loadBalancerSourceRanges = [], type }: V1ServiceSpec): FieldError[] {
  const errors: FieldError[] = [];
  if (clusterIP && clusterIP !== HEADLESS && !isIP(clusterIP))
    errors.push(invalidField('spec.clusterIPs[0]', clusterIP, NOT_AN_IP));
  if (clusterIP === HEADLESS && (type === 'NodePort' || type === 'LoadBalancer'))
    errors.push(invalidField('spec.clusterIPs[0]', clusterIP, `may not be set to 'None' for ${type} services`));
  externalIPs.forEach((ip, i) => {
    if (!isIP(ip)) errors.push(invalidField(`spec.externalIPs[${i}]`, ip, NOT_AN_IP));
  });
  if (loadBalancerSourceRanges.length && type !== 'LoadBalancer')
    errors.push(forbiddenField('spec.LoadBalancerSourceRanges', "may only be used when `type` is 'LoadBalancer'"));
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

/** A service's own address stays while it has one, but may be given up by becoming an ExternalName. */
export function validateServiceUpdate(updated: DynamicObject, existing: DynamicObject): FieldError[] {
  const after = (updated as V1Service).spec ?? {};
  const before = (existing as V1Service).spec ?? {};
  if (after.type === 'ExternalName' || before.type === 'ExternalName' || !before.clusterIP) return [];
  if (after.clusterIP === before.clusterIP) return [];
  return [invalidField('spec.clusterIPs[0]', after.clusterIPs ?? [after.clusterIP], 'may not change once set')];
}
