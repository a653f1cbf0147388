import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';

/** Where a field's name ends within what is said of it. */
const ENDS = new Set(['.', '[', ':', '"', ' ', undefined]);

/**
 * Says in which line of an inventory each of these mistakes is: that of the field whose path the mistake begins with (`hosts[1].address: …`),
 * or of what should have held it. A text of one line has none to tell.
 */
export function withLines(text: string, mistakes: readonly string[]): string[] {
  if (!text.trim().includes('\n')) return [...mistakes];
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, logLevel: 'silent' });
  return mistakes.map((mistake) => {
    let at = 0;
    let node: Node | null | undefined = document.contents;
    for (let rest = mistake; ; ) {
      if (isAlias(node)) node = node.resolve(document);
      const next: Place | undefined = isMap(node) ? entryOf(node, rest) : isSeq(node) ? itemOf(node, rest) : undefined;
      if (!next) return `line ${lines.linePos(at).line}: ${mistake}`;
      ({ at, node, rest } = next);
    }
  });
}

interface Place {
  /** Where it begins in the text. */
  readonly at: number;
  readonly node: Node | null;
  /** What of the mistake follows its name. */
  readonly rest: string;
}

/** Keys may hold dots: the longest that the text begins with is meant. */
function entryOf(
  { items }: { readonly items: readonly { readonly key: unknown; readonly value: unknown }[] },
  text: string,
): Place | undefined {
  const path = text.startsWith('.') ? text.slice(1) : text;
  let found: Place | undefined;
  for (const { key, value } of items) {
    if (!isScalar(key) || !key.range) continue;
    const name = String(key.value);
    const rest = path.slice(name.length);
    if (!path.startsWith(name) || !ENDS.has(rest[0]) || (found && found.rest.length <= rest.length)) continue;
    found = { at: key.range[0], node: (value as Node | null) ?? null, rest };
  }
  return found;
}

function itemOf({ items }: { readonly items: readonly unknown[] }, text: string): Place | undefined {
  const [whole = '', index] = /^\[(\d+)\]/.exec(text) ?? [];
  const item = index === undefined ? undefined : (items[Number(index)] as Node | undefined);
  return item?.range ? { at: item.range[0], node: item, rest: text.slice(whole.length) } : undefined;
}
