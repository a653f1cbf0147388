import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, request as httpsRequest } from 'node:https';
import { type AddressInfo, connect as connectTcp, createServer as createTcpServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { until } from '../../../test/harness/until.ts';
import type { V1SubjectAccessReview, V1TokenReview } from '../../api/gen/types.ts';
import { LoopMetrics } from '../../client/loop-metrics.ts';
import type { TrustedCallers } from '../../client/serving/follow-trusted-callers.ts';
import { createSecureServer, type SecureServerOptions } from '../../client/serving/secure-server.ts';
import { createAuthority } from '../../pki/authority.ts';
import { generatePrivateKey } from '../../pki/keys.ts';
import { createSelfSigned } from '../../pki/self-signed.ts';
import { ComponentGroup } from '../../std/lifecycle.ts';
import { silentLogger } from '../../std/logger.ts';
import { runComponents } from '../../std/run-components.ts';
import { TestingCluster } from '../framework/testing-client.test-support.ts';
import { formatMetrics } from './metrics-text.ts';

const nowMs = Date.now();
const times = { notBeforeMs: nowMs - 60_000, notAfterMs: nowMs + 3_600_000 };

type Follow = SecureServerOptions['followTrusted'];

async function startServer(options: { delegate?: boolean; trusted?: TrustedCallers; followTrusted?: Follow } = {}) {
  const cluster = new TestingCluster();
  cluster.answers.set('tokenreviews', (review) => {
    const { spec } = review as unknown as V1TokenReview;
    const status = spec.token === 'good' ? { authenticated: true, user: { username: 'prometheus', groups: ['monitoring'] } } : {};
    return { ...review, status };
  });
  cluster.answers.set('subjectaccessreviews', (review) => {
    const { spec } = review as unknown as V1SubjectAccessReview;
    return {
      ...review,
      status: { allowed: spec.groups?.includes('monitoring') && spec.nonResourceAttributes?.path === '/metrics' },
    };
  });
  const metrics = new LoopMetrics();
  metrics.loop('token-cleaner-controller').adds = 3;
  const client = options.delegate === false ? undefined : cluster.client;
  const server = createSecureServer({
    bindAddress: '127.0.0.1',
    port: 0,
    tls: await createSelfSigned({ commonName: 'localhost', ipAddresses: ['127.0.0.1'], ...times }),
    ...(options.trusted && { trusted: options.trusted }),
    ...(options.followTrusted && { followTrusted: options.followTrusted }),
    authenticationClient: client,
    authorizationClient: client,
    alwaysAllowPaths: ['/healthz'],
    pages: {
      '/healthz': () => Promise.resolve({ contentType: 'text/plain', text: 'ok' }),
      '/metrics': () => formatMetrics(metrics, true, nowMs),
    },
    logger: silentLogger,
  });
  const group = new ComponentGroup();
  await group.start(server);
  const get = (
    path: string,
    extra: { headers?: Record<string, string | string[]>; cert?: string; key?: string; agent?: Agent } = {},
  ) =>
    new Promise<{ status: number; text: string }>((resolve, reject) => {
      const request = httpsRequest(
        { host: '127.0.0.1', port: server.port, path, rejectUnauthorized: false, agent: false, ...extra },
        async (response) => {
          let text = '';
          for await (const chunk of response) text += String(chunk);
          resolve({ status: response.statusCode ?? 0, text });
        },
      );
      request.on('error', reject).end();
    });
  return { get, cluster, port: server.port, [Symbol.asyncDispose]: () => group.stop() };
}

test('no connection is resumed, for the certificates between the client’s and its authority would be missing', async () => {
  await using server = await startServer();
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    // Keeps no connections, and remembers sessions.
    const agent = new Agent({ keepAlive: false, minVersion: version, maxVersion: version });
    const isResumed = () =>
      new Promise<boolean>((resolve, reject) => {
        const asked = { host: '127.0.0.1', port: server.port, path: '/healthz', rejectUnauthorized: false, agent };
        httpsRequest(asked, (answer) => {
          const { socket } = answer;
          answer.resume().once('end', () => resolve((socket as TLSSocket).isSessionReused()));
        })
          .on('error', reject)
          .end();
      });
    for (let i = 0; i < 3; i++) assert.equal(await isResumed(), false);
    agent.destroy();
  }
});

test('health is open to everybody', async () => {
  await using server = await startServer();
  assert.deepEqual(await server.get('/healthz'), { status: 200, text: 'ok' });
  assert.equal(server.cluster.requests.length, 0);
});

test('a target that is no URL is a path like others, and of two hosts none is believed', async () => {
  await using server = await startServer();
  const { port } = server;
  assert.equal((await server.get('//[')).status, 403);
  assert.equal((await server.get('https://elsewhere/healthz?verbose')).status, 200);
  assert.equal((await server.get('/healthz/../metrics')).status, 403);
  const said = connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
  said.write('GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n');
  assert.match(await text(said), /^HTTP\/1\.1 400 Bad Request\r\n.*too many Host headers$/s);
});

test('a connection that never begins TLS keeps no server from stopping', async () => {
  const server = await startServer();
  const silent = connectTcp(server.port, '127.0.0.1').on('error', () => undefined);
  await once(silent, 'connect');
  const closed = once(silent.resume(), 'close');
  await server[Symbol.asyncDispose]();
  await closed;
});

test('a port that is taken is an error at once, and nothing of it is left to wait for', async () => {
  const taken = createTcpServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  const server = createSecureServer({
    bindAddress: '127.0.0.1',
    port,
    tls: await createSelfSigned({ commonName: 'localhost', ipAddresses: ['127.0.0.1'], ...times }),
    authenticationClient: undefined,
    authorizationClient: undefined,
    alwaysAllowPaths: [],
    pages: {},
    logger: silentLogger,
  });
  try {
    await assert.rejects(runComponents([server], { signal: new AbortController().signal, ready: () => undefined }), {
      code: 'LISTEN_FAILED',
      message: `failed to create listener: failed to listen on 127.0.0.1:${port}: listen tcp 127.0.0.1:${port}: bind: address already in use`,
    });
  } finally {
    taken.close();
  }
});

test('a scrape leaves nothing in memory', async () => {
  const scrapes = async (count: number) => {
    for (let i = 0; i < count; i++) await formatMetrics(new LoopMetrics(), true, nowMs);
    return process.memoryUsage.rss();
  };
  const before = await scrapes(10);
  assert.ok((await scrapes(300)) - before < 50_000_000);
});

test('metrics are for those whom the API server allows', async () => {
  await using server = await startServer();
  const anonymous = await server.get('/metrics');
  assert.equal(anonymous.status, 403);
  assert.equal(JSON.parse(anonymous.text).message, 'forbidden: User "system:anonymous" cannot get path "/metrics"');
  assert.equal((await server.get('/metrics', { headers: { authorization: 'Bearer bad' } })).status, 401);
  const allowed = await server.get('/metrics', { headers: { authorization: 'Bearer good' } });
  assert.equal(allowed.status, 200);
  assert.match(allowed.text, /workqueue_adds_total\{name="token-cleaner-controller"\} 3/);
  assert.match(allowed.text, /^workqueue_queue_duration_seconds_count\{name="token-cleaner-controller"\} 0$/m);
  assert.match(allowed.text, /^workqueue_longest_running_processor_seconds\{name="token-cleaner-controller"\} 0$/m);
  assert.match(
    allowed.text,
    /^running_managed_controllers\{manager="kube-controller-manager",name="token-cleaner-controller"\} 1$/m,
  );
  assert.match(allowed.text, /leader_election_master_status\{name="kube-controller-manager"\} 1/);
  assert.match(allowed.text, /^process_start_time_seconds \d/m);
  assert.equal((await server.get('/elsewhere', { headers: { authorization: 'Bearer good' } })).status, 403);
});

test('client certificates count when their authority is known, and only system:masters without an API server to ask', async () => {
  const authority = await createAuthority({ commonName: 'ca', ...times });
  const other = await createAuthority({ commonName: 'ca', ...times });
  const key = await generatePrivateKey();
  const issue = (from: typeof authority, organizations: string[]) =>
    from.issue({ publicKeyDer: key.publicKeyDer, commonName: 'admin', organizations, usages: ['client auth'], ...times });
  await using server = await startServer({ delegate: false, trusted: { clientCaPem: authority.certificatePem } });
  const master = { cert: await issue(authority, ['system:masters']), key: key.pem };
  assert.equal((await server.get('/metrics', master)).status, 200);
  assert.equal((await server.get('/nothing', master)).status, 404);
  assert.equal((await server.get('/metrics', { cert: await issue(authority, []), key: key.pem })).status, 403);
  assert.equal((await server.get('/metrics', { cert: await issue(other, ['system:masters']), key: key.pem })).status, 401);
});

test('an authority that is replaced is believed no more, nor on connections that it has vouched for', async (t) => {
  const [before, after] = [
    await createAuthority({ commonName: 'ca', ...times }),
    await createAuthority({ commonName: 'ca', ...times }),
  ];
  const key = await generatePrivateKey();
  const subject = { commonName: 'admin', organizations: ['system:masters'] } as const;
  const issue = (from: typeof before) =>
    from.issue({ publicKeyDer: key.publicKeyDer, ...subject, usages: ['client auth'], ...times });
  let tell: (trusted: TrustedCallers) => void = () => undefined;
  const followTrusted: Follow = (told) => {
    tell = told;
    return Promise.resolve();
  };
  await using server = await startServer({ delegate: false, followTrusted });
  const agent = new Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  const [old, next] = [
    { cert: await issue(before), key: key.pem, agent },
    { cert: await issue(after), key: key.pem },
  ];
  assert.equal((await server.get('/metrics', old)).status, 403, 'nobody as yet');
  const ended = () => until('the connection is ended', () => Object.keys(agent.freeSockets).length === 0);
  tell({ clientCaPem: before.certificatePem });
  await ended();
  assert.equal((await server.get('/metrics', old)).status, 200);
  tell({ clientCaPem: after.certificatePem });
  await ended();
  assert.equal((await server.get('/metrics', next)).status, 200);
  assert.equal((await server.get('/metrics', old)).status, 401);
});

test('a front proxy is believed by its own authority and name alone, and is no client itself', async () => {
  const authority = await createAuthority({ commonName: 'ca', ...times });
  const proxies = await createAuthority({ commonName: 'ca', ...times });
  const key = await generatePrivateKey();
  const pair = async (from: typeof authority, commonName: string, organizations: string[] = []) => ({
    cert: await from.issue({ publicKeyDer: key.publicKeyDer, commonName, organizations, usages: ['client auth'], ...times }),
    key: key.pem,
  });
  const frontProxies = {
    caPem: proxies.certificatePem,
    allowedNames: ['front-proxy-client'],
    usernameHeaders: ['x-remote-user'],
    groupHeaders: ['x-remote-group'],
    uidHeaders: [],
    extraHeaderPrefixes: ['x-remote-extra-'],
  };
  await using server = await startServer({ trusted: { clientCaPem: authority.certificatePem, frontProxies } });
  const headers = { 'x-remote-user': 'alice', 'x-remote-group': ['staff', 'monitoring'], 'x-remote-extra-scope': 'all' };
  const proxy = await pair(proxies, 'front-proxy-client', ['system:masters']);
  assert.equal((await server.get('/metrics', { ...proxy, headers })).status, 200);
  const review = server.cluster.requests.at(-1)?.body as V1SubjectAccessReview | undefined;
  const { user, groups, extra } = review?.spec ?? {};
  assert.deepEqual(
    { user, groups, extra },
    {
      user: 'alice',
      groups: ['staff', 'monitoring', 'system:authenticated'],
      extra: { scope: ['all'] },
    },
  );
  assert.equal((await server.get('/metrics', proxy)).status, 401, 'whom it names counts, not what it is');
  assert.equal((await server.get('/metrics', { ...(await pair(proxies, 'other')), headers })).status, 401);
  const client = await server.get('/metrics', { ...(await pair(authority, 'front-proxy-client')), headers });
  assert.equal(client.status, 403);
  assert.match(client.text, /User \\"front-proxy-client\\" cannot get path/);
  assert.match((await server.get('/metrics', { headers })).text, /system:anonymous/);
  assert.equal((await server.get('/metrics', await pair(authority, 'admin', ['system:masters']))).status, 200);
});
