/** The order of a merged list: what the patch orders keeps the patch's order, the rest the server's. */

/** Tells items apart: the merge key's value, or the item itself in a list of plain values. */
export type Identity = (item: unknown) => unknown;

/**
 * Puts `merged` in order. Items that are in `wanted` follow its order, the others that of `current`; where both are interleaved,
 * an item that only the server has stays in front of those that it was in front of before.
 */
export function orderItems(
  merged: readonly unknown[],
  wanted: readonly unknown[],
  current: readonly unknown[],
  identify: Identity,
): unknown[] {
  const wantedPlaces = placesOf(wanted, identify);
  const currentPlaces = placesOf(current, identify);
  const byPlace = (places: ReadonlyMap<unknown, number>) => (a: unknown, b: unknown) =>
    (places.get(identify(a)) ?? places.size) - (places.get(identify(b)) ?? places.size);
  const fromPatch = merged.filter((item) => wantedPlaces.has(identify(item))).sort(byPlace(wantedPlaces));
  const serverOnly = merged.filter((item) => !wantedPlaces.has(identify(item))).sort(byPlace(currentPlaces));

  const ordered: unknown[] = [];
  let next = 0;
  for (const item of serverOnly) {
    const place = currentPlaces.get(identify(item));
    while (next < fromPatch.length) {
      const other = currentPlaces.get(identify(fromPatch[next]));
      if (place !== undefined && other !== undefined && place < other) break;
      ordered.push(fromPatch[next++]);
    }
    ordered.push(item);
  }
  return [...ordered, ...fromPatch.slice(next)];
}

function placesOf(items: readonly unknown[], identify: Identity): Map<unknown, number> {
  const places = new Map<unknown, number>();
  items.forEach((item, place) => {
    const identity = identify(item);
    if (!places.has(identity)) places.set(identity, place);
  });
  return places;
}
