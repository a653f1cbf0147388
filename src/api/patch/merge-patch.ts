import { cloneJson, isJsonMap, setField } from '../machinery/clone.ts';

/** RFC 7396, as json-patch v4 has it: nulls are left out of maps within lists, too. The result shares nothing with either argument. */
export function applyMergePatch<T>(document: T, patch: unknown): T {
  return merge(cloneJson(document), patch) as T;
}

/** Merges into `target`, which is the caller's own. A list that takes the place of a map keeps its nulls: upstream looks no further there. */
function merge(target: unknown, patch: unknown): unknown {
  if (!isJsonMap(patch)) return isJsonMap(target) ? cloneJson(patch) : withoutNullFields(patch);
  const merged = isJsonMap(target) ? target : {};
  for (const key of Object.keys(patch)) {
    if (patch[key] === null) delete merged[key];
    else setField(merged, key, merge(Object.hasOwn(merged, key) ? merged[key] : undefined, patch[key]));
  }
  return merged;
}

/** A copy of a list without the null fields of the maps in it, as json-patch puts it in place. Nulls that are items stay. */
function withoutNullFields(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNullFields);
  return isJsonMap(value) ? merge(undefined, value) : value;
}
