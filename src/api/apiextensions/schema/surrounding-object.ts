/** Where something is below an object: names of properties; null for the items of a list. */
export type Place = readonly (string | null)[];

/** An object that holds nothing but the value, at its place; the value itself where the place is the root. */
export const objectAround = (value: unknown, place: Place): unknown =>
  place.reduceRight((inner, name) => (name === null ? [inner] : { [name]: inner }), value);

/** The value at its place again; undefined where it is gone. */
export const foundAt = (object: unknown, place: Place): unknown =>
  place.reduce<unknown>((outer, name) => {
    const at = name ?? 0;
    return typeof outer === 'object' && outer !== null && Object.hasOwn(outer, at)
      ? (outer as Record<string | number, unknown>)[at]
      : undefined;
  }, object);
