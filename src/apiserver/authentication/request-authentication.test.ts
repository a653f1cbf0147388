import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../std/clock.ts';
import { silentLogger } from '../../std/logger.ts';
import type { Authenticator, PeerCertificate, RequestContext, ServerResponse, TokenAuthenticator } from '../contracts.ts';
import { AuthenticationFailure } from './authentication-failure.ts';
import { createAuthenticationFilter } from './authentication-filter.ts';
import {
  createBearerTokenAuthenticator,
  createUnionTokenAuthenticator,
  readBearerToken,
  withImplicitAudiences,
} from './bearer-token.ts';
import { createClientCertificateAuthenticator } from './client-certificate.ts';
import { createUnionAuthenticator } from './union-authenticator.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const certificate = (over: Partial<PeerCertificate> = {}): PeerCertificate => ({
  raw: Buffer.from('der'),
  commonName: 'system:node:a',
  organizations: ['system:nodes'],
  organizationalUnits: [],
  notAfterMs: NOW + 1000,
  ...over,
});
const tokens: TokenAuthenticator = {
  async authenticateToken(token) {
    if (token === 'bad') throw new AuthenticationFailure('expired');
    return token === 'good' ? { user: { name: 'jane', groups: ['team'] } } : undefined;
  },
};
const clock = new VirtualClock(NOW);
const union = (anonymous = true) =>
  createUnionAuthenticator([createClientCertificateAuthenticator(clock), createBearerTokenAuthenticator(tokens)], { anonymous });
type Credentials = { authorization?: string; peerCertificate?: PeerCertificate };
const ask = (authenticator: Authenticator, { authorization, peerCertificate }: Credentials) =>
  authenticator.authenticate({ headers: { authorization }, remoteAddress: '::1', ...(peerCertificate && { peerCertificate }) });

test('CN is the user and O are the groups of a client certificate', async () => {
  const user = await ask(union(), { peerCertificate: certificate() });
  assert.equal(user?.name, 'system:node:a');
  assert.deepEqual(user?.groups, ['system:nodes', 'system:authenticated']);
  assert.match(user?.extra?.['authentication.kubernetes.io/credential-id']?.[0] ?? '', /^X509SHA256=[0-9a-f]{64}$/);
});

test('a certificate that ran out on an open connection is rejected, not anonymous', async () => {
  await assert.rejects(ask(union(), { peerCertificate: certificate({ notAfterMs: NOW - 1 }) }), /has expired/);
});

test('a good token counts beside a certificate that ran out', async () => {
  const user = await ask(union(), { peerCertificate: certificate({ notAfterMs: NOW - 1 }), authorization: 'Bearer good' });
  assert.equal(user?.name, 'jane');
});

test('a certificate without a common name is nobody', async () => {
  assert.equal((await ask(union(), { peerCertificate: certificate({ commonName: '' }) }))?.name, 'system:anonymous');
});

test('without credentials one is anonymous, and nobody where that is off', async () => {
  assert.deepEqual(await ask(union(), {}), { name: 'system:anonymous', groups: ['system:unauthenticated'] });
  assert.equal(await ask(union(false), {}), undefined);
});

for (const authorization of ['Bearer bad', 'Bearer unknown', 'bearer unknown']) {
  test(`"${authorization}" is rejected even where anonymous is on`, async () => {
    await assert.rejects(ask(union(), { authorization }), AuthenticationFailure);
  });
}

for (const [header, token] of [
  ['Bearer abc', 'abc'],
  ['bearer abc', 'abc'],
  ['  Bearer abc  ', 'abc'],
  ['Bearer  abc', undefined],
  ['Basic abc', undefined],
  ['Bearer', undefined],
  ['Bearer ', undefined],
  ['Bearer a b', 'a'],
] as const) {
  test(`the token of ${JSON.stringify(header)} is ${token}`, () => {
    assert.equal(readBearerToken({ authorization: header }), token);
  });
}

test('a WebSocket may carry the token as a subprotocol', () => {
  const protocol = `base64url.bearer.authorization.k8s.io.${Buffer.from('good').toString('base64url')}`;
  const headers = { 'sec-websocket-protocol': `v4.channel.k8s.io, ${protocol}` };
  assert.equal(readBearerToken({ ...headers, upgrade: 'WebSocket' }), 'good');
  assert.equal(readBearerToken(headers), undefined);
});

test('one kind of token may fail while another knows the token', async () => {
  const failing: TokenAuthenticator = { authenticateToken: async () => Promise.reject(new AuthenticationFailure('not mine')) };
  assert.equal((await createUnionTokenAuthenticator([failing, tokens]).authenticateToken('good'))?.user.name, 'jane');
  await assert.rejects(createUnionTokenAuthenticator([failing, tokens]).authenticateToken('bad'), /\[not mine, expired\]/);
});

test('an error that is not about credentials is not taken for bad credentials', async () => {
  const broken: TokenAuthenticator = { authenticateToken: async () => Promise.reject(new Error('disk')) };
  await assert.rejects(createUnionTokenAuthenticator([broken, tokens]).authenticateToken('good'), /disk/);
});

test('tokens without audiences are for the API server only', async () => {
  const wrapped = withImplicitAudiences(tokens, ['api']);
  assert.deepEqual((await wrapped.authenticateToken('good', ['api', 'vault']))?.audiences, ['api']);
  assert.equal(await wrapped.authenticateToken('good', ['vault']), undefined);
});

test('the filter puts the user into the context, and answers 401 without saying why', async () => {
  const filter = createAuthenticationFilter(union(), silentLogger);
  let seen = '';
  const handler = filter(async ({ user }) => {
    seen = user.name;
  });
  const context = (authorization: string) =>
    ({ request: { headers: { authorization }, remoteAddress: '::1' } }) as unknown as RequestContext;
  await handler(context('Bearer good'), {} as ServerResponse);
  assert.equal(seen, 'jane');
  await assert.rejects(handler(context('Bearer bad'), {} as ServerResponse), { code: 401, message: 'Unauthorized' });
});

test('a second space before a token is warned of: the token does not count', async () => {
  const filter = createAuthenticationFilter(union(), silentLogger);
  const warningsOf = async (authorization: string) => {
    const request = { headers: { authorization }, remoteAddress: '::1' };
    const context = { request, warnings: [] } as unknown as RequestContext;
    await filter(async () => {})(context, {} as ServerResponse);
    assert.equal(context.user.name, 'system:anonymous');
    return context.warnings;
  };
  assert.deepEqual(await warningsOf('Bearer  good'), [
    'the provided Authorization header contains extra space before the bearer token, and is ignored',
  ]);
  assert.deepEqual(await warningsOf('Basic  good'), []);
});
