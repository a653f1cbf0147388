import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { until } from '../harness/until.ts';
import { type ApiserverProcess, openApiserverProcess } from './apiserver-process.ts';

/** An OpenID Connect issuer on loopback, and kubectl with its tokens. */
async function startIssuer(apiserver: ApiserverProcess) {
  const { certificatePem: cert, privateKeyPem: key } = apiserver.pki.serving;
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
  let issuer = '';
  const server = createServer({ cert, key }, (request, response) => {
    const jwk = { ...pair.publicKey.export({ format: 'jwk' }), kid: 'k', use: 'sig', alg: 'RS256' };
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(request.url === '/keys' ? { keys: [jwk] } : { issuer, jwks_uri: `${issuer}/keys` }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  issuer = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const tokenOf = (claims: object) => {
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const exp = Math.floor(Date.now() / 1000) + 600;
    const input = `${encode({ alg: 'RS256', kid: 'k' })}.${encode({ iss: issuer, aud: 'muster', exp, sub: 'eve', ...claims })}`;
    return `${input}.${sign('sha256', Buffer.from(input), pair.privateKey).toString('base64url')}`;
  };
  const anonymous = await apiserver.write('user.kubeconfig', {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server: apiserver.server, 'certificate-authority': apiserver.file('ca.pem') } }],
    users: [],
    contexts: [{ name: 'x', context: { cluster: 'c' } }],
    'current-context': 'x',
  });
  return {
    url: issuer,
    /** Runs kubectl as whom the claims name. */
    as: (claims: object, command: string) =>
      apiserver.kubectl.try([`--kubeconfig=${anonymous}`, `--token=${tokenOf(claims)}`, ...command.split(' ')]),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test('kubectl comes in with an ID token of an OpenID Connect issuer, as whom the token names', async () => {
  await using apiserver = await openApiserverProcess();
  await using issuer = await startIssuer(apiserver);
  await apiserver.start(
    `--oidc-issuer-url=${issuer.url}`,
    '--oidc-client-id=muster',
    `--oidc-ca-file=${apiserver.file('ca.pem')}`,
    '--oidc-username-prefix=oidc:',
    '--oidc-groups-claim=groups',
    '--oidc-groups-prefix=oidc:',
    '--oidc-required-claim=hd=example.com',
  );
  await apiserver.kubectl.run('create clusterrolebinding dev --clusterrole=view --group=oidc:dev');
  const good = { hd: 'example.com', groups: ['dev'] };
  assert.match((await issuer.as(good, 'auth whoami -o yaml')).stdout, /username: oidc:eve/);
  assert.equal((await issuer.as(good, 'get pods')).status, 0);
  assert.match((await issuer.as(good, 'get secrets')).stderr, /User "oidc:eve" cannot list resource "secrets"/);
  assert.match((await issuer.as({ groups: ['dev'] }, 'get pods')).stderr, /Unauthorized|must be logged in/);
  assert.match((await issuer.as({ ...good, aud: 'another' }, 'get pods')).stderr, /Unauthorized|must be logged in/);
  assert.doesNotMatch(apiserver.process.output, /eyJ/);
});

test('users are made of claims by expressions, and who authorizes follows its file', async () => {
  await using apiserver = await openApiserverProcess();
  await using issuer = await startIssuer(apiserver);
  const head = { apiVersion: 'apiserver.config.k8s.io/v1' };
  const authentication = await apiserver.write('authentication.yaml', {
    ...{ ...head, kind: 'AuthenticationConfiguration' },
    anonymous: { enabled: true, conditions: [{ path: '/livez' }, { path: '/readyz' }] },
    jwt: [
      {
        issuer: { url: issuer.url, audiences: ['muster'], certificateAuthority: apiserver.pki.caPem },
        claimMappings: {
          username: { expression: '"ci:" + claims.sub' },
          groups: { expression: 'dyn(claims.roles).map(r, "ci:" + r)' },
          extra: [{ key: 'example.com/tenant', valueExpression: 'claims.tenant' }],
        },
        claimValidationRules: [{ expression: 'claims.tenant != "closed"', message: 'the tenant is closed' }],
      },
    ],
  });
  const authorizers = (...types: string[]) => ({
    ...{ ...head, kind: 'AuthorizationConfiguration' },
    authorizers: types.map((type) => ({ type, name: type.toLowerCase() })),
  });
  const authorization = await apiserver.write('authorization.yaml', authorizers('Node', 'RBAC'));
  await apiserver.start(`--authentication-config=${authentication}`, `--authorization-config=${authorization}`);
  await apiserver.kubectl.run('create clusterrolebinding dev --clusterrole=view --group=ci:dev');
  const claims = { roles: ['dev'], tenant: 'blue' };
  const { stdout } = await issuer.as(claims, 'auth whoami -o yaml');
  assert.match(stdout, /example\.com\/tenant:\s+- blue$/m);
  assert.match(stdout, /username: ci:eve$/m);
  assert.equal((await issuer.as(claims, 'get pods')).status, 0);
  assert.match((await issuer.as({ ...claims, tenant: 'closed' }, 'get pods')).stderr, /Unauthorized|must be logged in/);
  assert.match((await issuer.as(claims, 'get secrets')).stderr, /User "ci:eve" cannot list resource "secrets"/);
  assert.deepEqual([(await apiserver.send('/livez')).status, (await apiserver.send('/version')).status], [200, 401]);
  await apiserver.write('authorization.yaml', authorizers('AlwaysAllow'));
  await until('the new authorizers are in effect', async () => (await issuer.as(claims, 'get secrets')).status === 0, {
    timeoutMs: 90_000,
  });
});
