import assert from 'node:assert/strict';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { until } from '../../../test/harness/until.ts';
import { systemClock } from '../../std/clock.ts';
import { silentLogger } from '../../std/logger.ts';
import { createJwtAuthenticator } from '../authentication/oidc/jwt-authenticator.ts';
import { createWebhookAuthorizer } from '../authorization/webhook-authorizer.ts';
import { readAuthenticationConfiguration } from './authentication-configuration.ts';
import { readAuthorizationConfiguration } from './authorization-configuration.ts';
import { attributes, file, kubeconfigFor, pki, rsa, serve, startIssuer, token } from './outside-fixture.ts';
import { openOutsideSecurity } from './outside-security.ts';

const AUTHENTICATION = { apiVersion: 'apiserver.config.k8s.io/v1', kind: 'AuthenticationConfiguration' };
const AUTHORIZATION = { apiVersion: 'apiserver.config.k8s.io/v1', kind: 'AuthorizationConfiguration' };
const RS256 = { alg: 'RS256', kid: 'r1' };
const deps = { clock: systemClock, logger: silentLogger, random: () => 0.5, apiAudiences: ['api'], ownIssuers: [] };

/** Puts another file in the place of one, as ConfigMap volumes do. */
async function replaceFile(path: string, document: object): Promise<void> {
  await writeFile(`${path}.new`, JSON.stringify(document));
  await rename(`${path}.new`, path);
}

const issuerOf = (url: string, audiences: readonly string[] = ['muster']) => ({
  url,
  audiences,
  certificateAuthority: pki.caPem,
});

test('expressions make the user of claims, and say which tokens will not do', async () => {
  await using issuer = await startIssuer();
  const path = await file('claims.yaml', {
    ...AUTHENTICATION,
    jwt: [
      {
        issuer: issuerOf(issuer.url),
        claimMappings: {
          username: { expression: '"jwt:" + claims.email.split("@")[0]' },
          groups: { expression: 'claims.?roles.orValue("").split(",").map(r, "team-" + r) + claims.groups' },
          uid: { expression: 'claims.sub' },
          extra: [
            { key: 'example.org/tenant', valueExpression: 'claims.tenant' },
            { key: 'example.org/none', valueExpression: '""' },
          ],
        },
        claimValidationRules: [
          { expression: 'claims.email_verified == true', message: 'the address must be verified' },
          { claim: 'hd', requiredValue: 'example.com' },
        ],
        userValidationRules: [{ expression: "!user.username.startsWith('jwt:root')", message: 'root is not let in' }],
      },
    ],
  });
  const { jwt } = await readAuthenticationConfiguration({ path, text: await readFile(path, 'utf8'), ownIssuers: [] });
  const tokens = createJwtAuthenticator(jwt[0]!, systemClock);
  const ask = (more: object = {}) =>
    tokens.authenticateToken(
      token(issuer.claims({ sub: 'u1', hd: 'example.com', tenant: ['t1', ''], roles: 'a,b', ...more }), rsa.privateKey, RS256),
    );
  assert.deepEqual((await ask())?.user, {
    name: 'jwt:a',
    uid: 'u1',
    groups: ['team-a', 'team-b', 'dev', 'ops'],
    extra: { 'example.org/tenant': ['t1'], 'authentication.kubernetes.io/credential-id': ['JTI=j1'] },
  });
  await assert.rejects(ask({ email_verified: false }), {
    message:
      "oidc: error evaluating claim validation expression: validation expression 'claims.email_verified == true' failed: the address must be verified",
  });
  await assert.rejects(ask({ email: 'root@example.com' }), {
    message: /user info validation rule: .* failed: root is not let in$/,
  });
  await assert.rejects(ask({ hd: 'other' }), { message: /required claim hd value does not match/ });
  await assert.rejects(ask({ sub: undefined }), { message: /uid claim expression: .*resulted in error: no such key: sub/ });
  await assert.rejects(ask({ sub: 1 }), { message: /uid claim expression must return a string/ });
  await assert.rejects(ask({ tenant: { toString: 1 } }), { message: /expression must return a string or a list of strings/ });
  await assert.rejects(ask({ groups: { length: 1 } }), { message: /group claim expression/ });
});

test('issuers come and go with their file; one that does not answer does not replace those that do', async () => {
  await using first = await startIssuer();
  await using second = await startIssuer();
  const entry = (url: string) => ({
    issuer: issuerOf(url),
    claimMappings: { username: { expression: '"x:" + claims.jti' } },
  });
  const path = await file('issuers.yaml', { ...AUTHENTICATION, jwt: [entry(first.url)], anonymous: { enabled: false } });
  const outside = await openOutsideSecurity({ authenticationConfigFile: path }, deps);
  try {
    const [tokens] = outside.tokens;
    const ask = (issuer: typeof first) => tokens!.authenticateToken(token(issuer.claims(), rsa.privateKey, RS256));
    assert.equal((await ask(first))?.user.name, 'x:j1');
    assert.equal(await ask(second), undefined);
    await replaceFile(path, { ...AUTHENTICATION, jwt: [entry(first.url), entry(second.url)], anonymous: { enabled: true } });
    await until('the second issuer is known', () => ask(second));
    assert.equal(outside.anonymous?.('/api'), false, 'who may be anonymous takes a restart');
    const asked = second.asked.length;
    await replaceFile(path, { ...AUTHENTICATION, jwt: [entry('https://127.0.0.1:1'), entry(second.url)] });
    await until('the new file has been tried', () => second.asked.length > asked);
    assert.equal((await ask(first))?.user.name, 'x:j1');
    await replaceFile(path, { ...AUTHENTICATION, jwt: [] });
    await until('nobody is known', async () => (await ask(first)) === undefined);
  } finally {
    await outside.close();
  }
});

test('a webhook is asked about what its conditions name; failures of theirs mean what is configured', async () => {
  const kubeConfigFile = await file('conditions.kubeconfig', {});
  const entry = (failurePolicy: string, ...conditions: string[]) => ({
    type: 'Webhook',
    name: 'w',
    webhook: {
      timeout: '3s',
      subjectAccessReviewVersion: 'v1',
      matchConditionSubjectAccessReviewVersion: 'v1',
      failurePolicy,
      connectionInfo: { type: 'KubeConfigFile', kubeConfigFile },
      matchConditions: conditions.map((expression) => ({ expression })),
    },
  });
  const webhookOf = async (...args: Parameters<typeof entry>) => {
    const text = JSON.stringify({ ...AUTHORIZATION, authorizers: [entry(...args)] });
    const [configured] = await readAuthorizationConfiguration('/f', text);
    const asked: { spec: unknown }[] = [];
    const post = async (body: string) => {
      asked.push(JSON.parse(body));
      return { status: { allowed: true } };
    };
    return { asked, ...createWebhookAuthorizer({ post }, configured!.webhook!, deps) };
  };
  const apps = await webhookOf(
    'Deny',
    'has(request.resourceAttributes)',
    "request.resourceAttributes.group == 'apps' && !('system:masters' in request.groups)",
  );
  const selected = attributes({
    verb: 'list',
    name: '',
    fieldSelector: 'spec.nodeName=n1,a!=b',
    labelSelector: 'x in (b,a),!y,z>1',
  });
  assert.equal((await apps.authorize(selected)).decision, 'allow');
  assert.equal((await apps.authorize(attributes({ group: '' }))).decision, 'no-opinion');
  const path = { ...attributes(), isResourceRequest: false, path: '/healthz' };
  assert.equal((await apps.authorize(path)).decision, 'no-opinion');
  assert.equal(apps.asked.length, 1);
  assert.deepEqual((apps.asked[0]!.spec as { resourceAttributes: object }).resourceAttributes, {
    namespace: 'n',
    verb: 'list',
    group: 'apps',
    version: 'v1',
    resource: 'deployments',
    fieldSelector: {
      requirements: [
        { key: 'a', operator: 'NotIn', values: ['b'] },
        { key: 'spec.nodeName', operator: 'In', values: ['n1'] },
      ],
    },
    labelSelector: {
      requirements: [
        { key: 'x', operator: 'In', values: ['a', 'b'] },
        { key: 'y', operator: 'DoesNotExist' },
      ],
    },
  });
  const failing = ["request.extra['k'][0] == 'v'"];
  const denied = await (await webhookOf('Deny', ...failing)).authorize(attributes());
  assert.deepEqual(denied, {
    decision: 'deny',
    reason: '',
    evaluationError: `cel evaluation error: expression '${failing[0]}' resulted in error: no such key: k`,
  });
  assert.equal((await (await webhookOf('NoOpinion', ...failing)).authorize(attributes())).decision, 'no-opinion');
  const decided = await (await webhookOf('Deny', ...failing, "request.user == 'bob'")).authorize(attributes());
  assert.deepEqual(decided, { decision: 'no-opinion', reason: '' }, 'one that is false decides, whatever fails');
});

test('authorizers follow their file, and a file that is wrong changes nothing', async () => {
  await using yes = await serve(() => ({ status: { allowed: true, reason: 'yes' } }));
  const kubeConfigFile = await kubeconfigFor('yes.kubeconfig', `${yes.url}/review`);
  const webhook = {
    timeout: '3s',
    subjectAccessReviewVersion: 'v1',
    failurePolicy: 'Deny',
    authorizedTTL: '1s',
    unauthorizedTTL: '1s',
    connectionInfo: { type: 'KubeConfigFile', kubeConfigFile },
  };
  const entries = [
    { type: 'Webhook', name: 'yes', webhook },
    { type: 'RBAC', name: 'rbac' },
  ];
  const path = await file('authorizers.yaml', { ...AUTHORIZATION, authorizers: entries });
  const outside = await openOutsideSecurity({ authorizationConfigFile: path }, deps);
  try {
    const choose = outside.chosenAuthorizers!;
    const first = choose();
    assert.deepEqual(first.modes, ['Webhook/yes', 'RBAC']);
    assert.equal((await first.authorizers.get('Webhook/yes')!.authorize(attributes())).decision, 'allow');
    assert.equal(choose(), first);
    const counted = (line: RegExp) => outside.metrics.some((metric) => line.test(metric.render()));
    assert.ok(
      counted(
        /^apiserver_authorization_config_controller_last_config_info\{apiserver_id_hash="sha256:[0-9a-f]{64}",hash="sha256:[0-9a-f]{64}"\} 1$/m,
      ),
    );
    await replaceFile(path, { ...AUTHORIZATION, authorizers: [] });
    await until('the wrong file has been read', () =>
      counted(/_automatic_reloads_total\{status="failure",apiserver_id_hash="sha256:/),
    );
    await replaceFile(path, { ...AUTHORIZATION, authorizers: [entries[1]] });
    await until('the new file is in effect', () => choose() !== first);
    assert.deepEqual([choose().modes, choose().authorizers.size], [['RBAC'], 0]);
    await until('the reload is counted', () =>
      counted(/_automatic_reloads_total\{status="success",apiserver_id_hash="sha256:[0-9a-f]{64}"\} 1$/m),
    );
    assert.equal((await first.authorizers.get('Webhook/yes')!.authorize(attributes({ name: 'e' }))).decision, 'allow');
  } finally {
    await outside.close();
  }
});
