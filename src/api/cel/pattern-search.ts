/**
 * Compares patterns with texts and counts what that takes. All instructions that a place in the text can have led to are followed at once, so
 * the time is the length of the text times the size of the pattern at most. Sets of instructions that were met before are remembered with
 * where each class of characters leads from them, which makes most patterns as quick as a look into a table a character.
 */
import {
  BEGIN_LINE,
  BEGIN_TEXT,
  EITHER,
  END_LINE,
  END_TEXT,
  FOUND,
  isWordCharacter,
  LOOK,
  NO_CHARACTER,
  NO_WORD_BOUNDARY,
  type PatternProgram,
  TAKE,
  WORD_BOUNDARY,
} from './pattern-program.ts';

/** Counts instructions that were followed, some nanoseconds each. */
export interface Steps {
  taken: number;
  readonly most: number;
}

/** More was to be done than `most`. */
export class TooManySteps extends Error {}

/** Numbers in the table, which is kept with the pattern. When it is full it is begun anew, unless that is all that is done. */
const MOST_REMEMBERED = 20_000;
/** Characters for each set of instructions that was remembered, from which on remembering was worth it. */
const WORTH = 10;

/** What the character before a place was, as far as it matters for what comes. */
type Before = typeof TEXT_BEGINS | typeof LINE_BEGINS | typeof WORD | typeof OTHER;
const TEXT_BEGINS = 0;
const LINE_BEGINS = 1;
const WORD = 2;
const OTHER = 3;

const NEWLINE = 10;

const kindOf = (character: number): Before =>
  character === NO_CHARACTER ? TEXT_BEGINS : character === NEWLINE ? LINE_BEGINS : isWordCharacter(character) ? WORD : OTHER;

/** The bits of what is beside a place between what was before and a character. */
function beside(before: Before, next: number): number {
  let bits = 0;
  if (before === TEXT_BEGINS) bits |= BEGIN_TEXT | BEGIN_LINE;
  else if (before === LINE_BEGINS) bits |= BEGIN_LINE;
  if (next === NO_CHARACTER) bits |= END_TEXT | END_LINE;
  else if (next === NEWLINE) bits |= END_LINE;
  return bits | ((before === WORD) === (next !== NO_CHARACTER && isWordCharacter(next)) ? NO_WORD_BOUNDARY : WORD_BOUNDARY);
}

/** Instructions that were led to, before what is beside them is known. */
interface State {
  readonly at: Int32Array;
  readonly before: Before;
  /** By class of characters; the last is the end of the text. */
  readonly next: (State | typeof HIT | undefined)[];
}
const HIT = 'hit';

export class PatternSearch {
  readonly #program: PatternProgram;
  readonly #marks: Int32Array;
  #mark = 0;
  /** For what is done within one step: each instruction is followed once and has two others waiting at most. */
  readonly #stack: Int32Array;
  #from: Int32Array;
  #reached: Int32Array;
  #states = new Map<string, State>();
  #remembered = 0;

  constructor(program: PatternProgram) {
    this.#program = program;
    this.#marks = new Int32Array(program.size);
    this.#stack = new Int32Array(2 * program.size + 2);
    this.#from = new Int32Array(program.size);
    this.#reached = new Int32Array(program.size);
  }

  /** Whether the pattern matches anywhere. Throws TooManySteps. */
  test(text: string, steps: Steps): boolean {
    const { classes, anchored } = this.#program;
    let state = this.#state(EMPTY, TEXT_BEGINS);
    let began = 0;
    let i = 0;
    const decided = (matches: boolean) => {
      count(steps, i);
      return matches;
    };
    while (i < text.length) {
      const character = characterAt(text, i);
      const characterClass = this.#program.classOf(character);
      let next: State | typeof HIT | undefined = state.next[characterClass];
      if (next === undefined) {
        next = this.#follow(state, character, steps);
        state.next[characterClass] = next;
        if (next !== HIT && this.#remembered > MOST_REMEMBERED) {
          if (i - began < WORTH * this.#states.size) return this.#testOn(next, text, i + widthOf(character), steps);
          this.#forget();
          began = i;
        }
      }
      if (next === HIT) return decided(true);
      state = next;
      i += widthOf(character);
      if (anchored && state.at.length === 0) return decided(false);
    }
    state.next[classes] ??= this.#follow(state, NO_CHARACTER, steps);
    return decided(state.next[classes] === HIT);
  }

  /** Where the first match is, the one that a search which goes back would find. Throws TooManySteps. */
  find(text: string, from: number, steps: Steps): readonly [start: number, end: number] | undefined {
    const { op, out, set, start, size, anchored } = this.#program;
    const led = new Threads(size);
    const here = new Threads(size);
    let found: readonly [number, number] | undefined;
    let before = kindOf(from === 0 ? NO_CHARACTER : characterBefore(text, from));
    for (let i = from; ; ) {
      const character = i < text.length ? characterAt(text, i) : NO_CHARACTER;
      const bits = beside(before, character);
      const mark = this.#newMark();
      // What was led to, in order, becomes what takes a character here.
      here.clear();
      let taken = 0;
      for (let t = 0; t < led.count && !here.ended; t++) taken += this.#arrive(led.at[t]!, led.from[t]!, bits, mark, here);
      if (!found && !here.ended) taken += this.#arrive(start, i, bits, mark, here);
      count(steps, taken + here.count + 1);
      led.clear();
      const row = character === NO_CHARACTER ? undefined : this.#program.row(character, this.#program.classOf(character));
      for (let t = 0; t < here.count; t++) {
        const at = here.at[t]!;
        if (op[at] === FOUND) found = [here.from[t]!, i];
        else if (character !== NO_CHARACTER && (row ? row[set[at]!] : this.#program.takes(set[at]!, character)))
          led.add(out[at]!, here.from[t]!);
      }
      if (character === NO_CHARACTER || (found && led.count === 0)) return found;
      if (anchored && led.count === 0) return undefined;
      before = kindOf(character);
      i += widthOf(character);
    }
  }

  /** Follows an instruction to all that take a character; what comes behind one that has found a match is of no interest. */
  #arrive(first: number, from: number, bits: number, mark: number, into: Threads): number {
    const { op, out, arg } = this.#program;
    const stack = this.#stack;
    const marks = this.#marks;
    let waiting = 0;
    let taken = 0;
    for (let at = first; ; at = stack[--waiting]!) {
      if (marks[at] !== mark) {
        marks[at] = mark;
        taken++;
        const what = op[at];
        if (what === EITHER) {
          stack[waiting++] = arg[at]!;
          stack[waiting++] = out[at]!;
        } else if (what === LOOK) {
          if ((arg[at]! & ~bits) === 0) stack[waiting++] = out[at]!;
        } else if (what === TAKE) into.add(at, from);
        else if (what === FOUND) {
          into.add(at, from);
          into.ended = true;
          return taken;
        }
      }
      if (waiting === 0) return taken;
    }
  }

  #follow({ at, before }: State, character: number, steps: Steps): State | typeof HIT {
    this.#from.set(at);
    const reached = this.#step(at.length, before, character, steps);
    return reached < 0 ? HIT : this.#state(this.#reached.slice(0, reached), kindOf(character));
  }

  /** Into `#reached`, where the first `size` of `#from` lead with a character. Returns how many; -1 when they have found a match. */
  #step(size: number, before: Before, character: number, steps: Steps): number {
    const { op, out, arg, set, start } = this.#program;
    const bits = beside(before, character);
    const row = character === NO_CHARACTER ? NOTHING : this.#program.row(character, this.#program.classOf(character));
    const from = this.#from;
    const reached = this.#reached;
    const stack = this.#stack;
    const marks = this.#marks;
    const mark = this.#newMark();
    let many = 0;
    let taken = 0;
    for (let i = -1; i < size; i++) {
      let waiting = 0;
      for (let at = i < 0 ? start : from[i]!; ; at = stack[--waiting]!) {
        if (marks[at] !== mark) {
          marks[at] = mark;
          taken++;
          const what = op[at];
          if (what === TAKE) {
            if (row ? row[set[at]!] : this.#program.takes(set[at]!, character)) reached[many++] = out[at]!;
          } else if (what === EITHER) {
            stack[waiting++] = arg[at]!;
            stack[waiting++] = out[at]!;
          } else if (what === LOOK) {
            if ((arg[at]! & ~bits) === 0) stack[waiting++] = out[at]!;
          } else if (what === FOUND) return -1;
        }
        if (waiting === 0) break;
      }
    }
    count(steps, taken);
    return many;
  }

  /** Goes on without remembering. */
  #testOn(state: State, text: string, start: number, steps: Steps): boolean {
    this.#from.set(state.at);
    let size = state.at.length;
    let { before } = state;
    for (let i = start; i < text.length; ) {
      const character = characterAt(text, i);
      size = this.#step(size, before, character, steps);
      if (size < 0) return true;
      [this.#from, this.#reached] = [this.#reached, this.#from];
      before = kindOf(character);
      i += widthOf(character);
    }
    return this.#step(size, before, NO_CHARACTER, steps) < 0;
  }

  #state(at: Int32Array, before: Before): State {
    const name = `${before}:${at.join()}`;
    let state = this.#states.get(name);
    if (!state) {
      state = { at, before, next: new Array(this.#program.classes + 1).fill(undefined) };
      this.#states.set(name, state);
      this.#remembered += at.length + this.#program.classes;
    }
    return state;
  }

  #forget(): void {
    this.#states = new Map();
    this.#remembered = 0;
  }

  #newMark(): number {
    this.#mark++;
    if (this.#mark === LAST_MARK) {
      this.#marks.fill(0);
      this.#mark = 1;
    }
    return this.#mark;
  }
}

const LAST_MARK = 2 ** 31 - 1;
const EMPTY = new Int32Array(0);
const NOTHING = new Uint8Array(0);

/** Instructions in the order in which a match by them is wanted, and where that would begin. */
class Threads {
  readonly at: Int32Array;
  readonly from: Int32Array;
  count = 0;
  ended = false;

  constructor(size: number) {
    this.at = new Int32Array(size);
    this.from = new Int32Array(size);
  }

  clear(): void {
    this.count = 0;
    this.ended = false;
  }

  add(at: number, from: number): void {
    this.at[this.count] = at;
    this.from[this.count] = from;
    this.count++;
  }
}

function count(steps: Steps, taken: number): void {
  steps.taken += taken;
  if (steps.taken > steps.most) throw new TooManySteps();
}

function characterAt(text: string, i: number): number {
  const unit = text.charCodeAt(i);
  return unit >= 0xd800 && unit <= 0xdbff ? text.codePointAt(i)! : unit;
}

function characterBefore(text: string, i: number): number {
  const unit = text.charCodeAt(i - 1);
  return unit >= 0xdc00 && unit <= 0xdfff && i > 1 ? characterAt(text, i - 2) : unit;
}

const widthOf = (character: number) => (character > 0xffff ? 2 : 1);
