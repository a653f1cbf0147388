/**
 * Finds fields that are given twice in a JSON text; JSON.parse keeps the last and says nothing. The text must be valid JSON.
 *
 * One pass over the characters: strings are skipped over, keys are recognised by the colon after them. Each open object or list is a
 * frame on a stack; a list counts its items so that paths read `spec.containers[0].image`.
 */

import { runAtOnce, type Steps } from '../../std/pauses.ts';

interface Frame {
  /** Keys seen so far in an object; undefined for a list. */
  readonly keys: Set<string> | undefined;
  /** The key or place that is being read. */
  current: string | number;
  /** Where the object or list itself lies, once somebody has asked: to say so of each key of a deep one would take long. */
  path: string | undefined;
  /** Once somebody has asked for it. */
  place: Place | undefined;
}

/** One for all objects of one path: which of their keys have been told. To say where a deep one lies takes long, and its keys may come again and again. */
interface Place {
  readonly told: Set<string>;
  readonly inner: Map<string | number, Place>;
}

/** A key that its object has had already. */
export interface DuplicateKey {
  readonly key: string;
  readonly path: string;
  /** Where in the text it comes again. */
  readonly at: number;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;

/** Nested deeper than this, a text is not looked into; Go refuses such texts altogether. */
const DEEPEST = 10_000;

/** More problems are not named. */
const MOST_PROBLEMS = 100;

/** The keys that come again, in order; what comes a third time is told once. */
export const findDuplicateKeys = (text: string): DuplicateKey[] => runAtOnce(duplicateKeysInSteps(text));

/** The same with pauses in a long text. */
export function* duplicateKeysInSteps(text: string): Steps<DuplicateKey[]> {
  const duplicates = new Map<string, DuplicateKey>();
  yield* eachKey(text, (key, at, keys, stack) => {
    if (keys.has(key) && duplicates.size < MOST_PROBLEMS) {
      const { told } = placeOf(stack);
      if (!told.has(key)) {
        told.add(key);
        const path = pathOf(stack);
        if (!duplicates.has(path)) duplicates.set(path, { key, path, at });
      }
    }
    keys.add(key);
  });
  return [...duplicates.values()];
}

/** The paths of the fields that come again, in order. */
export const findDuplicateFields = (text: string): string[] => findDuplicateKeys(text).map(({ path }) => path);

/**
 * What strict decoding says about a text, in the order in which it comes to it: fields that come again, and those of `unknownFields`. What
 * lies below an unknown field is not looked at.
 */
export const strictProblems = (text: string, unknownFields: readonly string[]): string[] =>
  runAtOnce(strictProblemsInSteps(text, unknownFields));

/** The same with pauses in a long text. */
export function* strictProblemsInSteps(text: string, unknownFields: readonly string[]): Steps<string[]> {
  const unknown = new Set(unknownFields);
  const known = (yield* duplicateKeysInSteps(text)).filter(({ path }) => !liesBelow(path, unknown));
  if (!known.length || !unknown.size)
    return [...known.map(duplicateField), ...unknownFields.map(unknownField)].slice(0, MOST_PROBLEMS);
  const found = known.map((duplicate) => ({ at: duplicate.at, problem: duplicateField(duplicate) }));
  const missing = new Set(unknown);
  yield* eachKey(text, (key, at, _keys, stack) => {
    for (const field of missing) {
      if (!field.endsWith(key) || !isAt(field, key, placeOfObject(stack))) continue;
      missing.delete(field);
      found.push({ at, problem: unknownField(field) });
      return;
    }
  });
  return found
    .sort((a, b) => a.at - b.at)
    .slice(0, MOST_PROBLEMS)
    .map(({ problem }) => problem);
}

/** Of an object without a type: all that comes again is told first, and then what its schema does not know. */
export function* untypedProblemsInSteps(text: string, unknownFields: readonly string[]): Steps<string[]> {
  return [...(yield* duplicateKeysInSteps(text)).map(duplicateField), ...unknownFields.map(unknownField)];
}

export const unknownField = (path: string) => `unknown field ${JSON.stringify(path)}`;
export const duplicateField = ({ path }: Pick<DuplicateKey, 'path'>) => `duplicate field ${JSON.stringify(path)}`;

/** Whether the path is one of the fields, or within one. */
function liesBelow(path: string, fields: ReadonlySet<string>): boolean {
  if (fields.has(path)) return true;
  for (let end = path.length - 1; end > 0; end--)
    if ((path[end] === '.' || path[end] === '[') && fields.has(path.slice(0, end))) return true;
  return false;
}

type KeyVisitor = (key: string, at: number, keys: Set<string>, stack: readonly Frame[]) => void;

/** Characters that are looked at between two pauses. */
const CHARACTERS_A_STEP = 128 * 1024;

/** The loop over the characters is a function of its own: in a generator it would be half as fast. */
function* eachKey(text: string, visit: KeyVisitor): Steps<void> {
  const stack: Frame[] = [];
  for (let at = 0; ; ) {
    at = visitKeys(text, at, stack, visit);
    if (at >= text.length) return;
    yield;
  }
}

/** Visits the keys from a place on, within so many characters, and returns where to go on: the end of the text when there are no more. */
function visitKeys(text: string, from: number, stack: Frame[], visit: KeyVisitor): number {
  let top = stack.at(-1);
  for (let i = from; i < text.length; i++) {
    if (i - from >= CHARACTERS_A_STEP) return i;
    switch (text.charCodeAt(i)) {
      case QUOTE: {
        const end = endOfString(text, i);
        if (top?.keys && isKey(text, end + 1)) {
          const quoted = text.slice(i, end + 1);
          const key: string = quoted.includes('\\') ? JSON.parse(quoted) : quoted.slice(1, -1);
          top.current = key;
          visit(key, i, top.keys, stack);
        }
        i = end;
        break;
      }
      case 0x7b: // {
        if (stack.length >= DEEPEST) return text.length;
        top = { keys: new Set(), current: '', path: undefined, place: undefined };
        stack.push(top);
        break;
      case 0x5b: // [
        if (stack.length >= DEEPEST) return text.length;
        top = { keys: undefined, current: 0, path: undefined, place: undefined };
        stack.push(top);
        break;
      case 0x7d: // }
      case 0x5d: // ]
        stack.pop();
        top = stack.at(-1);
        break;
      case COMMA:
        if (typeof top?.current === 'number') top.current++;
        break;
    }
  }
  return text.length;
}

/** The index of the closing quote of the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    if (end < 0) return text.length;
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return end;
  }
}

function isKey(text: string, from: number): boolean {
  let i = from;
  while (text.charCodeAt(i) <= 0x20) i++;
  return text.charCodeAt(i) === COLON;
}

function pathOf(stack: readonly Frame[]): string {
  const place = placeOfObject(stack);
  return (place && `${place}.`) + stack.at(-1)!.current;
}

/** Whether a field is the one of this key in an object at a place. */
const isAt = (field: string, key: string, place: string): boolean =>
  place
    ? field[place.length] === '.' && field.length === place.length + 1 + key.length && field.startsWith(place)
    : field === key;

/** Where the innermost object lies. */
function placeOfObject(stack: readonly Frame[]): string {
  // From the innermost on that is known: above it nothing has moved since.
  let at = stack.length - 1;
  while (at > 0 && stack[at]!.path === undefined) at--;
  let path = stack[at]!.path ?? '';
  for (; at < stack.length; at++) {
    stack[at]!.path = path;
    const { current } = stack[at]!;
    if (at + 1 < stack.length) path += typeof current === 'number' ? `[${current}]` : (path && '.') + current;
  }
  return path;
}

/** Of the innermost object. */
function placeOf(stack: readonly Frame[]): Place {
  // From the innermost on whose place is known: above it nothing has moved since.
  let at = stack.length - 1;
  while (at > 0 && !stack[at]!.place) at--;
  let place = stack[at]!.place ?? newPlace();
  stack[at]!.place = place;
  for (at++; at < stack.length; at++) {
    const { current } = stack[at - 1]!;
    const known: Place | undefined = place.inner.get(current);
    const inner = known ?? newPlace();
    if (!known) place.inner.set(current, inner);
    place = inner;
    stack[at]!.place = place;
  }
  return place;
}

const newPlace = (): Place => ({ told: new Set(), inner: new Map() });
