import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AuditNotes, AuthorizationAttributes, Authorizer, RequestContext, ServerResponse, UserInfo } from '../contracts.ts';
import { ImpersonationMetrics } from '../metrics/impersonation-metrics.ts';
import { createImpersonationFilter } from './impersonation-filter.ts';

const describe = ({ verb, isResourceRequest, path, group, resource, subresource, namespace, name }: AuthorizationAttributes) =>
  isResourceRequest
    ? `${verb} ${[group, resource, subresource].filter(Boolean).join('/')}${namespace && ` in ${namespace}`}${name && ` ${name}`}`
    : `${verb} ${path}`;

/** An authorizer that allows what is listed, and what it was asked. */
function allowing(...allowed: string[]) {
  const asked: AuthorizationAttributes[] = [];
  const authorizer: Authorizer = {
    async authorize(attributes) {
      asked.push(attributes);
      return { decision: allowed.includes(describe(attributes)) ? 'allow' : 'no-opinion', reason: '' };
    },
  };
  return { asked, authorizer };
}

const INFO = {
  verb: 'get',
  group: 'apps',
  version: 'v1',
  resource: 'deployments',
  subresource: '',
  namespace: 'n',
  name: 'd',
  path: '/p',
};

function impersonating(authorizer: Authorizer, observer?: ImpersonationMetrics) {
  const filter = createImpersonationFilter(authorizer, observer);
  return async (headers: Record<string, string>, user: Partial<UserInfo> = {}, info: object = {}) => {
    let constraint: string | undefined;
    const audit = {
      impersonated: (_user: UserInfo, verb: string) => {
        constraint = verb;
      },
    } as unknown as AuditNotes;
    const request = { headers, query: new URLSearchParams() };
    const context = {
      request,
      audit,
      user: { name: 'root', groups: [], ...user },
      info: { isResourceRequest: true, ...INFO, ...info },
      warnings: [],
    } as unknown as RequestContext;
    await filter(async () => {})(context, {} as ServerResponse);
    return { user: context.user, constraint };
  };
}

const AUTHENTICATION = 'authentication.k8s.io';
const DEPLOYMENT = 'apps/deployments in n d';

test('a user is taken over for some requests only', async () => {
  const { authorizer } = allowing(
    `impersonate-on:user-info:get ${DEPLOYMENT}`,
    'impersonate-on:user-info:get /metrics',
    `impersonate:user-info ${AUTHENTICATION}/users jane`,
    `impersonate:user-info ${AUTHENTICATION}/groups dev`,
    `impersonate:user-info ${AUTHENTICATION}/uids 7`,
    `impersonate:user-info ${AUTHENTICATION}/userextras/acme.io/team x`,
  );
  const run = impersonating(authorizer);
  const headers = {
    'impersonate-user': 'jane',
    'impersonate-group': 'dev',
    'impersonate-uid': '7',
    'impersonate-extra-acme.io%2fteam': 'x',
  };
  assert.deepEqual(await run(headers), {
    user: { name: 'jane', groups: ['dev', 'system:authenticated'], uid: '7', extra: { 'acme.io/team': ['x'] } },
    constraint: 'impersonate:user-info',
  });
  assert.equal((await run(headers, {}, { isResourceRequest: false, path: '/metrics' })).user.name, 'jane');
  await assert.rejects(run(headers, {}, { verb: 'delete' }), {
    code: 403,
    message:
      'deployments.apps "d" is forbidden: User "root" cannot impersonate-on:user-info:delete resource "deployments" in API group "apps" in the namespace "n"',
  });
});

test('service accounts and nodes have their own modes, and the groups that are theirs', async () => {
  const { authorizer } = allowing(
    `impersonate-on:serviceaccount:get ${DEPLOYMENT}`,
    `impersonate:serviceaccount ${AUTHENTICATION}/serviceaccounts in ns sa`,
    `impersonate-on:arbitrary-node:get ${DEPLOYMENT}`,
    `impersonate:arbitrary-node ${AUTHENTICATION}/nodes n1`,
  );
  const run = impersonating(authorizer);
  const account = await run({ 'impersonate-user': 'system:serviceaccount:ns:sa' });
  assert.deepEqual(account.user.groups, ['system:serviceaccounts', 'system:serviceaccounts:ns', 'system:authenticated']);
  const node = await run({ 'impersonate-user': 'system:node:n1' });
  assert.deepEqual(node.user.groups, ['system:nodes', 'system:authenticated']);
  assert.deepEqual([account.constraint, node.constraint], ['impersonate:serviceaccount', 'impersonate:arbitrary-node']);
  // With groups of one's choice it is the old way.
  await assert.rejects(run({ 'impersonate-user': 'system:node:n1', 'impersonate-group': 'a' }), {
    message:
      'users "system:node:n1" is forbidden: User "root" cannot impersonate resource "users" in API group "" at the cluster scope',
  });
});

test('a service account may be the node that its token names, whichever that is', async () => {
  const { authorizer, asked } = allowing(
    `impersonate-on:associated-node:get ${DEPLOYMENT}`,
    `impersonate:associated-node ${AUTHENTICATION}/nodes *`,
  );
  const run = impersonating(authorizer);
  const NODE_NAME = 'authentication.kubernetes.io/node-name';
  const agent = { name: 'system:serviceaccount:kube-system:agent', extra: { [NODE_NAME]: ['n1'], a: ['b'] } };
  const { user, constraint } = await run({ 'impersonate-user': 'system:node:n1' }, agent);
  assert.deepEqual([user.name, constraint], ['system:node:n1', 'impersonate:associated-node']);
  for (const attributes of asked)
    assert.deepEqual(attributes.user.extra, { 'authentication.kubernetes.io/associated-node-keys': ['a', NODE_NAME] });
  await assert.rejects(run({ 'impersonate-user': 'system:node:n2' }, agent), /cannot impersonate-on:arbitrary-node:get/);
  await assert.rejects(
    run({ 'impersonate-user': 'system:node:n1' }, { ...agent, name: 'x' }),
    /cannot impersonate-on:arbitrary-node:get/,
  );
});

test('masters, and what has no proper name, are taken over in the old way alone', async () => {
  const constrained = [`impersonate-on:user-info:get ${DEPLOYMENT}`, `impersonate:user-info ${AUTHENTICATION}/users jane`];
  const refused = (headers: Record<string, string>, why: RegExp) =>
    assert.rejects(impersonating(allowing(...constrained).authorizer)({ 'impersonate-user': 'jane', ...headers }), {
      code: 403,
      message: why,
    });
  await refused({ 'impersonate-group': 'system:masters' }, /: impersonating the system:masters group is not allowed$/);
  await refused({ 'impersonate-group': 'a,' }, /: impersonating the empty string group is not allowed$/);
  await refused(
    { 'impersonate-extra-x': 'y' },
    /: impersonating an invalid key in extra is not allowed: extra\.key: Invalid value: "x": must be a domain-prefixed path/,
  );
  await refused({ 'impersonate-extra-acme.io%2fx': '' }, /: impersonating the empty string value in extra is not allowed$/);
  const old = allowing(...constrained, 'impersonate users jane', 'impersonate groups system:masters');
  const masters = await impersonating(old.authorizer)({ 'impersonate-user': 'jane', 'impersonate-group': 'system:masters' });
  assert.deepEqual([masters.user.groups, masters.constraint], [['system:masters', 'system:authenticated'], '']);
});

test('many groups, and many values, are asked for together first', async () => {
  const first = [`impersonate-on:user-info:get ${DEPLOYMENT}`, `impersonate:user-info ${AUTHENTICATION}/users jane`];
  const all = allowing(
    ...first,
    `impersonate:user-info ${AUTHENTICATION}/groups *`,
    `impersonate:user-info ${AUTHENTICATION}/userextras/* *`,
  );
  const headers = { 'impersonate-user': 'jane', 'impersonate-group': 'a,b,c,d', 'impersonate-extra-acme.io%2fx': 'a,b,c,d' };
  await impersonating(all.authorizer)(headers);
  assert.equal(all.asked.length, 4);
  const each = allowing(
    ...first,
    ...['a', 'b', 'c', 'd'].map((name) => `impersonate:user-info ${AUTHENTICATION}/groups ${name}`),
  );
  await impersonating(each.authorizer)({ 'impersonate-user': 'jane', 'impersonate-group': 'a,b,c,d' });
  assert.equal(each.asked.filter(({ resource }) => resource === 'groups').length, 5);
});

test('the mode that was good last is tried first, and all is counted', async () => {
  const metrics = new ImpersonationMetrics();
  const { authorizer, asked } = allowing('impersonate users jane');
  const run = impersonating(authorizer, metrics);
  await run({ 'impersonate-user': 'jane' });
  await run({ 'impersonate-user': 'jane' });
  assert.deepEqual(
    asked.map(({ verb }) => verb),
    ['impersonate-on:user-info:get', 'impersonate', 'impersonate'],
  );
  await assert.rejects(run({ 'impersonate-user': 'joe' }), /cannot impersonate resource "users"/);
  const text = metrics.render();
  for (const line of [
    'apiserver_impersonation_attempts_total{mode="legacy",decision="allowed"} 2',
    'apiserver_impersonation_attempts_total{mode="",decision="denied"} 1',
    'apiserver_impersonation_authorization_attempts_total{mode="user-info",decision="denied"} 2',
    'apiserver_impersonation_authorization_attempts_total{mode="legacy",decision="allowed"} 2',
    'apiserver_impersonation_attempts_duration_seconds_count{mode="legacy",decision="allowed"} 2',
  ])
    assert.ok(text.includes(`${line}\n`), `${line} in ${text}`);
});
