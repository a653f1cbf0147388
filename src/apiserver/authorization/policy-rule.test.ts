import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { runAtOnce } from '../../std/pauses.ts';
import { type PolicyRule, type RuleRequest, ruleAllows } from './policy-rule.ts';
import { breakDown, compactRules, describeEscalation, formatRule, missingRights, missingRightsInSteps } from './rule-coverage.ts';

const resource = (over: Partial<RuleRequest> = {}): RuleRequest => ({
  isResourceRequest: true,
  verb: 'get',
  group: '',
  resource: 'pods',
  subresource: '',
  name: '',
  path: '',
  ...over,
});
const path = (value: string, verb = 'get') => resource({ isResourceRequest: false, verb, path: value });
const rule = (over: Partial<PolicyRule> = {}): PolicyRule => ({ verbs: ['get'], apiGroups: [''], resources: ['pods'], ...over });

const cases: [string, PolicyRule, RuleRequest, boolean][] = [
  ['its verb, group and resource', rule(), resource(), true],
  ['no other verb', rule(), resource({ verb: 'list' }), false],
  ['no other group', rule(), resource({ group: 'apps' }), false],
  ['no subresource of its resource', rule(), resource({ subresource: 'log' }), false],
  ['a subresource that it names', rule({ resources: ['pods/log'] }), resource({ subresource: 'log' }), true],
  ['not the resource of a subresource that it names', rule({ resources: ['pods/log'] }), resource(), false],
  ['every resource and subresource with *', rule({ resources: ['*'] }), resource({ subresource: 'log' }), true],
  ['the scale of anything with */scale', rule({ resources: ['*/scale'] }), resource({ subresource: 'scale' }), true],
  ['not the resource itself with */scale', rule({ resources: ['*/scale'] }), resource(), false],
  ['nothing with pods/*', rule({ resources: ['pods/*'] }), resource({ subresource: 'log' }), false],
  ['every verb and group with *', rule({ verbs: ['*'], apiGroups: ['*'] }), resource({ verb: 'x', group: 'y' }), true],
  ['names that it lists', rule({ resourceNames: ['a'] }), resource({ name: 'a' }), true],
  ['no other names', rule({ resourceNames: ['a'] }), resource({ name: 'b' }), false],
  ['no request without a name when it lists names', rule({ resourceNames: ['a'] }), resource(), false],
  ['no path', rule({ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }), path('/healthz'), false],
  ['a path', { verbs: ['get'], nonResourceURLs: ['/healthz'] }, path('/healthz'), true],
  ['no longer path', { verbs: ['get'], nonResourceURLs: ['/healthz'] }, path('/healthz/etcd'), false],
  ['what is below a path that ends in *', { verbs: ['get'], nonResourceURLs: ['/healthz/*'] }, path('/healthz/etcd'), true],
  ['not the path itself above a *', { verbs: ['get'], nonResourceURLs: ['/healthz/*'] }, path('/healthz'), false],
  ['no path with a star inside', { verbs: ['get'], nonResourceURLs: ['/a/*/b'] }, path('/a/x/b'), false],
  ['every path with *', { verbs: ['*'], nonResourceURLs: ['*'] }, path('/x', 'post'), true],
  ['no path with many stars inside', { verbs: ['*'], nonResourceURLs: [`/${'*'.repeat(500_000)}x*`] }, path('/x'), false],
  ['no resource with paths', { verbs: ['*'], nonResourceURLs: ['*'] }, resource(), false],
];
for (const [what, given, request, expected] of cases) {
  test(`a rule allows ${what}`, () => assert.equal(ruleAllows(given, request), expected));
}

const some = (...values: string[]) => fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 2 });
const anyRule: fc.Arbitrary<PolicyRule> = fc.oneof(
  fc.record({
    verbs: some('get', 'list', '*'),
    apiGroups: some('', 'apps', '*'),
    resources: some('pods', 'pods/log', 'deployments', '*', '*/log'),
    resourceNames: fc.oneof(fc.constant([]), some('a', 'b')),
  }),
  fc.record({ verbs: some('get', 'post', '*'), nonResourceURLs: some('/a', '/a/*', '/b', '*') }),
);
const requests: RuleRequest[] = [
  ...['get', 'list', 'patch'].flatMap((verb) =>
    ['', 'apps', 'batch'].flatMap((group) =>
      ['pods', 'deployments'].flatMap((name) =>
        ['', 'log'].flatMap((subresource) =>
          ['', 'a', 'c'].map((objectName) => resource({ verb, group, resource: name, subresource, name: objectName })),
        ),
      ),
    ),
  ),
  ...['get', 'post', 'put'].flatMap((verb) => ['/a', '/a/x', '/b', '/c'].map((value) => path(value, verb))),
];

/** Upstream's rules written out as regular expressions: slow, and made in another way. */
function naiveAllows(given: PolicyRule, request: RuleRequest): boolean {
  const one = (values: readonly string[] | null | undefined, value: string) =>
    (values ?? []).some((each) => each === '*' || each === value);
  if (!one(given.verbs, request.verb)) return false;
  if (!request.isResourceRequest) {
    return (given.nonResourceURLs ?? []).some((url) =>
      new RegExp(`^${url.endsWith('*') ? `${url.slice(0, -1)}.*` : url}$`).test(request.path),
    );
  }
  const full = request.subresource ? `${request.resource}/${request.subresource}` : request.resource;
  const resources = (given.resources ?? []).some(
    (each) => each === '*' || each === full || (request.subresource && each === `*/${request.subresource}`),
  );
  return (
    one(given.apiGroups, request.group) &&
    resources &&
    (!given.resourceNames?.length || given.resourceNames.includes(request.name))
  );
}

test('rules allow what a naive reading of them allows', () => {
  fc.assert(
    fc.property(anyRule, (given) => {
      for (const request of requests)
        assert.equal(ruleAllows(given, request), naiveAllows(given, request), JSON.stringify({ given, request }));
    }),
  );
});

test('who holds rules that cover others may do all that those allow', () => {
  fc.assert(
    fc.property(fc.array(anyRule, { maxLength: 4 }), anyRule, (held, wanted) => {
      if (missingRights(held, [wanted]).length) return;
      for (const request of requests) {
        if (ruleAllows(wanted, request))
          assert.ok(
            held.some((each) => ruleAllows(each, request)),
            JSON.stringify({ held, wanted, request }),
          );
      }
    }),
  );
});

test('a rule covers itself, and cluster-admin covers everything', () => {
  const admin = [
    { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
    { verbs: ['*'], nonResourceURLs: ['*'] },
  ];
  fc.assert(
    fc.property(anyRule, (given) => {
      assert.deepEqual(missingRights([given], [given]), []);
      assert.deepEqual(missingRights(admin, [given]), []);
    }),
  );
});

test('a right on one name is not the right on all', () => {
  assert.equal(missingRights([rule({ resourceNames: ['a'] })], [rule()]).length, 1);
  assert.deepEqual(missingRights([rule()], [rule({ resourceNames: ['a'] })]), []);
});

test('rules are broken down and their verbs joined again', () => {
  const parts = [...breakDown(rule({ verbs: ['get', 'list'], resources: ['pods', 'secrets'] }))];
  assert.equal(parts.length, 4);
  assert.deepEqual(runAtOnce(compactRules(parts)).map(formatRule), [
    '{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}',
    '{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}',
  ]);
});

test('an escalation is described in upstream\u2019s words', () => {
  const user = { name: 'jane', groups: ['dev', 'system:authenticated'] };
  const wanted = [rule({ verbs: ['get', 'delete'] }), { verbs: ['get'], nonResourceURLs: ['/metrics'] }];
  assert.equal(
    runAtOnce(describeEscalation(user, [rule()], wanted)),
    'user "jane" (groups=["dev" "system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n' +
      '{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}\n{NonResourceURLs:["/metrics"], Verbs:["get"]}',
  );
  assert.equal(runAtOnce(describeEscalation(user, wanted, wanted)), undefined);
});

test('a rule of more parts than can be compared is refused unless one that is held covers it whole', () => {
  const many = (name: string) => Array.from({ length: 300_000 }, (_, i) => `${name}${i}`);
  const huge = rule({ verbs: many('v'), resources: many('r'), resourceNames: many('n') });
  const user = { name: 'jane', groups: [] };
  const describe = (held: PolicyRule[], wanted: PolicyRule[]) => runAtOnce(describeEscalation(user, held, wanted));
  assert.equal(
    describe([rule()], [huge]),
    'user "jane" (groups=[]) is attempting to grant 27000000000000000 RBAC permissions that no single rule held currently covers: at most 50000 are compared',
  );
  assert.equal(describe([rule(), huge], [huge, huge]), undefined);
  assert.equal(describe([rule({ verbs: ['*'], resources: ['*'] })], [huge]), undefined);
  const names = rule({ resourceNames: many('n').slice(0, 50_000) });
  assert.equal(
    describe([rule({ resourceNames: ['n0'] }), rule({ resources: ['secrets'] })], [names])?.split('\n').length,
    50_000,
  );
});

test('rules that take too many comparisons with those held are refused', () => {
  const held = Array.from({ length: 40_000 }, () => rule({ resources: ['secrets'] }));
  const wanted = Array.from({ length: 300 }, (_, i) => rule({ resources: [`r${i}`] }));
  assert.equal(
    runAtOnce(describeEscalation({ name: 'jane', groups: [] }, held, wanted)),
    'user "jane" (groups=[]) is attempting to grant RBAC permissions that cannot be told from those currently held: at most 10000000 pairs of rules are compared',
  );
  assert.equal(
    runAtOnce(describeEscalation({ name: 'jane', groups: [] }, [rule({ resources: ['*'] }), ...held], wanted)),
    undefined,
  );
});

test('what is missing of rules is found in steps', () => {
  const verbs = Array.from({ length: 200 }, (_, i) => `v${i}`);
  const resources = Array.from({ length: 200 }, (_, i) => `r${i}`);
  const steps = missingRightsInSteps([rule(), rule({ verbs: ['v1'], resources: ['*'] })], [rule({ verbs, resources })]);
  let pauses = 0;
  for (;;) {
    const { done, value } = steps.next();
    if (done) return assert.deepEqual([value.length, pauses], [199 * 200, 6]);
    pauses++;
  }
});
