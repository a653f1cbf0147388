import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { request } from 'node:https';
import { test } from 'node:test';
import { createSecurity } from '../security.ts';
import { createTestPki, startTestApi } from '../test-api.ts';
import { createIssuedBy } from './issued-by.ts';

interface Who {
  readonly status: number;
  readonly user?: { username: string; uid?: string; groups: string[]; extra?: Record<string, string[]> };
}

/** A server that knows an authority for clients and another one for front proxies, and says who asks. */
async function startBehindProxy(allowedNames: readonly string[] = ['front-proxy-client']) {
  const proxies = await createTestPki();
  const api = await startTestApi({
    composeSecurity: createSecurity,
    security: {
      authorizationModes: ['AlwaysAllow'],
      frontProxy: {
        caPem: proxies.caPem,
        allowedNames,
        usernameHeaders: ['X-Remote-User'],
        groupHeaders: ['X-Remote-Group'],
        uidHeaders: ['X-Remote-Uid'],
        extraHeaderPrefixes: ['X-Remote-Extra-'],
      },
    },
  });
  const ask = (pair: { certificatePem: string; privateKeyPem: string } | undefined, headers: Record<string, string | string[]>) =>
    new Promise<Who>((resolve, reject) => {
      const body = JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' });
      const outgoing = request(
        {
          host: '127.0.0.1',
          port: api.server.port,
          ca: api.pki.caPem,
          agent: false,
          ...(pair && { cert: pair.certificatePem, key: pair.privateKeyPem }),
          method: 'POST',
          path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
          headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers },
        },
        (incoming) => {
          let text = '';
          incoming.on('data', (chunk) => {
            text += chunk;
          });
          incoming.on('end', () => {
            const status = incoming.statusCode ?? 0;
            resolve(status === 201 ? { status, user: JSON.parse(text).status.userInfo } : { status });
          });
        },
      );
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  return { api, proxies, ask, [Symbol.asyncDispose]: () => api.stop() };
}

const HEADERS = {
  'X-Remote-User': 'alice',
  'X-Remote-Group': ['a', 'b,c'],
  'X-Remote-Uid': 'u1',
  'X-Remote-Extra-Example.com%2Fscope': ['x', 'y'],
};

test('a front proxy with the right certificate says who asks', async () => {
  await using behind = await startBehindProxy();
  const { status, user } = await behind.ask(await behind.proxies.clientPair('front-proxy-client'), HEADERS);
  assert.equal(status, 201);
  assert.deepEqual(user, {
    username: 'alice',
    uid: 'u1',
    groups: ['a', 'b,c', 'system:authenticated'],
    extra: { 'example.com/scope': ['x', 'y'] },
  });
});

test('the same headers of anybody else count for nothing', async () => {
  await using behind = await startBehindProxy();
  assert.equal((await behind.ask(undefined, HEADERS)).user?.username, 'system:anonymous');
  const bob = await behind.ask(await behind.api.pki.clientPair('bob'), HEADERS);
  assert.equal(bob.user?.username, 'bob');
  // The name of a proxy, vouched for by the clients' authority, is a client of that name.
  const pretender = await behind.ask(await behind.api.pki.clientPair('front-proxy-client'), HEADERS);
  assert.equal(pretender.user?.username, 'front-proxy-client');
});

test('a proxy whose name is not allowed is refused, and a proxy is no client itself', async () => {
  await using behind = await startBehindProxy();
  assert.equal((await behind.ask(await behind.proxies.clientPair('other'), HEADERS)).status, 401);
  // Its authority must not be able to make up identities: this one would be a master.
  const master = await behind.proxies.clientPair('front-proxy-client', ['system:masters']);
  assert.equal((await behind.ask(master, {})).status, 401);
});

test('without allowed names every certificate of the authority is a proxy', async () => {
  await using behind = await startBehindProxy([]);
  assert.equal((await behind.ask(await behind.proxies.clientPair('any'), HEADERS)).user?.username, 'alice');
});

test('an authority of the same name is another one: signatures count', async () => {
  const [one, two] = [await createTestPki(), await createTestPki()];
  const pair = await one.clientPair('c');
  const certificate = () => ({
    raw: new X509Certificate(pair.certificatePem).raw,
    commonName: 'c',
    organizations: [],
    organizationalUnits: [],
    notAfterMs: 0,
    chain: () => [new X509Certificate(two.caPem).raw, new X509Certificate(one.caPem).raw],
  });
  assert.equal(createIssuedBy(one.caPem)(certificate()), true);
  assert.equal(createIssuedBy(two.caPem)(certificate()), false);
});

test('extension servers are told whom to believe, also after somebody changed it', async () => {
  await using behind = await startBehindProxy();
  const path = '/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication';
  const read = async () => (await behind.api.call('GET', path)).body['data'] as Record<string, string>;
  const data = await read();
  assert.equal(data['client-ca-file'], behind.api.pki.caPem);
  assert.equal(data['requestheader-client-ca-file'], behind.proxies.caPem);
  assert.equal(data['requestheader-allowed-names'], '["front-proxy-client"]');
  assert.equal(data['requestheader-username-headers'], '["X-Remote-User"]');
  await behind.api.call('DELETE', path);
  for (let i = 0; i < 100 && !(await read()); i++) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(await read(), data);
});
