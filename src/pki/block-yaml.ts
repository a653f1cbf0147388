/**
 * The plain block style in which kubeconfigs are written: mappings, sequences, and scalars on one line. Reading only this
 * needs no YAML library, which takes 50 ms to load: too long for a kubelet that is to be Ready within a second.
 */

const KEY = /^([A-Za-z_][A-Za-z0-9_.-]*):(?: +(.*))?$/;
const PLAIN = /^[A-Za-z0-9_/][A-Za-z0-9_./@+=:[\]-]*$/;
/** Words that some version of YAML does not read as strings. */
const SPECIAL = /^(true|false|null|yes|no|on|off|y|n|nan|inf)$/i;
const MAX_DEPTH = 32;

interface Line {
  readonly indent: number;
  readonly text: string;
}

/** Thrown inside, and never seen outside: the text needs the real parser. */
class NotPlain extends Error {}

/** The document, or undefined when it is not in the plain style (which does not make it wrong: read it with `yaml`). */
export function parseBlockYaml(text: string): unknown {
  const lines: Line[] = [];
  for (const raw of text.split(/\r?\n/)) {
    const line = raw.trimEnd();
    const content = line.trimStart();
    if (content && !content.startsWith('#')) lines.push({ indent: line.length - content.length, text: content });
  }
  try {
    if (text.includes('\t') || lines[0]?.indent !== 0) throw new NotPlain();
    const reader = new BlockReader(lines);
    const value = reader.readNode(0, 0);
    if (!reader.atEnd) throw new NotPlain();
    return value;
  } catch (error) {
    if (error instanceof NotPlain) return undefined;
    throw error;
  }
}

class BlockReader {
  #lines: Line[];
  #next = 0;

  constructor(lines: Line[]) {
    this.#lines = lines;
  }

  get atEnd(): boolean {
    return this.#next === this.#lines.length;
  }

  readNode(indent: number, depth: number): unknown {
    if (depth > MAX_DEPTH) throw new NotPlain();
    return this.#lines[this.#next]!.text.startsWith('-') ? this.#readSequence(indent, depth) : this.#readMapping(indent, depth);
  }

  #readMapping(indent: number, depth: number): Record<string, unknown> {
    const mapping: Record<string, unknown> = {};
    for (let line = this.#lines[this.#next]; line && line.indent >= indent; line = this.#lines[this.#next]) {
      if (line.text.startsWith('-') && line.indent === indent && depth > 0) break; // the next item of the sequence we are in
      const match = line.indent === indent ? KEY.exec(line.text) : null;
      const key = match?.[1];
      if (!match || !key || key === '__proto__' || SPECIAL.test(key) || Object.hasOwn(mapping, key)) throw new NotPlain();
      this.#next++;
      mapping[key] = match[2] === undefined ? this.#readValueBelow(indent, depth) : readScalar(match[2]);
    }
    return mapping;
  }

  /** What stands under a key: something further in, a sequence as far in as the key, or nothing. */
  #readValueBelow(indent: number, depth: number): unknown {
    const line = this.#lines[this.#next];
    if (!line || line.indent < indent || (line.indent === indent && !line.text.startsWith('- '))) return null;
    return this.readNode(line.indent, depth + 1);
  }

  #readSequence(indent: number, depth: number): unknown[] {
    const items: unknown[] = [];
    for (let line = this.#lines[this.#next]; line && line.indent >= indent; line = this.#lines[this.#next]) {
      if (line.indent !== indent) throw new NotPlain();
      if (!line.text.startsWith('- ')) break;
      const rest = line.text.slice(2);
      if (KEY.test(rest)) {
        this.#lines[this.#next] = { indent: indent + 2, text: rest };
        items.push(this.readNode(indent + 2, depth + 1));
      } else {
        this.#next++;
        items.push(readScalar(rest));
      }
    }
    return items;
  }
}

function readScalar(text: string): unknown {
  if (text === '{}') return {};
  if (text === '[]') return [];
  if (text === 'true' || text === 'false') return text === 'true';
  if (text === 'null') return null;
  if (text.startsWith('"')) return readQuoted(text);
  if (!PLAIN.test(text) || SPECIAL.test(text) || text.endsWith(':') || !Number.isNaN(Number(text))) throw new NotPlain();
  return text;
}

/** JSON's strings are YAML's double-quoted ones with fewer escapes. */
function readQuoted(text: string): string {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'string') return value;
  } catch {
    // not JSON, so perhaps an escape that only YAML has
  }
  throw new NotPlain();
}

/** Writes what JSON can hold in the plain style, keys in their order, sequences as far in as their key, as kubectl does. */
export function formatBlockYaml(value: unknown): string {
  return `${formatNode(value, 0).join('\n')}\n`;
}

function formatNode(value: unknown, indent: number): string[] {
  const space = ' '.repeat(indent);
  if (Array.isArray(value)) {
    return value.flatMap((item) => {
      if (isLeaf(item)) return [`${space}- ${formatScalar(item)}`];
      const [first, ...rest] = formatNode(item, indent + 2);
      return [`${space}- ${first!.slice(indent + 2)}`, ...rest];
    });
  }
  return Object.entries(value as Record<string, unknown>)
    .filter(([, field]) => field !== undefined)
    .flatMap(([key, field]) => {
      const name = KEY.test(`${key}:`) && !SPECIAL.test(key) ? key : JSON.stringify(key);
      if (isLeaf(field)) return [`${space}${name}: ${formatScalar(field)}`];
      return [`${space}${name}:`, ...formatNode(field, Array.isArray(field) ? indent : indent + 2)];
    });
}

function isLeaf(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return Array.isArray(value) ? value.length === 0 : Object.values(value).every((field) => field === undefined);
}

function formatScalar(value: unknown): string {
  if (typeof value !== 'string')
    return value === undefined || value === null ? 'null' : Array.isArray(value) ? '[]' : formatJson(value);
  const isPlain = PLAIN.test(value) && !SPECIAL.test(value) && !value.endsWith(':') && Number.isNaN(Number(value));
  return isPlain ? value : formatJson(value);
}

function formatJson(value: unknown): string {
  // These end a line in older YAML, or cannot stand in it at all.
  return JSON.stringify(value).replace(
    /[\u007f-\u009f\u2028\u2029\ufeff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
