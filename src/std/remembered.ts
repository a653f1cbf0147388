/**
 * What is made of an object, made once for as long as the object is as it is: informers hold another one when it has changed. A selector of a
 * megabyte would otherwise be read again for each pod that is held against it.
 */
export function remembered<T extends object, R>(make: (object: T) => R): (object: T) => R {
  const known = new WeakMap<T, { readonly made: R }>();
  return (object) => {
    const found = known.get(object) ?? { made: make(object) };
    known.set(object, found);
    return found.made;
  };
}
