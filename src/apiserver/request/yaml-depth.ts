/** Objects are not as deep as this; who reads YAML goes down with it, and takes seconds for what is endless. */
const DEEPEST = 1000;

/**
 * Refuses a document that nests deeper than it will be read, before anything reads it.
 *
 * @throws Error
 */
export async function checkYamlDepth(text: string): Promise<void> {
  // Each level takes a character at least.
  if (text.length <= DEEPEST) return;
  if (blockDepth(text) > DEEPEST || (bracketDepth(text) > DEEPEST && (await flowDepth(text)) > DEEPEST))
    throw new Error(`exceeded max depth of ${DEEPEST}`);
}

/**
 * The most columns, each further to the right, in which something begins: of lines, and of `- ? - a` within a line. What is quoted counts
 * as well: no text is indented in a thousand ways.
 */
function blockDepth(text: string): number {
  const columns: number[] = [];
  let deepest = 0;
  for (let start = 0; start < text.length; ) {
    let at = start;
    for (;;) {
      while (text.charCodeAt(at) === SPACE) at++;
      const code = text.charCodeAt(at);
      if (at >= text.length || code === NEWLINE) break;
      while (columns.length && columns.at(-1)! >= at - start) columns.pop();
      deepest = Math.max(deepest, columns.push(at - start));
      const next = text.charCodeAt(at + 1);
      if ((code !== DASH && code !== QUESTION && code !== COLON) || (next !== SPACE && next !== NEWLINE)) break;
      at++;
    }
    if (deepest > DEEPEST) return deepest;
    const end = text.indexOf('\n', at);
    start = end < 0 ? text.length : end + 1;
  }
  return deepest;
}

/** How deep brackets would nest if none of them stood in a text or a comment. */
function bracketDepth(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === OPEN_LIST || code === OPEN_MAP) deepest = Math.max(deepest, ++depth);
    else if (code === CLOSE_LIST || code === CLOSE_MAP) depth = Math.max(0, depth - 1);
  }
  return deepest;
}

/** How deep they do. */
async function flowDepth(text: string): Promise<number> {
  const { Lexer } = await import('yaml');
  let depth = 0;
  let deepest = 0;
  for (const token of new Lexer().lex(text)) {
    if (token === '[' || token === '{') deepest = Math.max(deepest, ++depth);
    else if (token === ']' || token === '}') depth = Math.max(0, depth - 1);
    if (deepest > DEEPEST) break;
  }
  return deepest;
}

const SPACE = 0x20;
const NEWLINE = 0x0a;
const DASH = 0x2d;
const QUESTION = 0x3f;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_MAP = 0x7b;
const CLOSE_MAP = 0x7d;
