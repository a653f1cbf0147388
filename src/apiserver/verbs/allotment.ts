import type { KindDefinition } from '../../api/machinery/kind.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { conflict, MODIFIED } from '../../api/machinery/status-error.ts';
import { ClaimsTaken } from '../store-access/claims.ts';

/** Gives objects what the cluster has only so many of. One for each write; `end` is called whatever becomes of it. */
export interface Allotment {
  /**
   * Fills in, in place, what the object is given; nothing is given for good before the object is stored.
   *
   * @param existing what is stored now; undefined for a new object
   * @throws StatusError when what it asks for is not to be had
   */
  fill(object: DynamicObject, existing: DynamicObject | undefined): Promise<void>;
  /** These were taken by others meanwhile: the next `fill` must not give them. */
  lost(keys: ReadonlySet<string>): Promise<void>;
  end(): void;
}

/** Begins an allotment for a write of a kind; undefined for the kinds, nearly all, that are given nothing. */
export type BeginAllotment = (kind: KindDefinition) => Allotment | undefined;

/** A write that loses what it was given this often is given up. */
const MOST_ATTEMPTS = 100;

/** Runs a write, again as long as others take what it was given. */
export async function withAllotment<T>(
  allotment: Allotment,
  { kind, name }: { readonly kind: KindDefinition; readonly name: string },
  write: () => Promise<T>,
): Promise<T> {
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        return await write();
      } catch (error) {
        if (!(error instanceof ClaimsTaken)) throw error;
        if (attempt === MOST_ATTEMPTS) throw conflict(kind, name, MODIFIED);
        await allotment.lost(error.keys);
      }
    }
  } finally {
    allotment.end();
  }
}
