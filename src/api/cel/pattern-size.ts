/** `{2}`, `{2,}` and `{2,5}` behind a part of a pattern. What looks otherwise stands for itself. */
const REPEAT = /\{(\d+)(?:,(\d*))?\}/y;

const MOST_REPEATS = 1000;

/** What the hundreds of ranges of `\pL` take to read, in instructions: once, however often they are repeated. */
const PROPERTY_SIZE = 30;
const PROPERTY = /\\[pP]/g;

/**
 * About how many instructions a pattern is compiled to, without compiling it: each character and class is one, and repeats are written out,
 * nested ones multiplied. Never much too small for what RE2 takes; no matter for what it refuses.
 */
export function patternSize(pattern: string): number {
  /** Of the groups that are open, from the outside: what they hold so far. */
  const open: number[] = [];
  let size = 0;
  /** Of what a repeat would repeat. */
  let last = 0;
  for (let i = 0; i < pattern.length; i++) {
    const character = pattern[i];
    if (character === '(') {
      open.push(size);
      size = 0;
      last = 0;
    } else if (character === ')' && open.length > 0) {
      last = size + 2;
      size = open.pop()! + last;
    } else if (character === '{') {
      REPEAT.lastIndex = i;
      const repeat = REPEAT.exec(pattern);
      // More is refused by RE2 in words of its own.
      const times = repeat ? Math.min(Math.max(Number(repeat[1]), Number(repeat[2] || 0), 1), MOST_REPEATS) : 1;
      size += last * (times - 1);
      last *= times;
      if (repeat) i += repeat[0].length - 1;
    } else {
      if (character === '\\') i = endOfEscape(pattern, i);
      else if (character === '[') i = endOfClass(pattern, i);
      last = 1;
      size += 1;
    }
  }
  const properties = (pattern.match(PROPERTY)?.length ?? 0) * PROPERTY_SIZE;
  return open.reduce((sum, outer) => sum + outer, size) + properties;
}

/** Of `\pL`, `\p{Greek}`, `\x{10FFFF}`, `\Q…\E` and all that are two characters. */
function endOfEscape(pattern: string, start: number): number {
  const kind = pattern[start + 1];
  const braced = (kind === 'p' || kind === 'P' || kind === 'x') && pattern[start + 2] === '{';
  const end = braced ? pattern.indexOf('}', start) : -1;
  return end < 0 ? start + 1 : end;
}

/** A class is one instruction, however much it lists. A `]` that comes first is one of its members. */
function endOfClass(pattern: string, start: number): number {
  let i = start + 1;
  if (pattern[i] === '^') i++;
  for (let first = true; i < pattern.length; i++, first = false) {
    if (pattern[i] === '\\') i++;
    else if (pattern.startsWith('[:', i)) i = Math.max(i, pattern.indexOf(':]', i) + 1);
    else if (pattern[i] === ']' && !first) return i;
  }
  return start;
}
