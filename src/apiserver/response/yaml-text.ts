import { type ScalarTag, stringify } from 'yaml';
import { Pace, type Steps } from '../../std/pauses.ts';
import { sortInSteps } from '../../std/sort-in-steps.ts';

/** What the library would not quote: octal numbers of YAML 1.2, which go-yaml knows besides those of 1.1, and marks that are more than texts. */
const AMBIGUOUS: ScalarTag = {
  tag: 'tag:yaml.org,2002:value',
  default: true,
  identify: () => false,
  test: /^([-+]?0o[0-7_]+|<<|=)$|[\u0085\u2028\u2029]/,
  resolve: (text) => text,
};
const MERGE = 'tag:yaml.org,2002:merge';

/** So many characters are written between two pauses: some milliseconds. */
const PART = 128 * 1024;
/** Longer keys are marked as such by YAML, which allows few readers to search for their end. */
const LONGEST_KEY = 1000;
/** What a text costs that the library looks at, in characters. */
const HARD = 5_000;

/**
 * A JSON value as upstream writes it in YAML: keys in order, texts quoted that a reader of YAML 1.1 would take for something else
 * (`"yes"`, `"012"`, dates). In pieces, with a pause after each.
 */
export function* yamlInSteps(value: unknown): Steps<Buffer[]> {
  const writer = new Writer();
  yield* writer.document(value);
  return writer.finish();
}

/** An object one of whose members is a list that is read item by item, as it is written. */
export function* yamlListInSteps(fields: Readonly<Record<string, unknown>>, items: Iterable<Steps<unknown>>): Steps<Buffer[]> {
  const writer = new Writer();
  for (const key of [...Object.keys(fields), 'items'].sort())
    if (key === 'items') yield* writer.items(items);
    else yield* writer.document({ [key]: fields[key] });
  return writer.finish();
}

/**
 * Writes blocks of maps and lists itself, and what texts are easy; the library, which takes a hundred times as long, writes all others.
 */
class Writer {
  readonly #done: Buffer[] = [];
  #part = '';
  readonly #pace = new Pace(PART);

  finish(): Buffer[] {
    this.#flush();
    return this.#done;
  }

  *document(value: unknown): Steps<void> {
    const inner = filled(value);
    if (inner) yield* this.#block(inner, '', '');
    else this.#part += hard(value);
  }

  *items(items: Iterable<Steps<unknown>>): Steps<void> {
    let any = false;
    for (const steps of items) {
      if (!any) this.#part += 'items:\n';
      any = true;
      yield* this.#item(yield* steps, '');
    }
    if (!any) this.#part += 'items: []\n';
  }

  /** The members of a map or the items of a list, one a line. What is before the first of them is there already. */
  *#block(inner: Filled, indent: string, first: string): Steps<void> {
    let before = first;
    if ('list' in inner) {
      for (const item of inner.list) {
        yield* this.#item(item, before);
        before = indent;
      }
      return;
    }
    const { map, keys } = inner;
    for (const key of keys.length > SORTED_AT_ONCE ? yield* sortInSteps(keys, byUnits) : keys.sort()) {
      const member = map[key];
      if (member === undefined) continue;
      yield* this.#member(key, member, indent, before);
      before = indent;
    }
  }

  *#item(item: unknown, before: string): Steps<void> {
    const indent = `${before}  `;
    const inner = filled(item);
    if (inner) yield* this.#block(inner, indent.replaceAll('-', ' '), `${before}- `);
    else if (yield* this.#scalar(`${before}- `, item)) return;
    else this.#part += indented(hard([item]), before.replaceAll('-', ' '), before);
  }

  *#member(key: string, value: unknown, indent: string, before: string): Steps<void> {
    if (key.length > LONGEST_KEY || !PLAIN.test(key) || WORDS.test(key)) {
      const name = hardKey(key);
      if (name === undefined) this.#part += indented(hard({ [key]: value }), indent, before);
      else yield* this.#named(name, value, indent, before);
    } else yield* this.#named(key, value, indent, before);
  }

  *#named(name: string, value: unknown, indent: string, before: string): Steps<void> {
    const inner = filled(value);
    if (inner) {
      this.#part += `${before}${name}:\n`;
      const further = 'list' in inner ? indent : `${indent}  `;
      yield* this.#block(inner, further, further);
    } else if (yield* this.#scalar(`${before}${name}: `, value)) return;
    else this.#part += indented(`${name}${hard({ a: value }).slice(1)}`, indent, before);
  }

  /** Whether it could be written. */
  *#scalar(before: string, value: unknown): Steps<boolean> {
    const text = easy(value);
    const written = text === undefined ? HARD + (typeof value === 'string' ? value.length : 0) : before.length + text.length;
    if (text !== undefined) this.#part += `${before}${text}\n`;
    if (this.#pace.due(written)) {
      this.#flush();
      yield;
    }
    return text !== undefined;
  }

  #flush(): void {
    this.#done.push(Buffer.from(this.#part));
    this.#part = '';
  }
}

/** What is written in lines of its own. A map's keys are listed once: there may be a hundred thousand. */
type Filled =
  | { readonly list: readonly unknown[] }
  | { readonly map: Readonly<Record<string, unknown>>; readonly keys: string[] };

function filled(value: unknown): Filled | undefined {
  if (Array.isArray(value)) return value.length ? { list: value } : undefined;
  if (typeof value !== 'object' || value === null) return undefined;
  const keys = Object.keys(value);
  return keys.length ? { map: value as Readonly<Record<string, unknown>>, keys } : undefined;
}

/** More keys are sorted in parts, with pauses. */
const SORTED_AT_ONCE = 8192;
const byUnits = (a: string, b: string) => (a < b ? -1 : 1);

/** Texts that nobody takes for anything else, unless they are one of the words. */
const PLAIN = /^[A-Za-z_/](?:[\w./@-]|:(?=[\w/])| (?=[\w./]))*$/;
const WORDS = /^(?:y|n|yes|no|true|false|on|off|null)$/i;
/** Texts that are written in quotes, and as they are. */
const QUOTED = /^(?:\d{1,15}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6})?Z)?$/;

/** A scalar in one line; undefined where the library must look at it. */
function easy(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
      if (PLAIN.test(value) && !WORDS.test(value)) return value;
      return QUOTED.test(value) ? `"${value}"` : undefined;
    case 'number':
      return Number.isSafeInteger(value) && !Object.is(value, -0) ? String(value) : undefined;
    case 'boolean':
    case 'bigint':
      return String(value);
    default:
      return value === null ? 'null' : Array.isArray(value) ? '[]' : '{}';
  }
}

/** Undefined for one that must stand alone, because it is long or goes over lines. */
function hardKey(key: string): string | undefined {
  const text = hard({ [key]: null });
  return text.endsWith(': null\n') && text.indexOf('\n') === text.length - 1 && !text.startsWith('? ')
    ? text.slice(0, -7)
    : undefined;
}

/** Lines further in; the first has something else before it. */
function indented(text: string, indent: string, before: string): string {
  return `${before}${indent === '' ? text : text.replaceAll(/\n(?!\n|$)/g, `\n${indent}`)}`;
}

/** As the library writes it. */
function hard(value: unknown): string {
  const text = write(value, true);
  return BREAKS.test(text) ? write(value, false).replaceAll(BREAKS_ALL, escaped) : text;
}

/** Ends of lines to YAML 1.1: they must be escaped, which only quoted texts allow. */
const BREAKS = /[\u0085\u2028\u2029]/;
const BREAKS_ALL = /[\u0085\u2028\u2029]/g;
const escaped = (mark: string) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`;

const write = (value: unknown, blocks: boolean) =>
  stringify(value, {
    schema: 'yaml-1.1',
    customTags: (tags) => [AMBIGUOUS, ...tags.filter((tag) => typeof tag === 'string' || tag.tag !== MERGE)],
    sortMapEntries: true,
    indentSeq: false,
    lineWidth: 0,
    aliasDuplicateObjects: false,
    singleQuote: false,
    blockQuote: blocks,
    // A key that goes over lines is one to few readers.
    doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER,
  });
