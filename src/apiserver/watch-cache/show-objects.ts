import { apiVersionOf, type KindDefinition } from '../../api/machinery/kind.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { nextTurn } from '../../std/next-turn.ts';
import { runWithPauses } from '../../std/pauses.ts';
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
    shown.push(await runWithPauses(object.asInSteps(kind, converted?.get(object))));
    if (shown.length % 16 === 0 && performance.now() > until) {
      await nextTurn();
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
  if (!remote) return undefined;
  const read = kind.storedAs?.readStored ?? ((object: DynamicObject) => object);
  const converted = new Map<CachedObject, DynamicObject>();
  // Again for those that forget meanwhile what they were converted to before.
  for (;;) {
    const waiting = objects.filter((object) => !converted.has(object) && object.awaitsConversion(kind));
    if (!waiting.length) return converted;
    const given = waiting.map((object) => read(object.decode()));
    const made = await remote.convert(given, apiVersionOf(kind));
    waiting.forEach((object, i) => {
      converted.set(object, made[i]!);
    });
  }
}

/** One object as a kind shows it. */
export async function showObject(kind: KindDefinition, object: CachedObject): Promise<CachedObject> {
  return object.awaitsConversion(kind) ? (await showObjects(kind, [object]))[0]! : runWithPauses(object.asInSteps(kind));
}
