/**
 * Finds fields that are given twice in a JSON text; JSON.parse keeps the last and says nothing. The text must be valid JSON.
 *
 * One pass over the characters: strings are skipped over, keys are recognised by the colon after them. Each open object or list is a
 * frame on a stack; a list counts its items so that paths read `spec.containers[0].image`.
 */

interface Frame {
  /** Keys seen so far in an object; undefined for a list. */
  readonly keys: Set<string> | undefined;
  /** The key or place that is being read. */
  current: string | number;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;

/** Nested deeper than this, a text is not looked into; Go refuses such texts altogether. */
const DEEPEST = 10_000;

/** More are not named. */
const MOST_DUPLICATES = 100;

/** The paths of the fields that come again, in order. */
export function findDuplicateFields(text: string): string[] {
  const duplicates: string[] = [];
  const stack: Frame[] = [];
  let top: Frame | undefined;
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case QUOTE: {
        const end = endOfString(text, i);
        if (top?.keys && isKey(text, end + 1)) noteKey(text.slice(i, end + 1), top, stack, duplicates);
        i = end;
        break;
      }
      case 0x7b: // {
        if (stack.length >= DEEPEST) return duplicates;
        top = { keys: new Set(), current: '' };
        stack.push(top);
        break;
      case 0x5b: // [
        if (stack.length >= DEEPEST) return duplicates;
        top = { keys: undefined, current: 0 };
        stack.push(top);
        break;
      case 0x7d: // }
      case 0x5d: // ]
        stack.pop();
        top = stack.at(-1);
        break;
      case COMMA:
        if (typeof top?.current === 'number') top.current++;
        break;
    }
  }
  return duplicates;
}

/** The index of the closing quote of the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    if (end < 0) return text.length;
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return end;
  }
}

function isKey(text: string, from: number): boolean {
  let i = from;
  while (text.charCodeAt(i) <= 0x20) i++;
  return text.charCodeAt(i) === COLON;
}

function noteKey(quoted: string, frame: Frame, stack: readonly Frame[], duplicates: string[]): void {
  const key: string = quoted.includes('\\') ? JSON.parse(quoted) : quoted.slice(1, -1);
  frame.current = key;
  if (frame.keys!.has(key) && duplicates.length < MOST_DUPLICATES) {
    let path = '';
    for (const { current } of stack) path += typeof current === 'number' ? `[${current}]` : (path && '.') + current;
    duplicates.push(path);
  }
  frame.keys!.add(key);
}
