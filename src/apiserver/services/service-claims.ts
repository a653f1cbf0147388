import { randomUUID } from 'node:crypto';
import {
  clusterIpsOf,
  isHeadless,
  needsClusterIp,
  needsHealthCheckPort,
  needsNodePorts,
  nodePortsOf,
} from '../../api/core/v1/service-needs.ts';
import type { V1Service } from '../../api/gen/types.ts';
import { type DynamicObject, formatTime } from '../../api/machinery/object.ts';
import type { Clock } from '../../std/clock.ts';
import type { KeyValue } from '../../store/store.ts';
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

/** Who made an IPAddress; others make them too, for addresses that no Service is to be given. */
export const MANAGED_BY_LABEL = 'ipaddress.kubernetes.io/managed-by';
export const IP_ALLOCATOR = 'ipallocator.k8s.io';

/**
 * Names the claims of Services. An address is claimed by its IPAddress (networking.k8s.io/v1), as upstream's allocator makes it; a port,
 * which upstream keeps as a bit of one object for all, has a key of its own.
 */
export class ServiceClaims {
  readonly prefixes: readonly string[];
  readonly #addresses: string;
  readonly #ports: string;
  readonly #clock: Clock;

  /** @param prefix the store's, without a slash at the end */
  constructor(prefix: string, clock: Clock) {
    this.#clock = clock;
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

  /** Whether a stored claim is a Service's to make and to take away: every port, and the addresses that the allocator wrote. */
  isOurs({ key, value }: Pick<KeyValue, 'key' | 'value'>): boolean {
    if (key.startsWith(this.#ports)) return true;
    const { metadata } = JSON.parse(Buffer.from(value).toString('utf8')) as DynamicObject;
    return metadata.labels?.[MANAGED_BY_LABEL] === IP_ALLOCATOR;
  }

  readonly of = (service: DynamicObject): readonly Claim[] => {
    const { addresses, ports } = givenTo(service);
    return [
      ...addresses.map((ip) => ({ key: this.addressKey(ip), value: () => this.#addressValue(service, ip) })),
      ...ports.map((port) => ({ key: this.portKey(port), value: () => portValue(service) })),
    ];
  };

  #addressValue(service: DynamicObject, ip: string): Buffer {
    return encode({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'IPAddress',
      metadata: {
        name: ip,
        uid: randomUUID(),
        creationTimestamp: formatTime(this.#clock.now()),
        labels: { 'ipaddress.kubernetes.io/ip-family': familyOf(ip), [MANAGED_BY_LABEL]: IP_ALLOCATOR },
      },
      spec: { parentRef: parentRef(service) },
    });
  }
}

const encode = (value: object) => Buffer.from(JSON.stringify(value));

const parentRef = ({ metadata: { namespace, name } }: DynamicObject) => ({ resource: 'services', namespace, name });

const portValue = (service: DynamicObject) => encode({ parentRef: parentRef(service) });
