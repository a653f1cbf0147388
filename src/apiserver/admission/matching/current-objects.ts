import type { KindDefinition } from '../../../api/machinery/kind.ts';
import type { DynamicObject } from '../../../api/machinery/object.ts';
import type { ObjectReader } from '../../contracts.ts';

/**
 * Something made of all objects of some kinds, made anew when it is asked for after one of them changed. Objects come sorted by name,
 * kind by kind. Asking costs one comparison.
 */
export function currentObjects<T>(
  reader: ObjectReader,
  kinds: readonly KindDefinition[],
  make: (...objects: (readonly DynamicObject[])[]) => T,
): () => T {
  let made: { readonly value: T } | undefined;
  for (const kind of kinds)
    reader.subscribe(kind, () => {
      made = undefined;
    });
  return () => {
    made ??= { value: make(...kinds.map((kind) => sorted(reader.list(kind)))) };
    return made.value;
  };
}

const sorted = (objects: readonly DynamicObject[]) =>
  objects.toSorted((a, b) => ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1));
