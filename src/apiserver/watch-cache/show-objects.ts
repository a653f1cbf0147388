import { apiVersionOf, type KindDefinition } from '../../api/machinery/kind.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import type { CachedObject } from './cached-object.ts';

/** So much work is done before others have their turn. */
const SLICE_MS = 10;

/**
 * Objects as a kind shows them, converted by whoever does that: all that need it in one call. Does not hold up other requests for long.
 *
 * @throws StatusError when a conversion fails
 */
export async function showObjects(kind: KindDefinition, objects: readonly CachedObject[]): Promise<readonly CachedObject[]> {
  if (!kind.storedAs) return objects;
  const converted = await convertRemotely(kind, objects);
  const shown: CachedObject[] = [];
  let until = performance.now() + SLICE_MS;
  for (const object of objects) {
    shown.push(object.as(kind, converted?.get(object)));
    if (shown.length % 16 === 0 && performance.now() > until) {
      await new Promise((resolve) => setImmediate(resolve));
      until = performance.now() + SLICE_MS;
    }
  }
  return shown;
}

async function convertRemotely(
  kind: KindDefinition,
  objects: readonly CachedObject[],
): Promise<ReadonlyMap<CachedObject, DynamicObject> | undefined> {
  const remote = kind.storedAs?.remote;
  const waiting = remote ? objects.filter((object) => object.awaitsConversion(kind)) : [];
  if (!remote || !waiting.length) return undefined;
  const given = waiting.map((object) => object.decode());
  const made = await remote.convert(given, apiVersionOf(kind));
  return new Map(waiting.map((object, i) => [object, made[i]!]));
}

/** One object as a kind shows it. */
export async function showObject(kind: KindDefinition, object: CachedObject): Promise<CachedObject> {
  return object.awaitsConversion(kind) ? (await showObjects(kind, [object]))[0]! : object.as(kind);
}
