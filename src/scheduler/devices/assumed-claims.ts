import type { ResourceV1ResourceClaim, V1AllocationResult } from '../../api/gen/types.ts';
import type { ClusterObjects } from '../framework/cluster-objects.ts';
import { deviceId } from './device-pools.ts';

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

  /** The ids of all devices that claims have; who only looks at one has it not. */
  taken(objects: Pick<ClusterObjects, 'deviceClaims'>): ReadonlySet<string> {
    const written = objects.deviceClaims().flatMap(({ status }) => status?.allocation ?? []);
    const results = [...written, ...this.#allocations.values()].flatMap(({ devices }) => devices?.results ?? []);
    return new Set(
      results.flatMap(({ adminAccess, driver, pool, device }) => (adminAccess ? [] : deviceId(driver, pool, device))),
    );
  }
}
