import type { Filter, Handler } from '../contracts.ts';

/** Puts filters around a handler, the first outermost. */
export function compose(filters: readonly Filter[], handler: Handler): Handler {
  return filters.reduceRight((next, filter) => filter(next), handler);
}
