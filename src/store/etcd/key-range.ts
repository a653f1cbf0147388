import { prefixEnd } from '../key-order.ts';

/** etcd's name for "to the end of all keys"; as a key, for the first one there can be. */
const BOUND = '\0';

/** The keys that begin with a prefix, from a start key on, as etcd's `key` and `range_end`. */
export function rangeOf(prefix: string, startKey = prefix): { readonly key: string; readonly rangeEnd: string } {
  return { key: startKey || BOUND, rangeEnd: prefixEnd(prefix) ?? BOUND };
}
