import { serviceKind } from '../../api/core/v1/service.ts';
import type { V1IPAddress } from '../../api/gen/types.ts';
import type { KindDefinition } from '../../api/machinery/kind.ts';
import { ipAddressKind } from '../../api/networking/v1/ip-address.ts';
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
  const unsubscribe = keepClaims(config);
  return {
    begin: (kind) => (kind === serviceKind ? allotments.begin() : undefined),
    repair: () => repairClaims(config),
    close: () => {
      unsubscribe();
      allotments.close();
    },
  };
}

/** An IPAddress that is deleted while a Service has the address is made again. */
function keepClaims(config: ServicesConfig): () => void {
  const { kinds, reader, claims, logger } = config;
  if (!kinds.includes(ipAddressKind)) return () => undefined;
  const isStillHeld = async (address: V1IPAddress) => {
    await reader.waitFresh(serviceKind); // a Service goes with its addresses
    const { namespace = '', name = '' } = address.spec?.parentRef ?? {};
    const service = name && reader.get(serviceKind, namespace, name);
    const key = claims.addressKey(address.metadata?.name ?? '');
    return service && claims.of(service).some((claim) => claim.key === key);
  };
  return reader.subscribe(ipAddressKind, ({ object, previous }) => {
    if (object || !previous) return;
    isStillHeld(previous as unknown as V1IPAddress)
      .then((held) => (held ? repairClaims(config) : undefined))
      .catch((error: unknown) =>
        logger.warn('An IPAddress in use was deleted and could not be made again', { name: previous.metadata.name, error }),
      );
  });
}
