import assert from 'node:assert/strict';
import { request } from 'node:https';
import { after, before, test } from 'node:test';
import { connect } from 'node:tls';
import { createAuthority } from '../../pki/authority.ts';
import { generatePrivateKey } from '../../pki/keys.ts';
import { type Clock, systemClock, VirtualClock } from '../../std/clock.ts';
import { silentLogger } from '../../std/logger.ts';
import { type KeyPair, readPair } from '../certificates/certificate-store.ts';
import { completeConfiguration } from '../configuration/defaults.ts';
import { createKubeletMetrics } from '../metrics/kubelet-metrics.ts';
import { createHollowRuntime } from '../runtime/hollow/hollow-runtime.ts';
import { FakeApi, unreachable } from '../testing/fake-api.ts';
import { createAuthentication } from './authentication.ts';
import { createHealthzServer } from './healthz-server.ts';
import { createKubeletServer } from './kubelet-server.ts';
import type { KubeletView } from './kubelet-view.ts';
import { attributesOf } from './request-attributes.ts';

const HOUR_MS = 3_600_000;
const span = () => ({ notBeforeMs: Date.now() - HOUR_MS, notAfterMs: Date.now() + 24 * HOUR_MS });
let authority: Awaited<ReturnType<typeof createAuthority>>;
let life: AbortController;

before(async () => {
  authority = await createAuthority({ commonName: 'kubernetes', ...span() });
  life = new AbortController();
});
after(() => life.abort());

async function issue(commonName: string, usage: 'client auth' | 'server auth', organizations: string[] = []): Promise<KeyPair> {
  const key = await generatePrivateKey();
  const pem = await authority.issue({
    publicKeyDer: key.publicKeyDer,
    commonName,
    organizations,
    ipAddresses: usage === 'server auth' ? ['127.0.0.1'] : [],
    usages: ['digital signature', usage],
    ...span(),
  });
  return readPair(pem, key.pem, 'test');
}

interface Fetched {
  status: number;
  body: string;
}

function fetchFrom(
  port: number,
  path: string,
  options: { pair?: KeyPair; token?: string; method?: string } = {},
): Promise<Fetched> {
  const { pair, token, method = 'GET' } = options;
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: '127.0.0.1',
        port,
        path,
        method,
        ca: authority.certificatePem,
        agent: false,
        ...(pair && { cert: pair.certificatePem, key: pair.privateKeyPem }),
        ...(token && { headers: { authorization: `Bearer ${token}` } }),
      },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          body += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      },
    );
    sent.on('error', reject);
    sent.end();
  });
}

const view = (settings: Record<string, unknown> = {}): KubeletView => ({
  nodeName: 'node1',
  startedAtMs: 0,
  configuration: completeConfiguration(settings),
  pods: () => [{ metadata: { name: 'web', namespace: 'default', uid: 'u' } }],
  pod: () => undefined,
  container: async () => undefined,
  sandbox: async () => undefined,
  runtime: createHollowRuntime({ clock: systemClock, random: Math.random, fallbackPodCidr: undefined }),
  logDirectory: '/nowhere',
  unhealthy: () => undefined,
  certificateEnds: () => ({}),
  metrics: createKubeletMetrics(),
  renewFailures: () => ({ client: 0, server: 0 }),
});

/** Knows the token `good` as a service account, and lets only admin and that account in. */
function reviewingApi(clock = systemClock): FakeApi {
  const api = new FakeApi(clock);
  api.review = (object) => {
    const spec = object['spec'] as { token?: string; user?: string };
    const status =
      object.kind === 'TokenReview'
        ? {
            authenticated: spec.token === 'good',
            user: { username: 'system:serviceaccount:default:kubelet-api-test', groups: ['system:serviceaccounts'] },
          }
        : { allowed: spec.user === 'admin' || spec.user === 'system:serviceaccount:default:kubelet-api-test' };
    return { ...object, status };
  };
  return api;
}

async function serve(settings: Record<string, unknown> = {}, clock: Clock = systemClock) {
  const api = reviewingApi();
  const server = createKubeletServer({
    address: '127.0.0.1',
    port: 0,
    view: view(settings),
    client: api.client(),
    clientCaPem: authority.certificatePem,
    certificate: await issue('node1', 'server auth'),
    clock,
    logger: silentLogger,
  });
  await server.start(life.signal);
  return { api, server, get: (path: string, options?: Parameters<typeof fetchFrom>[2]) => fetchFrom(server.port, path, options) };
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
  const other = await createAuthority({ commonName: 'other', ...span() });
  const key = await generatePrivateKey();
  const foreign = await other.issue({ publicKeyDer: key.publicKeyDer, commonName: 'admin', usages: ['client auth'], ...span() });
  assert.equal((await get('/metrics', { pair: readPair(foreign, key.pem, 'test') })).status, 401);
});

test('a certificate that has expired since the connection opened is nobody’s', async () => {
  const pair = await issue('admin', 'client auth', ['system:masters']);
  const { get } = await serve({}, new VirtualClock(Date.now() + 25 * HOUR_MS));
  assert.equal((await get('/metrics', { pair })).status, 401);
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

test('pods, configz and health are served to who may; what a later release serves says so', async () => {
  const { get } = await serve({ maxPods: 33 });
  const pair = await issue('admin', 'client auth');
  const pods = JSON.parse((await get('/pods', { pair })).body) as { kind: string; items: { metadata: { name: string } }[] };
  assert.deepEqual([pods.kind, pods.items[0]!.metadata.name], ['PodList', 'web']);
  const configz = JSON.parse((await get('/configz', { pair })).body) as { kubeletconfig: { maxPods: number } };
  assert.equal(configz.kubeletconfig.maxPods, 33);
  assert.deepEqual(await get('/healthz', { pair }), { status: 200, body: 'ok' });
  assert.equal((await get('/stats/summary', { pair })).status, 200);
  assert.match((await get('/metrics/resource', { pair })).body, /node_cpu_usage_seconds_total/);
  assert.equal((await get('/exec/default/web/c?output=1', { pair, method: 'POST' })).status, 404);
  assert.equal((await get('/nothing', { pair })).status, 404);
  assert.equal((await get('/pods', { pair, method: 'DELETE' })).status, 405);
  assert.equal((await get('/%zz', { pair })).status, 400);
});

test('debugging handlers can be switched off', async () => {
  const { get } = await serve({ enableDebuggingHandlers: false });
  const answer = await get('/containerLogs/default/web/c', { pair: await issue('admin', 'client auth') });
  assert.deepEqual(answer, { status: 405, body: 'Debug endpoints are disabled.\n' });
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
});

test('handshakes fail until there is a certificate, and new connections get a renewed one', async () => {
  const server = createKubeletServer({
    address: '127.0.0.1',
    port: 0,
    view: view(),
    client: reviewingApi().client(),
    clientCaPem: authority.certificatePem,
    clock: systemClock,
    logger: silentLogger,
  });
  await server.start(life.signal);
  await assert.rejects(fetchFrom(server.port, '/healthz'));
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
  const second = createHealthzServer({ address: '127.0.0.1', port: server.port, view: view() });
  await assert.rejects(
    second.start(life.signal),
    new RegExp(`listen tcp 127.0.0.1:${server.port}: bind: address already in use`),
  );
  await second.done;
});

test('health over plain HTTP tells ill from well', async () => {
  let why: string | undefined;
  const server = createHealthzServer({ address: '127.0.0.1', port: 0, view: { unhealthy: () => why } });
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
] as const)
  test(`${method} ${path} asks for ${verb} on nodes/${subresources.join(' or nodes/')}`, () => {
    assert.deepEqual(attributesOf(method, path), { verb, subresources });
  });
