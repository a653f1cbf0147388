import { CodedError } from '../../std/coded-error.ts';

type Labels = Readonly<Record<string, string>>;
export type NodeSelector = (labels: Labels) => boolean;

const TOKEN = /\s*(?:(&&|\|\||==|!=|[(){},!])|("[^"]*"|'[^']*')|([a-zA-Z0-9_./-]+))/y;
const MAX_LENGTH = 4096;
const MAX_DEPTH = 64;

/**
 * Parses Calico's language of selectors: `all()`, `has(k)`, `k == 'v'`, `k != 'v'`, `k in { 'a', 'b' }`, `k not in { … }`,
 * `k contains 'v'`, `k starts with 'v'`, `k ends with 'v'`, `!`, `&&`, `||` and brackets; the empty text selects all.
 *
 * @throws CodedError SELECTOR_INVALID
 */
export function parseNodeSelector(text: string): NodeSelector {
  if (text.length > MAX_LENGTH) throw invalid(text.slice(0, 40), `is longer than ${MAX_LENGTH} characters`);
  if (text.trim() === '') return () => true;
  const parser = new Parser(text);
  const selector = parser.or(0);
  if (parser.peek() !== undefined) throw invalid(text, `unexpected ${parser.peek()}`);
  return selector;
}

class Parser {
  readonly #text: string;
  readonly #tokens: string[] = [];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    TOKEN.lastIndex = 0;
    while (TOKEN.lastIndex < text.trimEnd().length) {
      const from = TOKEN.lastIndex;
      const match = TOKEN.exec(text);
      if (!match) throw invalid(text, `unexpected ${JSON.stringify(text.slice(from, from + 10))}`);
      this.#tokens.push(match[1] ?? match[2] ?? match[3]!);
    }
  }

  peek(): string | undefined {
    return this.#tokens[this.#at];
  }

  or(depth: number): NodeSelector {
    const parts = [this.#and(depth)];
    while (this.#take('||')) parts.push(this.#and(depth));
    return (labels) => parts.some((part) => part(labels));
  }

  #and(depth: number): NodeSelector {
    const parts = [this.#operand(depth)];
    while (this.#take('&&')) parts.push(this.#operand(depth));
    return (labels) => parts.every((part) => part(labels));
  }

  #operand(depth: number): NodeSelector {
    if (depth > MAX_DEPTH) throw invalid(this.#text, 'is nested too deeply');
    if (this.#take('!')) {
      const inner = this.#operand(depth + 1);
      return (labels) => !inner(labels);
    }
    if (this.#take('(')) {
      const inner = this.or(depth + 1);
      this.#expect(')');
      return inner;
    }
    const word = this.#word();
    if (this.#take('(')) return this.#call(word);
    return this.#comparison(word);
  }

  #call(name: string): NodeSelector {
    if (name !== 'all' && name !== 'global' && name !== 'has') throw invalid(this.#text, `there is no ${name}()`);
    const key = name === 'has' ? this.#word() : undefined;
    this.#expect(')');
    return (labels) => key === undefined || Object.hasOwn(labels, key);
  }

  #comparison(key: string): NodeSelector {
    const value = (labels: Labels) => (Object.hasOwn(labels, key) ? labels[key] : undefined);
    if (this.#take('==')) return equals(value, this.#literal());
    if (this.#take('!=')) return not(equals(value, this.#literal()));
    const operator = this.#word();
    switch (operator) {
      case 'in':
        return isOneOf(value, this.#literals());
      case 'not':
        this.#expect('in');
        return not(isOneOf(value, this.#literals()));
      case 'contains': {
        const part = this.#literal();
        return (labels) => value(labels)?.includes(part) ?? false;
      }
      case 'starts': {
        this.#expect('with');
        const part = this.#literal();
        return (labels) => value(labels)?.startsWith(part) ?? false;
      }
      case 'ends': {
        this.#expect('with');
        const part = this.#literal();
        return (labels) => value(labels)?.endsWith(part) ?? false;
      }
      default:
        throw invalid(this.#text, `unexpected ${operator}`);
    }
  }

  #literals(): string[] {
    this.#expect('{');
    const found: string[] = [];
    while (!this.#take('}')) {
      found.push(this.#literal());
      if (this.peek() !== '}') this.#expect(',');
    }
    return found;
  }

  #literal(): string {
    const token = this.#next();
    if (!/^["']/.test(token)) throw invalid(this.#text, `${token} stands where a text in quotes should`);
    return token.slice(1, -1);
  }

  #word(): string {
    const token = this.#next();
    if (!/^[a-zA-Z0-9_./-]+$/.test(token)) throw invalid(this.#text, `unexpected ${token}`);
    return token;
  }

  #next(): string {
    const token = this.peek();
    if (token === undefined) throw invalid(this.#text, 'ends too early');
    this.#at++;
    return token;
  }

  #take(token: string): boolean {
    if (this.peek() !== token) return false;
    this.#at++;
    return true;
  }

  #expect(token: string): void {
    const found = this.#next();
    if (found !== token) throw invalid(this.#text, `${found} stands where ${token} should`);
  }
}

type Value = (labels: Labels) => string | undefined;

const not =
  (selector: NodeSelector): NodeSelector =>
  (labels) =>
    !selector(labels);
const equals =
  (value: Value, wanted: string): NodeSelector =>
  (labels) =>
    value(labels) === wanted;
const isOneOf =
  (value: Value, wanted: readonly string[]): NodeSelector =>
  (labels) => {
    const found = value(labels);
    return found !== undefined && wanted.includes(found);
  };

const invalid = (text: string, why: string) =>
  new CodedError(`selector ${JSON.stringify(text)}: ${why}`, { code: 'SELECTOR_INVALID' });
