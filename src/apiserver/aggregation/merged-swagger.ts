import type { V1APIService } from '../../api/gen/types.ts';
import type { JsonMap } from '../../api/machinery/clone.ts';

/** What one extension server says of itself. */
export interface Added {
  readonly service: V1APIService;
  readonly document: JsonMap;
}

interface Made {
  readonly added: readonly Added[];
  readonly bytes: Promise<Buffer>;
}

/** In JSON and in protobuf, of the last two states. */
const MOST = 4;

/** Version 2's documents with what extension servers add: made once of the same, as anybody who logs in may ask for them. */
export class MergedSwagger {
  readonly #made = new Map<string, Made>();

  /** @param key what the own part is known by */
  of(key: string, added: readonly Added[], make: () => Promise<Buffer>): Promise<Buffer> {
    const known = this.#made.get(key);
    if (known && isSame(known.added, added)) return known.bytes;
    const made = { added, bytes: make() };
    this.#made.delete(key);
    this.#made.set(key, made);
    for (const oldest of this.#made.keys()) if (this.#made.size > MOST) this.#made.delete(oldest);
    made.bytes.catch(() => {
      if (this.#made.get(key) === made) this.#made.delete(key);
    });
    return made.bytes;
  }
}

const isSame = (one: readonly Added[], other: readonly Added[]) =>
  one.length === other.length &&
  one.every(
    ({ service, document }, i) => document === other[i]!.document && service.spec?.group === other[i]!.service.spec?.group,
  );
