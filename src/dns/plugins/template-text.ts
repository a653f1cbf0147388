import { CorefileError } from '../corefile/corefile-error.ts';

/** What a template may name. */
export interface TemplateValues {
  readonly Zone: string;
  readonly Name: string;
  readonly Class: string;
  readonly Type: string;
  readonly Remote: string;
  readonly Match: readonly string[];
  readonly Group: Readonly<Record<string, string>>;
}

/** A text with its values in it. @throws Error when an expression has none */
export type Template = (values: TemplateValues) => string;

interface Place {
  readonly file: string;
  readonly line: number;
}

const TEXTS = ['Zone', 'Name', 'Class', 'Type', 'Remote'] as const;
const EXPRESSION = /\{\{(-\s)?\s*((?:"(?:[^"\\]|\\.)*"|`[^`]*`|[^"`}])*?)\s*(\s-)?\}\}/y;

/**
 * Of Go's templates (text/template) what records are made of: text with `{{ .Name }}`, `{{ .Group.a }}`, `{{ index .Match 1 }}`,
 * `{{ index .Group "a" }}` and `{{ parseInt .Group.a 16 8 }}` in it, and `{{-` and `-}}` that take white space away.
 *
 * @throws CorefileError for all else, by name
 */
export function readTemplate(place: Place, text: string): Template {
  const parts: (string | Template)[] = [];
  let trims = false;
  for (let at = 0; at < text.length; ) {
    const open = text.indexOf('{{', at);
    const plain = open < 0 ? text.slice(at) : text.slice(at, open);
    EXPRESSION.lastIndex = open;
    const match = open < 0 ? null : EXPRESSION.exec(text);
    if (open >= 0 && !match) throw new CorefileError(place, `template: an expression is open in ${JSON.stringify(text)}`);
    const trimmed = trims ? plain.trimStart() : plain;
    parts.push(match?.[1] === undefined ? trimmed : trimmed.trimEnd());
    if (!match) break;
    if (!/^\/\*.*\*\/$/s.test(match[2]!)) parts.push(readExpression(place, match[2]!));
    trims = match[3] !== undefined;
    at = EXPRESSION.lastIndex;
  }
  return (values) => parts.map((part) => (typeof part === 'string' ? part : part(values))).join('');
}

function readExpression(place: Place, text: string): Template {
  const words = text.match(/"(?:[^"\\]|\\.)*"|`[^`]*`|\S+/g) ?? [];
  const [first = '', ...rest] = words;
  if (first === 'index' && rest.length === 2) return readIndex(place, text, rest as [string, string]);
  if (first === 'parseInt' && rest.length === 3) {
    const value = readExpression(place, rest[0]!);
    const [base, bits] = [Number(rest[1]), Number(rest[2])];
    if (!(base >= 2 && base <= 36 && bits >= 0 && bits <= 64)) throw unsupported(place, text);
    return (values) => String(parseInteger(value(values), base, bits || 64));
  }
  if (words.length !== 1) throw unsupported(place, text);
  const field = TEXTS.find((name) => first === `.${name}`);
  if (field) return (values) => values[field];
  if (first === '.Question.Name') return ({ Name }) => Name;
  const group = /^\.Group\.([A-Za-z_]\w*)$/.exec(first)?.[1];
  if (group !== undefined) return ({ Group }) => groupOf(Group, group);
  if (/^["`]/.test(first)) return () => unquoted(first);
  throw unsupported(place, text);
}

function readIndex(place: Place, text: string, [list, key]: readonly [string, string]): Template {
  if (list === '.Match' && /^\d{1,3}$/.test(key))
    return ({ Match }) => {
      const found = Match[Number(key)];
      if (found === undefined) throw new Error(`there is no match ${key}`);
      return found;
    };
  if (list === '.Group' && /^["`]/.test(key)) return ({ Group }) => groupOf(Group, unquoted(key));
  throw unsupported(place, text);
}

const unquoted = (text: string) => (text.startsWith('`') ? text.slice(1, -1) : text.slice(1, -1).replace(/\\(.)/g, '$1'));

function groupOf(groups: TemplateValues['Group'], name: string): string {
  if (!Object.hasOwn(groups, name)) throw new Error(`there is no group ${JSON.stringify(name)}`);
  return groups[name]!;
}

/** As Go's strconv.ParseUint. */
function parseInteger(text: string, base: number, bits: number): bigint {
  let value = 0n;
  for (const character of text.toLowerCase()) {
    const digit = Number.parseInt(character, 36);
    if (!(digit < base)) throw new Error(`${JSON.stringify(text)} is no number of base ${base}`);
    value = value * BigInt(base) + BigInt(digit);
    if (value >= 1n << BigInt(bits)) throw new Error(`${JSON.stringify(text)} has more than ${bits} bits`);
  }
  if (text === '') throw new Error('an empty text is no number');
  return value;
}

const unsupported = (place: Place, text: string) =>
  new CorefileError(place, `template: {{ ${text} }} is not supported; fields, "index" and "parseInt" are`);
