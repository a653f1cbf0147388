import { serviceKind } from '../../api/core/v1/service.ts';
import type { KindDefinition } from '../../api/machinery/kind.ts';
import type { Logger } from '../../std/logger.ts';
import type { Store } from '../../store/store.ts';
import type { ObjectReader } from '../contracts.ts';
import type { Keyspace } from '../store-access/keyspace.ts';
import type { BeginAllotment } from '../verbs/allotment.ts';
import type { AddressRange } from './address-range.ts';
import type { PortRange } from './port-range.ts';
import { repairClaims } from './repair-claims.ts';
import { ServiceAllotments } from './service-allotments.ts';
import type { ServiceClaims } from './service-claims.ts';

export interface ServicesConfig {
  readonly kinds: readonly KindDefinition[];
  readonly addressRanges: readonly AddressRange[];
  readonly portRange: PortRange;
  readonly claims: ServiceClaims;
  readonly store: Store;
  readonly keyspace: Keyspace;
  readonly reader: ObjectReader;
  readonly logger: Logger;
  readonly random: () => number;
}

export interface Services {
  readonly begin: BeginAllotment;
  /** Brings claims in line with what is stored; once, while starting. */
  repair(): Promise<void>;
  close(): void;
}

/** The part of a server that gives Services addresses and ports; nothing for a server without Services. */
export function openServices(config: ServicesConfig): Services {
  if (!config.kinds.includes(serviceKind))
    return { begin: () => undefined, repair: async () => undefined, close: () => undefined };
  const allotments = new ServiceAllotments(config);
  return {
    begin: (kind) => (kind === serviceKind ? allotments.begin() : undefined),
    repair: () => repairClaims(config),
    close: () => allotments.close(),
  };
}
