/** Macros: what the parser puts in place of `has(a.b)`, `list.all(x, …)` and so on (cel-go parser/macro.go, ext/comprehensions.go). */
import { ACCUMULATOR, type Expression } from './expression.ts';
import type { ExpressionBuilder } from './expression-builder.ts';

/** Says what is wrong with a macro's arguments; the parser gives it its place. */
export class MacroError extends Error {
  readonly offset: number;
  constructor(offset: number, message: string) {
    super(message);
    this.offset = offset;
  }
}

interface Use {
  readonly build: ExpressionBuilder;
  readonly offset: number;
  readonly target: Expression;
  readonly args: readonly Expression[];
}

const NO_NAME = 'argument must be a simple name';
const NO_IDENTIFIER = 'argument is not an identifier';

function variableName(argument: Expression, text = NO_NAME): string {
  if (argument.form !== 'identifier') throw new MacroError(argument.offset, text);
  if (argument.name === ACCUMULATOR || argument.name === '__result__')
    throw new MacroError(argument.offset, `iteration variable overwrites accumulator variable`);
  return argument.name;
}

type Loop = Pick<Extract<Expression, { form: 'comprehension' }>, 'init' | 'condition' | 'step' | 'result'>;

function loop({ build, offset, target }: Use, variables: readonly [string, string?], parts: Loop): Expression {
  return build.comprehension({
    offset,
    variable: variables[0],
    variable2: variables[1],
    range: target,
    accumulator: ACCUMULATOR,
    ...parts,
  });
}

const accumulated = ({ build, offset }: Use) => build.identifier(offset, ACCUMULATOR);
const appended = (use: Use, element: Expression) =>
  use.build.call(use.offset, '_+_', accumulated(use), use.build.list(use.offset, [element]));
const when = (use: Use, test: Expression | undefined, step: Expression) =>
  test ? use.build.call(use.offset, '_?_:_', test, step, accumulated(use)) : step;
const always = ({ build, offset }: Use) => build.literal(offset, true);

/** The variables in front, the rest behind them. */
function split(use: Use, count: 1 | 2, complaint = NO_NAME): { variables: [string, string?]; rest: readonly Expression[] } {
  const first = variableName(use.args[0]!, complaint);
  if (count === 1) return { variables: [first], rest: use.args.slice(1) };
  const second = variableName(use.args[1]!);
  if (first === second) throw new MacroError(use.args[1]!.offset, `duplicate variable name: ${second}`);
  return { variables: [first, second], rest: use.args.slice(2) };
}

function quantifier(use: Use, count: 1 | 2, form: 'all' | 'exists' | 'one'): Expression {
  const { build, offset } = use;
  const { variables, rest } = split(use, count);
  const test = rest[0]!;
  if (form === 'one')
    return loop(use, variables, {
      init: build.literal(offset, 0n),
      condition: always(use),
      step: when(use, test, build.call(offset, '_+_', accumulated(use), build.literal(offset, 1n))),
      result: build.call(offset, '_==_', accumulated(use), build.literal(offset, 1n)),
    });
  const all = form === 'all';
  const current = all ? accumulated(use) : build.call(offset, '!_', accumulated(use));
  return loop(use, variables, {
    init: build.literal(offset, all),
    condition: build.call(offset, '@not_strictly_false', current),
    step: build.call(offset, all ? '_&&_' : '_||_', accumulated(use), test),
    result: accumulated(use),
  });
}

function listOfEach(use: Use, count: 1 | 2): Expression {
  const { variables, rest } = split(use, count, count === 1 ? NO_IDENTIFIER : NO_NAME);
  const [test, element] = rest.length === 2 ? [rest[0], rest[1]!] : [undefined, rest[0]!];
  return loop(use, variables, {
    init: use.build.list(use.offset, []),
    condition: always(use),
    step: when(use, test, appended(use, element)),
    result: accumulated(use),
  });
}

function filter(use: Use): Expression {
  const { variables, rest } = split(use, 1, NO_IDENTIFIER);
  return loop(use, variables, {
    init: use.build.list(use.offset, []),
    condition: always(use),
    step: when(use, rest[0]!, appended(use, use.args[0]!)),
    result: accumulated(use),
  });
}

function mapOfEach(use: Use, entries: boolean): Expression {
  const { build, offset } = use;
  const { variables, rest } = split(use, 2);
  const [test, value] = rest.length === 2 ? [rest[0], rest[1]!] : [undefined, rest[0]!];
  const inserted = entries ? [value] : [build.identifier(offset, variables[0]), value];
  return loop(use, variables, {
    init: build.map(offset, []),
    condition: always(use),
    step: when(use, test, build.call(offset, 'cel.@mapInsert', accumulated(use), ...inserted)),
    result: accumulated(use),
  });
}

/** `result` with a variable: a loop over nothing. */
const bind = ({ build, offset }: Use, variable: string, init: Expression, result: Expression): Expression =>
  build.comprehension({
    offset,
    variable: '#unused',
    variable2: undefined,
    range: build.list(offset, []),
    accumulator: variable,
    init,
    condition: build.literal(offset, false),
    step: build.identifier(offset, variable),
    result,
  });

/** `cel.bind(variable, value, result)` (ext/bindings.go). Only some environments have it. */
export function expandBind(use: Use, name: string): Expression | undefined {
  const { target, args } = use;
  if (name !== 'bind' || args.length !== 3 || target.form !== 'identifier' || target.name !== 'cel') return undefined;
  return bind(use, variableName(args[0]!, 'cel.bind() variable names must be simple identifiers'), args[1]!, args[2]!);
}

/** `target.hasValue() ? optional.of(body with variable = target.value()) : optional.none()` */
function optionalMap(use: Use, flat: boolean): Expression {
  const { build, offset, target, args } = use;
  const variable = variableName(args[0]!, 'optMap() variable name must be a simple identifier');
  const bound = bind(use, variable, build.memberCall(offset, 'value', target, []), args[1]!);
  return build.call(
    offset,
    '_?_:_',
    build.memberCall(offset, 'hasValue', target, []),
    flat ? bound : build.call(offset, 'optional.of', bound),
    build.call(offset, 'optional.none'),
  );
}

const SORTABLE: ReadonlySet<string> = new Set(['list', 'select', 'identifier', 'comprehension', 'call']);
const SORTED = '@__sortBy_input__';

/** `target` under a name of its own, sorted by the keys that its elements have. */
function sortBy(use: Use): Expression {
  const { build, offset, target } = use;
  if (!SORTABLE.has(target.form))
    throw new MacroError(
      target.offset,
      'sortBy can only be applied to a list, identifier, comprehension, call or select expression',
    );
  const input = () => build.identifier(offset, SORTED);
  const keys = listOfEach({ ...use, target: input() }, 1);
  return bind(use, SORTED, target, build.memberCall(offset, '@sortByAssociatedKeys', input(), [keys]));
}

/** The tree that a member macro stands for, or undefined when `name` with so many arguments is none. */
export function expandMemberMacro(use: Use, name: string): Expression | undefined {
  switch (`${name}/${use.args.length}`) {
    case 'all/2':
      return quantifier(use, 1, 'all');
    case 'all/3':
      return quantifier(use, 2, 'all');
    case 'exists/2':
      return quantifier(use, 1, 'exists');
    case 'exists/3':
      return quantifier(use, 2, 'exists');
    case 'exists_one/2':
    case 'existsOne/2':
      return quantifier(use, 1, 'one');
    case 'exists_one/3':
    case 'existsOne/3':
      return quantifier(use, 2, 'one');
    case 'map/2':
    case 'map/3':
      return listOfEach(use, 1);
    case 'transformList/3':
    case 'transformList/4':
      return listOfEach(use, 2);
    case 'filter/2':
      return filter(use);
    case 'transformMap/3':
    case 'transformMap/4':
      return mapOfEach(use, false);
    case 'transformMapEntry/3':
    case 'transformMapEntry/4':
      return mapOfEach(use, true);
    case 'sortBy/2':
      return sortBy(use);
    case 'optMap/2':
      return optionalMap(use, false);
    case 'optFlatMap/2':
      return optionalMap(use, true);
    default:
      return undefined;
  }
}

/** `has(a.b)`: whether the field is there. */
export function expandHas(build: ExpressionBuilder, offset: number, argument: Expression): Expression {
  if (argument.form !== 'select' || argument.test) throw new MacroError(argument.offset, 'invalid argument to has() macro');
  return build.select(offset, argument.operand, argument.field, true);
}
