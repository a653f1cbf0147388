import { withoutTrailing } from '../../std/trailing.ts';

/** Reads JSON paths as client-go does (client-go/util/jsonpath/parser.go): a text of its templates between `{` and `}`. */

/** A bound of `[from:to:step]`. */
export interface Bound {
  readonly known: boolean;
  readonly value: number;
  /** Stands for one behind the first. */
  readonly derived?: boolean;
}

export type PathNode =
  | { readonly type: 'field'; readonly name: string }
  | { readonly type: 'wildcard' }
  | { readonly type: 'recursive' }
  | { readonly type: 'array'; readonly bounds: readonly [Bound, Bound, Bound] }
  | { readonly type: 'union'; readonly lists: readonly (readonly PathNode[])[] }
  | {
      readonly type: 'filter';
      readonly left: readonly PathNode[];
      readonly operator: string;
      readonly right: readonly PathNode[];
    }
  | { readonly type: 'value'; readonly value: unknown; readonly isFloat?: boolean }
  /** `range`, `end` and words that mean nothing: none of them leads anywhere. */
  | { readonly type: 'word'; readonly word: string };

/** Nested in filters and unions; paths come from clients. */
const DEEPEST = 20;

const TERMINATORS: ReadonlySet<string | undefined> = new Set([undefined, ' ', '\t', '\r', '\n', ...'.,[]$@{}']);
const WORD = /[\p{L}\p{Nd}_]/u;
const DIGIT = /\p{Nd}/u;
const ESCAPES: Readonly<Record<string, string>> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

/** @throws Error that says what cannot be understood */
export function parsePathNodes(text: string, depth = 0): PathNode[] {
  if (depth > DEEPEST) throw new Error('the JSON path is too deep');
  return new Parser(`${text}}`, depth).parse();
}

/** What stands between braces. What follows the closing one is text, and of no account. */
class Parser {
  readonly #characters: readonly string[];
  readonly #depth: number;
  readonly #nodes: PathNode[] = [];
  #at = 0;

  constructor(text: string, depth: number) {
    this.#characters = [...text];
    this.#depth = depth;
  }

  parse(): PathNode[] {
    for (;;) {
      if (this.#takes('}')) return this.#nodes;
      if (this.#takes('[?(')) this.#filter();
      else if (this.#takes('..')) this.#recursive();
      else this.#one(this.#next());
    }
  }

  #one(character: string | undefined): void {
    if (character === undefined || character === '\n' || character === '\r') throw new Error('unclosed action');
    if (character === ' ' || character === '@' || character === '$') return;
    if (character === '[') this.#array();
    else if (character === '"' || character === "'") this.#nodes.push({ type: 'value', value: this.#quoted(character) });
    else if (character === '.') this.#field();
    else if (character === '+' || character === '-' || DIGIT.test(character)) this.#number(character);
    else if (WORD.test(character)) this.#word(character);
    else throw new Error(`unrecognized character in action: ${JSON.stringify(character)}`);
  }

  #peek(): string | undefined {
    return this.#characters[this.#at];
  }

  #next(): string | undefined {
    return this.#characters[this.#at++];
  }

  #takes(text: string): boolean {
    if ([...text].some((character, i) => this.#characters[this.#at + i] !== character)) return false;
    this.#at += text.length;
    return true;
  }

  #field(): void {
    let name = '';
    while (!TERMINATORS.has(this.#peek())) {
      const character = this.#next()!;
      name += character === '\\' ? (this.#next() ?? '').replace('\\', '') : character;
    }
    this.#nodes.push(name === '*' ? { type: 'wildcard' } : { type: 'field', name });
  }

  #recursive(): void {
    if (this.#nodes.at(-1)?.type === 'recursive') throw new Error('invalid multiple recursive descent');
    this.#nodes.push({ type: 'recursive' });
    if (WORD.test(this.#peek() ?? '')) this.#field();
  }

  #word(first: string): void {
    let word = first;
    while (!TERMINATORS.has(this.#peek())) word += this.#next()!;
    this.#nodes.push(word === 'true' || word === 'false' ? { type: 'value', value: word === 'true' } : { type: 'word', word });
  }

  #number(first: string): void {
    let text = first;
    while (this.#peek() === '.' || DIGIT.test(this.#peek() ?? '')) text += this.#next()!;
    if (!/^[-+]?(?:\d+\.?\d*|\.\d+)$/.test(text)) throw new Error(`cannot parse number ${text}`);
    const isFloat = text.includes('.');
    this.#nodes.push({ type: 'value', value: Number(text), ...(isFloat && { isFloat }) });
  }

  #quoted(quote: string): string {
    let text = '';
    for (;;) {
      const character = this.#next();
      if (character === undefined || character === '\n') throw new Error('unterminated quoted string');
      if (character === quote) return text;
      text += character === '\\' ? this.#escaped() : character;
    }
  }

  #escaped(): string {
    const character = this.#next();
    if (character === undefined) throw new Error('unterminated quoted string');
    if ('\\"\''.includes(character)) return character;
    const code = { x: 2, u: 4, U: 8 }[character];
    if (code === undefined) {
      if (!Object.hasOwn(ESCAPES, character)) throw new Error(`unquote string: invalid escape \\${character}`);
      return ESCAPES[character]!;
    }
    const digits = this.#characters.slice(this.#at, this.#at + code).join('');
    const value = Number.parseInt(digits, 16);
    if (!/^[0-9a-fA-F]+$/.test(digits) || digits.length !== code || value > 0x10ffff)
      throw new Error(`unquote string: invalid escape \\${character}`);
    this.#at += code;
    return String.fromCodePoint(value);
  }

  #array(): void {
    const end = this.#characters.indexOf(']', this.#at);
    const inner = this.#characters.slice(this.#at, end < 0 ? undefined : end).join('');
    if (end < 0 || inner.includes('\n')) throw new Error('unterminated array');
    this.#at = end + 1;
    const text = inner === '*' ? ':' : inner;
    const parts = text.split(',');
    const quoted = /^'([^']*)'$/.exec(text);
    if (parts.length > 1) {
      const lists = parts.map((part) => parsePathNodes(`[${withoutTrailing(part.replace(/^ +/, ''), ' ')}]`, this.#depth + 1));
      this.#nodes.push({ type: 'union', lists });
    } else if (quoted) this.#nodes.push(...parsePathNodes(`.${quoted[1]}`, this.#depth + 1));
    else this.#nodes.push({ type: 'array', bounds: boundsOf(text) });
  }

  #filter(): void {
    const from = this.#at;
    let opened: string | undefined;
    let closed = false;
    for (;;) {
      const character = this.#next();
      if (character === undefined || character === '\n') throw new Error('unterminated filter');
      if (character === '"' || character === "'") {
        if (opened === undefined) opened = character;
        else if (character === opened && this.#characters[this.#at - 2] !== '\\') closed = true;
      } else if (character === ')' && (opened !== undefined) === closed) break;
    }
    if (this.#next() !== ']') throw new Error('unclosed array expect ]');
    const text = this.#characters.slice(from, this.#at - 2).join('');
    const compared = /^([^!<>=]+)([!<>=]+)(.+?)$/.exec(text);
    const inner = (part: string) => parsePathNodes(part, this.#depth + 1);
    this.#nodes.push(
      compared
        ? { type: 'filter', left: inner(compared[1]!), operator: compared[2]!, right: inner(compared[3]!) }
        : { type: 'filter', left: inner(text), operator: 'exists', right: [] },
    );
  }
}

function boundsOf(text: string): [Bound, Bound, Bound] {
  const found = /^(-?\d*)(:-?\d*)?(:-?\d*)?$/.exec(text);
  if (!found) throw new Error(`invalid array index ${text}`);
  const [first, last, step] = [found[1]!, found[2], found[3]];
  const number = (digits: string): Bound => {
    if (digits === '') return { known: false, value: 0 };
    if (digits === '-') throw new Error(`array index ${digits} is not a number`);
    return { known: true, value: Number(digits) };
  };
  const from = number(first);
  const to = last === undefined ? { known: true, value: from.value + 1, derived: true } : number(last.slice(1));
  return [from, to, number(step?.slice(1) ?? '')];
}
