/** Strings (cel-go ext/strings.go, version 2). Positions count code points. */
import { declare, type FunctionDeclaration, member, overload } from '../declarations.ts';
import { DYN, INT, listOf, STRING } from '../types.ts';
import { ErrorValue, type ListValue, PlainList, type Value } from '../values.ts';
import { formatString } from './format-string.ts';
import { firstIndex, lastIndex, splitText } from './text-search.ts';

const points = (text: string): string[] => Array.from(text);
const range = (index: bigint): ErrorValue => new ErrorValue(`index out of range: ${index}`);

/** Texts of many characters beyond 65,535 are rare: in all others positions are those of UTF-16. */
const isPlain = (text: string) => !/[\ud800-\udfff]/.test(text);

function charAt(text: string, index: bigint): Value {
  if (isPlain(text)) return index < 0n || index > BigInt(text.length) ? range(index) : text.charAt(Number(index));
  const all = points(text);
  if (index < 0n || index > BigInt(all.length)) return range(index);
  return all[Number(index)] ?? '';
}

function search(text: string, part: string, offset: bigint | undefined, backwards: boolean): Value {
  const all = isPlain(text) ? text : points(text);
  if (offset !== undefined) {
    if (part === '') return offset;
    if (offset < 0n) return range(offset);
    if (offset >= BigInt(all.length)) return -1n;
  }
  const start = offset ?? (backwards ? BigInt(all.length) : 0n);
  const front = typeof all === 'string' ? Number(start) : all.slice(0, Number(start)).join('').length;
  const found = backwards ? lastIndex(text, part, front) : firstIndex(text, part, front);
  if (found < 0) return -1n;
  return BigInt(typeof all === 'string' ? found : points(text.slice(0, found)).length);
}

function replace(text: string, from: string, to: string, limit = -1n): Value {
  if (limit < 0n && from === '') return text.replaceAll(from, () => to);
  const parts = from === '' ? ['', ...points(text), ''] : splitText(text, from);
  if (limit < 0n) return parts.join(to);
  const count = Math.min(Number(limit), parts.length - 1);
  let made = parts[0]!;
  for (let i = 1; i < parts.length; i++) made += (i <= count ? to : from) + parts[i];
  return made;
}

function split(text: string, separator: string, limit = -1n): Value {
  if (limit === 0n) return new PlainList([]);
  const parts = separator === '' ? points(text) : splitText(text, separator);
  if (limit < 0n || parts.length <= Number(limit)) return new PlainList(parts);
  const kept = parts.slice(0, Number(limit) - 1);
  return new PlainList([...kept, parts.slice(kept.length).join(separator)]);
}

function substring(text: string, start: bigint, end?: bigint): Value {
  const all = isPlain(text) ? text : points(text);
  const length = BigInt(all.length);
  const last = end ?? length;
  if (end !== undefined && start > end) return new ErrorValue(`invalid substring range. start: ${start}, end: ${end}`);
  if (start < 0n || start > length) return range(start);
  if (last < 0n || last > length) return range(last);
  const part = all.slice(Number(start), Number(last));
  return typeof part === 'string' ? part : part.join('');
}

function join(list: ListValue, separator = ''): Value {
  const parts = [...list];
  return parts.every((part) => typeof part === 'string') ? parts.join(separator) : new ErrorValue('no such overload');
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  '"': '\\"',
};
const ESCAPED = new RegExp(`[${Object.keys(ESCAPES).join('').replace('\\', '\\\\')}]`, 'g');
const quote = (text: string) => `"${text.toWellFormed().replace(ESCAPED, (character) => ESCAPES[character]!)}"`;
/** Unicode's White_Space, as Go's unicode.IsSpace has it. */
const SPACE = '[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+';
const TRIMMED = new RegExp(`^${SPACE}|${SPACE}$`, 'g');

export const stringFunctions: readonly FunctionDeclaration[] = [
  declare('charAt', member('string_char_at_int', [STRING, INT], STRING, charAt)),
  declare('format', member('string_format', [STRING, listOf(DYN)], STRING, formatString)),
  declare(
    'indexOf',
    member('string_index_of_string', [STRING, STRING], INT, (t: string, p: string) => search(t, p, undefined, false)),
    member('string_index_of_string_int', [STRING, STRING, INT], INT, (t: string, p: string, o: bigint) => search(t, p, o, false)),
  ),
  declare(
    'lastIndexOf',
    member('string_last_index_of_string', [STRING, STRING], INT, (t: string, p: string) => search(t, p, undefined, true)),
    member('string_last_index_of_string_int', [STRING, STRING, INT], INT, (t: string, p: string, o: bigint) =>
      search(t, p, o, true),
    ),
  ),
  declare(
    'lowerAscii',
    member('string_lower_ascii', [STRING], STRING, (t: string) => t.replace(/[A-Z]+/g, (s) => s.toLowerCase())),
  ),
  declare(
    'upperAscii',
    member('string_upper_ascii', [STRING], STRING, (t: string) => t.replace(/[a-z]+/g, (s) => s.toUpperCase())),
  ),
  declare(
    'replace',
    member('string_replace_string_string', [STRING, STRING, STRING], STRING, replace),
    member('string_replace_string_string_int', [STRING, STRING, STRING, INT], STRING, replace),
  ),
  declare(
    'split',
    member('string_split_string', [STRING, STRING], listOf(STRING), split),
    member('string_split_string_int', [STRING, STRING, INT], listOf(STRING), split),
  ),
  declare(
    'substring',
    member('string_substring_int', [STRING, INT], STRING, substring),
    member('string_substring_int_int', [STRING, INT, INT], STRING, substring),
  ),
  declare(
    'trim',
    member('string_trim', [STRING], STRING, (text: string) => text.replace(TRIMMED, '')),
  ),
  declare(
    'join',
    member('list_join', [listOf(STRING)], STRING, join),
    member('list_join_string', [listOf(STRING), STRING], STRING, join),
  ),
  declare('strings.quote', overload('strings_quote', [STRING], STRING, quote)),
];
