/**
 * What RE2 makes of a pattern, in arrays that are quick to go through: instructions that take a character, that go two ways, that look at what
 * is beside a place, and the one that has found a match. Characters that no instruction tells apart are one class.
 */
import type { RE2JS } from 're2js';

/** An instruction takes a character of a set, and goes on at `out`. */
export const TAKE = 1;
/** Goes on at `out` and, less gladly, at `arg`. */
export const EITHER = 2;
/** Goes on at `out` where what is beside the place is as the bits of `arg` say. */
export const LOOK = 3;
export const FOUND = 4;
/** Goes nowhere. */
export const FAIL = 0;

/** What can be beside a place. */
export const BEGIN_LINE = 1;
export const END_LINE = 2;
export const BEGIN_TEXT = 4;
export const END_TEXT = 8;
export const WORD_BOUNDARY = 16;
export const NO_WORD_BOUNDARY = 32;

/** In place of a character, before the first and behind the last. */
export const NO_CHARACTER = -1;

export interface PatternProgram {
  readonly size: number;
  readonly start: number;
  readonly op: Uint8Array;
  readonly out: Int32Array;
  readonly arg: Int32Array;
  /** Of instructions that take a character, which set it has to be of. */
  readonly set: Int32Array;
  /** No match can begin but at the beginning of the text. */
  readonly anchored: boolean;
  readonly classes: number;
  /** The class of a character. */
  classOf(character: number): number;
  /** By set: whether a class of characters is in it. Undefined where there are so many sets that each is asked when it is needed. */
  row(character: number, characterClass: number): Uint8Array | undefined;
  /** Whether a character is in a set. */
  takes(set: number, character: number): boolean;
}

/** What is read of the library's instructions. */
interface Instruction {
  readonly op: number;
  readonly out: number;
  readonly arg: number;
  readonly runes: Int32Array;
  matchRune(character: number): boolean;
}

interface Library {
  readonly prog: { readonly start: number; numInst(): number; getInst(at: number): Instruction; startCond(): number };
}

/** The library's numbers for what instructions do. */
const ALT = 1;
const ALT_MATCH = 2;
const CAPTURE = 3;
const EMPTY_WIDTH = 4;
const MATCH = 6;
const NOP = 7;
const RUNE = 8;
const RUNE_ANY = 10;
const RUNE_ANY_NOT_NEWLINE = 11;
const FOLD_CASE = 1;

/** Rows of more would take more time and memory, for all characters together, than they save. */
const MOST_SETS_IN_ROWS = 256;

const NEWLINE = 10;
const LATIN_1 = 256;
/** No letters with capitals are behind these (Adlam). */
const LAST_CASED = 0x1ffff;

export function patternProgram(compiled: RE2JS): PatternProgram {
  const { prog } = (compiled as unknown as { readonly re2Input: Library }).re2Input;
  const size = prog.numInst();
  const op = new Uint8Array(size);
  const out = new Int32Array(size);
  const arg = new Int32Array(size);
  const set = new Int32Array(size);
  const sets = new Sets();
  /** Groups are not asked for: what marks them is passed over. */
  const target = (from: number) => {
    let at = from;
    for (let each = prog.getInst(at); each.op === CAPTURE || each.op === NOP; each = prog.getInst(at)) at = each.out;
    return at;
  };
  let looksAtWords = false;
  for (let at = 0; at < size; at++) {
    const each = prog.getInst(at);
    if (each.op === ALT || each.op === ALT_MATCH) {
      op[at] = EITHER;
      out[at] = target(each.out);
      arg[at] = target(each.arg);
    } else if (each.op === EMPTY_WIDTH) {
      op[at] = LOOK;
      out[at] = target(each.out);
      arg[at] = each.arg;
      looksAtWords ||= (each.arg & (WORD_BOUNDARY | NO_WORD_BOUNDARY)) !== 0;
    } else if (each.op === MATCH) op[at] = FOUND;
    else if (each.op >= RUNE && each.op <= RUNE_ANY_NOT_NEWLINE) {
      op[at] = TAKE;
      out[at] = target(each.out);
      set[at] = sets.add(each);
    }
  }
  const start = target(prog.start);
  const bounds = sets.bounds(looksAtWords);
  const latin1 = Int32Array.from({ length: LATIN_1 }, (_, character) => searchClass(bounds, character));
  const rows: (Uint8Array | undefined)[] = [];
  return {
    size,
    start,
    op,
    out,
    arg,
    set,
    anchored: op[start] === LOOK && (arg[start]! & BEGIN_TEXT) !== 0,
    classes: bounds.length + 1,
    classOf: (character) => (character < LATIN_1 ? latin1[character]! : searchClass(bounds, character)),
    takes: (id, character) => sets.take(id, character),
    row: (character, characterClass) => {
      if (sets.count > MOST_SETS_IN_ROWS) return undefined;
      rows[characterClass] ??= sets.row(character);
      return rows[characterClass];
    },
  };
}

/** Sets of characters, each once. */
class Sets {
  readonly #ids = new Map<string, number>();
  readonly #members: Instruction[] = [];
  /** By the list of characters, which can be long and is shared by what repeats write out. */
  readonly #known = new Map<Int32Array, { readonly instruction: Instruction; readonly id: number }>();

  get count(): number {
    return this.#members.length;
  }

  add(instruction: Instruction): number {
    const known = this.#known.get(instruction.runes);
    if (known && known.instruction.op === instruction.op && known.instruction.arg === instruction.arg) return known.id;
    const id = this.#idOf(instruction);
    this.#known.set(instruction.runes, { instruction, id });
    return id;
  }

  #idOf(instruction: Instruction): number {
    const { op, arg, runes } = instruction;
    const name = op >= RUNE_ANY ? `any ${op}` : `${runes.length === 1 && arg & FOLD_CASE ? 'i' : ''}${runes.join()}`;
    let id = this.#ids.get(name);
    if (id === undefined) {
      id = this.#members.length;
      this.#ids.set(name, id);
      this.#members.push(instruction);
    }
    return id;
  }

  take(id: number, character: number): boolean {
    return takes(this.#members[id]!, character);
  }

  row(character: number): Uint8Array {
    return Uint8Array.from(this.#members, (each) => Number(takes(each, character)));
  }

  /** Where another class of characters begins. */
  bounds(wordsMatter: boolean): Int32Array {
    // Ends of lines and parts of words are classes of their own, for what looks at them.
    const bounds = new Set([NEWLINE, NEWLINE + 1]);
    const range = (from: number, to: number) => bounds.add(from).add(to + 1);
    if (wordsMatter) for (const [from, to] of WORD_RANGES) range(from, to);
    for (const each of this.#members) {
      const { op, arg, runes } = each;
      if (op >= RUNE_ANY) continue;
      if (runes.length !== 1) for (let i = 0; i < runes.length; i += 2) range(runes[i]!, runes[i + 1]!);
      else if ((arg & FOLD_CASE) === 0) range(runes[0]!, runes[0]!);
      else for (const folded of casedCharacters()) if (each.matchRune(folded)) range(folded, folded);
    }
    bounds.delete(0);
    return Int32Array.from(bounds).sort();
  }
}

function takes(instruction: Instruction, character: number): boolean {
  if (instruction.op === RUNE_ANY) return true;
  if (instruction.op === RUNE_ANY_NOT_NEWLINE) return character !== NEWLINE;
  return instruction.matchRune(character);
}

/** Made when a pattern first asks for both cases, some milliseconds. A memo of a pure function: it changes no answer. */
let cased: number[] | undefined;

function casedCharacters(): readonly number[] {
  if (!cased) {
    cased = [];
    for (let each = 0; each <= LAST_CASED; each++)
      if (/\p{Changes_When_Casemapped}/u.test(String.fromCodePoint(each))) cased.push(each);
  }
  return cased;
}

function searchClass(bounds: Int32Array, character: number): number {
  let low = 0;
  let high = bounds.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (bounds[middle]! <= character) low = middle + 1;
    else high = middle;
  }
  return low;
}

const WORD_RANGES = [
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
] as const;

export const isWordCharacter = (character: number): boolean =>
  WORD_RANGES.some(([from, to]) => character >= from && character <= to);
