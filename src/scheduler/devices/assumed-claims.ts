import type { ResourceV1ResourceClaim, V1AllocationResult } from '../../api/gen/types.ts';
import type { ClusterObjects } from '../framework/cluster-objects.ts';
import { type Amounts, amountsIn } from './consumed-capacity.ts';
import { deviceId } from './device-pools.ts';

/** What claims have of the devices that there are, by the devices' ids. */
export interface AllocatedDevices {
  /** Devices that one claim has alone. */
  readonly taken: ReadonlySet<string>;
  /** Of devices for several claims, what they have taken in all. */
  readonly consumed: ReadonlyMap<string, Amounts>;
}

/** What was chosen for claims between the decision and the informer's word. */
export class AssumedClaims {
  /** By the claim's uid. */
  readonly #allocations = new Map<string, V1AllocationResult>();

  has({ metadata }: ResourceV1ResourceClaim): boolean {
    return this.#allocations.has(metadata?.uid ?? '');
  }

  assume({ metadata }: ResourceV1ResourceClaim, allocation: V1AllocationResult): void {
    this.#allocations.set(metadata?.uid ?? '', allocation);
  }

  release({ metadata }: ResourceV1ResourceClaim): void {
    this.#allocations.delete(metadata?.uid ?? '');
  }

  /** What claims have of all devices; who only looks at one has it not. */
  allocated(objects: Pick<ClusterObjects, 'deviceClaims'>): AllocatedDevices {
    // Between the write and the informer's word a claim is known twice: what it takes is counted once.
    const written = objects
      .deviceClaims()
      .flatMap((claim) => (claim.status?.allocation && !this.has(claim) ? [claim.status.allocation] : []));
    const taken = new Set<string>();
    const consumed = new Map<string, Map<string, bigint>>();
    for (const { devices } of [...written, ...this.#allocations.values()])
      for (const { adminAccess, driver, pool, device, shareID, consumedCapacity = {} } of devices?.results ?? []) {
        if (adminAccess) continue;
        const id = deviceId(driver, pool, device);
        if (shareID === undefined) {
          taken.add(id);
          continue;
        }
        const sums = consumed.get(id) ?? new Map<string, bigint>();
        consumed.set(id, sums);
        for (const [name, amount] of amountsIn(driver, consumedCapacity)) sums.set(name, (sums.get(name) ?? 0n) + amount);
      }
    return { taken, consumed };
  }
}
