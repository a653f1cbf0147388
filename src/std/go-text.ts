/** Texts and numbers as Go's fmt and strconv print them. */

const SHORT: Readonly<Record<string, string>> = {
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '"': '\\"',
  '\\': '\\\\',
};

const NOT_PLAIN = /["\\]|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu;

/** Text in double quotes as Go's strconv.Quote writes it: what is not printable becomes an escape. */
export const goQuote = (text: string): string => `"${text.replace(NOT_PLAIN, escapeCharacter)}"`;

function escapeCharacter(character: string): string {
  const code = character.codePointAt(0)!;
  const digits = (size: number) => code.toString(16).padStart(size, '0');
  if (Object.hasOwn(SHORT, character)) return SHORT[character]!;
  if (code < 0x20 || code === 0x7f) return `\\x${digits(2)}`;
  return code < 0x10000 ? `\\u${digits(4)}` : `\\U${digits(8)}`;
}

/** As Go's 'g' format prints it: with an exponent, of at least two digits, below 1e-04 and from 1e+06 on. */
export function goFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  const size = Math.abs(value);
  return size !== 0 && (size >= 1e6 || size < 1e-4) ? padExponent(value.toExponential()) : String(value);
}

const padExponent = (text: string) => text.replace(/e([+-])(\d)$/, 'e$10$2');
