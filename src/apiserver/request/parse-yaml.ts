import { isMap, isScalar, LineCounter, parseDocument, visit } from 'yaml';
import { integer64 } from '../../std/exact-json.ts';

/** A document, and what strict readers have against it. */
export interface YamlDocument {
  readonly value: unknown;
  /** `line 3: key "a" already set in map`: the last one counts. */
  readonly repeated: readonly string[];
}

/** More are not named. */
const MOST_REPEATED = 100;

export const repeatedKey = (line: number, key: unknown) => `line ${line}: key ${JSON.stringify(key)} already set in map`;

/**
 * Reads YAML as upstream's reader does, which is one of YAML 1.1: `yes` and `on` are true, `0777` is octal; dates stay text.
 *
 * @throws Error for what is no YAML, is more than one document, or grows by its aliases
 */
export function parseYamlText(text: string): YamlDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    schema: 'yaml-1.1',
    customTags: (tags) =>
      tags.filter((tag) => typeof tag === 'string' || (tag.tag !== 'tag:yaml.org,2002:timestamp' && tag.format !== 'TIME')),
    // Made numbers again below, those that numbers hold.
    intAsBigInt: true,
    // The library compares each key with each other one: a map of 50,000 would take minutes.
    uniqueKeys: false,
    logLevel: 'error',
    prettyErrors: false,
    lineCounter: lines,
  });
  const [broken] = document.errors;
  if (broken) throw new Error(`line ${lines.linePos(broken.pos[0]).line}: ${broken.message}`);
  const repeated: { name: unknown; line: number }[] = [];
  visit(document, (_, node) => {
    if (isScalar(node) && typeof node.value === 'bigint') node.value = integer64(node.value);
    if (!isMap(node)) return;
    const seen = new Set<unknown>();
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? String(key.value) : key;
      if (seen.has(name) && repeated.length < MOST_REPEATED)
        // go-yaml blames the value, which may begin in a later line.
        repeated.push({ name, line: lines.linePos(startOf(value) ?? startOf(key) ?? 0).line });
      seen.add(name);
    }
  });
  repeated.sort((a, b) => a.line - b.line);
  // Aliases are how a small document becomes a huge one.
  const value: unknown = document.toJS({ maxAliasCount: 100 });
  return { value, repeated: repeated.map(({ line, name }) => repeatedKey(line, name)) };
}

/** Where a node of the document begins; what is left empty has no place. */
const startOf = (node: unknown) => (node as { range?: readonly number[] | null } | null)?.range?.[0];
