import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { openApiserverProcess } from './apiserver-process.ts';

test('kubectl comes in with an ID token of an OpenID Connect issuer, as whom the token names', async () => {
  await using apiserver = await openApiserverProcess();
  const { certificatePem: cert, privateKeyPem: key } = apiserver.pki.serving;
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
  let issuer = '';
  const server = createServer({ cert, key }, (request, response) => {
    const jwk = { ...pair.publicKey.export({ format: 'jwk' }), kid: 'k', use: 'sig', alg: 'RS256' };
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(request.url === '/keys' ? { keys: [jwk] } : { issuer, jwks_uri: `${issuer}/keys` }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    issuer = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const tokenOf = (claims: object) => {
      const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
      const exp = Math.floor(Date.now() / 1000) + 600;
      const input = `${encode({ alg: 'RS256', kid: 'k' })}.${encode({ iss: issuer, aud: 'muster', exp, sub: 'eve', ...claims })}`;
      return `${input}.${sign('sha256', Buffer.from(input), pair.privateKey).toString('base64url')}`;
    };
    await apiserver.start(
      `--oidc-issuer-url=${issuer}`,
      '--oidc-client-id=muster',
      `--oidc-ca-file=${apiserver.file('ca.pem')}`,
      '--oidc-username-prefix=oidc:',
      '--oidc-groups-claim=groups',
      '--oidc-groups-prefix=oidc:',
      '--oidc-required-claim=hd=example.com',
    );
    await apiserver.kubectl.run('create clusterrolebinding dev --clusterrole=view --group=oidc:dev');
    const anonymous = await apiserver.write('user.kubeconfig', {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'c', cluster: { server: apiserver.server, 'certificate-authority': apiserver.file('ca.pem') } }],
      users: [],
      contexts: [{ name: 'x', context: { cluster: 'c' } }],
      'current-context': 'x',
    });
    const as = (claims: object, command: string) =>
      apiserver.kubectl.try([`--kubeconfig=${anonymous}`, `--token=${tokenOf(claims)}`, ...command.split(' ')]);
    const good = { hd: 'example.com', groups: ['dev'] };
    assert.match((await as(good, 'auth whoami -o yaml')).stdout, /username: oidc:eve/);
    assert.equal((await as(good, 'get pods')).status, 0);
    assert.match((await as(good, 'get secrets')).stderr, /User "oidc:eve" cannot list resource "secrets"/);
    assert.match((await as({ groups: ['dev'] }, 'get pods')).stderr, /Unauthorized|must be logged in/);
    assert.match((await as({ ...good, aud: 'another' }, 'get pods')).stderr, /Unauthorized|must be logged in/);
    assert.doesNotMatch(apiserver.process.output, /eyJ/);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
