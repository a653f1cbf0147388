import { serviceKind } from '../../api/core/v1/service.ts';
import type { V1ServiceCIDR } from '../../api/gen/types.ts';
import type { KindDefinition } from '../../api/machinery/kind.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { serviceCidrKind } from '../../api/networking/v1/service-cidr.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { ObjectReader } from '../contracts.ts';
import { AddressRange } from './address-range.ts';
import { Pool } from './pool.ts';
import { givenTo } from './service-claims.ts';

/** A range of addresses, and what of it is in use. */
export interface AddressPool {
  readonly range: AddressRange;
  readonly pool: Pool;
}

export interface AddressPoolsConfig {
  readonly kinds: readonly KindDefinition[];
  /** The cluster's own, the default family's first. */
  readonly addressRanges: readonly AddressRange[];
  readonly reader: ObjectReader;
}

/** The pools that Services get addresses of: the cluster's own, then those of ServiceCIDRs that are ready, by name. Follows them all. */
export class AddressPools {
  readonly #config: AddressPoolsConfig;
  readonly #unsubscribe: (() => void)[] = [];
  #pools: readonly AddressPool[] = [];

  constructor(config: AddressPoolsConfig) {
    this.#config = config;
    const { reader, kinds } = config;
    this.#follow();
    this.#unsubscribe.push(
      reader.subscribe(serviceKind, ({ object, previous }) => {
        for (const each of this.#pools) {
          if (object) count(each, object, 'hold');
          if (previous) count(each, previous, 'release');
        }
      }),
    );
    if (kinds.includes(serviceCidrKind)) this.#unsubscribe.push(reader.subscribe(serviceCidrKind, () => this.#follow()));
  }

  /** Where addresses are given from now. */
  get all(): readonly AddressPool[] {
    return this.#pools;
  }

  close(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
  }

  #follow(): void {
    const { addressRanges, reader } = this.#config;
    const known = new Map(this.#pools.map((each) => [each.range.text, each]));
    const wanted = new Map(addressRanges.map((range) => [range.text, range]));
    for (const range of this.#more()) if (!wanted.has(range.text)) wanted.set(range.text, range);
    this.#pools = [...wanted.values()].map((range) => {
      const old = known.get(range.text);
      if (old) return old;
      const made = { range, pool: new Pool(range) };
      for (const service of reader.list(serviceKind)) count(made, service, 'hold');
      return made;
    });
  }

  #more(): AddressRange[] {
    const { kinds, reader } = this.#config;
    if (!kinds.includes(serviceCidrKind)) return [];
    const cidrs = (reader.list(serviceCidrKind) as readonly V1ServiceCIDR[]).filter(isReady);
    const byName = cidrs.toSorted((a, b) => ((a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1));
    return byName.flatMap(({ spec }) => (spec?.cidrs ?? []).flatMap(rangeOf));
  }
}

/** Nothing for a range that is too small to give anything. */
function rangeOf(text: string): AddressRange[] {
  try {
    return [new AddressRange(text)];
  } catch (error) {
    if (error instanceof CodedError) return [];
    throw error;
  }
}

/** One that is being deleted gives nothing any more; one of which nobody has said anything yet does, as upstream. */
function isReady({ metadata, status }: V1ServiceCIDR): boolean {
  if (metadata?.deletionTimestamp) return false;
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  return ready === undefined || ready.status === 'True';
}

function count({ range, pool }: AddressPool, service: DynamicObject, change: 'hold' | 'release'): void {
  for (const address of givenTo(service).addresses) {
    const offset = range.offsetOf(address);
    if (offset !== undefined) pool[change](offset);
  }
}
