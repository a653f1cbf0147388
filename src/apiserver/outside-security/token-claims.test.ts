import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../std/clock.ts';
import { readKeySet } from '../authentication/oidc/json-web-key.ts';
import { createJwtAuthenticator } from '../authentication/oidc/jwt-authenticator.ts';
import { readAuthenticationConfiguration } from './authentication-configuration.ts';
import { jwk, pki, rsa, token } from './outside-fixture.ts';

const ISSUER = 'https://issuer.test';
const NOW_MS = Date.UTC(2026, 0, 2, 3, 4, 5);
const known = readKeySet({ keys: [jwk(rsa.publicKey, 'r1', 'RS256')] });
const keys = { candidates: async () => known, newer: async () => [] };

/** What becomes of a token with these claims, by a configuration with one issuer. */
async function ask(claims: object, entry: object, { url = ISSUER, audiences = ['muster'] } = {}) {
  const issuer = { url, audiences, audienceMatchPolicy: 'MatchAny', certificateAuthority: pki.caPem };
  const document = { apiVersion: 'apiserver.config.k8s.io/v1', kind: 'AuthenticationConfiguration', jwt: [{ issuer, ...entry }] };
  const { jwt } = await readAuthenticationConfiguration({ path: 'f', text: JSON.stringify(document), ownIssuers: [] });
  const all = { iss: url, aud: 'muster', exp: NOW_MS / 1000 + 60, ...claims };
  const signed = token(all, rsa.privateKey, { alg: 'RS256', kid: 'r1' });
  return (await createJwtAuthenticator(jwt[0]!, new VirtualClock(NOW_MS), keys).authenticateToken(signed))?.user;
}

const byClaim = (claim: string, more: object = {}) => ({ claimMappings: { username: { claim, prefix: '' }, ...more } });
const byExpression = (expression: string, more: object = {}) => ({ claimMappings: { username: { expression }, ...more } });

test('expressions look up names that are no words of theirs by their escapes, at any depth', async () => {
  const claims = {
    'kubernetes.io': { 'service-account': { name: 'sa' }, list: [{ 'a/b': 'in a list' }] },
    a__b: 'underscores',
    in: 'a word',
    x__y__z: 'no escape',
  };
  const name = async (expression: string) => (await ask(claims, byExpression(expression)))?.name;
  assert.equal(await name('claims.kubernetes__dot__io.service__dash__account.name'), 'sa');
  assert.equal(await name('claims["kubernetes.io"].list[0].a__slash__b'), 'in a list');
  assert.equal(await name('claims["kubernetes.io"].list.map(i, i.a__slash__b)[0]'), 'in a list');
  assert.equal(await name('claims.a__underscores__b + claims.__in__'), 'underscoresa word');
  assert.equal(await name('has(claims.kubernetes__dot__io) && !has(claims.kubernetes__dot__com) ? "yes" : "no"'), 'yes');
  assert.equal(await name('claims.?kubernetes__dot__io.list[?0].a__slash__b.orValue("")'), 'in a list');
  await assert.rejects(name('claims.x__y__z'), { message: /no such key: x__y__z$/ });
});

test('the extra of a user is looked up by escaped names as well', async () => {
  const entry = (expression: string) => ({
    ...byExpression('claims.sub', { extra: [{ key: 'acme.io/team', valueExpression: 'claims.team' }] }),
    userValidationRules: [{ expression, message: 'no' }],
  });
  const user = await ask({ sub: 'x', team: 'red' }, entry('user.extra.acme__dot__io__slash__team == ["red"]'));
  assert.deepEqual(user?.extra, { 'acme.io/team': ['red'] });
});

test('numbers in claims are doubles to expressions', async () => {
  const name = async (expression: string) => (await ask({ n: 5, list: [7] }, byExpression(expression)))?.name;
  assert.equal(await name('type(claims.n) == double && claims.n == 5 && claims.list[0] > 6 ? "double" : "int"'), 'double');
  await assert.rejects(name('string(claims.n + 1)'), { message: /no such overload/ });
});

test('Google’s tokens may leave out the scheme of their issuer', async () => {
  const google = { url: 'https://accounts.google.com' };
  assert.equal((await ask({ iss: 'accounts.google.com', sub: 'x' }, byClaim('sub'), google))?.name, 'x');
  assert.equal(await ask({ iss: 'issuer.test', sub: 'x' }, byClaim('sub')), undefined);
});

test('a claim may be an empty name; an expression may not make one', async () => {
  assert.equal((await ask({ sub: '' }, byClaim('sub')))?.name, '');
  await assert.rejects(ask({ sub: '' }, byExpression('claims.sub')), {
    message: 'oidc: empty username via CEL expression is not allowed',
  });
});

test('what is wrong with a token is said in upstream’s words', async () => {
  const email = byClaim('email', { groups: { claim: 'groups', prefix: '' }, uid: { claim: 'uid' } });
  const good = { email: 'a@x', uid: 'u', hd: 'b' };
  const required = { ...email, claimValidationRules: [{ claim: 'hd', requiredValue: 'a' }] };
  const cases: readonly (readonly [string, object, object?, (readonly string[])?])[] = [
    ['verify token: oidc: token is expired (Token Expiry: 2026-01-02 03:04:04 +0000 UTC)', { exp: NOW_MS / 1000 - 1 }],
    ['verify token: oidc: token is expired (Token Expiry: 0001-01-01 00:00:00 +0000 UTC)', { exp: undefined }],
    [
      'verify token: oidc: current time 2026-01-02 03:04:05 +0000 UTC before the nbf (not before) time: 2026-01-02 03:10:45 +0000 UTC',
      { nbf: NOW_MS / 1000 + 400 },
    ],
    ['verify token: oidc: expected audience "muster" got ["a" "b"]', { aud: ['a', 'b'] }],
    ['verify token: oidc: expected audience in ["a" "b"] got ["muster"]', {}, email, ['b', 'a']],
    ['verify token: oidc: source does not exist', { _claim_names: { x: 'nowhere' } }],
    ['verify token: oidc: failed to obtain source from claim name', { _claim_names: { x: '' } }],
    ['parse username claims "email": claim not present', { email: undefined }],
    ['parse username claims "email": json: cannot unmarshal number into Go value of type string', { email: 1 }],
    ["parse 'email_verified' claim: json: cannot unmarshal string into Go value of type bool", { email_verified: 'true' }],
    ['email not verified', { email_verified: false }],
    ['parse groups claim "groups": json: cannot unmarshal object into Go value of type string', { groups: {} }],
    ['parse uid claim "uid": json: cannot unmarshal bool into Go value of type string', { uid: true }],
    ['required claim hd value does not match. Got = b, want = a', {}, required],
    ['parse claim hd: json: cannot unmarshal array into Go value of type string', { hd: [] }, required],
  ];
  for (const [message, claims, entry = email, audiences] of cases)
    await assert.rejects(ask({ ...good, ...claims }, entry, audiences && { url: ISSUER, audiences: [...audiences] }), {
      message: `oidc: ${message}`,
    });
});
