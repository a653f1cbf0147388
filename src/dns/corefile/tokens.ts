import { CorefileError } from './corefile-error.ts';

export interface Token {
  readonly text: string;
  readonly file: string;
  readonly line: number;
  /** Whether it stood in quotes, so that a brace in it is only text. */
  readonly quoted: boolean;
}

/** A Corefile is written by people. */
const MAX_BYTES = 1024 * 1024;

/**
 * The words of a Corefile: parted by white space, `"…"` for those with white space in them (`\"` for a quote), `#` at the beginning of a
 * word for a comment up to the end of the line. `{$NAME}` and `{%NAME%}` stand for variables of the environment.
 *
 * @throws CorefileError
 */
export function readTokens(text: string, file: string, environment: Readonly<Record<string, string | undefined>>): Token[] {
  if (text.length > MAX_BYTES) throw new CorefileError({ file, line: 1 }, 'the file is larger than 1 MiB');
  const tokens: Token[] = [];
  let line = 1;
  for (let at = text.startsWith('\uFEFF') ? 1 : 0; at < text.length; ) {
    const character = text[at]!;
    if (character === '\n') line++;
    if (/\s/.test(character)) at++;
    else if (character === '#') {
      const end = text.indexOf('\n', at);
      at = end < 0 ? text.length : end;
    } else if (character === '"') {
      const match = /"((?:[^"\\]|\\[\s\S])*)"/y;
      match.lastIndex = at;
      const found = match.exec(text);
      if (!found) throw new CorefileError({ file, line }, 'a quotation mark is open');
      const value = found[1]!.replace(/\\"/g, '"');
      tokens.push({ text: substitute(value, environment), file, line, quoted: true });
      line += found[0].split('\n').length - 1;
      at = match.lastIndex;
    } else {
      const match = /\S+/y;
      match.lastIndex = at;
      const word = match.exec(text)![0];
      tokens.push({ text: substitute(word, environment), file, line, quoted: false });
      at = match.lastIndex;
    }
  }
  return tokens;
}

function substitute(text: string, environment: Readonly<Record<string, string | undefined>>): string {
  if (!text.includes('{$') && !text.includes('{%')) return text;
  const variable = (_: string, name: string) => (Object.hasOwn(environment, name) ? (environment[name] ?? '') : '');
  return text.replace(/\{\$([^{}$%]+)\}/g, variable).replace(/\{%([^{}$%]+)%\}/g, variable);
}
