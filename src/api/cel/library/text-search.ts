/**
 * Where one text stands in another, in time that grows with their lengths and not with the product of them: JavaScript's own search
 * compares a long part anew at many places (Knuth, Morris and Pratt's method does not).
 */

/** Shorter parts are compared quickly enough wherever they might stand. */
const SHORT = 32;

/** The first place from `from` on, -1 if there is none. */
export function firstIndex(text: string, part: string, from = 0): number {
  return part.length <= SHORT ? text.indexOf(part, from) : new Search(text, part, false).from(from);
}

/** The last place that is not behind `from`, -1 if there is none. */
export function lastIndex(text: string, part: string, from = text.length): number {
  if (part.length <= SHORT) return text.lastIndexOf(part, from);
  const skipped = Math.max(0, text.length - part.length - from);
  const found = new Search(text, part, true).from(skipped);
  return found < 0 ? -1 : text.length - part.length - found;
}

/** What stands between the places of a separator that is not empty. */
export function splitText(text: string, separator: string): string[] {
  if (separator.length <= SHORT) return text.split(separator);
  const search = new Search(text, separator, false);
  const parts: string[] = [];
  let begin = 0;
  for (let at = search.from(0); at >= 0; at = search.from(begin)) {
    parts.push(text.slice(begin, at));
    begin = at + separator.length;
  }
  parts.push(text.slice(begin));
  return parts;
}

/** Goes through a text once. Backwards: through both from their ends, places counted from there. */
class Search {
  readonly #text: string;
  readonly #part: string;
  readonly #backwards: boolean;
  /** By how much of the part is known to match: how much of it still does where its first character is left out. */
  readonly #shorter: Int32Array;

  constructor(text: string, part: string, backwards: boolean) {
    this.#text = text;
    this.#part = part;
    this.#backwards = backwards;
    this.#shorter = new Int32Array(part.length + 1);
    for (let i = 1, matched = 0; i < part.length; i++) {
      matched = this.#extended(matched, this.#at(part, i));
      this.#shorter[i + 1] = matched;
    }
  }

  from(start: number): number {
    const { length } = this.#part;
    for (let i = start, matched = 0; i < this.#text.length; i++) {
      matched = this.#extended(matched, this.#at(this.#text, i));
      if (matched === length) return i + 1 - length;
    }
    return -1;
  }

  #at(text: string, i: number): number {
    return text.charCodeAt(this.#backwards ? text.length - 1 - i : i);
  }

  /** How much of the part matches up to a character, when so much did before it. */
  #extended(before: number, character: number): number {
    let matched = before;
    while (matched > 0 && this.#at(this.#part, matched) !== character) matched = this.#shorter[matched]!;
    return this.#at(this.#part, matched) === character ? matched + 1 : matched;
  }
}
