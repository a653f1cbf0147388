import { type ScalarTag, stringify } from 'yaml';

/** What the library would not quote: octal numbers of YAML 1.2, which go-yaml knows besides those of 1.1, and marks that are more than texts. */
const AMBIGUOUS: ScalarTag = {
  tag: 'tag:yaml.org,2002:value',
  default: true,
  identify: () => false,
  test: /^([-+]?0o[0-7_]+|<<|=)$|[\u0085\u2028\u2029]/,
  resolve: (text) => text,
};
const MERGE = 'tag:yaml.org,2002:merge';

/**
 * A JSON value as upstream writes it in YAML: keys in order, texts quoted that a reader of YAML 1.1 would take for something else
 * (`"yes"`, `"012"`, dates).
 */
export function yamlText(value: unknown): string {
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
