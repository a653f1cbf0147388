/**
 * Says what is wrong with a text that is no JSON, in the words of Go's encoding/json (scanner.go), which clients of upstream see.
 * Only looked at once JSON.parse has refused.
 */

/** What stands for the byte that was not expected. */
function quote(text: string, at: number): string {
  const byte = Buffer.from(text.slice(at, at + 2), 'utf8')[0]!;
  if (byte === 0x27) return `'\\''`;
  if (byte === 0x22) return `'"'`;
  const quoted = JSON.stringify(String.fromCharCode(byte)).slice(1, -1);
  return `'${quoted.replace(/^\\u00(..)$/, '\\x$1').replace(/^\\b$/, '\\b')}'`;
}

class Unexpected extends Error {}

/** Reads one text; every step throws `Unexpected` with Go's words. */
class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): void {
    /** What each open bracket is waited for with. */
    const open: ('object' | 'array')[] = [];
    for (;;) {
      this.#skipSpace();
      const first = this.#text[this.#at];
      if (first === '{' || first === '[') {
        this.#at++;
        this.#skipSpace();
        if (this.#text[this.#at] === (first === '{' ? '}' : ']')) this.#at++;
        else {
          open.push(first === '{' ? 'object' : 'array');
          if (first === '{') this.#key();
          continue;
        }
      } else this.#scalar();
      if (this.#endValue(open)) return;
    }
  }

  /** After a value: closes what ends here. True when the text ends. */
  #endValue(open: ('object' | 'array')[]): boolean {
    for (;;) {
      this.#skipSpace();
      const inside = open.at(-1);
      if (inside === undefined) {
        if (this.#at >= this.#text.length) return true;
        throw this.#unexpected('after top-level value');
      }
      const next = this.#text[this.#at];
      if (next === ',') {
        this.#at++;
        this.#skipSpace();
        if (inside === 'object') this.#key();
        return false;
      }
      if (next !== (inside === 'object' ? '}' : ']'))
        throw this.#unexpected(inside === 'object' ? 'after object key:value pair' : 'after array element');
      this.#at++;
      open.pop();
    }
  }

  #key(): void {
    if (this.#text[this.#at] !== '"') throw this.#unexpected('looking for beginning of object key string');
    this.#string();
    this.#skipSpace();
    if (this.#text[this.#at] !== ':') throw this.#unexpected('after object key');
    this.#at++;
  }

  #scalar(): void {
    const first = this.#text[this.#at];
    if (first === '"') this.#string();
    else if (first === 't') this.#literal('true');
    else if (first === 'f') this.#literal('false');
    else if (first === 'n') this.#literal('null');
    else if (first === '-' || isDigit(first)) this.#number();
    else throw this.#unexpected('looking for beginning of value');
  }

  #string(): void {
    for (this.#at++; ; this.#at++) {
      const character = this.#text[this.#at];
      if (character === '"') break;
      if (character === undefined || character < ' ') throw this.#unexpected('in string literal');
      if (character !== '\\') continue;
      const escaped = this.#text[++this.#at];
      if (escaped === 'u') {
        for (let digits = 0; digits < 4; digits++)
          if (!/^[0-9a-fA-F]$/.test(this.#text[++this.#at] ?? '')) throw this.#unexpected('in \\u hexadecimal character escape');
      } else if (escaped === undefined || !'bfnrt\\/"'.includes(escaped)) throw this.#unexpected('in string escape code');
    }
    this.#at++;
  }

  #literal(word: string): void {
    for (let i = 1; i < word.length; i++)
      if (this.#text[++this.#at] !== word[i]) throw this.#unexpected(`in literal ${word} (expecting '${word[i]}')`);
    this.#at++;
  }

  #number(): void {
    if (this.#text[this.#at] === '-') this.#at++;
    if (this.#text[this.#at] === '0') this.#at++;
    else this.#digits('in numeric literal');
    if (this.#text[this.#at] === '.') {
      this.#at++;
      this.#digits('after decimal point in numeric literal');
    }
    if (this.#text[this.#at] === 'e' || this.#text[this.#at] === 'E') {
      this.#at++;
      if (this.#text[this.#at] === '+' || this.#text[this.#at] === '-') this.#at++;
      this.#digits('in exponent of numeric literal');
    }
  }

  #digits(context: string): void {
    if (!isDigit(this.#text[this.#at])) throw this.#unexpected(context);
    while (isDigit(this.#text[this.#at])) this.#at++;
  }

  #skipSpace(): void {
    while (this.#at < this.#text.length && ' \t\r\n'.includes(this.#text[this.#at]!)) this.#at++;
  }

  #unexpected(context: string): Unexpected {
    if (this.#at >= this.#text.length) return new Unexpected('unexpected end of JSON input');
    return new Unexpected(`invalid character ${quote(this.#text, this.#at)} ${context}`);
  }
}

const isDigit = (character: string | undefined) => character !== undefined && character >= '0' && character <= '9';

/** The error that Go has for the text; undefined when it is JSON after all. */
export function jsonSyntaxError(text: string): string | undefined {
  try {
    new Scanner(text).read();
    return undefined;
  } catch (error) {
    if (error instanceof Unexpected) return error.message;
    throw error;
  }
}

/** How Go names a parsed value in `json: cannot unmarshal array into …`. */
export function goJsonType(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'bigint') return 'number';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}
