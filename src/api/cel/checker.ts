/** Finds each part's type and refuses what does not fit, in cel-go's words (checker/checker.go, checker/errors.go). */
import { Substitutions, TypesTooLarge } from './assignability.ts';
import { CelCompileError, type Issue } from './compile-error.ts';
import type { FunctionDeclaration, Overload } from './declarations.ts';
import type { Call, Comprehension, Expression, MapLiteral, Select, StructLiteral } from './expression.ts';
import {
  ANY,
  BOOL,
  BYTES,
  type CelType,
  DOUBLE,
  DURATION,
  DYN,
  ERROR,
  formatType,
  INT,
  isDyn,
  isOptional,
  listOf,
  mapOf,
  NULL,
  type ObjectType,
  optionalOf,
  STRING,
  TIMESTAMP,
  typeOf,
  UINT,
} from './types.ts';
import { TypeValue, Uint, type Value } from './values.ts';

/** What an expression may name. */
export interface CheckScope {
  readonly variable: (name: string) => CelType | undefined;
  /** Types with a name: `Object.spec{…}`, `type(x) == net.IP`. */
  readonly type: (name: string) => CelType | undefined;
  readonly functions: ReadonlyMap<string, FunctionDeclaration>;
}

/** What the checker found, by the ids of expressions. */
export interface Checked {
  readonly expression: Expression;
  readonly resultType: CelType;
  readonly types: ReadonlyMap<number, CelType>;
  readonly overloads: ReadonlyMap<number, readonly Overload[]>;
  /** What looks like a member and has a name with dots: the function `sets.contains(a, b)`, the variable `authorizer.requestResource`. */
  readonly qualified: ReadonlyMap<number, string>;
  /** Names of types. */
  readonly constants: ReadonlyMap<number, Value>;
}

const TYPE_NAMES: ReadonlyMap<string, CelType> = new Map<string, CelType>([
  ['bool', BOOL],
  ['int', INT],
  ['uint', UINT],
  ['double', DOUBLE],
  ['string', STRING],
  ['bytes', BYTES],
  ['null_type', NULL],
  ['list', listOf(DYN)],
  ['map', mapOf(DYN, DYN)],
  ['type', typeOf()],
  ['optional_type', optionalOf(DYN)],
  ['google.protobuf.Timestamp', TIMESTAMP],
  ['google.protobuf.Duration', DURATION],
]);

interface Local {
  readonly name: string;
  readonly type: CelType;
  readonly outer: Local | undefined;
}

/** Throws CelCompileError with everything that is wrong. */
export function check(source: string, expression: Expression, scope: CheckScope): Checked {
  try {
    return new Checker(source, scope).check(expression);
  } catch (error) {
    if (!(error instanceof TypesTooLarge)) throw error;
    throw new CelCompileError(source, [{ offset: -1, message: "the expression's types are too large to be compared" }]);
  }
}

class Checker {
  readonly #source: string;
  readonly #scope: CheckScope;
  readonly #issues: Issue[] = [];
  readonly #types = new Map<number, CelType>();
  readonly #overloads = new Map<number, readonly Overload[]>();
  readonly #qualified = new Map<number, string>();
  readonly #constants = new Map<number, Value>();
  readonly #known = new Substitutions();
  #locals: Local | undefined;

  constructor(source: string, scope: CheckScope) {
    this.#source = source;
    this.#scope = scope;
  }

  check(expression: Expression): Checked {
    const resultType = this.#known.apply(this.#typeOf(expression), true);
    if (this.#issues.length) throw new CelCompileError(this.#source, this.#issues);
    const types = new Map([...this.#types].map(([id, type]) => [id, this.#known.apply(type, true)]));
    return {
      expression,
      resultType,
      types,
      overloads: this.#overloads,
      qualified: this.#qualified,
      constants: this.#constants,
    };
  }

  #wrong(at: { offset: number }, message: string): CelType {
    this.#issues.push({ offset: at.offset, message });
    return ERROR;
  }

  #shown(type: CelType): string {
    return formatType(this.#known.apply(type, true));
  }

  #typeOf(expression: Expression): CelType {
    const type = this.#infer(expression);
    this.#types.set(expression.id, type);
    return type;
  }

  #infer(expression: Expression): CelType {
    switch (expression.form) {
      case 'literal':
        return literalType(expression.value);
      case 'identifier':
        return this.#identifier(expression.id, expression.name) ?? this.#undeclared(expression, expression.name);
      case 'select':
        return this.#select(expression);
      case 'call':
        return this.#call(expression);
      case 'list':
        return listOf(this.#joined(expression.elements.map((element, i) => this.#element(element, expression.optional.has(i)))));
      case 'map':
        return this.#map(expression);
      case 'struct':
        return this.#struct(expression);
      case 'comprehension':
        return this.#comprehension(expression);
    }
  }

  #undeclared(at: { offset: number }, name: string): CelType {
    return this.#wrong(at, `undeclared reference to '${name}' (in container '')`);
  }

  #identifier(id: number, written: string): CelType | undefined {
    const name = written.startsWith('.') ? written.slice(1) : written;
    for (let local = written === name ? this.#locals : undefined; local; local = local.outer)
      if (local.name === name) return local.type;
    const variable = this.#scope.variable(name);
    if (variable) return variable;
    const type = TYPE_NAMES.get(name) ?? this.#scope.type(name);
    if (!type) return undefined;
    this.#constants.set(id, new TypeValue(typeName(name, type)));
    return typeOf(type);
  }

  /** A variable with a dot in its name (`authorizer.requestResource`); a type (`net.IP`) where there is no variable `net`. */
  #qualifiedName(expression: Select): CelType | undefined {
    const name = expression.test ? undefined : dottedName(expression);
    if (name === undefined || this.#isLocal(name.split('.')[0]!)) return undefined;
    const variable = this.#scope.variable(name);
    if (variable) {
      this.#qualified.set(expression.id, name);
      return variable;
    }
    return this.#isVariable(name.split('.')[0]!) ? undefined : this.#identifier(expression.id, name);
  }

  #isLocal(name: string): boolean {
    for (let local = this.#locals; local; local = local.outer) if (local.name === name) return true;
    return false;
  }

  #isVariable(name: string): boolean {
    return this.#isLocal(name) || this.#scope.variable(name) !== undefined;
  }

  #select(expression: Select): CelType {
    const named = this.#qualifiedName(expression);
    if (named) return named;
    const operand = this.#typeOf(expression.operand);
    const type = this.#field(expression, operand, expression.field, false);
    return expression.test ? BOOL : type;
  }

  #field(at: { offset: number }, operand: CelType, field: string, optional: boolean): CelType {
    const applied = this.#known.apply(operand);
    const wrapped = isOptional(applied);
    const target = wrapped ? this.#known.apply(applied.parameters[0]!) : applied;
    const type = this.#fieldOf(at, target, field);
    if (type === ERROR) return ERROR;
    return wrapped || optional ? optionalOf(type) : type;
  }

  #fieldOf(at: { offset: number }, target: CelType, field: string): CelType {
    if (target.form === 'map') return target.of;
    if (target.form === 'object') return target.field(field) ?? this.#wrong(at, `undefined field '${field}'`);
    if (target.form === 'parameter') {
      this.#known.assignable([DYN], [target]);
      return DYN;
    }
    if (isDyn(target)) return DYN;
    return this.#wrong(at, `type '${formatType(target)}' does not support field selection`);
  }

  #call(call: Call): CelType {
    if (call.name === '_?._') {
      const name = call.args[1]!;
      const type = this.#field(call, this.#typeOf(call.args[0]!), (name as { value: string }).value, true);
      this.#types.set(name.id, STRING);
      return type;
    }
    const qualified = call.target && dottedName(call.target);
    if (call.target && qualified !== undefined && !this.#isVariable(qualified.split('.')[0]!)) {
      const name = `${qualified}.${call.name}`;
      if (this.#scope.functions.has(name)) {
        this.#qualified.set(call.id, name);
        return this.#resolve(call, name, call.args, false);
      }
    }
    const args = call.target ? [call.target, ...call.args] : call.args;
    return this.#resolve(call, call.name.replace(/^\./, ''), args, call.target !== undefined);
  }

  #resolve(call: Call, name: string, args: readonly Expression[], member: boolean): CelType {
    const declared = this.#scope.functions.get(name);
    const types = args.map((argument) => this.#typeOf(argument));
    if (!declared) return this.#undeclared(call, name);
    const fitting: Overload[] = [];
    let result: CelType | undefined;
    for (const candidate of declared.overloads) {
      if (candidate.member !== member) continue;
      const [wanted, ...params] = this.#known.instantiate([candidate.result, ...candidate.params]);
      if (!this.#known.assignable(types, params)) continue;
      fitting.push(candidate);
      const type = this.#known.apply(wanted!);
      if (!result) result = type;
      else if (!isDyn(result) && formatType(result) !== formatType(type)) result = DYN;
    }
    if (!result) {
      const shown = types.map((type) => this.#shown(type));
      const applied = member ? `${shown[0]}.(${shown.slice(1).join(', ')})` : `(${shown.join(', ')})`;
      return this.#wrong(call, `found no matching overload for '${name}' applied to '${applied}'`);
    }
    this.#overloads.set(call.id, fitting);
    return result;
  }

  #element(expression: Expression, optional: boolean): CelType {
    const type = this.#typeOf(expression);
    if (!optional) return type;
    const applied = this.#known.apply(type);
    if (isOptional(applied)) return applied.parameters[0]!;
    if (isDyn(applied)) return DYN;
    return this.#wrong(expression, `expected type 'optional_type(${this.#shown(applied)})' but found '${this.#shown(applied)}'`);
  }

  /** The type of a list's elements or a map's keys: any of them where they differ, which is refused later (literal-checks.ts). */
  #joined(types: readonly CelType[]): CelType {
    let joined: CelType | undefined;
    for (const type of types) {
      if (!joined) joined = type;
      else joined = this.#known.assignable([type], [joined]) ? this.#known.mostGeneral(joined, type) : DYN;
    }
    return joined ?? this.#known.fresh();
  }

  #map(expression: MapLiteral): CelType {
    const keys = expression.entries.map(({ key }) => this.#typeOf(key));
    const values = expression.entries.map(({ value, optional }) => this.#element(value, optional));
    return mapOf(this.#joined(keys), this.#joined(values));
  }

  #struct(expression: StructLiteral): CelType {
    const name = expression.type.replace(/^\./, '');
    const type = this.#scope.type(name) ?? TYPE_NAMES.get(name);
    if (!type) return this.#undeclared(expression, expression.type);
    if (type.form !== 'object' || !type.constructible)
      return this.#wrong(expression, `'${formatType(type)}' is not a message type`);
    for (const setting of expression.fields) this.#setting(setting, type);
    return type;
  }

  #setting({ offset, name, value, optional }: StructLiteral['fields'][number], type: ObjectType): void {
    const wanted = type.field(name);
    const given = this.#element(value, optional);
    if (!wanted) this.#wrong({ offset }, `undefined field '${name}'`);
    else if (!this.#known.assignable([given], [wanted]))
      this.#wrong(
        { offset },
        `expected type of field '${name}' is '${this.#shown(wanted)}' but provided type is '${this.#shown(given)}'`,
      );
  }

  #comprehension(loop: Comprehension): CelType {
    const range = this.#known.apply(this.#typeOf(loop.range));
    const accumulator = this.#typeOf(loop.init);
    const outer = this.#locals;
    this.#locals = { name: loop.accumulator, type: accumulator, outer };
    const withAccumulator = this.#locals;
    const [first, second] = this.#iterated(loop, range);
    this.#locals = { name: loop.variable, type: loop.variable2 === undefined ? second : first, outer: this.#locals };
    if (loop.variable2 !== undefined) this.#locals = { name: loop.variable2, type: second, outer: this.#locals };
    const condition = this.#typeOf(loop.condition);
    if (!this.#known.assignable([condition], [BOOL]))
      this.#wrong(loop.condition, `expected type 'bool' but found '${this.#shown(condition)}'`);
    const step = this.#typeOf(loop.step);
    if (!this.#known.assignable([step], [accumulator]))
      this.#wrong(loop.step, `expected type '${this.#shown(accumulator)}' but found '${this.#shown(step)}'`);
    this.#locals = withAccumulator;
    const result = this.#typeOf(loop.result);
    this.#locals = outer;
    return this.#known.apply(result);
  }

  /** Types of the two variables; a loop with one variable has the second over lists, and the key over maps. */
  #iterated(loop: Comprehension, range: CelType): [CelType, CelType] {
    const one = loop.variable2 === undefined;
    if (range.form === 'list') return [INT, range.of];
    if (range.form === 'map') return [range.key, one ? range.key : range.of];
    if (range.form === 'parameter') this.#known.assignable([range], [DYN]);
    if ((isDyn(range) && range !== ANY) || range.form === 'parameter') return [DYN, DYN];
    const wrong = this.#wrong(
      loop.range,
      `expression of type '${this.#shown(range)}' cannot be range of a comprehension (must be list, map, or dynamic)`,
    );
    return [wrong, wrong];
  }
}

/** `a.b.c` for a chain of names, undefined for anything else. */
function dottedName(expression: Expression): string | undefined {
  if (expression.form === 'identifier') return expression.name;
  if (expression.form !== 'select' || expression.test) return undefined;
  const operand = dottedName(expression.operand);
  return operand === undefined ? undefined : `${operand}.${expression.field}`;
}

function typeName(name: string, type: CelType): string {
  return type.form === 'object' ? type.name : name;
}

function literalType(value: Value): CelType {
  switch (typeof value) {
    case 'boolean':
      return BOOL;
    case 'bigint':
      return INT;
    case 'number':
      return DOUBLE;
    case 'string':
      return STRING;
  }
  if (value === null) return NULL;
  return value instanceof Uint ? UINT : BYTES;
}
