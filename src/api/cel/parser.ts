/** Reads an expression (cel-go parser/gen/CEL.g4); what is wrong is told in the words of cel-go's ANTLR parser. */
import { CelCompileError, type Issue } from './compile-error.ts';
import type { Entry, Expression, FieldSetting } from './expression.ts';
import { ExpressionBuilder, MOST_PARTS, TooDeep, TooLarge } from './expression-builder.ts';
import { expandBind, expandHas, expandMemberMacro, MacroError } from './macros.ts';
import { bytesOfToken, stringOfToken } from './string-literal.ts';
import { type Token, tokenize } from './tokens.ts';
import { Uint } from './values.ts';

const DEEPEST_NESTING = 250;
const LONGEST = 100_000;
const LITERALS = "'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";
const OPERAND = `{'[', '{', '(', '.', '-', '!', ${LITERALS}`;
/** What may follow an opening bracket. */
const FIRST: Readonly<Record<string, string>> = {
  '(': `{'[', '{', '(', ')', '.', '-', '!', ${LITERALS}`,
  '[': `{'[', ']', '{', '(', '.', ',', '-', '!', '?', ${LITERALS}`,
  '{': `{'[', '{', '}', '(', '.', ',', '-', '!', '?', ${LITERALS}`,
};
const RESERVED = new Set(
  'as break const continue else for function if import let loop package namespace return var void while'.split(' '),
);
const RELATIONS = new Set(['<', '<=', '>', '>=', '==', '!=', 'in']);
const INT_RANGE = [-(2n ** 63n), 2n ** 63n - 1n] as const;

/** Throws CelCompileError. */
/** `bindings`: with `cel.bind`. */
export function parseExpression(source: string, bindings = false): Expression {
  if (source.length > LONGEST)
    throw new CelCompileError(source, [
      { offset: -1, message: `expression code point size exceeds limit: size: ${source.length}, limit ${LONGEST}` },
    ]);
  try {
    return new Parser(source, bindings).whole();
  } catch (error) {
    if (error instanceof TooDeep)
      throw new CelCompileError(source, [{ offset: -1, message: `expression recursion limit exceeded: ${DEEPEST_NESTING}` }]);
    if (error instanceof TooLarge)
      throw new CelCompileError(source, [
        { offset: -1, message: `expression with its macros written out exceeds limit: ${MOST_PARTS} parts` },
      ]);
    if (error instanceof MacroError) throw new CelCompileError(source, [{ offset: error.offset, message: error.message }]);
    throw error;
  }
}

class Parser {
  readonly #source: string;
  readonly #tokens: readonly Token[];
  /** Of characters that belong to no token. */
  readonly #issues: readonly Issue[];
  readonly #build = new ExpressionBuilder();
  readonly #bindings: boolean;
  #at = 0;
  #depth = 0;

  constructor(source: string, bindings: boolean) {
    this.#source = source;
    this.#bindings = bindings;
    const { tokens, issues } = tokenize(source);
    this.#tokens = tokens;
    this.#issues = issues;
  }

  whole(): Expression {
    const expression = this.#expression();
    if (this.#next.type !== 'end') {
      const last = this.#tokens[this.#at + 1]!.type === 'end';
      throw this.#wrong(`Syntax error: ${last ? 'extraneous' : 'mismatched'} input '${this.#next.text}' expecting <EOF>`);
    }
    if (this.#issues.length) throw new CelCompileError(this.#source, this.#issues);
    return expression;
  }

  get #next(): Token {
    return this.#tokens[this.#at]!;
  }

  #take(): Token {
    return this.#tokens[this.#at++]!;
  }

  #is(text: string): boolean {
    return this.#next.type === 'symbol' && this.#next.text === text;
  }

  #accept(text: string): Token | undefined {
    return this.#is(text) ? this.#take() : undefined;
  }

  #expect(text: string): Token {
    if (this.#is(text)) return this.#take();
    const following = this.#tokens[this.#at + 1];
    if (following?.type === 'symbol' && following.text === text)
      throw this.#wrong(`Syntax error: extraneous input '${this.#next.text}' expecting '${text}'`);
    const closing = text === ')' || text === ']' || text === '}';
    if (closing && this.#next.type === 'end') throw this.#wrong(`Syntax error: missing '${text}' at '<EOF>'`);
    throw this.#wrong(`Syntax error: mismatched input '${this.#next.text}' expecting '${text}'`);
  }

  #wrong(message: string, offset = this.#next.offset): CelCompileError {
    return new CelCompileError(this.#source, [...this.#issues, { offset, message }]);
  }

  #expression(): Expression {
    if (++this.#depth > DEEPEST_NESTING) throw new TooDeep();
    const condition = this.#logical('||');
    const question = this.#accept('?');
    let result = condition;
    if (question) {
      const yes = this.#logical('||');
      this.#expect(':');
      result = this.#build.call(question.offset, '_?_:_', condition, yes, this.#expression());
    }
    this.#depth--;
    return result;
  }

  /** Long chains of `||` and `&&` become balanced trees, so that they may be long. */
  #logical(operator: '||' | '&&'): Expression {
    const below = () => (operator === '||' ? this.#logical('&&') : this.#relation());
    const operands = [below()];
    const offsets: number[] = [];
    for (let token = this.#accept(operator); token; token = this.#accept(operator)) {
      offsets.push(token.offset);
      operands.push(below());
    }
    const balanced = (from: number, to: number): Expression => {
      if (from === to) return operands[from]!;
      const middle = Math.floor((from + to) / 2);
      return this.#build.call(offsets[middle]!, `_${operator}_`, balanced(from, middle), balanced(middle + 1, to));
    };
    return balanced(0, operands.length - 1);
  }

  #chain(isOperator: () => boolean, below: () => Expression, name: (text: string) => string): Expression {
    const depth = this.#depth;
    let left = below();
    while (isOperator()) {
      if (++this.#depth > DEEPEST_NESTING) throw new TooDeep();
      const { text, offset } = this.#take();
      left = this.#build.call(offset, name(text), left, below());
    }
    this.#depth = depth;
    return left;
  }

  #relation(): Expression {
    return this.#chain(
      () => (this.#next.type === 'symbol' || this.#next.type === 'identifier') && RELATIONS.has(this.#next.text),
      () => this.#sum(),
      (text) => (text === 'in' ? '@in' : `_${text}_`),
    );
  }

  #sum(): Expression {
    return this.#chain(
      () => this.#is('+') || this.#is('-'),
      () => this.#product(),
      (text) => `_${text}_`,
    );
  }

  #product(): Expression {
    return this.#chain(
      () => this.#is('*') || this.#is('/') || this.#is('%'),
      () => this.#unary(),
      (text) => `_${text}_`,
    );
  }

  #unary(): Expression {
    const operator = this.#accept('!') ?? this.#accept('-');
    if (!operator) return this.#member();
    let count = 1;
    while (this.#is(operator.text)) {
      this.#take();
      count++;
    }
    // One sign is the number's own; of several all are operators.
    if (count === 1 && operator.text === '-' && (this.#next.type === 'int' || this.#next.type === 'float')) {
      this.#at--;
      count--;
    }
    const operand = this.#member();
    return count % 2 ? this.#build.call(operator.offset, operator.text === '!' ? '!_' : '-_', operand) : operand;
  }

  #member(): Expression {
    const depth = this.#depth;
    let operand = this.#primary();
    for (;;) {
      if (++this.#depth > DEEPEST_NESTING) throw new TooDeep();
      if (this.#is('.')) operand = this.#dot(operand);
      else if (this.#is('[')) operand = this.#index(operand);
      else break;
    }
    this.#depth = depth;
    return operand;
  }

  #fieldName(): string {
    const token = this.#take();
    if (token.type === 'quoted-identifier') throw this.#wrong("unsupported syntax: '`'", token.offset);
    if (token.type === 'identifier' && !['true', 'false', 'null', 'in'].includes(token.text)) return token.text;
    this.#at--;
    if (token.type === 'identifier') throw this.#wrong(`Syntax error: mismatched input '${token.text}' expecting IDENTIFIER`);
    throw this.#wrong(`Syntax error: no viable alternative at input '.${token.type === 'end' ? '' : token.text}'`);
  }

  #dot(operand: Expression): Expression {
    const dot = this.#take();
    const optional = this.#accept('?');
    const field = this.#fieldName();
    if (optional) return this.#build.call(dot.offset, '_?._', operand, this.#build.literal(dot.offset, field));
    const open = this.#accept('(');
    if (!open) return this.#build.select(dot.offset, operand, field);
    const args = this.#arguments();
    const use = { build: this.#build, offset: open.offset, target: operand, args };
    return (
      expandMemberMacro(use, field) ??
      (this.#bindings ? expandBind(use, field) : undefined) ??
      this.#build.memberCall(open.offset, field, operand, args)
    );
  }

  #index(operand: Expression): Expression {
    const open = this.#take();
    const optional = this.#accept('?');
    const index = this.#expression();
    this.#expect(']');
    return this.#build.call(open.offset, optional ? '_[?_]' : '_[_]', operand, index);
  }

  /** Throws when the expression ends after an opening bracket. */
  #startOf(bracket: '(' | '[' | '{'): void {
    if (this.#next.type === 'end') throw this.#wrong(`Syntax error: mismatched input '<EOF>' expecting ${FIRST[bracket]}`);
  }

  /** Up to the closing bracket, which is taken; a comma at the end is not allowed. */
  #arguments(): Expression[] {
    if (this.#accept(')')) return [];
    this.#startOf('(');
    const args = [this.#expression()];
    while (this.#accept(',')) args.push(this.#expression());
    this.#expect(')');
    return args;
  }

  #primary(): Expression {
    const token = this.#next;
    if (token.type === 'symbol') {
      switch (token.text) {
        case '(': {
          this.#take();
          const inner = this.#expression();
          this.#expect(')');
          return inner;
        }
        case '[':
          return this.#list();
        case '{':
          return this.#map();
        case '.':
          this.#take();
          return this.#named(this.#take(), '.');
        case '-':
          this.#take();
          return this.#number(this.#take(), '-', token.offset);
      }
    }
    if (token.type === 'identifier' && token.text !== 'in') return this.#named(this.#take(), '');
    if (token.type === 'end' || token.type === 'symbol' || token.type === 'identifier' || token.type === 'quoted-identifier') {
      const following = this.#tokens[this.#at + 1];
      const extra = token.type !== 'end' && following !== undefined && startsOperand(following);
      throw this.#wrong(`Syntax error: ${extra ? 'extraneous' : 'mismatched'} input '${token.text}' expecting ${OPERAND}`);
    }
    this.#take();
    if (token.type === 'string' || token.type === 'bytes') {
      const value = token.type === 'string' ? stringOfToken(token.text) : bytesOfToken(token.text);
      if (value === undefined) throw this.#wrong(`Syntax error: token recognition error at: '${token.text}'`, token.offset);
      return this.#build.literal(token.offset, value);
    }
    return this.#number(token, '', token.offset);
  }

  #number(token: Token, sign: string, offset: number): Expression {
    if (token.type === 'float') {
      const value = Number(sign + token.text);
      if (!Number.isFinite(value)) throw this.#wrong('invalid double literal', offset);
      return this.#build.literal(offset, value);
    }
    if (token.type === 'uint') {
      const value = BigInt(token.text.slice(0, -1));
      if (sign || value >= 2n ** 64n) throw this.#wrong('invalid uint literal', offset);
      return this.#build.literal(offset, new Uint(value));
    }
    if (token.type !== 'int') throw this.#wrong(`Syntax error: mismatched input '${token.text}' expecting ${OPERAND}`, offset);
    const value = sign ? -BigInt(token.text) : BigInt(token.text);
    if (value < INT_RANGE[0] || value > INT_RANGE[1]) throw this.#wrong('invalid int literal', offset);
    return this.#build.literal(offset, value);
  }

  #named(token: Token, dot: '' | '.'): Expression {
    const { text, offset } = token;
    if (token.type !== 'identifier') throw this.#wrong(`Syntax error: mismatched input '${text}' expecting IDENTIFIER`, offset);
    if (!dot) {
      if (text === 'true' || text === 'false') return this.#build.literal(offset, text === 'true');
      if (text === 'null') return this.#build.literal(offset, null);
    }
    if (RESERVED.has(text)) throw this.#wrong(`reserved identifier: ${text}`, offset);
    const open = this.#accept('(');
    if (open) {
      const args = this.#arguments();
      if (text === 'has' && args.length === 1) return expandHas(this.#build, open.offset, args[0]!);
      return this.#build.call(open.offset, dot + text, ...args);
    }
    return this.#struct(dot + text) ?? this.#build.identifier(offset, dot + text);
  }

  /** `Name.part{…}` makes an object; nothing is taken when what follows is no such thing. */
  #struct(first: string): Expression | undefined {
    let at = this.#at;
    let name = first;
    while (this.#tokens[at]?.type === 'symbol' && this.#tokens[at]!.text === '.' && this.#tokens[at + 1]?.type === 'identifier') {
      name += `.${this.#tokens[at + 1]!.text}`;
      at += 2;
    }
    const open = this.#tokens[at]!;
    if (open.type !== 'symbol' || open.text !== '{') return undefined;
    this.#at = at + 1;
    const fields: FieldSetting[] = [];
    while (!this.#is('}')) {
      const optional = this.#accept('?') !== undefined;
      const { offset } = this.#next;
      if (this.#next.type === 'symbol' || this.#next.type === 'end')
        throw this.#wrong(
          `Syntax error: extraneous input '${this.#next.text}' expecting {'}', ',', '?', IDENTIFIER, ESC_IDENTIFIER}`,
        );
      const field = this.#fieldName();
      const colon = this.#expect(':');
      fields.push(this.#build.field(colon.offset ?? offset, field, this.#expression(), optional));
      if (!this.#accept(',')) break;
    }
    this.#expect('}');
    return this.#build.struct(open.offset, name, fields);
  }

  #list(): Expression {
    const open = this.#take();
    this.#startOf('[');
    const elements: Expression[] = [];
    const optional = new Set<number>();
    while (!this.#is(']')) {
      if (this.#accept('?')) optional.add(elements.length);
      elements.push(this.#expression());
      if (!this.#accept(',')) break;
    }
    this.#expect(']');
    return this.#build.list(open.offset, elements, optional);
  }

  #map(): Expression {
    const open = this.#take();
    this.#startOf('{');
    const entries: Entry[] = [];
    while (!this.#is('}')) {
      const optional = this.#accept('?') !== undefined;
      const key = this.#expression();
      const colon = this.#expect(':');
      entries.push(this.#build.entry(colon.offset, key, this.#expression(), optional));
      if (!this.#accept(',')) break;
    }
    this.#expect('}');
    return this.#build.map(open.offset, entries);
  }
}

function startsOperand({ type, text }: Token): boolean {
  if (type === 'symbol') return ['[', '{', '(', '.', '-', '!'].includes(text);
  return type !== 'end';
}
