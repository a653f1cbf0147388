/** What expressions make of the claims of a token (apiserver/pkg/authentication/cel). Heavy to load (it brings the CEL engine). */
import { compileExpression, ExpressionError } from '../../../api/admissionregistration/expressions/admission-expressions.ts';
import { createEnvironment, type Program } from '../../../api/cel/cel.ts';
import type { Expression } from '../../../api/cel/expression.ts';
import { parseExpression } from '../../../api/cel/parser.ts';
import { ANY, type CelType, listOf, mapOf, objectOf, STRING } from '../../../api/cel/types.ts';
import { ErrorValue, ListValue, type Value } from '../../../api/cel/values.ts';
import { visitExpressions } from '../../../api/cel/visit.ts';
import { invalidField } from '../../../api/machinery/field-error.ts';
import type { FieldError } from '../../../api/machinery/status-error.ts';
import { AuthenticationFailure } from '../authentication-failure.ts';
import { claimsValue, userValue } from './claim-values.ts';
import type { ClaimRules } from './jwt-authenticator.ts';

/** An expression with its place in the configuration file. */
export interface RuleSource {
  readonly field: string;
  readonly expression: string;
}

/** The expressions of one issuer; what is not given is not decided by expressions. */
export interface ClaimRuleSources {
  readonly username?: RuleSource;
  readonly groups?: RuleSource;
  readonly uid?: RuleSource;
  readonly extra: readonly (RuleSource & { readonly key: string })[];
  readonly claimRules: readonly (RuleSource & { readonly message: string })[];
  readonly userRules: readonly (RuleSource & { readonly message: string })[];
}

type Claims = Readonly<Record<string, unknown>>;

const STRINGS = listOf(STRING);
const USER = objectOf(
  'kubernetes.UserInfo',
  new Map<string, CelType>([
    ['username', STRING],
    ['uid', STRING],
    ['groups', STRINGS],
    ['extra', mapOf(STRING, STRINGS)],
  ]),
);

/** Compiles all expressions of an issuer. `errors` names those that are wrong, in upstream's words. */
export function compileClaimRules(sources: ClaimRuleSources): { readonly rules: ClaimRules; readonly errors: FieldError[] } {
  const errors: FieldError[] = [];
  const claims = createEnvironment({ variables: { claims: mapOf(STRING, ANY) } });
  const user = createEnvironment({ variables: { user: USER } });
  const compileOne = ({ field, expression }: RuleSource, environment = claims, result: 'bool' | 'any' = 'any') => {
    try {
      return compileExpression(expression, environment, result);
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      errors.push(invalidField(field, expression, error.message.replace(/^(must evaluate to \w+) but got .*$/, '$1')));
      return undefined;
    }
  };
  const { username, groups, uid } = sources;
  const usernameOf = username && compileOne(username);
  const groupsOf = groups && compileOne(groups);
  const uidOf = uid && compileOne(uid);
  const extra = sources.extra.map((source) => ({ ...source, program: compileOne(source) }));
  const claimRules = sources.claimRules.map((source) => ({ ...source, program: compileOne(source, claims, 'bool') }));
  const userRules = sources.userRules.map((source) => ({ ...source, program: compileOne(source, user, 'bool') }));
  if (usernameOf && uses(usernameOf.source, 'email')) {
    const others = [usernameOf, ...[...extra, ...claimRules].map(({ program }) => program)].filter(
      (program) => program !== undefined,
    );
    if (!others.some(({ source }) => uses(source, 'email_verified')))
      errors.push(invalidField(username.field, username.expression, EMAIL_UNVERIFIED));
  }
  const rules: ClaimRules = {
    ...(usernameOf && { username: (values) => textOf(usernameOf, values, 'username') }),
    ...(uidOf && { uid: (values) => textOf(uidOf, values, 'uid') }),
    ...(groupsOf && { groups: (values) => stringsOf(evaluateClaims(groupsOf, values, 'group'), 'group claim expression') }),
    extra(values) {
      const made = extra.map(({ key, program, expression }) => {
        const value = evaluateClaims(program!, values, 'extra');
        return [key, stringsOf(value, `extra claim expression: ${expression}`)] as const;
      });
      return Object.fromEntries(made.filter(([, list]) => list.length));
    },
    checkClaims(values) {
      const about = claimsValue(values);
      for (const rule of claimRules) check(rule, 'claims', about, 'claim validation expression');
    },
    checkUser(info) {
      const about = userValue(info);
      for (const rule of userRules) check(rule, 'user', about, 'user info validation rule');
    },
  };
  return { rules, errors };
}

const EMAIL_UNVERIFIED =
  'claims.email_verified must be used in claimMappings.username.expression or claimMappings.extra[*].valueExpression or claimValidationRules[*].expression when claims.email is used in claimMappings.username.expression';

/** Whether an expression looks at `claims.<field>`, or `claims.?<field>`. Not for expressions that cannot be parsed. */
function uses(source: string, field: string): boolean {
  let found = false;
  const isClaims = (part: Expression | undefined) => part?.form === 'identifier' && part.name === 'claims';
  let parsed: Expression;
  try {
    parsed = parseExpression(source);
  } catch {
    // Told already, where it was compiled.
    return false;
  }
  visitExpressions(parsed, (part) => {
    if (part.form === 'select') found ||= part.field === field && isClaims(part.operand);
    else if (part.form === 'call' && part.name === '_?._') {
      const [operand, name] = part.args;
      found ||= isClaims(operand) && name?.form === 'literal' && name.value === field;
    }
  });
  return found;
}

/** With the one variable that the expression knows. */
const evaluate = (program: Program, variable: 'claims' | 'user', about: Value): Value =>
  program.evaluate((name) => (name === variable ? about : undefined)).value;

const failure = (what: string, why: string) => new AuthenticationFailure(`oidc: error evaluating ${what}: ${why}`);

function evaluateClaims(program: Program, claims: Claims, what: string): Value {
  const value = evaluate(program, 'claims', claimsValue(claims));
  if (value instanceof ErrorValue)
    throw failure(`${what} claim expression`, `expression '${program.source}' resulted in error: ${value.message}`);
  return value;
}

function textOf(program: Program, claims: Claims, what: string): string {
  const value = evaluateClaims(program, claims, what);
  if (typeof value === 'string') return value;
  throw failure(`${what} claim expression`, `${what} claim expression must return a string`);
}

/** A text or a list of them; empty ones and null are nothing. */
function stringsOf(value: Value, what: string): readonly string[] {
  if (value === null) return [];
  const list = value instanceof ListValue ? [...value] : [value];
  const isText = (item: Value): item is string => typeof item === 'string';
  if (!list.every(isText)) throw failure(what, 'expression must return a string or a list of strings');
  return list.filter((item) => item !== '');
}

interface Rule {
  readonly program: Program | undefined;
  readonly expression: string;
  readonly message: string;
}

function check({ program, expression, message }: Rule, variable: 'claims' | 'user', about: Value, what: string): void {
  const value = evaluate(program!, variable, about);
  if (value instanceof ErrorValue) throw failure(what, `expression '${expression}' resulted in error: ${value.message}`);
  if (value !== true) throw failure(what, `validation expression '${expression}' failed: ${message}`);
}
