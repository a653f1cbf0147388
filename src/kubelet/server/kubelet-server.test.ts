import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { after, before, test } from 'node:test';
import { connect } from 'node:tls';
import fc from 'fast-check';
import { createAuthority } from '../../pki/authority.ts';
import { generatePrivateKey } from '../../pki/keys.ts';
import { type Clock, systemClock, VirtualClock } from '../../std/clock.ts';
import { silentLogger } from '../../std/logger.ts';
import { readPair } from '../certificates/certificate-store.ts';
import { completeConfiguration } from '../configuration/defaults.ts';
import { unreachable } from '../testing/fake-api.ts';
import { createAuthentication } from './authentication.ts';
import { createHealthzServer } from './healthz-server.ts';
import { createKubeletServer, createReadOnlyServer } from './kubelet-server.ts';
import { attributesOf } from './request-attributes.ts';
import {
  type FetchOptions,
  issuePair,
  reviewingApi,
  startTestServer,
  type TestAuthority,
  validSpan,
  viewOf,
} from './server-fixture.ts';

const HOUR_MS = 3_600_000;
let authority: TestAuthority;
let life: AbortController;

before(async () => {
  authority = await createAuthority({ commonName: 'kubernetes', ...validSpan() });
  life = new AbortController();
});
after(() => life.abort());

const issue = (commonName: string, usage: 'client auth' | 'server auth', organizations?: string[]) =>
  issuePair(authority, commonName, usage, organizations);

/** A server whose callers have no certificate unless they say so. */
async function serve(settings: Record<string, unknown> = {}, clock: Clock = systemClock) {
  const started = await startTestServer(authority, life.signal, viewOf(settings), clock);
  const get = async (path: string, options: FetchOptions = {}) => {
    const { status, body } = await started.get(path, { pair: null, ...options });
    return { status, body };
  };
  return { ...started, get };
}

test('who shows nothing, or a token that nobody knows, gets one word', async () => {
  const { get } = await serve();
  assert.deepEqual(await get('/metrics'), { status: 401, body: 'Unauthorized' });
  assert.deepEqual(await get('/metrics', { token: '123456' }), { status: 401, body: 'Unauthorized' });
  assert.deepEqual(await get('/healthz'), { status: 401, body: 'Unauthorized' });
});

test('a certificate of somebody who may not gets the line that says why; one of another authority gets no further than none', async () => {
  const { get } = await serve();
  const pair = await issue('system:kube-controller-manager', 'client auth');
  assert.deepEqual(await get('/metrics', { pair }), {
    status: 403,
    body: 'Forbidden (user=system:kube-controller-manager, verb=get, resource=nodes, subresource=metrics)',
  });
  const other = await createAuthority({ commonName: 'other', ...validSpan() });
  const key = await generatePrivateKey();
  const foreign = await other.issue({
    publicKeyDer: key.publicKeyDer,
    commonName: 'admin',
    usages: ['client auth'],
    ...validSpan(),
  });
  assert.equal((await get('/metrics', { pair: readPair(foreign, key.pem, 'test') })).status, 401);
});

test('a certificate that has expired since the connection opened is nobody’s', async () => {
  const pair = await issue('admin', 'client auth', ['system:masters']);
  const { get } = await serve({}, new VirtualClock(Date.now() + 25 * HOUR_MS));
  assert.equal((await get('/metrics', { pair })).status, 401);
  assert.equal((await get('/metrics', { pair, token: 'good' })).status, 200);
  const open = await serve({ authentication: { anonymous: { enabled: true } } }, new VirtualClock(Date.now() + 25 * HOUR_MS));
  assert.equal((await open.get('/metrics', { pair })).status, 401);
});

test('the administrator gets metrics that begin with the histogram of the runbook', async () => {
  const { get } = await serve();
  const { status, body } = await get('/metrics', { pair: await issue('admin', 'client auth', ['system:masters']) });
  assert.equal(status, 200);
  assert.deepEqual(body.split('\n').slice(0, 10), [
    '# HELP apiserver_client_certificate_expiration_seconds Distribution of the remaining lifetime on the certificate used to authenticate a request.',
    '# TYPE apiserver_client_certificate_expiration_seconds histogram',
    'apiserver_client_certificate_expiration_seconds_bucket{le="0"} 0',
    'apiserver_client_certificate_expiration_seconds_bucket{le="21600"} 0',
    'apiserver_client_certificate_expiration_seconds_bucket{le="43200"} 0',
    'apiserver_client_certificate_expiration_seconds_bucket{le="86400"} 1',
    'apiserver_client_certificate_expiration_seconds_bucket{le="172800"} 1',
    'apiserver_client_certificate_expiration_seconds_bucket{le="345600"} 1',
    'apiserver_client_certificate_expiration_seconds_bucket{le="604800"} 1',
    'apiserver_client_certificate_expiration_seconds_bucket{le="2.592e+06"} 1',
  ]);
  const names = [...body.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1]!);
  assert.deepEqual(names, [...names].sort());
});

test('a token that the API server confirms is asked about once, and so is what its bearer may do', async () => {
  const { api, get } = await serve();
  for (let i = 0; i < 3; i++) assert.equal((await get('/pods', { token: 'good' })).status, 200);
  assert.equal(api.count('create', 'tokenreviews'), 1);
  assert.equal(api.count('create', 'subjectaccessreviews'), 1);
});

test('an API server that cannot be asked lets nobody in', async () => {
  const { api, get } = await serve();
  api.before = () => {
    throw unreachable();
  };
  assert.equal((await get('/metrics', { token: 'good' })).status, 401);
  const answer = await get('/metrics', { pair: await issue('admin', 'client auth') });
  assert.deepEqual(answer, {
    status: 500,
    body: 'Authorization error (user=admin, verb=get, resource=nodes, subresource=metrics)',
  });
});

test('nobody is let in without credentials unless that is configured', async () => {
  const { api, get } = await serve({ authentication: { anonymous: { enabled: true } } });
  api.review = (object) => ({ ...object, status: { allowed: (object['spec'] as { user: string }).user === 'system:anonymous' } });
  assert.equal((await get('/healthz')).status, 200);
  assert.equal((await get('/healthz', { token: 'bad' })).status, 401);
  const other = await createAuthority({ commonName: 'other', ...validSpan() });
  const foreign = await issuePair(other, 'somebody', 'client auth');
  assert.equal((await get('/healthz', { pair: foreign })).status, 401, 'who shows what nobody vouches for is not nobody');
});

test('handshakes fail until there is a certificate, and new connections get a renewed one', async () => {
  const server = createKubeletServer({
    address: '127.0.0.1',
    port: 0,
    view: viewOf(),
    client: reviewingApi().client(),
    clientCaPem: authority.certificatePem,
    clock: systemClock,
    logger: silentLogger,
  });
  await server.start(life.signal);
  const early = connect({ host: '127.0.0.1', port: server.port, ca: authority.certificatePem });
  await assert.rejects(once(early, 'secureConnect'));
  for (const name of ['first', 'second']) {
    server.useCertificate(await issue(name, 'server auth'));
    const seen = await new Promise<string | string[] | undefined>((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port: server.port, ca: authority.certificatePem }, () => {
        resolve(socket.getPeerCertificate().subject.CN);
        socket.destroy();
      });
      socket.on('error', reject);
    });
    assert.equal(seen, name);
  }
});

test('TLS 1.1 is refused', async () => {
  const { server } = await serve();
  await assert.rejects(
    new Promise((resolve, reject) => {
      const socket = connect(
        { host: '127.0.0.1', port: server.port, ca: authority.certificatePem, minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1' },
        () => {
          socket.destroy();
          resolve(undefined);
        },
      );
      socket.on('error', reject);
    }),
  );
});

test('a port that is taken is named', async () => {
  const { server } = await serve();
  const second = createHealthzServer({ address: '127.0.0.1', port: server.port, view: viewOf(), logger: silentLogger });
  await assert.rejects(
    second.start(life.signal),
    new RegExp(`listen tcp 127.0.0.1:${server.port}: bind: address already in use`),
  );
  await second.done;
});

test('health over plain HTTP tells ill from well', async () => {
  let why: string | undefined;
  const server = createHealthzServer({ address: '127.0.0.1', port: 0, view: { unhealthy: () => why }, logger: silentLogger });
  await server.start(life.signal);
  const get = (path: string) => fetch(`http://127.0.0.1:${server.port}${path}`);
  const well = await get('/healthz');
  assert.deepEqual([well.status, await well.text()], [200, 'ok']);
  why = 'pods are stuck';
  assert.equal((await get('/healthz')).status, 500);
  assert.equal((await get('/pods')).status, 404);
});

test('remembered answers go after their time, and never grow without bound', async () => {
  const clock = new VirtualClock(0);
  const api = reviewingApi(clock);
  const authenticate = createAuthentication({ configuration: completeConfiguration(), client: api.client(), clock });
  const ask = (token: string) => authenticate({ authorization: `Bearer ${token}` });
  assert.equal((await ask('good'))?.name, 'system:serviceaccount:default:kubelet-api-test');
  assert.equal(await ask('bad'), undefined);
  await Promise.all([ask('good'), ask('bad')]);
  assert.equal(api.count('create', 'tokenreviews'), 2);
  await clock.advance(120_001);
  await ask('good');
  assert.equal(api.count('create', 'tokenreviews'), 3);
  for (let i = 0; i < 5000; i++) await ask(`token-${i}`);
  await ask('good');
  assert.equal(api.count('create', 'tokenreviews'), 5004);
});

for (const [method, path, verb, ...subresources] of [
  ['GET', '/metrics', 'get', 'metrics'],
  ['GET', '/metrics/cadvisor', 'get', 'metrics'],
  ['GET', '/metricsx', 'get', 'proxy'],
  ['GET', '/stats/summary', 'get', 'stats'],
  ['GET', '/logs/syslog', 'get', 'log'],
  ['GET', '/spec/', 'get', 'spec'],
  ['POST', '/exec/a/b/c', 'create', 'proxy'],
  ['GET', '/pods', 'get', 'pods', 'proxy'],
  ['GET', '/configz', 'get', 'configz', 'proxy'],
  ['GET', '/healthz', 'get', 'healthz', 'proxy'],
  ['GET', '/healthz/syncloop', 'get', 'healthz', 'proxy'],
  ['GET', '/runningpods/', 'get', 'pods', 'proxy'],
  ['GET', '/podsx', 'get', 'proxy'],
  ['GET', '/statusz', 'get', 'statusz'],
  ['GET', '/flagz', 'get', 'configz'],
  ['POST', '/checkpoint/a/b/c', 'create', 'checkpoint'],
  ['PUT', '/debug/flags/v', 'update', 'proxy'],
  ['HEAD', '/metrics', '', 'metrics'],
  ['GET', '/', 'get', 'proxy'],
] as const)
  test(`${method} ${path} asks for ${verb} on nodes/${subresources.join(' or nodes/')}`, () => {
    assert.deepEqual(attributesOf(method, path), { verb, subresources });
  });

test('a refusal of what two rights would allow names both', async () => {
  const { get } = await serve();
  const pair = await issue('nobody', 'client auth');
  assert.deepEqual(await get('/pods', { pair }), {
    status: 403,
    body: 'Forbidden (user=nobody, verb=get, resource=nodes, subresource(s)=[pods proxy])',
  });
});

test('a WebSocket may carry its token among its protocols', async () => {
  const { get } = await serve();
  const encoded = Buffer.from('good').toString('base64url');
  const headers = (protocol: string) => ({ connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-protocol': protocol });
  const token = `base64url.bearer.authorization.k8s.io.${encoded}`;
  assert.equal((await get('/pods', { headers: headers(`${token}, v4.channel.k8s.io`) })).status, 200);
  assert.equal((await get('/pods', { headers: headers(token) })).status, 401);
  assert.equal((await get('/pods', { headers: { 'sec-websocket-protocol': `${token}, v4.channel.k8s.io` } })).status, 401);
});

test('HTTP/2 is spoken to those who ask for it', async () => {
  const { server, admin } = await serve();
  const session = connectHttp2(`https://127.0.0.1:${server.port}`, {
    ca: authority.certificatePem,
    cert: admin.certificatePem,
    key: admin.privateKeyPem,
  });
  const statuses = await Promise.all(
    ['/healthz', '/pods', '/nothing'].map(async (path) => {
      const stream = session.request({ ':path': path });
      const [headers] = (await once(stream, 'response')) as [{ ':status': number }];
      stream.resume();
      await once(stream, 'end');
      return headers[':status'];
    }),
  );
  assert.deepEqual(statuses, [200, 200, 404]);
  session.close();
});

test('another client authority takes over at once, on connections that are open too', async () => {
  const { server, admin, get } = await serve();
  const other = await createAuthority({ commonName: 'other', ...validSpan() });
  const session = connectHttp2(`https://127.0.0.1:${server.port}`, {
    ca: authority.certificatePem,
    cert: admin.certificatePem,
    key: admin.privateKeyPem,
  });
  await once(session, 'connect');
  assert.equal((await get('/healthz', { pair: admin })).status, 200);
  const closed = once(session, 'close');
  server.useClientCa(other.certificatePem);
  await closed;
  assert.equal((await get('/healthz', { pair: admin })).status, 401);
  const pair = await issuePair(other, 'admin', 'client auth');
  assert.equal((await get('/healthz', { pair })).status, 200);
});

test('ten thousand wrong tokens are asked about, refused, and not kept', async () => {
  const clock = new VirtualClock(0);
  const api = reviewingApi(clock);
  const authenticate = createAuthentication({ configuration: completeConfiguration(), client: api.client(), clock });
  let refused = 0;
  for (let i = 0; i < 100; i++) {
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, j) => authenticate({ authorization: `Bearer wrong-${i}-${j}` })),
    );
    refused += answers.filter((answer) => answer === undefined).length;
  }
  assert.equal(refused, 10_000);
  // More at a time than the API server is asked about: the rest fails instead of waiting in memory.
  const flood = await Promise.allSettled(
    Array.from({ length: 1000 }, (_, i) => authenticate({ authorization: `Bearer flood-${i}` })),
  );
  assert.equal(flood.filter(({ status }) => status === 'rejected').length, 1000 - 512);
});

test('the read-only port shows pages and does nothing for anybody', async () => {
  const server = createReadOnlyServer({
    address: '127.0.0.1',
    port: 0,
    view: viewOf(),
    clock: systemClock,
    logger: silentLogger,
  });
  await server.start(life.signal);
  const get = async (path: string, method = 'GET') => {
    const answer = await fetch(`http://127.0.0.1:${server.port}${path}`, { method });
    return [answer.status, await answer.text()] as const;
  };
  assert.deepEqual(await get('/healthz'), [200, 'ok']);
  for (const path of ['/pods', '/metrics', '/metrics/resource', '/stats/summary', '/spec/'])
    assert.equal((await get(path))[0], 200, path);
  assert.deepEqual(await get('/exec/default/web/c?output=1', 'POST'), [405, 'Debug endpoints are disabled.\n']);
  assert.deepEqual(await get('/logs/'), [405, 'Debug endpoints are disabled.\n']);
  assert.equal((await get('/configz'))[0], 404);
  assert.equal((await get('/checkpoint/default/web/c', 'POST'))[0], 404);
});

test('a header that never ends, or is too long, costs nobody else anything', async () => {
  const { server, admin, get } = await serve();
  const socket = connect({ host: '127.0.0.1', port: server.port, ca: authority.certificatePem });
  socket.on('error', () => undefined);
  await once(socket, 'secureConnect');
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n');
  for (let i = 0; i < 20 && !socket.destroyed; i++) socket.write(`X-Long-${i}: ${'x'.repeat(64 * 1024)}\r\n`);
  await closed;
  // As long as a command may be.
  const { status } = await get(`/exec/default/web/none?output=1&command=${'x'.repeat(200_000)}`, { pair: admin, method: 'POST' });
  assert.equal(status, 501);
});

test('bytes that are no request harm nobody', async () => {
  const { server, admin, get } = await serve();
  const begin = fc.constantFrom(
    '',
    'GET /pods HTTP/1.1\r\n',
    'POST /exec/default/web/c?output=1 HTTP/1.1\r\nUpgrade: ',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  );
  await fc.assert(
    fc.asyncProperty(
      begin,
      fc.uint8Array({ maxLength: 300 }),
      fc.constantFrom('http/1.1', 'h2'),
      async (head, bytes, protocol) => {
        const socket = connect({
          host: '127.0.0.1',
          port: server.port,
          ca: authority.certificatePem,
          cert: admin.certificatePem,
          key: admin.privateKeyPem,
          ALPNProtocols: [protocol],
        });
        socket.on('error', () => undefined);
        await once(socket, 'secureConnect');
        const closed = new Promise((resolve) => socket.once('close', resolve));
        socket.resume();
        socket.end(Buffer.concat([Buffer.from(head), bytes]), () => setImmediate(() => socket.destroy()));
        await closed;
      },
    ),
    { numRuns: 60 },
  );
  assert.deepEqual(await get('/healthz', { pair: admin }), { status: 200, body: 'ok' });
});
