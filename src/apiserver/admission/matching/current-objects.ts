import type { KindDefinition } from '../../../api/machinery/kind.ts';
import type { DynamicObject } from '../../../api/machinery/object.ts';
import type { ObjectReader } from '../../contracts.ts';

/**
 * Something made of all objects of some kinds, made anew when it is asked for after one of them changed. Objects come sorted by name,
 * kind by kind; those that did not change are the same as before, so that what was made of one can be kept with it. Asking costs one
 * comparison.
 */
export function currentObjects<T>(
  reader: ObjectReader,
  kinds: readonly KindDefinition[],
  make: (...objects: (readonly DynamicObject[])[]) => T,
): () => T {
  let made: { readonly value: T } | undefined;
  /** By what tells a version of an object from all others: nobody else keeps its parsed form. */
  let known = new Map<string, DynamicObject>();
  for (const kind of kinds)
    reader.subscribe(kind, () => {
      made = undefined;
    });
  return () => {
    if (!made) {
      const all = kinds.map((kind) => sorted(reader.list(kind)).map((object) => known.get(versionOf(object)) ?? object));
      known = new Map(all.flat().map((object) => [versionOf(object), object]));
      made = { value: make(...all) };
    }
    return made.value;
  };
}

const versionOf = ({ kind, metadata: { name, uid, resourceVersion } }: DynamicObject) =>
  [kind, name, uid, resourceVersion].join(' ');

const sorted = (objects: readonly DynamicObject[]) =>
  objects.toSorted((a, b) => ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1));
