import type { V1EndpointSlice, V1Node, V1Service } from '../../api/gen/types.ts';
import { keyOf } from '../framework/controller.ts';
import type { AddressType } from './service-pods.ts';
import { type HintedSlices, hintModeOf, withOwnHints, withZoneHints } from './slice-hints.ts';
import { cpuShares, isOverloaded, type ZoneNumbers } from './zone-allocation.ts';

export interface HintEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: 'TopologyAwareHintsEnabled' | 'TopologyAwareHintsDisabled';
  readonly message: string;
}

/** Gives slices their hints, and knows which Services have them by the zones' shares of the CPU: those depend on the nodes. */
export class HintKeeper {
  readonly #nodes: () => readonly V1Node[];
  #shares: { readonly of: ZoneNumbers | undefined } | undefined;
  /** How many endpoints are hinted to each zone, by the Service's key and the kind of address; undefined where that could not be. */
  readonly #given = new Map<string, Map<AddressType, ZoneNumbers | undefined>>();

  constructor(nodes: () => readonly V1Node[]) {
    this.#nodes = nodes;
  }

  /** Nodes have come, gone or changed: what is known of them is read anew when somebody needs it. */
  nodesChanged(): void {
    this.#shares = undefined;
  }

  forget(key: string): void {
    this.#given.delete(key);
  }

  /** The Services whose hints are not good for the nodes as they are, or may be so from now on. */
  outdated(): string[] {
    if (this.#given.size === 0) return [];
    const shares = this.#currentShares();
    return [...this.#given].flatMap(([key, byType]) =>
      [...byType.values()].some((given) => (given ? isOverloaded(given, shares) : shares !== undefined)) ? key : [],
    );
  }

  /** The slices of a Service with their hints, and what is to be told of it. */
  withHints(service: V1Service, slices: HintedSlices): HintedSlices & { readonly events: readonly HintEvent[] } {
    const mode = hintModeOf(service);
    const key = keyOf(service);
    if (mode !== 'Auto') {
      const [told] = this.#typesWithHints(key);
      this.forget(key);
      return {
        ...withOwnHints(slices, mode),
        events: told ? [disabled('Topology Aware Hints has been disabled', told)] : [],
      };
    }
    const all = { create: [...slices.create], update: [...slices.update], unchanged: [...slices.unchanged] };
    const types = new Set(Object.values(all).flatMap((list) => list.map(({ addressType }) => addressType as AddressType)));
    const result = { create: [] as V1EndpointSlice[], update: [] as V1EndpointSlice[], unchanged: [] as V1EndpointSlice[] };
    const given = new Map<AddressType, ZoneNumbers | undefined>();
    const events: HintEvent[] = [];
    let wereThere = this.#typesWithHints(key).length > 0;
    for (const type of types) {
      const of = (list: readonly V1EndpointSlice[]) => list.filter(({ addressType }) => addressType === type);
      const hinted = withZoneHints(
        { create: of(all.create), update: of(all.update), unchanged: of(all.unchanged) },
        this.#currentShares(),
      );
      for (const name of ['create', 'update', 'unchanged'] as const) result[name].push(...hinted.slices[name]);
      if ('problem' in hinted) events.push(disabled(hinted.problem, type));
      else if (!wereThere) events.push(enabled(type));
      wereThere ||= !('problem' in hinted);
      given.set(type, 'problem' in hinted ? undefined : hinted.given);
    }
    this.#given.set(key, given);
    return { ...result, events };
  }

  #typesWithHints(key: string): AddressType[] {
    return [...(this.#given.get(key) ?? [])].flatMap(([type, given]) => (given ? type : []));
  }

  #currentShares(): ZoneNumbers | undefined {
    this.#shares ??= { of: cpuShares(this.#nodes()) };
    return this.#shares.of;
  }
}

const disabled = (why: string, type: AddressType): HintEvent => ({
  type: 'Warning',
  reason: 'TopologyAwareHintsDisabled',
  message: `${why}, addressType: ${type}`,
});

const enabled = (type: AddressType): HintEvent => ({
  type: 'Normal',
  reason: 'TopologyAwareHintsEnabled',
  message: `Topology Aware Hints has been enabled, addressType: ${type}`,
});
