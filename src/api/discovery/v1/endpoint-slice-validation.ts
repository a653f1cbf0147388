/** EndpointSlices (pkg/apis/discovery/validation). */
import type { DiscoveryV1EndpointPort, V1Endpoint, V1EndpointSlice } from '../../gen/types.ts';
import { equalJson } from '../../machinery/clone.ts';
import { checkDomain } from '../../machinery/domain-names.ts';
import { checkEach, checkField, checkImmutable, checkOneOf } from '../../machinery/field-checks.ts';
import {
  addErrors,
  duplicateField,
  invalidField,
  notSupportedField,
  requiredField,
  tooManyField,
} from '../../machinery/field-error.ts';
import { checkIp, checkNotSpecial, ipWarnings, parseIp } from '../../machinery/ip.ts';
import type { WriteContext } from '../../machinery/kind.ts';
import { checkDnsLabel, checkDnsSubdomain, checkLabelValue, checkQualifiedName } from '../../machinery/names.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { validateLabels } from '../../machinery/validate-metadata.ts';

const ADDRESS_TYPES = ['FQDN', 'IPv4', 'IPv6'];
const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];
const MOST_ADDRESSES = 100;
const MOST_PORTS = 20_000;
const MOST_ENDPOINTS = 1000;
const MOST_TOPOLOGY_LABELS = 16;
const MOST_ZONE_HINTS = 8;
const MOST_NODE_HINTS = 8;

const sliceOf = (object: DynamicObject) => object as unknown as V1EndpointSlice;

/** What addresses are checked by. */
interface AddressRules {
  readonly addressType: string;
  /** Those that are there already. */
  readonly stored: ReadonlySet<string>;
  readonly anyAddress: boolean;
}

/** The API server's own addresses, which are loopback ones when it serves this machine only: upstream's cannot tell of itself then. */
const isServers = ({ metadata: { name, namespace } }: DynamicObject) => name === 'kubernetes' && namespace === 'default';

export function validateEndpointSlice(object: DynamicObject, _context: WriteContext, existing?: DynamicObject): FieldError[] {
  const { addressType, endpoints, ports } = sliceOf(object);
  const stored = new Set(existing && sliceOf(existing).endpoints?.flatMap(({ addresses }) => addresses));
  return [
    ...(addressType ? checkOneOf('addressType', addressType, ADDRESS_TYPES) : [requiredField('addressType')]),
    ...validateEndpoints(endpoints ?? [], { addressType, stored, anyAddress: isServers(object) }),
    ...validatePorts(ports ?? []),
  ];
}

export const validateEndpointSliceUpdate = (updated: DynamicObject, existing: DynamicObject): FieldError[] =>
  checkImmutable('addressType', sliceOf(updated).addressType, sliceOf(existing).addressType);

function validateEndpoints(endpoints: readonly V1Endpoint[], rules: AddressRules): FieldError[] {
  if (endpoints.length > MOST_ENDPOINTS) return [tooManyField('endpoints', endpoints.length, MOST_ENDPOINTS)];
  return checkEach(endpoints, 'endpoints', (endpoint, path) => validateEndpoint(endpoint, rules, path));
}

function validateEndpoint(
  { addresses, deprecatedTopology, nodeName, hostname, hints }: V1Endpoint,
  rules: AddressRules,
  path: string,
): FieldError[] {
  const errors: FieldError[] = [];
  if (!addresses.length) errors.push(requiredField(`${path}.addresses`, 'must contain at least 1 address'));
  else if (addresses.length > MOST_ADDRESSES) errors.push(tooManyField(`${path}.addresses`, addresses.length, MOST_ADDRESSES));
  addErrors(
    errors,
    checkEach(addresses, `${path}.addresses`, (address, at) => validateAddress(address, rules, at)),
  );
  if (nodeName !== undefined) addErrors(errors, checkField(`${path}.nodeName`, nodeName, checkDnsSubdomain));
  const topology = Object.keys(deprecatedTopology ?? {});
  if (topology.length > MOST_TOPOLOGY_LABELS)
    errors.push(tooManyField(`${path}.deprecatedTopology`, topology.length, MOST_TOPOLOGY_LABELS));
  addErrors(errors, validateLabels(deprecatedTopology, `${path}.deprecatedTopology`));
  if (hostname !== undefined) addErrors(errors, checkField(`${path}.hostname`, hostname, checkDnsLabel));
  return hints ? [...errors, ...validateHints(hints, `${path}.hints`)] : errors;
}

function validateAddress(address: string, { addressType, stored, anyAddress }: AddressRules, path: string): FieldError[] {
  switch (addressType) {
    case 'IPv4':
    case 'IPv6': {
      const errors = checkIp(path, address, stored);
      if (errors.length) return errors;
      if (parseIp(address)?.family !== (addressType === 'IPv4' ? 4 : 6))
        errors.push(invalidField(path, address, `must be an ${addressType} address`));
      return anyAddress ? errors : [...errors, ...checkNotSpecial(path, address)];
    }
    case 'FQDN':
      return checkDomain(path, address);
    default:
      return [];
  }
}

function validateHints({ forZones, forNodes }: NonNullable<V1Endpoint['hints']>, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if ((forZones?.length ?? 0) > MOST_ZONE_HINTS) errors.push(tooManyField(`${path}.forZones`, forZones!.length, MOST_ZONE_HINTS));
  else addErrors(errors, validateNames(forZones ?? [], `${path}.forZones`, checkLabelValue));
  if ((forNodes?.length ?? 0) > MOST_NODE_HINTS) errors.push(tooManyField(`${path}.forNodes`, forNodes!.length, MOST_NODE_HINTS));
  else addErrors(errors, validateNames(forNodes ?? [], `${path}.forNodes`, checkDnsSubdomain));
  return errors;
}

function validateNames(
  hints: readonly { readonly name: string }[],
  path: string,
  check: (name: string) => string[],
): FieldError[] {
  const seen = new Set<string>();
  return checkEach(hints, path, ({ name }, at) => {
    const errors = seen.has(name) ? [duplicateField(`${at}.name`, name)] : [];
    seen.add(name);
    return [...errors, ...checkField(`${at}.name`, name, check)];
  });
}

function validatePorts(ports: readonly DiscoveryV1EndpointPort[]): FieldError[] {
  if (ports.length > MOST_PORTS) return [tooManyField('ports', ports.length, MOST_PORTS)];
  const names = new Set<string>();
  return checkEach(ports, 'ports', ({ name = '', protocol, port, appProtocol }, path) => {
    const errors = name ? checkField(`${path}.name`, name, checkDnsLabel) : [];
    if (names.has(name)) errors.push(duplicateField(`${path}.name`, name));
    names.add(name);
    if (port !== undefined && (port < 1 || port > 65_535))
      errors.push(invalidField(`${path}.port`, port, 'must be between 1 and 65535, inclusive'));
    if (protocol === undefined) errors.push(requiredField(`${path}.protocol`));
    else if (!PROTOCOLS.includes(protocol)) errors.push(notSupportedField(`${path}.protocol`, protocol, PROTOCOLS));
    return appProtocol === undefined
      ? errors
      : [...errors, ...checkField(`${path}.appProtocol`, appProtocol, checkQualifiedName)];
  });
}

const HOSTNAME_LABEL = 'kubernetes.io/hostname';

/** The labels of endpoints' nodes are v1beta1's: v1 writes none, and what was a node's name there becomes one here, in place. */
export function dropTopology(updated: DynamicObject, existing?: DynamicObject): void {
  const before = (existing && sliceOf(existing).endpoints) ?? [];
  const after = sliceOf(updated).endpoints ?? [];
  if (existing && equalJson(before, after)) return;
  const known = new Set(before.flatMap(({ deprecatedTopology }) => deprecatedTopology?.[HOSTNAME_LABEL] ?? []));
  for (const endpoint of after) {
    const named = endpoint.deprecatedTopology?.[HOSTNAME_LABEL];
    if (endpoint.nodeName === undefined && named !== undefined && known.has(named) && !checkDnsSubdomain(named).length)
      endpoint.nodeName = named;
    delete endpoint.deprecatedTopology;
  }
}

const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by';
/** Upstream's own controllers mend the addresses that they copy. */
const CAREFUL = ['endpointslice-controller.k8s.io', 'endpointslicemirroring-controller.k8s.io'];

/** What is said of slices that are let through (registry/discovery/endpointslice/strategy.go). */
export function endpointSliceWarnings(object: DynamicObject, existing: DynamicObject | undefined): string[] {
  const { addressType, endpoints } = sliceOf(object);
  const old = !existing && addressType === 'FQDN' ? ['spec.addressType: FQDN endpoints are deprecated'] : [];
  if (CAREFUL.includes(object.metadata.labels?.[MANAGED_BY] ?? '')) return old;
  const ofAddresses = (endpoints ?? []).flatMap(({ addresses }, i) =>
    addresses.flatMap((address, j) => ipWarnings(`endpoints[${i}].addresses[${j}]`, address)),
  );
  return [...old, ...ofAddresses];
}
