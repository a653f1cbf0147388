import {
  Alias,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  LineCounter,
  type Node,
  parseDocument,
  type ScalarTag,
  visit,
} from 'yaml';
import { integer64 } from '../../std/exact-json.ts';

/** A document, and what strict readers have against it. */
export interface YamlDocument {
  readonly value: unknown;
  /** `line 3: key "a" already set in map`: the last one counts. */
  readonly repeated: readonly string[];
}

const TIMESTAMP = 'tag:yaml.org,2002:timestamp';

/** go-yaml knows octal numbers as YAML 1.2 writes them, too. */
const NEW_OCTAL: ScalarTag = {
  tag: 'tag:yaml.org,2002:int',
  default: true,
  format: 'NEW_OCT',
  test: /^[-+]?0o[0-7_]+$/,
  resolve: (text) => {
    const digits = BigInt(text.replace(/^[-+]/, '').replaceAll('_', ''));
    return text.startsWith('-') ? -digits : digits;
  },
};

/** JSON has no bytes: they are the text that they spell. */
const BINARY_TEXT: ScalarTag = {
  tag: 'tag:yaml.org,2002:binary',
  resolve: (text) => Buffer.from(text, 'base64').toString('utf8'),
};

/** More are not named. */
const MOST_REPEATED = 100;

export const repeatedKey = (line: number, key: unknown) => `line ${line}: key ${JSON.stringify(key)} already set in map`;

/**
 * Reads YAML that `checkYamlDepth` has let pass as upstream's reader does, which is one of YAML 1.1: `yes` and `on` are true, `0777` is octal; dates stay text.
 *
 * @throws Error for what is no YAML, is more than one document, has maps or lists for keys, or grows by its aliases
 */
export function parseYamlText(text: string): YamlDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    schema: 'yaml-1.1',
    customTags: (tags) => [
      NEW_OCTAL,
      BINARY_TEXT,
      ...tags.filter(
        (tag) => typeof tag === 'string' || (tag.tag !== TIMESTAMP && tag.tag !== BINARY_TEXT.tag && tag.format !== 'TIME'),
      ),
    ],
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
  const anchored = new Map<string, Node>();
  const blame = (node: unknown, why: string) => new Error(`line ${lines.linePos(startOf(node) ?? 0).line}: ${why}`);
  visit(document, (place, node, path) => {
    const target = isAlias(node) ? anchored.get(node.source) : node;
    // The library would write a key that is itself a document, and a key in that, over and over again.
    if (place === 'key' && isCollection(target)) throw blame(node, 'invalid map key: a map or list');
    if (isAlias(node)) {
      if (target && path.includes(target as Node)) throw blame(node, `anchor '${node.source}' value contains itself`);
      pointTo(node, target as Node | undefined);
    } else if (isCollection(node) || isScalar(node)) {
      if (node.anchor) anchored.set(node.anchor, node);
    }
    if (isScalar(node)) node.value = jsonNumber(node.value, place === 'key');
    if (!isMap(node)) return;
    const seen = new Set<unknown>();
    for (const { key, value } of node.items) {
      if (key === null || (isScalar(key) && key.value === null)) throw blame(key ?? node, 'invalid map key: null');
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

/** Of what is no number, itself. Throws for what JSON cannot hold, but as a key, which is a text anyway. */
function jsonNumber(value: unknown, isKey: boolean): unknown {
  if (typeof value === 'bigint') return integer64(value);
  if (typeof value !== 'number' || Number.isFinite(value)) return value;
  const [inJson, inYaml] = Number.isNaN(value) ? ['NaN', '.nan'] : value > 0 ? ['+Inf', '.inf'] : ['-Inf', '-.inf'];
  if (!isKey) throw new Error(`json: unsupported value: ${inJson}`);
  return inYaml;
}

/** Tells an alias what it stands for: the library would look through all that comes before, for each alias anew. */
function pointTo(alias: Alias, target: Node | undefined): void {
  alias.resolve = (document, context) => {
    if (!context) return target as ReturnType<Alias['resolve']>;
    context.aliasResolveCache = target ? [target, alias] : [];
    return Alias.prototype.resolve.call(alias, document, context);
  };
}

/** Where a node of the document begins; what is left empty has no place. */
const startOf = (node: unknown) => (node as { range?: readonly number[] | null } | null)?.range?.[0];
