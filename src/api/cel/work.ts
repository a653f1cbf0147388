/**
 * What evaluating really does, beside what it costs by upstream's rules: these take many a call for one step that looks at a whole list
 * or text (`size()`, `==`, `+`, `isSorted()`, `format()`), so that an expression within its limit of cost could go on for an hour.
 */
import type { Overload } from './declarations.ts';
import { ListValue, MapValue, type Value } from './values.ts';

/** So much may be done in one evaluation: five parts of values for each unit of cost that it may have: upstream prices looking at ten of them so. */
export const MOST_WORK = 5_000_000;
/** A text is looked at quickly: so many characters count as one part. */
const CHARACTERS = 16;

/** Counts parts of values that were looked at, each of which takes some 10 ns. */
export interface Work {
  done: number;
}

/** Ends an evaluation that costs or does too much: thrown where that is counted, told to the caller as an error value. */
export class CostLimitReached extends Error {}

/** Before something is done that looks at so many parts. Throws CostLimitReached. */
export function look(work: Work, parts: number): void {
  work.done += parts;
  if (work.done > MOST_WORK) throw new CostLimitReached();
}

/** How much a part of an argument counts in calls that do more than to look at it. */
const WEIGHTS: ReadonlyMap<string, number> = new Map([
  ['isSorted', 3],
  ['sum', 3],
  ['min', 3],
  ['max', 3],
  ['indexOf', 3],
  ['lastIndexOf', 3],
  ['join', 4],
  ['double', 32],
  ['split', 16],
  ['flatten', 10],
  ['format', 20],
  ['isURL', 16],
  ['url', 16],
  ['strings.quote', 64],
]);
/** And a part of what comes out of it. */
const RESULT_WEIGHTS: ReadonlyMap<string, number> = new Map([
  ['findAll', 25],
  ['split', 4],
]);
/** Lists and maps that these are given are not gone through. */
const TEXT_ONLY: ReadonlySet<string> = new Set(['_[_]', '_[?_]', '@in', '_+_', 'size', 'type', 'dyn', 'cel.@mapInsert']);
/** These go into lists within lists. */
const DEEP: ReadonlySet<string> = new Set(['flatten', 'format']);
/** Texts and lists that know their types are merged by their keys. */
const MERGE_WEIGHT = 40;
/** To find out about a time zone that is not known before. */
const ZONE_WORK = 10_000;

const LOOKED_AT: ReadonlySet<string> = new Set(['string', 'bytes', 'dyn']);

/** What calls of an overload count with arguments that fit it; undefined when that is nothing, whatever they are. */
export function workOf(
  name: string,
  { id, params }: Pick<Overload, 'id' | 'params'>,
  isConstant: readonly boolean[],
): ((values: readonly Value[]) => number) | undefined {
  if (params.every((type) => type.form === 'simple' && !LOOKED_AT.has(type.name))) return undefined;
  const weight = WEIGHTS.get(name) ?? 1;
  if (id.endsWith('_with_tz')) return isConstant[1] ? undefined : () => ZONE_WORK;
  if (id === 'add_list') return ([a, b]) => mergeWork(a as ListValue, b as ListValue);
  const measured = DEEP.has(name) ? deepParts : TEXT_ONLY.has(name) ? textParts : parts;
  const compiles = !isConstant[1] && (name === 'matches' || name === 'find' || name === 'findAll');
  return (values) => {
    let sum = compiles ? patternWork(values[1]) : 0;
    for (const value of values) sum += measured(value) * weight;
    return Math.floor(sum);
  };
}

/** What a call counts for its result. */
export function workOfResult(name: string): ((result: Value) => number) | undefined {
  const weight = RESULT_WEIGHTS.get(name);
  return weight === undefined ? undefined : (result) => Math.floor(parts(result) * weight);
}

/** What it takes to look at a text once, to find it among keys for example. */
export function textParts(value: Value): number {
  return typeof value === 'string' || value instanceof Uint8Array ? value.length / CHARACTERS : 0;
}

function parts(value: Value): number {
  return value instanceof ListValue || value instanceof MapValue ? value.size : textParts(value);
}

/** No further than to the limit: counting takes time too. */
function deepParts(value: Value): number {
  let sum = 0;
  const waiting = [value];
  for (let next = waiting.pop(); next !== undefined && sum <= MOST_WORK; next = waiting.pop()) {
    sum += 1 + textParts(next);
    if (next instanceof ListValue) {
      for (let i = 0; i < next.size; i++) waiting.push(next.at(i));
    } else if (next instanceof MapValue) {
      for (const key of next.keys()) {
        sum += 1 + textParts(key);
        waiting.push(next.get(key)!);
      }
    }
  }
  return sum;
}

const mergeWork = (a: ListValue, b: ListValue) => (a.listType === 'atomic' ? 0 : MERGE_WEIGHT * (a.size + b.size));

const LARGEST_REPEAT = 1000;
const INSTRUCTION_WORK = 200;

/** What compiling a pattern may take, which repeats write out: RE2 allows a thousand of a part, nested repeats multiplied. */
function patternWork(pattern: Value | undefined): number {
  if (typeof pattern !== 'string') return 0;
  let repeated = 1;
  for (const [, count] of pattern.matchAll(/(\d+)\}/g))
    repeated = Math.min(LARGEST_REPEAT, repeated * Math.max(1, Number(count)));
  return INSTRUCTION_WORK * (10 + pattern.length * repeated);
}
