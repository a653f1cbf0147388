import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allKinds } from '../../api/all-kinds.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import type { Status } from '../../api/machinery/status-error.ts';
import { olderReviews } from '../../api/older/older-reviews.ts';
import { silentLogger } from '../../std/logger.ts';
import { AuthenticationFailure } from '../authentication/authentication-failure.ts';
import type { ActionHandler, AuthorizationAttributes, Authorizer, RequestContext, ServerResponse } from '../contracts.ts';
import { allowAll, startTestApi } from '../test-api.ts';
import { createAccessReviews } from './access-reviews.ts';
import { createSelfSubjectReview, createTokenReview } from './identity-reviews.ts';
import { createRulesReview } from './rules-review.ts';
import { reviewedFieldSelector, reviewedLabelSelector } from './selector-text.ts';

const JANE = { name: 'jane', uid: '7', groups: ['dev', 'system:authenticated'], extra: { scopes: ['view'] } };

async function send(handler: ActionHandler, spec: object, namespace = ''): Promise<Record<string, unknown>> {
  const context = { user: JANE, info: { namespace }, warnings: [] } as unknown as RequestContext;
  const body = { apiVersion: 'v1', kind: 'X', metadata: {}, spec } as DynamicObject;
  const answer = await handler.handle(context, body, {} as ServerResponse);
  assert.equal(answer?.status, 201);
  const object = answer.object as DynamicObject;
  // Rules are told without the question.
  assert.deepEqual(object['spec'], handler.resource === 'selfsubjectrulesreviews' ? {} : spec);
  return object['status'] as Record<string, unknown>;
}

function access(decision: 'allow' | 'deny' | 'no-opinion' = 'allow') {
  const asked: AuthorizationAttributes[] = [];
  const authorizer: Authorizer = {
    async authorize(attributes) {
      asked.push(attributes);
      return { decision, reason: 'because' };
    },
  };
  const handlers = new Map(createAccessReviews(authorizer).map((handler) => [handler.resource, handler]));
  return { asked, handler: (resource: string) => handlers.get(resource)! };
}
const PODS = { verb: 'list', resource: 'pods', namespace: 'ns' };

test('a SubjectAccessReview asks for the subject that it names', async () => {
  const { asked, handler } = access();
  const spec = { user: 'joe', groups: ['ops'], uid: '1', extra: { a: ['b'] }, resourceAttributes: PODS };
  assert.deepEqual(await send(handler('subjectaccessreviews'), spec), { allowed: true, reason: 'because' });
  assert.deepEqual(asked[0]!.user, { name: 'joe', groups: ['ops'], uid: '1', extra: { a: ['b'] } });
  assert.deepEqual([asked[0]!.verb, asked[0]!.resource, asked[0]!.namespace], ['list', 'pods', 'ns']);
  assert.equal(asked[0]!.version, '*', 'who names no version asks for all');
});

test('a path is asked for as such', async () => {
  const { asked, handler } = access('no-opinion');
  const spec = { user: 'joe', nonResourceAttributes: { verb: 'get', path: '/metrics' } };
  assert.deepEqual(await send(handler('subjectaccessreviews'), spec), { allowed: false, reason: 'because' });
  assert.deepEqual([asked[0]!.isResourceRequest, asked[0]!.verb, asked[0]!.path], [false, 'get', '/metrics']);
});

test('a denial is more than the lack of a permission', async () => {
  const spec = { user: 'joe', resourceAttributes: PODS };
  assert.deepEqual(await send(access('deny').handler('subjectaccessreviews'), spec), {
    allowed: false,
    denied: true,
    reason: 'because',
  });
});

test('a SelfSubjectAccessReview asks for the caller', async () => {
  const { asked, handler } = access();
  await send(handler('selfsubjectaccessreviews'), { resourceAttributes: PODS });
  assert.equal(asked[0]!.user, JANE);
});

test('a LocalSubjectAccessReview asks about its own namespace', async () => {
  const { handler } = access();
  const local = handler('localsubjectaccessreviews');
  await send(local, { user: 'joe', resourceAttributes: PODS }, 'ns');
  await assert.rejects(
    send(local, { user: 'joe', resourceAttributes: PODS }, 'other'),
    /spec.resourceAttributes.namespace: Invalid value: "ns": must match metadata.namespace$/,
  );
  await assert.rejects(
    send(local, { user: 'joe', nonResourceAttributes: { path: '/', verb: 'get' } }, 'ns'),
    /disallowed on this kind of request/,
  );
});

for (const [spec, why] of [
  [{ user: 'joe' }, /exactly one of nonResourceAttributes or resourceAttributes must be specified/],
  [
    { user: 'joe', resourceAttributes: PODS, nonResourceAttributes: {} },
    /cannot be specified in combination with resourceAttributes/,
  ],
  [{ resourceAttributes: PODS }, /at least one of user or group must be specified/],
] as const) {
  test(`${JSON.stringify(spec)} is no SubjectAccessReview`, async () => {
    await assert.rejects(send(access().handler('subjectaccessreviews'), spec), why);
  });
}

test('selectors are handed on, as text or as requirements', async () => {
  const { asked, handler } = access();
  const fieldSelector = { requirements: [{ key: 'spec.nodeName', operator: 'In', values: ['n1'] }] };
  await send(handler('selfsubjectaccessreviews'), {
    resourceAttributes: { ...PODS, fieldSelector, labelSelector: { rawSelector: 'a=b' } },
  });
  assert.deepEqual([asked[0]!.fieldSelector, asked[0]!.labelSelector], ['spec.nodeName=n1', 'a=b']);
});

test('requirements that no selector can say are left out', () => {
  const many = { key: 'a', operator: 'In', values: ['x', 'y'] };
  const quoted = { key: 'a', operator: 'NotIn', values: ['x,y'] };
  assert.deepEqual(reviewedFieldSelector(undefined), {});
  assert.deepEqual(reviewedFieldSelector({ requirements: [many] }), { ignored: 'wholly' });
  assert.deepEqual(reviewedFieldSelector({ requirements: [{ ...quoted, values: ['x', 'y'] }] }), { ignored: 'wholly' });
  assert.deepEqual(reviewedFieldSelector({ requirements: [{ ...quoted, key: 'a=b,c' }] }), { ignored: 'wholly' });
  assert.deepEqual(reviewedFieldSelector({ requirements: [quoted] }), { text: 'a!=x\\,y' });
  assert.deepEqual(
    reviewedLabelSelector({ requirements: [many, { key: 'b', operator: 'DoesNotExist' }, { key: 'c', operator: '?' }] }),
    {
      text: 'a in (x,y),!b',
      ignored: 'partly',
    },
  );
});

test('who asks with selectors hears of what was left out of them', async () => {
  const evaluation = async (fieldSelector: object, labelSelector: object) => {
    const { asked, handler } = access();
    const status = await send(handler('selfsubjectaccessreviews'), {
      resourceAttributes: { ...PODS, fieldSelector, labelSelector },
    });
    return [asked[0]!.fieldSelector, asked[0]!.labelSelector, status['evaluationError']];
  };
  const known = { key: 'a', operator: 'In', values: ['x'] };
  const unknown = { key: 'a', operator: 'Near', values: ['x'] };
  assert.deepEqual(await evaluation({ rawSelector: 'a' }, { rawSelector: 'b in' }), [
    undefined,
    undefined,
    'spec.resourceAttributes.fieldSelector ignored due to parse error; spec.resourceAttributes.labelSelector ignored due to parse error',
  ]);
  assert.deepEqual(await evaluation({ requirements: [known, unknown] }, { requirements: [known] }), [
    'a=x',
    'a in (x)',
    'spec.resourceAttributes.fieldSelector partially ignored due to parse error',
  ]);
});

test('a rules review lists what there is, resources and paths apart', async () => {
  const handler = createRulesReview({
    rulesFor: (user, namespace) => ({
      rules: [
        { verbs: ['get'], apiGroups: [''], resources: ['pods'], resourceNames: [user.name, namespace] },
        { verbs: ['get'], nonResourceURLs: ['/healthz'] },
      ],
      incomplete: true,
      problems: user.name === 'jane' && namespace === 'ns' ? ['x'] : ['x', 'y'],
    }),
  });
  assert.deepEqual(await send(handler, { namespace: 'ns' }), {
    resourceRules: [{ verbs: ['get'], apiGroups: [''], resources: ['pods'], resourceNames: ['jane', 'ns'] }],
    nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/healthz'] }],
    incomplete: true,
    evaluationError: 'x',
  });
  assert.equal((await send(handler, { namespace: 'other' }))['evaluationError'], '[x, y]');
  await assert.rejects(send(handler, {}), /no namespace on request/);
});

test('a SelfSubjectReview says who one is', async () => {
  assert.deepEqual(await send(createSelfSubjectReview(), {}), {
    userInfo: { username: 'jane', uid: '7', groups: ['dev', 'system:authenticated'], extra: { scopes: ['view'] } },
  });
});

const tokenReview = createTokenReview({
  apiAudiences: ['api'],
  logger: silentLogger,
  tokens: {
    async authenticateToken(token, audiences) {
      if (token === 'expired') throw new AuthenticationFailure('the secret of ns/x has expired');
      return token === 'good' ? { user: { name: 'joe', groups: [] }, audiences } : undefined;
    },
  },
});

test('a good token is somebody authenticated, for the audiences asked for or the API server', async () => {
  const user = { username: 'joe', groups: ['system:authenticated'] };
  assert.deepEqual(await send(tokenReview, { token: 'good' }), { authenticated: true, user, audiences: ['api'] });
  assert.deepEqual(await send(tokenReview, { token: 'good', audiences: ['vault'] }), {
    authenticated: true,
    user,
    audiences: ['vault'],
  });
});

for (const token of ['expired', 'unknown']) {
  test(`an ${token} token is nobody, and why is not said`, async () => {
    assert.deepEqual(await send(tokenReview, { token }), { user: {}, error: 'invalid bearer token' });
  });
}

test('a review without a token is refused', async () => {
  await assert.rejects(send(tokenReview, {}), /token is required/);
});

test('reviews of the beta versions are answered as those of today, in the words of their version', async () => {
  const { asked, handler } = access();
  const actionHandlers = ['subjectaccessreviews', 'localsubjectaccessreviews', 'selfsubjectaccessreviews'].map(handler);
  const api = await startTestApi({
    composeSecurity: () => ({ ...allowAll(), actionHandlers }),
    kinds: [...allKinds, ...olderReviews],
  });
  const root = '/apis/authorization.k8s.io/v1beta1';
  const spec = { user: 'joe', group: ['ops'], resourceAttributes: PODS };
  try {
    for (const path of [`${root}/subjectaccessreviews`, `${root}/namespaces/ns/localsubjectaccessreviews`]) {
      const { status, body, headers } = await api.call('POST', path, { spec });
      assert.equal(status, 201);
      assert.equal(body.apiVersion, 'authorization.k8s.io/v1beta1');
      assert.deepEqual(body['spec'], spec);
      assert.deepEqual(body['status'], { allowed: true, reason: 'because' });
      assert.deepEqual(asked.at(-1)?.user.groups, ['ops']);
      assert.match(String(headers['warning']), /v1beta1 \w+ is deprecated in v1\.19\+, unavailable in v1\.22\+/);
    }
    const self = await api.call('POST', `${root}/selfsubjectaccessreviews`, { spec: { resourceAttributes: PODS } });
    assert.deepEqual([self.status, self.body.apiVersion], [201, 'authorization.k8s.io/v1beta1']);
    const nobody = await api.call<Status>('POST', `${root}/subjectaccessreviews`, { spec: { resourceAttributes: PODS } });
    assert.equal(nobody.status, 422);
  } finally {
    await api.stop();
  }
});

test('an answer names its kind, though the question left that to the path, and who asked what', async () => {
  const { handler } = access();
  const actionHandlers = [createSelfSubjectReview(), handler('localsubjectaccessreviews'), handler('selfsubjectaccessreviews')];
  const api = await startTestApi({ composeSecurity: () => ({ ...allowAll(), actionHandlers }) });
  try {
    const self = await api.call('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {});
    assert.deepEqual([self.body.apiVersion, self.body.kind], ['authentication.k8s.io/v1', 'SelfSubjectReview']);
    assert.deepEqual(self.body.metadata, {}, 'nothing is asked, so nobody owns anything, and it is made at no time');
    const path = '/apis/authorization.k8s.io/v1/namespaces/ns/localsubjectaccessreviews';
    const local = await api.call('POST', path, { spec: { user: 'joe', resourceAttributes: PODS } });
    assert.deepEqual([local.body.apiVersion, local.body.kind], ['authorization.k8s.io/v1', 'LocalSubjectAccessReview']);
    const access = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
    const body = { spec: { resourceAttributes: PODS }, status: { allowed: false } };
    const answer = await api.call('POST', access, body, { 'user-agent': 'kubectl/v1' });
    assert.equal(answer.status, 201, answer.text);
    const { metadata = {} } = answer.body;
    const { time, ...entry } = metadata.managedFields![0]!;
    assert.match(time!, /^20.*Z$/);
    assert.deepEqual(
      [entry, Object.keys(metadata)],
      [
        {
          manager: 'kubectl',
          operation: 'Update',
          apiVersion: 'authorization.k8s.io/v1',
          fieldsType: 'FieldsV1',
          fieldsV1: { 'f:spec': { 'f:resourceAttributes': { '.': {}, 'f:namespace': {}, 'f:resource': {}, 'f:verb': {} } } },
        },
        ['managedFields'],
      ],
    );
    const named = await api.call('POST', `${access}?fieldManager=me`, body);
    assert.equal(named.body.metadata!.managedFields![0]!.manager, 'me');
  } finally {
    await api.stop();
  }
});
