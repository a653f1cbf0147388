/**
 * JSON whose whole numbers keep their digits, as Go's int64 do. Integers that a number cannot hold exactly (beyond ±(2^53 - 1)) and that
 * 64 bits can are BigInts; all other numbers are numbers, so the two never stand for one value. What is beyond 64 bits is a double, as
 * in apimachinery's decoder (pkg/util/json).
 */

const INT64_LEAST = -(2n ** 63n);
const INT64_MOST = 2n ** 63n - 1n;

/** The shortest integer that is not exact has as many digits. */
const LONG = 16;
const DIGITS_OF_LARGEST_DOUBLE = 309;

const ZERO = 0x30;
const NINE = 0x39;
const isDigit = (code: number) => code >= ZERO && code <= NINE;

/** Whether it is an integer of 64 bits, either as a number that is exact or as a BigInt. */
export const isExactInteger = (value: unknown): value is number | bigint =>
  typeof value === 'bigint' || Number.isSafeInteger(value);

/** An integer in the form that `parseExactJson` gives it: a double beyond 64 bits. */
export const integer64 = (value: bigint): number | bigint => {
  const number = Number(value);
  return Number.isSafeInteger(number) || value < INT64_LEAST || value > INT64_MOST ? number : value;
};

/** A number that no double can hold: JSON.parse makes Infinity of it, and JSON.stringify null of that. In Go's words. */
export class NumberOutOfRange extends SyntaxError {
  constructor(literal: string) {
    super(`json: cannot unmarshal number ${literal.slice(0, 400)} into Go value of type float64`);
  }
}

/** @throws SyntaxError for what is no JSON, NumberOutOfRange for what has a number beyond all doubles */
export function parseExactJson(text: string): unknown {
  const parsed: unknown = JSON.parse(text);
  return hasLongInteger(text) || HUGE_EXPONENT.test(text) ? new Reader(text).read() : parsed;
}

/** May stand in a string, too: then the text is read more slowly and nothing else. */
const HUGE_EXPONENT = /(?:^|[:,[\s-])\d+(?:\.\d+)?[eE]\+?\d{3,}(?=[,\]}\s]|$)/;

/** The text of a JSON value that may hold BigInts. */
export function exactJsonText(value: unknown, indent?: number): string {
  try {
    return JSON.stringify(value, undefined, indent);
  } catch (error) {
    // Asked only once it has failed: nearly nothing holds such numbers. Beside them JSON.stringify goes less deep than it does otherwise.
    if (!(error instanceof RangeError || (error instanceof TypeError && error.message.includes('BigInt')))) throw error;
    return write(value, ' '.repeat(indent ?? 0));
  }
}

/**
 * Whether a number of so many digits may stand somewhere. Looks at every 16th character: a run of 16 digits has one of them.
 * Digits in strings rarely have neighbours that a number has; where they have, the text is read more slowly and nothing else.
 */
function hasLongInteger(text: string): boolean {
  for (let i = LONG - 1; i < text.length; i += LONG) {
    if (!isDigit(text.charCodeAt(i))) continue;
    let start = i;
    while (start > 0 && isDigit(text.charCodeAt(start - 1))) start--;
    let end = i + 1;
    while (end < text.length && isDigit(text.charCodeAt(end))) end++;
    // So long that it may be beyond all doubles, whatever comes behind it.
    if (end - start > DIGITS_OF_LARGEST_DOUBLE - 1) return true;
    if (end - start >= LONG && (start === 0 || BEFORE.has(text[start - 1]!)) && (end === text.length || BEHIND.has(text[end]!)))
      return true;
    i = end - 1;
  }
  return false;
}

const BEFORE: ReadonlySet<string> = new Set([':', ',', '[', '-', ' ', '\t', '\r', '\n']);
const BEHIND: ReadonlySet<string> = new Set([',', ']', '}', ' ', '\t', '\r', '\n']);

const numberOf = (literal: string): number | bigint => {
  const number = Number(literal);
  if (!Number.isFinite(number)) throw new NumberOutOfRange(literal);
  if (Number.isSafeInteger(number) || !/^-?\d+$/.test(literal)) return number;
  return integer64(BigInt(literal));
};

type Open = { readonly list: unknown[] } | { readonly map: Record<string, unknown>; key: string };

/** Reads a text that is known to be JSON. Goes down without calling itself: JSON.parse takes any depth, too. */
class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): unknown {
    const open: Open[] = [];
    for (;;) {
      const value = this.#begin(open);
      if (value === OPENED) continue;
      let ended = value;
      for (;;) {
        const inside = open.at(-1);
        if (!inside) return ended;
        if ('list' in inside) inside.list.push(ended);
        else setOwn(inside.map, inside.key, ended);
        if (this.#next() === ',') {
          if ('map' in inside) inside.key = this.#key();
          break;
        }
        open.pop();
        ended = 'list' in inside ? inside.list : inside.map;
      }
    }
  }

  /** A scalar, an empty list or map, or OPENED for one that has something in it. */
  #begin(open: Open[]): unknown {
    const first = this.#next();
    if (first === '[') {
      if (this.#peek() !== ']') {
        open.push({ list: [] });
        return OPENED;
      }
      this.#at++;
      return [];
    }
    if (first === '{') {
      if (this.#peek() !== '}') {
        open.push({ map: {}, key: this.#key() });
        return OPENED;
      }
      this.#at++;
      return {};
    }
    if (first === '"') return this.#string();
    const from = this.#at - 1;
    while (this.#at < this.#text.length && !BEHIND.has(this.#text[this.#at]!)) this.#at++;
    const word = this.#text.slice(from, this.#at);
    return first === '-' || isDigit(first.charCodeAt(0)) ? numberOf(word) : JSON.parse(word);
  }

  /** A name and the colon behind it. */
  #key(): string {
    this.#next();
    const key = this.#string();
    this.#next();
    return key;
  }

  /** From behind the opening quote. */
  #string(): string {
    const from = this.#at - 1;
    for (;;) {
      const end = this.#text.indexOf('"', this.#at);
      this.#at = end + 1;
      let backslashes = 0;
      while (this.#text[end - 1 - backslashes] === '\\') backslashes++;
      if (backslashes % 2 === 0) return JSON.parse(this.#text.slice(from, this.#at)) as string;
    }
  }

  #peek(): string {
    while (BLANK.has(this.#text[this.#at]!)) this.#at++;
    return this.#text[this.#at]!;
  }

  #next(): string {
    const next = this.#peek();
    this.#at++;
    return next;
  }
}

const OPENED = Symbol('opened');
const BLANK: ReadonlySet<string> = new Set([' ', '\t', '\r', '\n']);

function setOwn(map: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(map, key, { value, writable: true, enumerable: true, configurable: true });
  else map[key] = value;
}

/** A list or map that is being written. */
interface Writing {
  readonly value: object;
  /** Undefined: a list. */
  readonly keys: readonly string[] | undefined;
  next: number;
  empty: boolean;
}

/** As JSON.stringify writes, with BigInts, and without calling itself. */
function write(whole: unknown, step: string): string {
  const open: Writing[] = [];
  const line = () => step && `\n${step.repeat(open.length)}`;
  let text = '';
  /** False for what a map leaves out. */
  const begin = (value: unknown, before: string): boolean => {
    if (isHolder(value)) {
      const keys = Array.isArray(value) ? undefined : Object.keys(value);
      open.push({ value, keys, next: 0, empty: true });
      text += before + (keys ? '{' : '[');
      return true;
    }
    const scalar = typeof value === 'bigint' ? String(value) : JSON.stringify(value);
    if (scalar === undefined) return false;
    text += before + scalar;
    return true;
  };
  begin(whole, '');
  for (let inside = open.at(-1); inside; inside = open.at(-1)) {
    const { keys, value } = inside;
    const at = inside.next++;
    if (at >= (keys ?? (value as readonly unknown[])).length) {
      open.pop();
      text += (inside.empty ? '' : line()) + (keys ? '}' : ']');
      continue;
    }
    const before = (inside.empty ? '' : ',') + line();
    const begun = keys
      ? begin((value as Record<string, unknown>)[keys[at]!], `${before}${JSON.stringify(keys[at])}:${step && ' '}`)
      : begin((value as readonly unknown[])[at] ?? null, before);
    if (begun) inside.empty = false;
  }
  return text;
}

/** What says itself how it is written (a date) is no list or map of ours. */
const isHolder = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !('toJSON' in value && typeof value.toJSON === 'function');
