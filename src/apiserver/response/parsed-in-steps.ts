import type { DynamicObject } from '../../api/machinery/object.ts';
import { Pace, type Steps } from '../../std/pauses.ts';
import type { CachedObject } from '../watch-cache/cached-object.ts';

/** So many bytes are parsed between two pauses: some milliseconds. */
const PART = 128 * 1024;

/** The parsed forms of many objects, or of large ones. */
export function* parsedInSteps(objects: readonly CachedObject[]): Steps<DynamicObject[]> {
  const pace = new Pace(PART);
  const parsed: DynamicObject[] = [];
  for (const object of objects) {
    const isNew = !object.isParsed;
    parsed.push(yield* object.objectInSteps());
    if (isNew && pace.due(object.bytes.length)) yield;
  }
  return parsed;
}
