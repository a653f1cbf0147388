/** What a string or bytes token stands for: quotes taken off, escapes read (cel-spec, "String and Bytes Values"). */

const SIMPLE: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  "'": "'",
  '"': '"',
  '`': '`',
  '?': '?',
};
const ESCAPE = /\\(?:[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|([\s\S]))/g;

function inside(token: string): { text: string; raw: boolean } {
  const prefix = /^[rRbB]*/.exec(token)![0];
  const quoted = token.slice(prefix.length);
  const quotes = /^("""|''')/.test(quoted) ? 3 : 1;
  return { text: quoted.slice(quotes, -quotes).replaceAll('\r\n', '\n'), raw: /[rR]/.test(prefix) };
}

/** undefined when an escape is none, or names no character. */
export function stringOfToken(token: string): string | undefined {
  const { text, raw } = inside(token);
  if (raw) return text;
  let good = true;
  const value = text.replace(ESCAPE, (_, hex?: string, short?: string, long?: string, octal?: string, simple?: string) => {
    if (simple !== undefined) {
      const known = Object.hasOwn(SIMPLE, simple) ? SIMPLE[simple] : undefined;
      if (known === undefined) good = false;
      return known ?? '';
    }
    const point = octal !== undefined ? Number.parseInt(octal, 8) : Number.parseInt((hex ?? short ?? long)!, 16);
    if (point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) {
      good = false;
      return '';
    }
    return String.fromCodePoint(point);
  });
  return good ? value : undefined;
}

/** As `stringOfToken`; `\x` and octal escapes are bytes, and `\u` is not allowed. */
export function bytesOfToken(token: string): Uint8Array | undefined {
  const { text, raw } = inside(token);
  if (raw) return new TextEncoder().encode(text);
  const parts: Uint8Array[] = [];
  let end = 0;
  for (const match of text.matchAll(ESCAPE)) {
    const [whole, hex, short, long, octal, simple] = match;
    parts.push(new TextEncoder().encode(text.slice(end, match.index)));
    end = match.index + whole.length;
    if (short !== undefined || long !== undefined) return undefined;
    if (simple !== undefined) {
      if (!Object.hasOwn(SIMPLE, simple)) return undefined;
      parts.push(new TextEncoder().encode(SIMPLE[simple]));
    } else parts.push(Uint8Array.of(octal !== undefined ? Number.parseInt(octal, 8) : Number.parseInt(hex!, 16)));
  }
  parts.push(new TextEncoder().encode(text.slice(end)));
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}
