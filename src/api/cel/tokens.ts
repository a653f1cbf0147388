/** Splits an expression into tokens (cel-go parser/gen/CEL.g4). */
import type { Issue } from './compile-error.ts';

export type TokenType = 'symbol' | 'identifier' | 'quoted-identifier' | 'int' | 'uint' | 'float' | 'string' | 'bytes' | 'end';
export interface Token {
  readonly type: TokenType;
  readonly text: string;
  readonly offset: number;
}

const SPACE = /(?:[ \t\r\n\f]+|\/\/[^\n]*)+/y;
const SYMBOL = /==|!=|<=|>=|&&|\|\||[-+*/%!<>=?:,.()[\]{}]/y;
const IDENTIFIER = /[A-Za-z_][A-Za-z0-9_]*/y;
const QUOTED_IDENTIFIER = /`[A-Za-z0-9_.\-/ ]+`/y;
const FLOAT = /(?:\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?)/y;
const INTEGER = /(?:0x[0-9a-fA-F]+|\d+)[uU]?/y;
const BODY = String.raw`(?:"""(?:[^\\]|\\[\s\S])*?"""|'''(?:[^\\]|\\[\s\S])*?'''|"(?:[^\\"\n\r]|\\[^\n\r])*"|'(?:[^\\'\n\r]|\\[^\n\r])*')`;
const RAW_BODY = String.raw`(?:"""[\s\S]*?"""|'''[\s\S]*?'''|"[^"\n\r]*"|'[^'\n\r]*')`;
const STRING = new RegExp(`(?:[bB][rR]|[rR][bB]|[rR])${RAW_BODY}|[bB]?${BODY}`, 'y');

const FORMS: readonly { readonly pattern: RegExp; readonly typeOf: (text: string) => TokenType }[] = [
  { pattern: STRING, typeOf: (text) => (/^[rR]?[bB]/.test(text) ? 'bytes' : 'string') },
  { pattern: IDENTIFIER, typeOf: () => 'identifier' },
  { pattern: FLOAT, typeOf: () => 'float' },
  { pattern: INTEGER, typeOf: (text) => (/[uU]$/.test(text) ? 'uint' : 'int') },
  { pattern: SYMBOL, typeOf: () => 'symbol' },
  { pattern: QUOTED_IDENTIFIER, typeOf: () => 'quoted-identifier' },
];

/** Where no token begins, upstream's lexer names what it has read when it gives up: a lone `|` with what follows, a text to its end. */
const NO_TOKEN = /[|&][\s\S]?|["'][^\n\r]*|[\s\S]/uy;
const MOST_ISSUES = 30;

export interface Tokens {
  /** The last one is always the `end`. */
  readonly tokens: readonly Token[];
  /** About what no token begins with: it is passed over. */
  readonly issues: readonly Issue[];
}

export function tokenize(source: string): Tokens {
  const tokens: Token[] = [];
  const issues: Issue[] = [];
  let at = 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(source)?.[0];
  };
  while (at < source.length && issues.length < MOST_ISSUES) {
    const space = take(SPACE);
    if (space) {
      at += space.length;
      continue;
    }
    const found = FORMS.find(({ pattern }) => take(pattern) !== undefined);
    const text = take(found?.pattern ?? NO_TOKEN)!;
    if (found) tokens.push({ type: found.typeOf(text), text, offset: at });
    else issues.push({ offset: at, message: `Syntax error: token recognition error at: '${text}'` });
    at += text.length;
  }
  tokens.push({ type: 'end', text: '<EOF>', offset: source.length });
  return { tokens, issues };
}
