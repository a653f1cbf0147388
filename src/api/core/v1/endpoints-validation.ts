/** Endpoints (core/validation ValidateEndpoints). */
import type { CoreV1EndpointPort, V1EndpointAddress, V1EndpointSubset, V1Endpoints } from '../../gen/types.ts';
import { checkEach, checkField, checkOneOf, sameMeaning } from '../../machinery/field-checks.ts';
import { addErrors, requiredField } from '../../machinery/field-error.ts';
import { checkIp, checkNotSpecial } from '../../machinery/ip.ts';
import type { WriteContext } from '../../machinery/kind.ts';
import { checkDnsLabel, checkDnsSubdomain, checkQualifiedName } from '../../machinery/names.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { checkPortNumber } from '../../machinery/ports.ts';
import type { FieldError } from '../../machinery/status-error.ts';

const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];

const subsetsOf = (object: DynamicObject | undefined) => (object as V1Endpoints | undefined)?.subsets ?? [];

export function validateEndpoints(object: DynamicObject, _context: WriteContext, existing?: DynamicObject): FieldError[] {
  const errors = checkEach(subsetsOf(object), 'subsets', validateSubset);
  // What was let through once may stay, as long as nothing of it is changed.
  if (errors.length && existing && sameMeaning(subsetsOf(object), subsetsOf(existing))) return [];
  return isServers(object) ? errors.filter(({ message }) => !LOOPBACK.test(message ?? '')) : errors;
}

/** The API server's own addresses, which are loopback ones when it serves this machine only (`muster up`). */
const isServers = ({ metadata: { name, namespace } }: DynamicObject) => name === 'kubernetes' && namespace === 'default';
const LOOPBACK = /may not be in the loopback range/;

const addressesOf = ({ addresses = [], notReadyAddresses = [] }: V1EndpointSubset) => [...addresses, ...notReadyAddresses];

function validateSubset(subset: V1EndpointSubset, path: string): FieldError[] {
  const { addresses, notReadyAddresses, ports = [] } = subset;
  return [
    ...(addressesOf(subset).length ? [] : [requiredField(path, 'must specify `addresses` or `notReadyAddresses`')]),
    ...checkEach(addresses, `${path}.addresses`, validateAddress),
    ...checkEach(notReadyAddresses, `${path}.notReadyAddresses`, validateAddress),
    ...checkEach(ports, `${path}.ports`, (port, at) => validatePort(port, at, ports.length > 1)),
  ];
}

const validateAddress = ({ ip, hostname, nodeName }: V1EndpointAddress, path: string): FieldError[] => [
  ...checkIp(`${path}.ip`, ip),
  ...(hostname ? checkField(`${path}.hostname`, hostname, checkDnsLabel) : []),
  ...(nodeName === undefined ? [] : checkField(`${path}.nodeName`, nodeName, checkDnsSubdomain)),
  ...checkNotSpecial(`${path}.ip`, ip),
];

function validatePort(
  { name, port, protocol, appProtocol }: CoreV1EndpointPort,
  path: string,
  nameNeeded: boolean,
): FieldError[] {
  const errors: FieldError[] = [];
  if (name) addErrors(errors, checkField(`${path}.name`, name, checkDnsLabel));
  else if (nameNeeded) errors.push(requiredField(`${path}.name`));
  addErrors(errors, checkPortNumber(`${path}.port`, port));
  if (!protocol) errors.push(requiredField(`${path}.protocol`));
  else addErrors(errors, checkOneOf(`${path}.protocol`, protocol, PROTOCOLS));
  return appProtocol === undefined ? errors : [...errors, ...checkField(`${path}.appProtocol`, appProtocol, checkQualifiedName)];
}
