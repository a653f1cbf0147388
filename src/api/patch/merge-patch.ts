import { cloneJson, isJsonMap, setField } from '../machinery/clone.ts';

/** RFC 7396. The result shares nothing with either argument. */
export function applyMergePatch<T>(document: T, patch: unknown): T {
  return merge(cloneJson(document), patch) as T;
}

/** Merges into `target`, which is the caller's own. */
function merge(target: unknown, patch: unknown): unknown {
  if (!isJsonMap(patch)) return cloneJson(patch);
  const merged = isJsonMap(target) ? target : {};
  for (const key of Object.keys(patch)) {
    if (patch[key] === null) delete merged[key];
    else setField(merged, key, merge(Object.hasOwn(merged, key) ? merged[key] : undefined, patch[key]));
  }
  return merged;
}
