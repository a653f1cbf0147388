import { endpointSliceKind } from '../../api/discovery/v1/endpoint-slice.ts';
import type { V1EndpointSlice } from '../../api/gen/types.ts';
import type { Client } from '../../client/client.ts';
import type { Informer } from '../../client/informer.ts';
import { createdOrUnneeded, unlessReason } from '../../client/unless-reason.ts';
import type { SlicePlan } from './plan.ts';

/** Carries out plans for slices, and knows whether the informer shows all that was written for a Service. */
export class SliceWrites {
  readonly #client: Client;
  readonly #slices: Informer<V1EndpointSlice>;
  /** The newest version that was written, by the Service's key. */
  readonly #written = new Map<string, number>();

  constructor(client: Client, slices: Informer<V1EndpointSlice>) {
    this.#client = client;
    this.#slices = slices;
  }

  /** Otherwise what is there would be planned with as it was before the last writes; an event brings the Service back. */
  areSeen(key: string): boolean {
    if (Number(this.#slices.resourceVersion) < (this.#written.get(key) ?? 0)) return false;
    this.#written.delete(key);
    return true;
  }

  forget(key: string): void {
    this.#written.delete(key);
  }

  async carryOut(key: string, namespace: string, plan: SlicePlan, signal: AbortSignal): Promise<void> {
    const resource = this.#client.resource<V1EndpointSlice>(endpointSliceKind, namespace);
    for (const slice of plan.create) this.#note(key, await createdOrUnneeded(resource.create(slice, { signal })));
    for (const slice of plan.update) this.#note(key, await resource.update(slice, { signal }));
    for (const { metadata } of plan.remove)
      await unlessReason(resource.delete(metadata?.name ?? '', { preconditions: { uid: metadata?.uid }, signal }), 'NotFound');
  }

  #note(key: string, written: V1EndpointSlice | undefined): void {
    if (written) this.#written.set(key, Math.max(this.#written.get(key) ?? 0, Number(written.metadata?.resourceVersion)));
  }
}
