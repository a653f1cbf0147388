import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { systemClock, VirtualClock } from '../../std/clock.ts';
import { silentLogger } from '../../std/logger.ts';
import { SettableClock } from '../../std/settable-clock.test-support.ts';
import { createJwtAuthenticator, type JwtAuthenticatorConfig } from '../authentication/oidc/jwt-authenticator.ts';
import { createWebhookTokenAuthenticator } from '../authentication/webhook-token.ts';
import { createAbacAuthorizer, readPolicy } from '../authorization/abac-authorizer.ts';
import { createWebhookAuthorizer } from '../authorization/webhook-authorizer.ts';
import type { AuthorizationAttributes } from '../contracts.ts';
import { WebhookFailure } from '../outgoing/webhook-client.ts';
import { readAuthenticationConfiguration } from './authentication-configuration.ts';
import { readAuthorizationConfiguration } from './authorization-configuration.ts';
import { attributes, ec, file, jwk, kubeconfigFor, pki, rsa, serve, startIssuer, token } from './outside-fixture.ts';
import { openOutsideSecurity } from './outside-security.ts';

test('an ID token says who somebody is, by the claims and prefixes that are configured', async () => {
  await using issuer = await startIssuer();
  const tokens = createJwtAuthenticator(issuer.config(), systemClock);
  const answer = await tokens.authenticateToken(token(issuer.claims(), rsa.privateKey, { alg: 'RS256', kid: 'r1' }));
  assert.deepEqual(answer?.user, {
    name: 'oidc:a@example.com',
    groups: ['oidc:dev', 'oidc:ops'],
    extra: { 'authentication.kubernetes.io/credential-id': ['JTI=j1'] },
  });
  const one = await tokens.authenticateToken(
    token(issuer.claims({ groups: 'dev' }), rsa.privateKey, { alg: 'RS256', kid: 'r1' }),
  );
  assert.deepEqual(one?.user.groups, ['oidc:dev']);
});

test('bad ID tokens are refused, those of other issuers are not looked at', async () => {
  await using issuer = await startIssuer();
  const required = { requiredClaims: [{ claim: 'hd', value: 'example.com' }] };
  const tokens = createJwtAuthenticator(issuer.config(), systemClock);
  const strict = createJwtAuthenticator(issuer.config(required), systemClock);
  const signed = (more: object, header: Parameters<typeof token>[2] = { alg: 'RS256', kid: 'r1' }, key = rsa.privateKey) =>
    token(issuer.claims(more), key, header);
  assert.equal(await tokens.authenticateToken(signed({ iss: 'https://other' })), undefined);
  assert.equal(await tokens.authenticateToken('no.token'), undefined);
  const refused = (text: string, message: RegExp, by = tokens) => assert.rejects(by.authenticateToken(text), { message });
  await refused(signed({ exp: 1 }), /token is expired/);
  await refused(signed({ exp: undefined }), /Token Expiry: 0001-01-01/);
  await refused(signed({ nbf: Date.now() }), /before the nbf/);
  await refused(signed({ aud: ['other'] }), /expected audience "muster" got \["other"\]/);
  await refused(signed({ email_verified: false }), /email not verified/);
  await refused(signed({ email: undefined }), /claim not present/);
  await refused(signed({ groups: [1] }), /cannot unmarshal array into/);
  await refused(signed({}), /required claim hd not present/, strict);
  await refused(signed({ hd: 'evil' }), /required claim hd value does not match/, strict);
  // Signed with another key, with a cut signature, or with the public key as a shared secret.
  await refused(signed({}, { alg: 'ES256', kid: 'r1' }, ec.privateKey), /failed to verify id token signature/);
  await refused(signed({}).slice(0, -4), /failed to verify id token signature/);
  await refused(signed({}).replace(/^[^.]+/, Buffer.from('{"alg":"none"}').toString('base64url')), /unsupported algorithm/);
  await refused(signed({}).replace(/^[^.]+/, Buffer.from('{"alg":"HS256"}').toString('base64url')), /unsupported algorithm/);
  const shared = token(issuer.claims({}), rsa.privateKey, { alg: 'HS256', kid: 'r1' });
  const secret = createHmac('sha256', rsa.publicKey.export({ format: 'pem', type: 'spki' }));
  const input = shared.slice(0, shared.lastIndexOf('.'));
  await refused(`${input}.${secret.update(input).digest('base64url')}`, /unsupported algorithm/);
  // Signed well, but with what must be understood and is not, with a key's name that is a path, or in another spelling.
  await refused(signed({}, { alg: 'RS256', kid: 'r1', crit: ['exp'] }), /failed to verify id token signature/);
  await refused(signed({}, { alg: 'RS256', kid: 'r1', crit: [], b64: false }), /failed to verify id token signature/);
  await refused(signed({}, { alg: 'RS256', kid: '../r1' }), /failed to verify id token signature/);
  await refused(signed({}, { alg: 'rs256', kid: 'r1' }), /unsupported algorithm/);
});

test('keys that the issuer has changed are fetched when a token names one, and no more often than now and then', async () => {
  await using issuer = await startIssuer();
  const clock = new VirtualClock(Date.now());
  const tokens = createJwtAuthenticator(issuer.config(), clock);
  await tokens.authenticateToken(token(issuer.claims(), rsa.privateKey, { alg: 'RS256', kid: 'r1' }));
  issuer.rotate([jwk(ec.publicKey, 'e1')]);
  const newer = token(issuer.claims(), ec.privateKey, { alg: 'ES256', kid: 'e1' });
  await assert.rejects(tokens.authenticateToken(newer));
  await clock.advance(10_000);
  assert.equal((await tokens.authenticateToken(newer))?.user.name, 'oidc:a@example.com');
  const fetched = issuer.asked.filter((path) => path === '/keys').length;
  await assert.rejects(tokens.authenticateToken(token(issuer.claims(), rsa.privateKey, { alg: 'RS256', kid: 'made-up' })));
  assert.equal(issuer.asked.filter((path) => path === '/keys').length, fetched);
});

test('a key that was replaced under its name, or has none, is fetched when what it signed is not good by the old one', async () => {
  for (const kid of ['r1', undefined]) {
    await using issuer = await startIssuer();
    const clock = new VirtualClock(Date.now());
    const tokens = createJwtAuthenticator(issuer.config(), clock);
    const header = { alg: 'RS256', ...(kid && { kid }) };
    const name = async (key = rsa) => (await tokens.authenticateToken(token(issuer.claims(), key.privateKey, header)))?.user.name;
    assert.equal(await name(), 'oidc:a@example.com');
    const replaced = generateKeyPairSync('rsa', { modulusLength: 2048 });
    issuer.rotate([jwk(replaced.publicKey, 'r1')]);
    await clock.advance(10_000);
    assert.equal(await name(replaced), 'oidc:a@example.com');
    const fetched = issuer.asked.length;
    await assert.rejects(name(), /failed to verify id token signature/);
    assert.equal(issuer.asked.length, fetched, 'and no more often than now and then');
  }
});

test('an issuer that calls itself otherwise is not believed', async () => {
  await using impostor = await serve(() => ({ issuer: 'https://other', jwks_uri: 'https://other/keys' }));
  const config: JwtAuthenticatorConfig = {
    issuer: { url: impostor.url, audiences: ['a'], caPem: pki.caPem },
    username: { claim: 'sub', prefix: '' },
    requiredClaims: [],
    signingAlgorithms: ['RS256'],
  };
  const text = token({ iss: impostor.url, aud: 'a', exp: 9e9, sub: 'x' }, rsa.privateKey, { alg: 'RS256', kid: 'r1' });
  await assert.rejects(createJwtAuthenticator(config, systemClock).authenticateToken(text), {
    message: /issuer did not match the issuer returned by provider/,
  });
});

const deps = { clock: systemClock, random: () => 0.5, apiAudiences: ['api'], ownIssuers: ['https://own'] };
const readAuthentication = async (path: string) =>
  readAuthenticationConfiguration({ path, text: await readFile(path, 'utf8'), ownIssuers: deps.ownIssuers });
const readAuthorization = async (path: string) => readAuthorizationConfiguration(path, await readFile(path, 'utf8'));

test('a token webhook is asked once for a token, and again when its answer is old, also when the clock has been set back', async () => {
  const clock = new SettableClock(0);
  clock.aheadMs = 600_000;
  const bodies: string[] = [];
  const client = {
    async post(body: string) {
      bodies.push(body);
      const user = { username: 'eve', uid: 'u', groups: ['g'], extra: { k: ['v'] } };
      return { status: { authenticated: JSON.parse(body).spec.token === 'good', user } };
    },
  };
  const tokens = createWebhookTokenAuthenticator(client, { version: 'v1', cacheTtlMs: 120_000 }, { ...deps, clock });
  const expected = { user: { name: 'eve', uid: 'u', groups: ['g'], extra: { k: ['v'] } }, audiences: ['api'] };
  assert.deepEqual(await tokens.authenticateToken('good'), expected);
  assert.deepEqual(await tokens.authenticateToken('good'), expected);
  assert.equal(await tokens.authenticateToken('bad'), undefined);
  assert.equal(await tokens.authenticateToken('bad'), undefined);
  assert.equal(bodies.length, 2);
  assert.deepEqual(JSON.parse(bodies[0]!), {
    kind: 'TokenReview',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { creationTimestamp: null },
    spec: { token: 'good', audiences: ['api'] },
    status: { user: {} },
  });
  clock.aheadMs = 0;
  await clock.advance(120_001);
  await tokens.authenticateToken('good');
  assert.equal(bodies.length, 3);
});

test('a token for other audiences than those asked for is nobody’s', async () => {
  const client = { post: async () => ({ status: { authenticated: true, user: { username: 'a' }, audiences: ['x'] } }) };
  const tokens = createWebhookTokenAuthenticator(client, { version: 'v1', cacheTtlMs: 0 }, deps);
  assert.equal(await tokens.authenticateToken('t'), undefined);
  assert.deepEqual((await tokens.authenticateToken('t', ['x', 'y']))?.audiences, ['x']);
});

test('an authorization webhook’s answers are kept, yes for longer than no, and failures mean what is configured', async () => {
  const clock = new SettableClock(0);
  clock.aheadMs = 600_000;
  let asked = 0;
  let status: object | undefined = { allowed: true, reason: 'because' };
  const client = {
    async post() {
      asked++;
      if (!status) throw new WebhookFailure('refused', { status: 403 });
      return { status };
    },
  };
  const options = { version: 'v1' as const, authorizedTtlMs: 300_000, unauthorizedTtlMs: 30_000 };
  const open = createWebhookAuthorizer(client, { ...options, failurePolicy: 'NoOpinion' }, { ...deps, clock });
  assert.deepEqual(await open.authorize(attributes()), { decision: 'allow', reason: 'because' });
  status = { allowed: false, denied: true, reason: 'no' };
  assert.equal((await open.authorize(attributes())).decision, 'allow');
  assert.equal((await open.authorize(attributes({ verb: 'delete' }))).decision, 'deny');
  assert.equal(asked, 2);
  clock.aheadMs = 0;
  await clock.advance(30_001);
  status = undefined;
  const failed = await open.authorize(attributes({ verb: 'delete' }));
  assert.deepEqual([failed.decision, failed.evaluationError], ['no-opinion', 'refused']);
  const closed = createWebhookAuthorizer(client, { ...options, failurePolicy: 'Deny' }, { ...deps, clock });
  assert.equal((await closed.authorize(attributes())).decision, 'deny');
});

test('policies of ABAC allow what all of their fields match', async () => {
  const allowed = async (spec: object, what: Partial<AuthorizationAttributes> = {}) => {
    const document = { apiVersion: 'abac.authorization.kubernetes.io/v1beta1', kind: 'Policy', spec };
    return (await createAbacAuthorizer([readPolicy(document as never)]).authorize(attributes(what))).decision === 'allow';
  };
  const everything = { namespace: '*', resource: '*', apiGroup: '*' };
  assert.equal(await allowed({ user: 'alice', ...everything }), true);
  assert.equal(await allowed({ user: 'bob', ...everything }), false);
  assert.equal(await allowed({ group: 'dev', ...everything }), true);
  assert.equal(await allowed({ ...everything }), false);
  assert.equal(await allowed({ user: 'alice', ...everything, readonly: true }, { verb: 'create' }), false);
  assert.equal(await allowed({ user: 'alice', ...everything, apiGroup: '' }), false);
  assert.equal(
    await allowed({ user: 'alice', nonResourcePath: '/healthz*' }, { isResourceRequest: false, path: '/healthz/x' }),
    true,
  );
  const anonymous = { user: { name: 'system:anonymous', groups: ['system:unauthenticated'] } };
  assert.equal(await allowed({ user: '*', ...everything }), true);
  assert.equal(await allowed({ user: '*', ...everything }, anonymous), false);
  const old = createAbacAuthorizer([readPolicy({ user: 'alice', resource: 'deployments' })]);
  assert.equal((await old.authorize(attributes())).decision, 'allow');
});

test('an AuthenticationConfiguration names issuers and where anonymous callers may go', async () => {
  const jwt = {
    issuer: { url: 'https://issuer', audiences: ['a', 'b'], audienceMatchPolicy: 'MatchAny' },
    claimMappings: { username: { claim: 'sub', prefix: '' } },
    claimValidationRules: [{ claim: 'hd', requiredValue: 'x' }],
  };
  const head = { apiVersion: 'apiserver.config.k8s.io/v1', kind: 'AuthenticationConfiguration' };
  const anonymous = { enabled: true, conditions: [{ path: '/livez' }] };
  const read = await readAuthentication(await file('authn.yaml', { ...head, jwt: [jwt], anonymous }));
  assert.deepEqual(read.jwt[0]!.requiredClaims, [{ claim: 'hd', value: 'x' }]);
  assert.deepEqual([read.anonymous!('/livez'), read.anonymous!('/api')], [true, false]);
  const both = { authenticationConfigFile: await file('authn.yaml', { ...head, anonymous }), anonymousAuthGiven: true };
  await assert.rejects(openOutsideSecurity(both, { ...deps, logger: silentLogger }), {
    message: /--anonymous-auth flag cannot be set when anonymous field is configured/,
  });
  const refused = async (entry: object, message: RegExp) =>
    assert.rejects(readAuthentication(await file('bad.yaml', { ...head, jwt: [entry] })), { message });
  await refused(
    { ...jwt, issuer: { url: 'http://issuer', audiences: ['a'] } },
    /jwt\[0\]\.issuer\.url: Invalid value: "http:\/\/issuer": URL scheme must be https/,
  );
  await refused({ ...jwt, issuer: { url: 'https://issuer' } }, /at least one jwt\[0\]\.issuer\.audiences is required/);
  await refused(
    { ...jwt, issuer: { url: 'https://own', audiences: ['a'] } },
    /URL must not overlap with disallowed issuers: \[https:\/\/own\]/,
  );
  await refused(
    { ...jwt, claimMappings: { username: { claim: 'a', expression: 'b' } } },
    /claim and expression can't both be set/,
  );
  await refused(
    { ...jwt, claimMappings: { username: { expression: 'claims.sub +' } } },
    /jwt\[0\]\.claimMappings\.username\.expression: Invalid value: "claims\.sub \+": compilation failed: ERROR/,
  );
  await refused(
    { ...jwt, claimMappings: { username: { expression: 'claims.email' } } },
    /claims\.email_verified must be used in/,
  );
  await refused(
    { ...jwt, claimValidationRules: [{ expression: '"a"' }] },
    /claimValidationRules\[0\]\.expression: Invalid value: .*: must evaluate to bool$/,
  );
  const extra = (key: string) => ({
    ...jwt,
    claimMappings: { ...jwt.claimMappings, extra: [{ key, valueExpression: 'claims.a' }] },
  });
  await refused(extra('foo'), /extra\[0\]\.key: Invalid value: "foo": must be a domain-prefixed path/);
  await refused(extra('authentication.kubernetes.io/x'), /k8s\.io, kubernetes\.io and their subdomains are reserved/);
  await refused({ ...jwt, claimMappings: { username: { claim: 'sub' } } }, /prefix is required when claim is set/);
  await refused({ ...jwt, nonsense: 1 }, /unknown field "jwt\[0\]\.nonsense"/);
});

test('an AuthorizationConfiguration names authorizers in order', async () => {
  const head = { apiVersion: 'apiserver.config.k8s.io/v1', kind: 'AuthorizationConfiguration' };
  const kubeConfigFile = await file('named.kubeconfig', {});
  const webhook = {
    timeout: '3s',
    subjectAccessReviewVersion: 'v1',
    matchConditionSubjectAccessReviewVersion: 'v1',
    failurePolicy: 'Deny',
    connectionInfo: { type: 'KubeConfigFile', kubeConfigFile },
  };
  const entries = [
    { type: 'Node', name: 'node' },
    { type: 'Webhook', name: 'ours', webhook },
    { type: 'RBAC', name: 'rbac' },
  ];
  const read = await readAuthorization(await file('authz.yaml', { ...head, authorizers: entries }));
  assert.deepEqual(
    read.map(({ mode }) => mode),
    ['Node', 'Webhook/ours', 'RBAC'],
  );
  assert.deepEqual(read[1]!.webhook, {
    kubeconfigPath: kubeConfigFile,
    version: 'v1',
    failurePolicy: 'Deny',
    timeoutMs: 3_000,
    authorizedTtlMs: 300_000,
    unauthorizedTtlMs: 30_000,
  });
});

test('webhooks are reached by the kubeconfig that names them', async () => {
  await using webhook = await serve((_path, body) =>
    JSON.parse(body).kind === 'TokenReview'
      ? { status: { authenticated: true, user: { username: 'hook' } } }
      : { status: { allowed: true, reason: 'hook' } },
  );
  const kubeconfig = await kubeconfigFor('webhook.kubeconfig', `${webhook.url}/review`);
  const outside = await openOutsideSecurity(
    {
      tokenWebhook: { kubeconfigPath: kubeconfig, version: 'v1', cacheTtlMs: 0 },
      authorizationWebhook: {
        kubeconfigPath: kubeconfig,
        version: 'v1',
        authorizedTtlMs: 0,
        unauthorizedTtlMs: 0,
        timeoutMs: 5_000,
        failurePolicy: 'NoOpinion',
      },
    },
    { ...deps, logger: silentLogger },
  );
  assert.equal((await outside.tokens[0]!.authenticateToken('t'))?.user.name, 'hook');
  assert.equal((await outside.authorizers.get('Webhook')!.authorize(attributes())).decision, 'allow');
  assert.deepEqual(webhook.asked, ['/review', '/review']);
  await outside.close();
});
