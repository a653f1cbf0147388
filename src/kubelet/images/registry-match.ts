/** Which credentials belong to which image: patterns like `*.example.com:5000/team` (pkg/credentialprovider/keyring.go). */

const MOST_PATTERN_LENGTH = 1024;

/**
 * Whether `pattern` speaks of the repository: as many parts of the host, each like it (`*`, `?` and `[a-z]` within a part), the same
 * port, and a path that begins so. Neither has a scheme.
 */
export function matchesRegistry(pattern: string, repository: string): boolean {
  return matches(pattern, splitUrl(repository));
}

function matches(pattern: string, given: ReturnType<typeof splitUrl>): boolean {
  const wanted = splitUrl(pattern);
  if (!wanted || !given || wanted.port !== given.port || wanted.parts.length !== given.parts.length) return false;
  if (!given.path.startsWith(wanted.path)) return false;
  return wanted.parts.every((part, index) => matchesGlob(part, given.parts[index]!));
}

/** What stands for something else than itself: in all other patterns the repository begins with the pattern. */
const NOT_LITERAL = /[*?[#\\]|:(?:\/|$)/;

/** False only where `matches` is false; much sooner said. */
const mayMatch = (pattern: string, repository: string) => repository.startsWith(pattern) || NOT_LITERAL.test(pattern);

function splitUrl(text: string): { parts: string[]; port: string; path: string } | undefined {
  if (text.length > MOST_PATTERN_LENGTH) return undefined;
  const [, host = '', path = ''] = /^([^/#]*)([^#]*)/.exec(text) ?? [];
  // The brackets of an IPv6 address are not those of a pattern.
  const [, name = '', port = ''] = /^(\[[0-9a-fA-F:]+\]|.*?)(?::(\d*))?$/.exec(host) ?? [];
  return name === '' ? undefined : { parts: name.split('.'), port, path };
}

type Token = '*' | ((character: string) => boolean);

/** Go's path.Match for text without slashes. In time of both lengths multiplied, whatever the stars: users write both. */
function matchesGlob(pattern: string, text: string): boolean {
  const tokens = tokensOf(pattern);
  if (!tokens) return false;
  let [at, token] = [0, 0];
  /** The last star, and the text that it takes in so far. */
  let [star, taken] = [-1, 0];
  while (at < text.length) {
    const next = tokens[token];
    if (next === '*') {
      star = token++;
      taken = at;
    } else if (next?.(text[at]!)) {
      token++;
      at++;
    } else if (star !== -1) {
      token = star + 1;
      at = ++taken;
    } else return false;
  }
  return tokens.slice(token).every((rest) => rest === '*');
}

/** Undefined for a pattern that is none. */
function tokensOf(pattern: string): Token[] | undefined {
  const tokens: Token[] = [];
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at]!;
    if (character === '*') tokens.push('*');
    else if (character === '?') tokens.push(() => true);
    else if (character === '[') {
      const [whole, not, ranges = ''] = /^\[(\^?)([^\]]+)\]/.exec(pattern.slice(at)) ?? [];
      if (whole === undefined) return undefined;
      const within = [...ranges.matchAll(/([\s\S])-([\s\S])|([\s\S])/g)];
      const isIn = (one: string) => within.some(([, low, high, single]) => (low ? low <= one && one <= high! : single === one));
      tokens.push((one) => isIn(one) !== (not === '^'));
      at += whole.length - 1;
    } else tokens.push((one) => one === character);
  }
  return tokens;
}

const DEFAULT_REGISTRY = 'index.docker.io';

/** An index of credentials by the registries that they are for; the more a pattern says, the sooner it is asked. */
export class RegistryIndex<T> {
  readonly #byKey = new Map<string, T[]>();

  /** @param location of a registry, as files of credentials name it: with or without scheme, `/v1/` and `/v2/` mean the host */
  add(location: string, entry: T): void {
    const key = registryKey(location);
    if (!key) return;
    const known = this.#byKey.get(key);
    if (known) known.push(entry);
    else this.#byKey.set(key, [entry]);
  }

  /** All that match the repository (in full, without tag). */
  find(repository: string): T[] {
    // Users write files of tens of thousands of entries: only those that match are looked at any further.
    const given = splitUrl(repository);
    const keys = [...this.#byKey.keys()].filter((key) => mayMatch(key, repository) && matches(key, given));
    if (keys.length > 0)
      return keys
        .sort()
        .reverse()
        .flatMap((key) => this.#byKey.get(key)!);
    const host = repository.split('/', 1)[0]!;
    const isDefault = host === 'docker.io' || host === DEFAULT_REGISTRY;
    return isDefault ? (this.#byKey.get(DEFAULT_REGISTRY) ?? []) : [];
  }
}

function registryKey(location: string): string {
  const [, host = '', path = ''] = /^(?:https?:\/\/)?([^/#]*)([^#]*)/.exec(location) ?? [];
  const effective = path.replace(/^\/v[12](?=\/)/, '');
  return effective === '' || effective === '/' ? host : `${host}${effective}`;
}
