/** No program can be given more in one word (execve(2) takes 128 KiB), while two variables that name each other's double grow without end. */
const LONGEST_BYTES = 1 << 20;
/** Of what one container is told: as much as one message to the runtime holds. */
const MOST_BYTES = 16 << 20;

/**
 * `$(VAR)` in values, commands and sub paths (k8s.io/kubernetes/third_party/forked/golang/expansion): `$$` is a dollar sign that
 * begins nothing, a variable that nobody defines stays as it is written.
 *
 * @throws Error when it becomes longer than any program can be given
 */
export function expandVariables(text: string, lookUp: (name: string) => string | undefined): string {
  let expanded = '';
  let at = 0;
  let isOpen = true;
  for (;;) {
    if (expanded.length > LONGEST_BYTES) throw new Error(`an expanded text is longer than ${LONGEST_BYTES} bytes`);
    const dollar = text.indexOf('$', at);
    if (dollar === -1 || dollar === text.length - 1) return expanded + text.slice(at);
    expanded += text.slice(at, dollar);
    const next = text[dollar + 1]!;
    const end = next === '(' && isOpen ? text.indexOf(')', dollar + 2) : -1;
    // Behind the last one there is no other to look for.
    if (next === '(' && end === -1) isOpen = false;
    if (next === '$') expanded += '$';
    else if (end === -1) expanded += `$${next}`;
    else {
      const name = text.slice(dollar + 2, end);
      expanded += lookUp(name) ?? `$(${name})`;
    }
    at = end === -1 ? dollar + 2 : end + 1;
  }
}

/** The same of many texts. @throws Error also when they become more together than a runtime takes */
export function expandAll(texts: readonly string[], lookUp: (name: string) => string | undefined): string[] {
  const total = new TextTotal('the expanded command');
  return texts.map((text) => total.add(expandVariables(text, lookUp)));
}

/** Adds up what is handed through it. */
export class TextTotal {
  readonly #what: string;
  #length = 0;

  constructor(what: string) {
    this.#what = what;
  }

  /** @throws Error when all texts together are more than a runtime takes */
  add(text: string): string {
    this.#length += text.length;
    if (this.#length > MOST_BYTES) throw new Error(`${this.#what} is larger than ${MOST_BYTES} bytes`);
    return text;
  }
}
