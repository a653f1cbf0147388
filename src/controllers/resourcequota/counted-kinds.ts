import { apiVersionOf, type ResourceKind } from '../../api/machinery/kind.ts';
import type { KubeObject } from '../../api/machinery/object.ts';
import { isMeasured } from '../../api/quota/evaluators.ts';
import type { Client } from '../../client/client.ts';
import type { Change, Informer } from '../../client/informer.ts';
import { type DiscoveredKind, discoverKinds } from '../framework/discovery.ts';
import type { SharedInformers } from '../framework/shared-informers.ts';

export interface CountedKindsOptions {
  readonly client: Client;
  /** The manager's; they hold whole objects. */
  readonly shared: SharedInformers;
  /** Those that hold metadata only: enough to count. */
  readonly metadata: SharedInformers;
  onChange(kind: ResourceKind, change: Change<KubeObject>): void;
}

/** Keeps informers on the kinds that quotas limit, and on no others: most clusters have no quotas, and those that have name few kinds. */
export class CountedKinds {
  readonly #options: CountedKindsOptions;
  readonly #watched = new Map<
    string,
    { readonly kind: ResourceKind; readonly informer: Informer<KubeObject>; readonly end: () => void }
  >();
  #served: readonly DiscoveredKind[] = [];
  #failed: ReadonlyMap<string, Error> = new Map();
  #asking: Promise<void> | undefined;

  constructor(options: CountedKindsOptions) {
    this.#options = options;
  }

  /** The kinds that the server had when it was asked last. */
  get served(): readonly DiscoveredKind[] {
    return this.#served;
  }

  /** Asks which kinds there are; callers at the same time share one question. Kinds that went away are no longer watched. */
  refresh(signal: AbortSignal): Promise<void> {
    this.#asking ??= this.#refresh(signal).finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #refresh(signal: AbortSignal): Promise<void> {
    const { kinds, failures } = await discoverKinds(this.#options.client, signal);
    this.#served = kinds.filter(({ verbs }) => ['create', 'list', 'watch', 'delete'].every((verb) => verbs.includes(verb)));
    this.#failed = failures;
    const names = new Set(this.#served.map(idOf));
    for (const [id, { kind, end }] of this.#watched) {
      // A group that could not be asked has not gone away.
      if (names.has(id) || this.#failed.has(apiVersionOf(kind))) continue;
      end();
      this.#watched.delete(id);
      if (!isMeasured(kind)) await this.#options.metadata.drop(kind);
    }
  }

  /** The objects of a kind in a namespace, once all that the server has are known. */
  async list(kind: ResourceKind, namespace: string): Promise<readonly KubeObject[]> {
    const { shared, metadata, onChange } = this.#options;
    let watched = this.#watched.get(idOf(kind));
    if (!watched) {
      const informer = isMeasured(kind) ? shared.of<KubeObject>(kind) : (shared.existing(kind) ?? metadata.of<KubeObject>(kind));
      watched = { kind, informer, end: informer.onChange((change) => onChange(kind, change)) };
      this.#watched.set(idOf(kind), watched);
    }
    const { informer } = watched;
    // Whoever made it starts it; both know only their own.
    if (!informer.hasSynced) await Promise.all([shared.sync(informer), metadata.sync(informer)]);
    return informer.list(namespace);
  }
}

const idOf = (kind: ResourceKind) => `${apiVersionOf(kind)}/${kind.resource}`;
