import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Authorizer, RequestContext, ServerResponse, UserInfo } from '../contracts.ts';
import { createImpersonationFilter } from './impersonation-filter.ts';

/** Allows what is listed, written `resource/subresource/namespace/name`. */
const allowing = (...allowed: string[]): Authorizer => ({
  authorize: async ({ verb, resource, subresource, namespace, name }) => ({
    decision:
      verb === 'impersonate' && allowed.includes([resource, subresource, namespace, name].join('/')) ? 'allow' : 'no-opinion',
    reason: '',
  }),
});

const LIST_PODS = {
  isResourceRequest: true,
  verb: 'list',
  group: '',
  version: 'v1',
  resource: 'pods',
  subresource: '',
  namespace: 'n',
  name: '',
};

async function run(
  authorizer: Authorizer,
  headers: Record<string, string>,
  user: UserInfo = { name: 'root', groups: ['g'] },
  info: object = LIST_PODS,
) {
  const request = { headers, query: new URLSearchParams() };
  const context = { request, user, info, warnings: [] } as unknown as RequestContext;
  await createImpersonationFilter(authorizer)(async () => {})(context, {} as ServerResponse);
  return context.user;
}

test('without the headers one stays who one is', async () => {
  assert.equal((await run(allowing(), {})).name, 'root');
});

test('a user, groups, uid and extra are taken over when each is allowed', async () => {
  const user = await run(
    allowing(
      'users///jane',
      'groups///dev',
      'groups///ops',
      'uids///7',
      'userextras/scopes//view',
      'userextras/acme.com/team//x',
    ),
    {
      'impersonate-user': 'jane',
      'impersonate-group': 'dev, ops',
      'impersonate-uid': '7',
      'impersonate-extra-scopes': 'view',
      'impersonate-extra-acme.com%2fteam': 'x',
    },
  );
  assert.deepEqual(user, {
    name: 'jane',
    uid: '7',
    groups: ['dev', 'ops', 'system:authenticated'],
    extra: { scopes: ['view'], 'acme.com/team': ['x'] },
  });
});

test('one group that is not allowed refuses the whole', async () => {
  const headers = { 'impersonate-user': 'jane', 'impersonate-group': 'dev,system:masters' };
  await assert.rejects(run(allowing('users///jane', 'groups///dev'), headers), {
    code: 403,
    // What the first of the modes said.
    message:
      'pods is forbidden: User "root" cannot impersonate-on:user-info:list resource "pods" in API group "" in the namespace "n"',
  });
});

test('a service account is asked for as such, and comes with its groups', async () => {
  const user = await run(allowing('serviceaccounts//ns/sa'), { 'impersonate-user': 'system:serviceaccount:ns:sa' });
  assert.deepEqual(user.groups, ['system:serviceaccounts', 'system:serviceaccounts:ns', 'system:authenticated']);
});

test('anonymous is unauthenticated', async () => {
  const user = await run(allowing('users///system:anonymous'), { 'impersonate-user': 'system:anonymous' });
  assert.deepEqual(user.groups, ['system:unauthenticated']);
});

test('one who names nobody is told what was asked for', async () => {
  for (const [header, fields] of [
    ['impersonate-group', 'Groups:[]string{"x"}, Extra:map[string][]string(nil)'],
    ['impersonate-extra-x', 'Groups:[]string(nil), Extra:map[string][]string{"x":[]string{"x"}}'],
  ])
    await assert.rejects(run(allowing(), { [header!]: 'x' }), {
      code: 400,
      message: `requested &user.DefaultInfo{Name:"", UID:"", ${fields}} without impersonating a user name`,
    });
  await assert.rejects(run(allowing(), { 'impersonate-uid': 'x' }), /UID:"x", Groups:\[\]string\(nil\)/);
});
