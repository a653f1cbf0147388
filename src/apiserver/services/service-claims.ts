import {
  clusterIpsOf,
  isHeadless,
  needsClusterIp,
  needsHealthCheckPort,
  needsNodePorts,
  nodePortsOf,
} from '../../api/core/v1/service-needs.ts';
import type { V1Service } from '../../api/gen/types.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import type { Claim } from '../store-access/claims.ts';
import { canonicalAddress, familyOf } from './address-range.ts';

/** What a stored Service has been given. */
export interface Given {
  readonly addresses: readonly string[];
  readonly ports: readonly number[];
}

/** Addresses in their one spelling, and ports, each once. */
export function givenTo(object: DynamicObject): Given {
  const { spec } = object as V1Service;
  if (!spec) return { addresses: [], ports: [] };
  const ips = needsClusterIp(spec) && !isHeadless(spec) ? clusterIpsOf(spec) : [];
  const ports = needsNodePorts(spec) ? [...nodePortsOf(spec)] : [];
  if (needsHealthCheckPort(spec) && spec.healthCheckNodePort) ports.push(spec.healthCheckNodePort);
  return { addresses: [...new Set(ips.filter((ip) => familyOf(ip)).map(canonicalAddress))], ports: [...new Set(ports)] };
}

/**
 * Names the claims of Services. An address lies where upstream keeps its IPAddress (networking.k8s.io/v1), in that form; a port, which
 * upstream keeps as a bit of one object for all, has a key of its own.
 */
export class ServiceClaims {
  readonly prefixes: readonly string[];
  readonly #addresses: string;
  readonly #ports: string;

  /** @param prefix the store's, without a slash at the end */
  constructor(prefix: string) {
    this.#addresses = `${prefix}/ipaddresses/`;
    this.#ports = `${prefix}/servicenodeports/`;
    this.prefixes = [this.#addresses, this.#ports];
  }

  addressKey(address: string): string {
    return this.#addresses + address;
  }

  portKey(port: number): string {
    return this.#ports + port;
  }

  readonly of = (service: DynamicObject): readonly Claim[] => {
    const { addresses, ports } = givenTo(service);
    return [
      ...addresses.map((ip) => ({ key: this.addressKey(ip), value: () => addressValue(service, ip) })),
      ...ports.map((port) => ({ key: this.portKey(port), value: () => portValue(service) })),
    ];
  };
}

const encode = (value: object) => Buffer.from(JSON.stringify(value));

const parentRef = ({ metadata: { namespace, name } }: DynamicObject) => ({ resource: 'services', namespace, name });

const addressValue = (service: DynamicObject, ip: string) =>
  encode({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IPAddress',
    metadata: {
      name: ip,
      labels: { 'ipaddress.kubernetes.io/ip-family': familyOf(ip), 'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io' },
    },
    spec: { parentRef: parentRef(service) },
  });

const portValue = (service: DynamicObject) => encode({ parentRef: parentRef(service) });
