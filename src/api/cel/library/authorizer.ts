/**
 * `authorizer.group('apps').resource('deployments').namespace('a').check('create').allowed()` (apiserver/pkg/cel/library/authz.go).
 * Evaluation is synchronous and deciding is not: a check whose decision is not known yet ends the evaluation by throwing
 * `PendingDecision`; the caller has it decided and evaluates again.
 */
import { declare, type FunctionDeclaration, member } from '../declarations.ts';
import { BOOL, type OpaqueType, opaque, STRING } from '../types.ts';
import { ErrorValue, OpaqueValue, type Value } from '../values.ts';

const authorizationType = (name: string) => opaque(`kubernetes.authorization.${name}`);
export const AUTHORIZER = authorizationType('Authorizer');
const PATH_CHECK = authorizationType('PathCheck');
const GROUP_CHECK = authorizationType('GroupCheck');
export const RESOURCE_CHECK = authorizationType('ResourceCheck');
const DECISION = authorizationType('Decision');

/** What is asked. `path` alone is set for checks of paths; `serviceAccount` replaces who asks. */
export interface CheckRequest {
  readonly serviceAccount?: { readonly namespace: string; readonly name: string };
  readonly path?: string;
  readonly group?: string;
  readonly resource?: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
  readonly verb?: string;
}
export interface CheckDecision {
  readonly allowed: boolean;
  readonly reason: string;
  readonly error?: string;
}
/** Decisions known so far; undefined for one that is to be made. */
export type Decide = (request: CheckRequest) => CheckDecision | undefined;

export class PendingDecision extends Error {
  readonly request: CheckRequest;
  constructor(request: CheckRequest) {
    super('an authorization check is to be decided');
    this.request = request;
  }
}

class CheckValue extends OpaqueValue {
  readonly type: OpaqueType;
  readonly request: CheckRequest;
  readonly decide: Decide;
  constructor(type: OpaqueType, request: CheckRequest, decide: Decide) {
    super();
    this.type = type;
    this.request = request;
    this.decide = decide;
  }
  equals(other: CheckValue): boolean {
    return this.type === other.type && JSON.stringify(this.request) === JSON.stringify(other.request);
  }
  with(type: OpaqueType, added: Partial<CheckRequest>): CheckValue {
    return new CheckValue(type, { ...this.request, ...added }, this.decide);
  }
}

class DecisionValue extends OpaqueValue {
  readonly type = DECISION;
  readonly decision: CheckDecision;
  constructor(decision: CheckDecision) {
    super();
    this.decision = decision;
  }
  equals(other: DecisionValue): boolean {
    return this.decision === other.decision;
  }
}

export const authorizerValue = (decide: Decide): OpaqueValue => new CheckValue(AUTHORIZER, {}, decide);
/** `authorizer.requestResource`: what the request itself is about. */
export const resourceCheckValue = (request: CheckRequest, decide: Decide): OpaqueValue =>
  new CheckValue(RESOURCE_CHECK, request, decide);

function check(value: CheckValue, verb: string): Value {
  const request = { ...value.request, verb };
  const decision = value.decide(request);
  if (!decision) throw new PendingDecision(request);
  return new DecisionValue(decision);
}

function serviceAccount(value: CheckValue, namespace: string, name: string): Value {
  const label = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;
  const subdomain = /^[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?$/;
  if (!label.test(namespace)) return new ErrorValue(`Invalid service account namespace`);
  if (!subdomain.test(name)) return new ErrorValue('Invalid service account name');
  return value.with(AUTHORIZER, { serviceAccount: { namespace, name } });
}

const setting = (name: string, from: OpaqueType, to: OpaqueType, key: keyof CheckRequest, id = name) =>
  declare(
    name,
    member(`${from.name.split('.').at(-1)!.toLowerCase()}_${id}`, [from, STRING], to, (value: CheckValue, text: string) =>
      value.with(to, { [key]: text }),
    ),
  );

const checked = ['path', 'resource'].map((of) =>
  member(`${of}check_check`, [of === 'path' ? PATH_CHECK : RESOURCE_CHECK, STRING], DECISION, check),
);

export const authorizerFunctions: readonly FunctionDeclaration[] = [
  declare(
    'path',
    member('authorizer_path', [AUTHORIZER, STRING], PATH_CHECK, (value: CheckValue, path: string) =>
      path === '' ? new ErrorValue('path must not be empty') : value.with(PATH_CHECK, { path }),
    ),
  ),
  declare('serviceAccount', member('authorizer_serviceaccount', [AUTHORIZER, STRING, STRING], AUTHORIZER, serviceAccount)),
  setting('group', AUTHORIZER, GROUP_CHECK, 'group'),
  setting('resource', GROUP_CHECK, RESOURCE_CHECK, 'resource'),
  setting('subresource', RESOURCE_CHECK, RESOURCE_CHECK, 'subresource'),
  setting('namespace', RESOURCE_CHECK, RESOURCE_CHECK, 'namespace'),
  setting('name', RESOURCE_CHECK, RESOURCE_CHECK, 'name'),
  setting('fieldSelector', RESOURCE_CHECK, RESOURCE_CHECK, 'fieldSelector'),
  setting('labelSelector', RESOURCE_CHECK, RESOURCE_CHECK, 'labelSelector'),
  declare('check', ...checked),
  declare(
    'allowed',
    member('decision_allowed', [DECISION], BOOL, ({ decision }: DecisionValue) => decision.allowed),
  ),
  declare(
    'reason',
    member('decision_reason', [DECISION], STRING, ({ decision }: DecisionValue) => decision.reason),
  ),
  declare(
    'errored',
    member('decision_errored', [DECISION], BOOL, ({ decision }: DecisionValue) => decision.error !== undefined),
  ),
  declare(
    'error',
    member('decision_error', [DECISION], STRING, ({ decision }: DecisionValue) => decision.error ?? ''),
  ),
];
