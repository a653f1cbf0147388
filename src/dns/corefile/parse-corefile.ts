import { CorefileError } from './corefile-error.ts';
import { readTokens, type Token } from './tokens.ts';

/** One line of a block, with the block behind it. */
export interface Directive {
  readonly name: string;
  readonly args: readonly string[];
  readonly block: readonly Directive[];
  readonly file: string;
  readonly line: number;
}

/** A server block: the zones and ports that it is for, and its plugins in the order written. */
export interface ServerBlock {
  /** `.:53`, `example.org` */
  readonly keys: readonly string[];
  readonly directives: readonly Directive[];
  readonly file: string;
  readonly line: number;
}

export interface CorefileContext {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The text of a file that is imported, by its path as written. @throws Error when there is none */
  readonly readImport: (path: string) => string;
  /** The files that a pattern (`custom/*.override`) stands for, in order; there may be none. */
  readonly listImports: (pattern: string) => readonly string[];
}

/** How deep files and snippets may import each other, and blocks nest. */
const MAX_DEPTH = 16;
/** What snippets within snippets may grow to. */
const MAX_TOKENS = 100_000;

/**
 * Reads a Corefile (https://coredns.io/manual/configuration/): server blocks, snippets `(name) { … }`, and `import` of a snippet,
 * a file or all files that a pattern stands for.
 *
 * @throws CorefileError that names the file and the line
 */
export function parseCorefile(text: string, file: string, context: CorefileContext): ServerBlock[] {
  const snippets = new Map<string, readonly Token[]>();
  const tokens = expand(readTokens(text, file, context.environment), { snippets, context, depth: 0, count: { tokens: 0 } });
  const cursor = { tokens, at: 0 };
  const blocks: ServerBlock[] = [];
  while (cursor.at < tokens.length) blocks.push(readServerBlock(cursor));
  return blocks;
}

interface Cursor {
  readonly tokens: readonly Token[];
  at: number;
}

const isOpen = (token: Token | undefined) => token !== undefined && !token.quoted && token.text === '{';
const isClose = (token: Token | undefined) => token !== undefined && !token.quoted && token.text === '}';

interface Expansion {
  readonly snippets: Map<string, readonly Token[]>;
  readonly context: CorefileContext;
  readonly depth: number;
  readonly count: { tokens: number };
}

/** Takes snippets out and puts what is imported in. */
function expand(tokens: readonly Token[], expansion: Expansion): Token[] {
  const { snippets, depth, count } = expansion;
  const expanded: Token[] = [];
  let nesting = 0;
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at]!;
    const first = at === 0 || tokens[at - 1]!.line !== token.line || isOpen(tokens[at - 1]);
    if (nesting === 0 && /^\(.+\)$/.test(token.text) && isOpen(tokens[at + 1])) {
      const end = closingBrace(tokens, at + 1);
      snippets.set(token.text.slice(1, -1), tokens.slice(at + 2, end));
      at = end;
      continue;
    }
    if (token.text === 'import' && !token.quoted && first) {
      const [name, more] = [tokens[at + 1], tokens[at + 2]].map((other) => (other?.line === token.line ? other : undefined));
      if (!name || (more && !isClose(more))) throw new CorefileError(token, 'import takes the name of one snippet or file');
      if (depth >= MAX_DEPTH) throw new CorefileError(token, `imports nest deeper than ${MAX_DEPTH}`);
      const imported = expand(importedTokens(name, expansion), { ...expansion, depth: depth + 1 });
      for (const one of imported) expanded.push(one);
      at += 1;
      continue;
    }
    if (isOpen(token)) nesting++;
    if (isClose(token)) nesting--;
    if (++count.tokens > MAX_TOKENS) throw new CorefileError(token, `more than ${MAX_TOKENS} words`);
    expanded.push(token);
  }
  return expanded;
}

function importedTokens(name: Token, { snippets, context }: Expansion): readonly Token[] {
  const snippet = snippets.get(name.text);
  if (snippet) return snippet;
  const isPattern = /[*?[]/.test(name.text);
  if (isPattern && (name.text.match(/[*?[]/g)?.length ?? 0) > 1)
    throw new CorefileError(name, `glob pattern may only contain one wildcard character, but has others: ${name.text}`);
  try {
    const files = isPattern ? context.listImports(name.text) : [name.text];
    return files.flatMap((file) => readTokens(context.readImport(file), file, context.environment));
  } catch (cause) {
    if (cause instanceof CorefileError) throw cause;
    throw new CorefileError(name, `cannot import ${name.text}: ${(cause as Error).message}`, cause);
  }
}

function closingBrace(tokens: readonly Token[], open: number): number {
  let nesting = 0;
  for (let at = open; at < tokens.length; at++) {
    if (isOpen(tokens[at])) nesting++;
    else if (isClose(tokens[at]) && --nesting === 0) return at;
  }
  throw new CorefileError(tokens[open]!, 'a brace is open');
}

function readServerBlock(cursor: Cursor): ServerBlock {
  const { tokens } = cursor;
  const first = tokens[cursor.at]!;
  const keys: string[] = [];
  for (;;) {
    const token = tokens[cursor.at];
    if (!token) throw new CorefileError(first, `server block ${first.text} has no braces`);
    cursor.at++;
    if (isOpen(token)) break;
    if (isClose(token)) throw new CorefileError(token, 'a closing brace without an opening one');
    for (const key of token.text.split(',')) if (key) keys.push(key);
  }
  if (keys.length === 0) throw new CorefileError(first, 'a server block without a zone');
  const { file, line } = first;
  return { keys, file, line, directives: readDirectives(cursor, 1) };
}

/** Up to the closing brace, which is taken. */
function readDirectives(cursor: Cursor, depth: number): Directive[] {
  const { tokens } = cursor;
  const directives: Directive[] = [];
  for (;;) {
    const name = tokens[cursor.at];
    if (!name) throw new CorefileError(tokens.at(-1)!, 'a brace is open at the end of the file');
    cursor.at++;
    if (isClose(name)) return directives;
    if (isOpen(name)) throw new CorefileError(name, 'a brace with nothing before it');
    if (depth > MAX_DEPTH) throw new CorefileError(name, `blocks nest deeper than ${MAX_DEPTH}`);
    const args: string[] = [];
    let block: Directive[] = [];
    for (;;) {
      const token = tokens[cursor.at];
      if (!token || token.line !== name.line || token.file !== name.file || isClose(token)) break;
      cursor.at++;
      if (isOpen(token)) {
        block = readDirectives(cursor, depth + 1);
        break;
      }
      args.push(token.text);
    }
    directives.push({ name: name.text, args, block, file: name.file, line: name.line });
  }
}
