import { Pace, type Steps } from '../../std/pauses.ts';
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

/** So many values are copied between two pauses: some milliseconds. */
const PART = 8_000;
/** What holds no more is copied at once. */
const SMALL = 500;

/** The same of a large document, or a large patch. */
export function* applyMergePatchInSteps<T>(document: T, patch: unknown, small = SMALL): Steps<T> {
  return (yield* new LargeMerge(small).merge(document, patch)) as T;
}

/** Makes a merged document beside the old one, so that what the patch replaces is not copied before. */
class LargeMerge {
  readonly #pace = new Pace(PART);
  readonly #small: number;

  constructor(small: number) {
    this.#small = small;
  }

  *merge(target: unknown, patch: unknown): Steps<unknown> {
    if (!isJsonMap(patch)) return isJsonMap(target) ? yield* this.#copy(patch) : yield* this.#withoutNulls(patch);
    const merged: Record<string, unknown> = {};
    const old = isJsonMap(target) ? target : {};
    for (const key of Object.keys(old)) {
      if (!Object.hasOwn(patch, key)) setField(merged, key, yield* this.#copy(old[key]));
      else if (patch[key] !== null) setField(merged, key, yield* this.merge(old[key], patch[key]));
      if (this.#pace.due(1)) yield;
    }
    for (const key of Object.keys(patch)) {
      if (patch[key] === null || Object.hasOwn(old, key)) continue;
      setField(merged, key, yield* this.merge(undefined, patch[key]));
      if (this.#pace.due(1)) yield;
    }
    return merged;
  }

  *#withoutNulls(value: unknown): Steps<unknown> {
    if (!Array.isArray(value)) return isJsonMap(value) ? yield* this.merge(undefined, value) : value;
    const list: unknown[] = [];
    for (const item of value) {
      const size = sizeOf(item, this.#small);
      list.push(size <= this.#small ? withoutNullFields(item) : yield* this.#withoutNulls(item));
      if (this.#pace.due(size)) yield;
    }
    return list;
  }

  *#copy(value: unknown): Steps<unknown> {
    const size = sizeOf(value, this.#small);
    this.#pace.add(size);
    if (size <= this.#small) return cloneJson(value);
    const list: unknown[] = [];
    const map: Record<string, unknown> = {};
    if (Array.isArray(value))
      for (const item of value) {
        list.push(yield* this.#copy(item));
        if (this.#pace.due(0)) yield;
      }
    else
      for (const [key, field] of Object.entries(value as object)) {
        setField(map, key, yield* this.#copy(field));
        if (this.#pace.due(0)) yield;
      }
    return Array.isArray(value) ? list : map;
  }
}

/** How many values there are in one, itself included: no more than one above `most` are counted. */
function sizeOf(value: unknown, most: number): number {
  if (typeof value !== 'object' || value === null) return 1;
  const values = Array.isArray(value) ? value : Object.values(value);
  let size = 1;
  if (values.length > most) return most + 1;
  for (const each of values) {
    size += sizeOf(each, most - size);
    if (size > most) break;
  }
  return size;
}
