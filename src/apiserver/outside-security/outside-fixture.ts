/** What the tests of this folder share: an issuer of tokens, a server for webhooks, configuration files. */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import type { JwtAuthenticatorConfig } from '../authentication/oidc/jwt-authenticator.ts';
import type { AuthorizationAttributes } from '../contracts.ts';
import { createTestPki } from '../test-api.ts';

export const pki = await createTestPki();
const directory = await mkdtemp(join(tmpdir(), 'muster-outside-'));
after(() => rm(directory, { recursive: true }));

/** An HTTPS server on loopback that answers with what a function gives for a path: a Buffer as it is, other values as JSON. */
export async function serve(answer: (path: string, body: string, headers: IncomingHttpHeaders) => unknown) {
  const { certificatePem: cert, privateKeyPem: key } = pki.serving;
  const asked: string[] = [];
  const server = createServer({ cert, key }, (request: IncomingMessage, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      asked.push(request.url!);
      const value = answer(request.url!, body, request.headers);
      response.writeHead(value === undefined ? 500 : 200, { 'content-type': 'application/json' });
      response.end(Buffer.isBuffer(value) ? value : JSON.stringify(value ?? {}));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
export const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });

export function token(
  claims: object,
  key: KeyObject,
  header: { readonly alg: string; readonly [name: string]: unknown },
): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const input = `${encode(header)}.${encode(claims)}`;
  const options = header.alg.startsWith('ES') ? { key, dsaEncoding: 'ieee-p1363' as const } : { key };
  return `${input}.${sign('sha256', Buffer.from(input), options).toString('base64url')}`;
}

export const jwk = (key: KeyObject, kid: string, alg?: string) => ({
  ...key.export({ format: 'jwk' }),
  kid,
  use: 'sig',
  ...(alg && { alg }),
});

export async function startIssuer() {
  let keys: object[] = [jwk(rsa.publicKey, 'r1', 'RS256')];
  let url = '';
  const issuer = await serve((path) =>
    path === '/keys' ? { keys } : { issuer: url, jwks_uri: `${url}/keys`, authorization_endpoint: `${url}/auth` },
  );
  url = issuer.url;
  return {
    ...issuer,
    rotate(newer: object[]) {
      keys = newer;
    },
    config: (more: Partial<JwtAuthenticatorConfig> = {}): JwtAuthenticatorConfig => ({
      issuer: { url, audiences: ['muster'], caPem: pki.caPem },
      username: { claim: 'email', prefix: 'oidc:' },
      groups: { claim: 'groups', prefix: 'oidc:' },
      requiredClaims: [],
      signingAlgorithms: ['RS256', 'ES256'],
      ...more,
    }),
    claims: (more: object = {}) => ({
      iss: url,
      aud: 'muster',
      exp: Math.floor(Date.now() / 1000) + 600,
      email: 'a@example.com',
      email_verified: true,
      groups: ['dev', 'ops'],
      jti: 'j1',
      ...more,
    }),
  };
}

export const attributes = (what: Partial<AuthorizationAttributes> = {}): AuthorizationAttributes => ({
  user: { name: 'alice', groups: ['dev', 'system:authenticated'] },
  verb: 'get',
  isResourceRequest: true,
  path: '',
  group: 'apps',
  version: 'v1',
  namespace: 'n',
  resource: 'deployments',
  subresource: '',
  name: 'd',
  ...what,
});

/** Writes a file that is removed when the tests are over; answers its path. */
export const file = async (name: string, document: object) => {
  const path = join(directory, name);
  await writeFile(path, JSON.stringify(document));
  return path;
};

/** A kubeconfig file for a webhook. */
export const kubeconfigFor = (name: string, url: string) =>
  file(name, {
    clusters: [{ name: 'c', cluster: { server: url, 'certificate-authority-data': Buffer.from(pki.caPem).toString('base64') } }],
    users: [],
    contexts: [{ name: 'x', context: { cluster: 'c' } }],
    'current-context': 'x',
  });
