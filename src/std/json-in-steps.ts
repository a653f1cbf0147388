import { exactJsonText, parseExactJson } from './exact-json.ts';
import type { Steps } from './pauses.ts';

/** About what is parsed or written between two pauses: some milliseconds. In characters. */
const PART = 64 * 1024;
/** To look at a character takes a part of what it takes to parse it. */
const FAR = 8;

export interface PartsOptions {
  /** How much is parsed between two pauses, about. */
  readonly part?: number;
  /** What parses it: `JSON.parse`, or by default `parseExactJson`. */
  readonly parse?: (text: string) => unknown;
}

/**
 * The same as `parseExactJson`, with a pause after each part of a long text. Large lists and maps are put together of members that are
 * parsed some at a time:
 *
 *     {"metadata":{…},"data":{"a":"1","b":"2", │ "c":"3","d":"4", │ "e":"5"}}
 *
 * @throws SyntaxError for what is no JSON, in the words of whatever parses it
 */
export function* parseInSteps(text: string, { part = PART, parse = parseExactJson }: PartsOptions = {}): Steps<unknown> {
  if (text.length <= part) return parse(text);
  const parts = new Parts(text, parse);
  try {
    for (let at = 0, pausedAt = 0; at < text.length; at++) {
      at = parts.look(at, part);
      if (parts.ended) return parts.value;
      if (!parts.tookSome && at - pausedAt < FAR * part) continue;
      pausedAt = at;
      yield;
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  yield;
  // What cannot be taken apart is no list or map, or no JSON, which is then said as it always is.
  return parse(text);
}

/** A list or map whose end has not been seen yet. */
interface Open {
  readonly isMap: boolean;
  /** Where it begins, at its bracket. */
  readonly start: number;
  /** What has been parsed of it; undefined as long as it may be parsed with what it is in. */
  value: Record<string, unknown> | unknown[] | undefined;
  /** Where the members begin that have not been parsed. */
  from: number;
  /** Where the member begins that is being looked at. */
  member: number;
  /** What comes next: a member or the end, a member (after a comma), or a comma or the end (after a member that was parsed by itself). */
  next: 'any' | 'member' | 'comma';
}

class Parts {
  readonly #text: string;
  readonly #parse: (text: string) => unknown;
  readonly #open: Open[] = [];
  value: unknown;
  ended = false;
  tookSome = false;

  constructor(text: string, parse: (text: string) => unknown) {
    this.#text = text;
    this.#parse = parse;
  }

  /** Looks at the character at a place and returns the last one that was looked at. Throws SyntaxError. */
  look(at: number, part: number): number {
    const text = this.#text;
    this.tookSome = false;
    switch (text.charCodeAt(at)) {
      case QUOTE:
        return endOfString(text, at);
      case OPEN_MAP:
      case OPEN_LIST:
        this.#begin(at);
        break;
      case COMMA:
        this.#pass(at, part);
        break;
      case CLOSE_MAP:
      case CLOSE_LIST:
        this.#end(at);
        break;
    }
    return at;
  }

  #begin(at: number): void {
    if (!this.#open.length) this.#expectBlank(0, at);
    const isMap = this.#text.charCodeAt(at) === OPEN_MAP;
    this.#open.push({ isMap, start: at, value: undefined, from: at + 1, member: at + 1, next: 'any' });
  }

  #pass(at: number, part: number): void {
    const inside = this.#open.at(-1);
    if (!inside) throw new SyntaxError();
    if (inside.next === 'comma') this.#expectBlank(inside.from, at);
    else if (at - inside.from > part) {
      this.#take(inside, at);
      this.tookSome = true;
    }
    inside.member = at + 1;
    if (inside.next === 'comma' || this.tookSome) {
      inside.from = at + 1;
      inside.next = 'member';
    }
  }

  #end(at: number): void {
    const ended = this.#open.pop();
    if (!ended || ended.isMap !== (this.#text.charCodeAt(at) === CLOSE_MAP)) throw new SyntaxError();
    const outer = this.#open.at(-1);
    if (!ended.value && outer) return; // small: parsed with what it is in
    if (ended.next === 'member' || !this.#isBlank(ended.from, at)) {
      if (ended.next === 'comma') throw new SyntaxError();
      this.#take(ended, at);
    }
    const value = ended.value ?? (ended.isMap ? {} : []);
    if (outer) this.#adopt(outer, ended, value, at);
    else {
      this.#expectBlank(at + 1, this.#text.length);
      this.value = value;
      this.ended = true;
    }
  }

  /** Parses the members up to a place. */
  #take(inside: Open, end: number): void {
    if (this.#isBlank(inside.from, end)) throw new SyntaxError();
    const members = this.#text.slice(inside.from, end);
    if (inside.isMap) {
      const map = mapOf(inside);
      const parsed = this.#parse(`{${members}}`) as Record<string, unknown>;
      for (const key in parsed) setOwn(map, key, parsed[key]);
    } else {
      const list = listOf(inside);
      for (const item of this.#parse(`[${members}]`) as unknown[]) list.push(item);
    }
  }

  /** Takes a member that was parsed by itself, after all that come before it. */
  #adopt(outer: Open, inner: Open, value: unknown, end: number): void {
    if (outer.next === 'comma') throw new SyntaxError();
    if (outer.member > outer.from) this.#take(outer, outer.member - 1);
    const before = this.#text.slice(outer.member, inner.start);
    if (outer.isMap) {
      const map = mapOf(outer);
      // In its place a list: a digit would go on with a number that stands before the bracket.
      const named = JSON.parse(`{${before}[]}`) as Record<string, unknown>;
      for (const key in named) setOwn(map, key, value);
    } else {
      this.#expectBlank(outer.member, inner.start);
      listOf(outer).push(value);
    }
    outer.from = end + 1;
    outer.member = end + 1;
    outer.next = 'comma';
  }

  #isBlank(from: number, to: number): boolean {
    for (let i = from; i < to; i++) if (!BLANK.has(this.#text.charCodeAt(i))) return false;
    return true;
  }

  #expectBlank(from: number, to: number): void {
    if (!this.#isBlank(from, to)) throw new SyntaxError();
  }
}

function mapOf(open: Open): Record<string, unknown> {
  open.value ??= {};
  return open.value as Record<string, unknown>;
}

function listOf(open: Open): unknown[] {
  open.value ??= [];
  return open.value as unknown[];
}

/** Where the string ends that begins at a place; the end of the text when it does not. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return end;
  }
  return text.length;
}

function setOwn(map: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(map, key, { value, writable: true, enumerable: true, configurable: true });
  else map[key] = value;
}

/** What has more members is written some at a time; what has fewer, member by member. */
const FEW = 32;
const GROUP = 16;
/** What is further in is written at once. */
const DEEPEST = 6;

/** The same as `exactJsonText` of a list or map, with a pause after each part. */
export function* jsonTextInSteps(value: object, part = PART, indent = 0): Steps<string> {
  const pace = { part, written: 0 };
  return yield* textOf(value, { pace, indent }, 0);
}

interface Pace {
  readonly part: number;
  /** Since the last pause. */
  written: number;
}

interface Writing {
  readonly pace: Pace;
  readonly indent: number;
}

function* textOf(value: object, writing: Writing, depth: number): Steps<string> {
  const { pace, indent } = writing;
  const keys = Array.isArray(value) ? undefined : Object.keys(value);
  const list = value as readonly unknown[];
  const map = value as Readonly<Record<string, unknown>>;
  const count = keys ? keys.length : list.length;
  const outer = indent ? `\n${' '.repeat(indent * depth)}` : '';
  const inner = indent ? `${outer}${' '.repeat(indent)}` : '';
  let text = '';
  const add = (more: string) => {
    if (more) text += (text ? ',' : '') + inner + more;
  };
  for (let i = 0; i < count; ) {
    const before = text.length;
    const key = keys?.[i];
    const item = key === undefined ? list[i] : map[key];
    if (count <= FEW && depth < DEEPEST && isHolder(item)) {
      const written = yield* textOf(item, writing, depth + 1);
      add(key === undefined ? written : `${JSON.stringify(key)}:${indent ? ' ' : ''}${written}`);
      i++;
      continue;
    }
    const end = count <= FEW ? i + 1 : Math.min(count, i + GROUP);
    const some = exactJsonText(keys ? pick(map, keys, i, end) : list.slice(i, end), indent);
    add(indent ? some.slice(2 + indent, -2).replaceAll('\n', outer) : some.slice(1, -1));
    i = end;
    pace.written += text.length - before;
    if (pace.written > pace.part) {
      pace.written = 0;
      yield;
    }
  }
  const end = text && outer;
  return keys ? `{${text}${end}}` : `[${text}${end}]`;
}

function pick(map: Readonly<Record<string, unknown>>, keys: readonly string[], from: number, to: number): object {
  const picked: Record<string, unknown> = {};
  for (let i = from; i < to; i++) setOwn(picked, keys[i]!, map[keys[i]!]);
  return picked;
}

/** What says itself how it is written is no list or map of ours. */
const isHolder = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !('toJSON' in value && typeof value.toJSON === 'function');

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_MAP = 0x7b;
const CLOSE_MAP = 0x7d;
const BLANK: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);
