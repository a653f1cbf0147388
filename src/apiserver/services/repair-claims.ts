import { serviceKind } from '../../api/core/v1/service.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import type { Logger } from '../../std/logger.ts';
import type { KeyValue, Store } from '../../store/store.ts';
import type { ObjectReader } from '../contracts.ts';
import type { Claim } from '../store-access/claims.ts';
import type { Keyspace } from '../store-access/keyspace.ts';
import type { ServiceClaims } from './service-claims.ts';

export interface RepairDeps {
  readonly store: Store;
  readonly keyspace: Keyspace;
  readonly reader: ObjectReader;
  readonly claims: ServiceClaims;
  readonly logger: Logger;
}

export interface RepairPlan {
  readonly missing: readonly { readonly service: DynamicObject; readonly claim: Claim }[];
  /** Claims that no Service has. */
  readonly orphans: readonly KeyValue[];
  /** Claimed by an older Service as well. */
  readonly shared: readonly { readonly service: DynamicObject; readonly claim: Claim }[];
}

/** What differs between the claims that Services make and the ones that are stored. Older Services come first. */
export function planRepair(
  services: readonly DynamicObject[],
  stored: readonly KeyValue[],
  claimsOf: (service: DynamicObject) => readonly Claim[],
): RepairPlan {
  const present = new Set(stored.map(({ key }) => key));
  const wanted = new Set<string>();
  const plan = { missing: [] as RepairPlan['missing'][number][], shared: [] as RepairPlan['shared'][number][] };
  const age = ({ metadata }: DynamicObject) => metadata.creationTimestamp ?? '';
  for (const service of services.toSorted((a, b) => (age(a) < age(b) ? -1 : age(a) > age(b) ? 1 : 0)))
    for (const claim of claimsOf(service)) {
      if (wanted.has(claim.key)) plan.shared.push({ service, claim });
      else if (!present.has(claim.key)) plan.missing.push({ service, claim });
      wanted.add(claim.key);
    }
  return { ...plan, orphans: stored.filter(({ key }) => !wanted.has(key)) };
}

/**
 * Makes the stored claims follow the Services, for a store that was written by something else or by an older version. Each step is a
 * compare-and-set against what was seen, so that several servers may do it at once, while Services are written. Addresses that somebody
 * else has claimed stay claimed.
 */
export async function repairClaims({ store, keyspace, reader, claims, logger }: RepairDeps): Promise<void> {
  const stored = (await Promise.all(claims.prefixes.map((prefix) => store.list(prefix)))).flatMap(({ entries }) => entries);
  await reader.waitFresh(serviceKind); // no older than the claims
  const { missing, orphans: unused, shared } = planRepair(reader.list(serviceKind), stored, claims.of);
  const orphans = unused.filter((claim) => claims.isOurs(claim));
  const nameOf = ({ metadata }: DynamicObject) => `${metadata.namespace}/${metadata.name}`;
  for (const { service, claim } of shared)
    logger.warn('A Service has an address or port that another one has; delete one of them', {
      service: nameOf(service),
      claim: claim.key,
    });
  for (const { service, claim } of missing) {
    const key = keyspace.objectKey(serviceKind, service.metadata.namespace ?? '', service.metadata.name!);
    await store.transact(
      [
        { key, modRevision: Number(service.metadata.resourceVersion) },
        { key: claim.key, modRevision: 0 },
      ],
      [{ type: 'put', key: claim.key, value: claim.value() }],
    );
  }
  for (const { key, modRevision } of orphans) await store.transact([{ key, modRevision }], [{ type: 'delete', key }]);
  if (missing.length + orphans.length > 0)
    logger.info('Repaired the claims of Services', { added: missing.length, removed: orphans.length });
}
