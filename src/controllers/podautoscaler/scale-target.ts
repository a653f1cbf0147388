import { scaleKind } from '../../api/autoscaling/v1/scale.ts';
import type { V1Scale, V2CrossVersionObjectReference } from '../../api/gen/types.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import type { Client } from '../../client/client.ts';
import type { Clock } from '../../std/clock.ts';
import { type DiscoveredKind, KnownKinds } from '../framework/discovery.ts';

export type Scale = DynamicObject & V1Scale;

export interface FoundScale {
  readonly scale: Scale;
  /** Tells the target how many replicas to have. Rejects with what the server said. */
  resize(replicas: number, signal: AbortSignal): Promise<void>;
}

/** Finds what references name, and the scales of it. */
export class ScaleTargets {
  readonly #client: Client;
  readonly #kinds: KnownKinds;

  constructor(client: Client, clock: Clock) {
    this.#client = client;
    this.#kinds = new KnownKinds(client, clock);
  }

  /** Rejects in upstream's words for a kind that is not served. */
  async kindOf({ apiVersion = '', kind }: V2CrossVersionObjectReference, signal: AbortSignal): Promise<DiscoveredKind> {
    const parts = apiVersion.split('/');
    if (parts.length > 2) throw new Error(`unexpected GroupVersion string: ${apiVersion}`);
    const group = parts.length === 2 ? (parts[0] ?? '') : '';
    const found = await this.#kinds.find(group, kind, signal);
    if (!found) throw new Error(`no matches for kind "${kind}" in group "${group}"`);
    return found;
  }

  async find(reference: V2CrossVersionObjectReference, namespace: string, signal: AbortSignal): Promise<FoundScale> {
    const kind = await this.kindOf(reference, signal);
    const resource = this.#client.resource<Scale>(kind, namespace);
    const scale = await resource.get(reference.name, { subresource: 'scale', signal });
    return {
      scale,
      async resize(replicas, during) {
        const apiVersion = `${scaleKind.group}/${scaleKind.version}`;
        const wanted = { ...scale, apiVersion, kind: scaleKind.kind, spec: { ...scale.spec, replicas } };
        await resource.update(wanted, { subresource: 'scale', signal: during });
      },
    };
  }
}
