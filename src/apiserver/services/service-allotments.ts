import { serviceKind } from '../../api/core/v1/service.ts';
import type { V1Service } from '../../api/gen/types.ts';
import { cloneJson } from '../../api/machinery/clone.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { invalid } from '../../api/machinery/status-error.ts';
import type { Allotment } from '../verbs/allotment.ts';
import { AddressPools, type AddressPoolsConfig } from './address-pools.ts';
import { allotAddresses } from './allot-addresses.ts';
import { allotPorts } from './allot-ports.ts';
import { settleIpFamilies } from './ip-families.ts';
import { completeStored, dropIdlePolicy, followClusterIp, keepGivenValues } from './kept-values.ts';
import { Pool } from './pool.ts';
import type { PortRange } from './port-range.ts';
import { givenTo, type ServiceClaims } from './service-claims.ts';
import { Taking } from './taking.ts';

export interface ServiceAllotmentsConfig extends AddressPoolsConfig {
  readonly portRange: PortRange;
  readonly claims: ServiceClaims;
  readonly random: () => number;
}

/** Gives Services their addresses and ports. Knows what is in use from the watch cache. */
export class ServiceAllotments {
  readonly #config: ServiceAllotmentsConfig;
  readonly #addresses: AddressPools;
  readonly #ports: { readonly range: PortRange; readonly pool: Pool };
  readonly #unsubscribe: () => void;

  constructor(config: ServiceAllotmentsConfig) {
    const { portRange, reader } = config;
    this.#config = config;
    this.#addresses = new AddressPools(config);
    this.#ports = { range: portRange, pool: new Pool(portRange) };
    for (const service of reader.list(serviceKind)) this.#count(service, 'hold');
    this.#unsubscribe = reader.subscribe(serviceKind, ({ object, previous }) => {
      if (object) this.#count(object, 'hold');
      if (previous) this.#count(previous, 'release');
    });
  }

  close(): void {
    this.#unsubscribe();
    this.#addresses.close();
  }

  /** Begins the allotment of one write. */
  begin(): Allotment {
    const { addressRanges, random, reader, claims } = this.#config;
    const addresses = this.#addresses.all.map(({ range, pool }) => ({ range, taking: new Taking(pool, random) }));
    const ports = { range: this.#ports.range, taking: new Taking(this.#ports.pool, random) };
    const clear = () => {
      for (const { taking } of [...addresses, ports]) taking.clear();
    };
    const families = addressRanges.map(({ family }) => family);
    const fill = (object: DynamicObject, existing: DynamicObject | undefined) => {
      clear();
      const spec = cloneJson((object as V1Service).spec!);
      const stored = (existing as V1Service | undefined)?.spec;
      const before = stored && completeStored(stored);
      if (before) keepGivenValues(spec, before);
      followClusterIp(spec, before);
      dropIdlePolicy(spec);
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
    for (const port of givenTo(service).ports) {
      const offset = this.#ports.range.offsetOf(port);
      if (offset !== undefined) this.#ports.pool[change](offset);
    }
  }
}
