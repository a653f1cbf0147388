import { serviceKind } from '../../api/core/v1/service.ts';
import type { V1Service } from '../../api/gen/types.ts';
import { cloneJson } from '../../api/machinery/clone.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { invalid } from '../../api/machinery/status-error.ts';
import type { ObjectReader } from '../contracts.ts';
import type { Allotment } from '../verbs/allotment.ts';
import type { AddressRange } from './address-range.ts';
import { allotAddresses } from './allot-addresses.ts';
import { allotPorts } from './allot-ports.ts';
import { settleIpFamilies } from './ip-families.ts';
import { completeStored, followClusterIp, keepGivenValues } from './kept-values.ts';
import { Pool } from './pool.ts';
import type { PortRange } from './port-range.ts';
import { givenTo, type ServiceClaims } from './service-claims.ts';
import { Taking } from './taking.ts';

export interface ServiceAllotmentsConfig {
  /** The default family's first. */
  readonly addressRanges: readonly AddressRange[];
  readonly portRange: PortRange;
  readonly claims: ServiceClaims;
  readonly reader: ObjectReader;
  readonly random: () => number;
}

/** Gives Services their addresses and ports. Knows what is in use from the watch cache. */
export class ServiceAllotments {
  readonly #config: ServiceAllotmentsConfig;
  readonly #addresses: readonly { readonly range: AddressRange; readonly pool: Pool }[];
  readonly #ports: { readonly range: PortRange; readonly pool: Pool };
  readonly #unsubscribe: () => void;

  constructor(config: ServiceAllotmentsConfig) {
    const { addressRanges, portRange, reader } = config;
    this.#config = config;
    this.#addresses = addressRanges.map((range) => ({ range, pool: new Pool(range) }));
    this.#ports = { range: portRange, pool: new Pool(portRange) };
    for (const service of reader.list(serviceKind)) this.#count(service, 'hold');
    this.#unsubscribe = reader.subscribe(serviceKind, ({ object, previous }) => {
      if (object) this.#count(object, 'hold');
      if (previous) this.#count(previous, 'release');
    });
  }

  close(): void {
    this.#unsubscribe();
  }

  /** Begins the allotment of one write. */
  begin(): Allotment {
    const { random, reader, claims } = this.#config;
    const addresses = this.#addresses.map(({ range, pool }) => ({ range, taking: new Taking(pool, random) }));
    const ports = { range: this.#ports.range, taking: new Taking(this.#ports.pool, random) };
    const clear = () => {
      for (const { taking } of [...addresses, ports]) taking.clear();
    };
    const families = addresses.map(({ range }) => range.family);
    const fill = (object: DynamicObject, existing: DynamicObject | undefined) => {
      clear();
      const spec = cloneJson((object as V1Service).spec!);
      const stored = (existing as V1Service | undefined)?.spec;
      const before = stored && completeStored(stored);
      if (before) keepGivenValues(spec, before);
      followClusterIp(spec, before);
      const name = object.metadata.name ?? '';
      const errors = settleIpFamilies(spec, before, families);
      if (errors.length) throw invalid(serviceKind, name, errors);
      allotAddresses({ name, spec }, before, addresses);
      allotPorts({ name, spec }, before, ports);
      object['spec'] = spec;
    };
    return {
      async fill(object, existing) {
        if (!(object as V1Service).spec) return; // validation says so
        try {
          fill(object, existing);
        } catch {
          // Perhaps what is wanted was given back by a write that was acknowledged, and has not been seen.
          await reader.waitFresh(serviceKind);
          fill(object, existing);
        }
      },
      async lost(keys) {
        for (const { range, taking } of addresses)
          for (const offset of taking.taken) if (keys.has(claims.addressKey(range.at(offset)))) taking.avoid(offset);
        for (const offset of ports.taking.taken) if (keys.has(claims.portKey(ports.range.at(offset)))) ports.taking.avoid(offset);
        await reader.waitFresh(serviceKind);
      },
      end: clear,
    };
  }

  #count(service: DynamicObject, change: 'hold' | 'release'): void {
    const { addresses, ports } = givenTo(service);
    for (const { range, pool } of this.#addresses)
      for (const address of addresses) {
        const offset = range.offsetOf(address);
        if (offset !== undefined) pool[change](offset);
      }
    for (const port of ports) {
      const offset = this.#ports.range.offsetOf(port);
      if (offset !== undefined) this.#ports.pool[change](offset);
    }
  }
}
