import { Pace, type Steps } from '../../std/pauses.ts';
import { cloneJson, isJsonMap, type JsonMap, setField } from '../machinery/clone.ts';

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
/** An item of a list that holds no more is copied at once. */
const SMALL = 500;
/** To list the keys of larger maps takes milliseconds. */
const MANY = 4096;

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
    if (!isJsonMap(patch)) return yield* this.#copy(patch, isJsonMap(target));
    const merged: JsonMap = {};
    const old = isJsonMap(target) ? target : {};
    for (const key of yield* this.#keys(old)) {
      const given = Object.hasOwn(patch, key) ? patch[key] : undefined;
      if (given === null) continue;
      setField(merged, key, given === undefined ? yield* this.#copy(old[key], true) : yield* this.merge(old[key], given));
      if (this.#pace.due(1)) yield;
    }
    for (const key of yield* this.#keys(patch)) {
      if (patch[key] === null || Object.hasOwn(old, key)) continue;
      setField(merged, key, yield* this.#copy(patch[key], false));
      if (this.#pace.due(1)) yield;
    }
    return merged;
  }

  /** With the null fields of maps, or without. */
  *#copy(value: unknown, keepsNulls: boolean): Steps<unknown> {
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return yield* this.#copyList(value, keepsNulls);
    const copy: JsonMap = {};
    const map = value as JsonMap;
    for (const key of yield* this.#keys(map)) {
      const field = map[key];
      if (field !== null || keepsNulls) setField(copy, key, isHolder(field) ? yield* this.#copy(field, keepsNulls) : field);
      if (this.#pace.due(1)) yield;
    }
    return copy;
  }

  *#copyList(list: readonly unknown[], keepsNulls: boolean): Steps<unknown[]> {
    const copy: unknown[] = [];
    for (const item of list) {
      const size = sizeOf(item, this.#small);
      if (size > this.#small) copy.push(yield* this.#copy(item, keepsNulls));
      else copy.push(keepsNulls ? cloneJson(item) : withoutNullFields(item));
      if (this.#pace.due(size)) yield;
    }
    return copy;
  }

  *#keys(map: JsonMap): Steps<string[]> {
    const keys = Object.keys(map);
    if (keys.length > MANY) yield;
    return keys;
  }
}

const isHolder = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** How many values there are in one, itself included: no more than one above `most` are counted. */
function sizeOf(value: unknown, most: number): number {
  if (!isHolder(value)) return 1;
  const values = Array.isArray(value) ? value : Object.values(value);
  let size = 1;
  if (values.length > most) return most + 1;
  for (const each of values) {
    size += sizeOf(each, most - size);
    if (size > most) break;
  }
  return size;
}
