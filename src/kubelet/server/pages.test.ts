import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { temporaryDirectory } from '../../../test/harness/temporary-directory.ts';
import { createAuthority } from '../../pki/authority.ts';
import { systemClock } from '../../std/clock.ts';
import { createContainerLogs } from './container-logs.ts';
import type { KubeletView } from './kubelet-view.ts';
import type { LogOptions } from './log-options.ts';
import { runtimeWith, startTestServer, type TestAuthority, validSpan, viewOf, webPod } from './server-fixture.ts';

let authority: TestAuthority;
let life: AbortController;
let directory: string;

before(async () => {
  authority = await createAuthority({ commonName: 'kubernetes', ...validSpan() });
  life = new AbortController();
  directory = await mkdtemp(join(tmpdir(), 'muster-logs-'));
});
after(async () => {
  life.abort();
  await rm(directory, { recursive: true });
});

const serve = (settings: Record<string, unknown> = {}, more: Partial<KubeletView> = {}) =>
  startTestServer(authority, life.signal, viewOf(settings, more));

test('pods are those that are bound here; what runs is told by the runtime', async () => {
  const { get, view } = await serve();
  const sandbox = await view.runtime.runSandbox({
    pod: { metadata: { name: 'web', namespace: 'default', uid: 'u' } },
    attempt: 0,
  });
  await view.runtime.startContainer(sandbox, { pod: webPod, container: { name: 'c', image: 'web:1' }, attempt: 0 });
  const pods = JSON.parse((await get('/pods')).body) as { kind: string; items: { metadata: { name: string } }[] };
  assert.deepEqual([pods.kind, pods.items.map(({ metadata }) => metadata.name)], ['PodList', ['web']]);
  const running = JSON.parse((await get('/runningpods/')).body) as { items: unknown[] };
  assert.deepEqual(running.items, [
    {
      metadata: { name: 'web', namespace: 'default', uid: 'u' },
      spec: { containers: [{ name: 'c', image: 'web:1', resources: {} }] },
      status: {},
    },
  ]);
});

test('every page answers with its kind of document', async () => {
  const { get } = await serve({}, { flags: new Map([['v', '2']]) });
  const types: Record<string, RegExp> = {
    '/metrics': /^text\/plain; version=0\.0\.4/,
    '/metrics/cadvisor': /^text\/plain; version=0\.0\.4/,
    '/metrics/probes': /^text\/plain; version=0\.0\.4/,
    '/metrics/resource': /^text\/plain; version=0\.0\.4/,
    '/metrics/slis': /^text\/plain; version=0\.0\.4/,
    '/stats': /json/,
    '/stats/': /json/,
    '/stats/summary': /json/,
    '/stats/summary?only_cpu_and_memory=true': /json/,
    '/stats/container': /json/,
    '/spec': /json/,
    '/spec/': /json/,
    '/configz': /json/,
    '/healthz': /^text\/plain/,
    '/statusz': /^text\/plain/,
    '/flagz': /^text\/plain/,
  };
  for (const [path, type] of Object.entries(types)) {
    const { status, headers } = await get(path);
    assert.equal(status, 200, path);
    assert.match(String(headers['content-type']), type, path);
  }
  assert.match((await get('/flagz')).body, /\nv=2\n$/);
  assert.match((await get('/statusz')).body, /\nPaths: .*\/containerLogs .*\/statusz/);
});

test('a method that a page does not have is refused with those that it has', async () => {
  const { get } = await serve();
  const answer = await get('/pods', { method: 'DELETE' });
  assert.deepEqual([answer.status, answer.body, answer.headers['allow']], [405, 'Method Not Allowed', 'GET']);
  assert.equal((await get('/exec/default/web/c', { method: 'PUT' })).headers['allow'], 'GET, POST');
  assert.equal((await get('/nothing')).status, 404);
  assert.equal((await get('/')).status, 404);
  assert.equal((await get('/%zz')).status, 400);
  assert.equal((await get('/pods%00')).status, 400);
});

test('health names its checks when asked, and keeps reasons for those who ask for one check', async () => {
  let why: string | undefined;
  const { get } = await serve({}, { unhealthy: () => why });
  const told = async (path: string) => {
    const { status, body } = await get(path);
    return [status, body];
  };
  assert.deepEqual(await told('/healthz'), [200, 'ok']);
  assert.deepEqual(await told('/healthz/?verbose'), [200, '[+]ping ok\n[+]log ok\n[+]syncloop ok\nhealthz check passed\n']);
  for (const check of ['ping', 'log', 'syncloop']) assert.deepEqual(await told(`/healthz/${check}`), [200, 'ok']);
  assert.equal((await told('/healthz/other'))[0], 404);
  // Quadratic in the run of slashes this would take a quarter of an hour, and the kubelet with it.
  assert.equal((await told(`/healthz/${'/'.repeat(900_000)}x`))[0], 404);
  why = 'pods are stuck';
  assert.deepEqual(await told('/healthz'), [
    500,
    '[+]ping ok\n[+]log ok\n[-]syncloop failed: reason withheld\nhealthz check failed\n',
  ]);
  assert.deepEqual(await told('/healthz/syncloop'), [500, 'internal server error: pods are stuck\n']);
  assert.deepEqual(await told('/healthz?exclude=syncloop'), [200, 'ok']);
  assert.match((await get('/metrics/slis')).body, /kubernetes_healthcheck\{name="syncloop",type="healthz"\} 0\n/);
});

test('requests are counted by path, and what a caller makes up is other', async () => {
  const { get } = await serve();
  await get('/pods');
  await get('/made-up');
  const { body } = await get('/metrics');
  const series = (path: string) =>
    `kubelet_http_requests_total{method="GET",path="${path}",server_type="readwrite",long_running="false"} 1\n`;
  assert.ok(body.includes(series('pods')));
  assert.ok(body.includes(series('other')));
  const names = [...body.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1]!);
  assert.deepEqual(names, [...names].sort());
  for (const name of ['kubelet_running_pods', 'kubelet_node_name', 'kubernetes_build_info', 'process_cpu_seconds_total'])
    assert.ok(names.includes(name), name);
});

test('without debugging handlers the doors are shut, and say so', async () => {
  const { get } = await serve({ enableDebuggingHandlers: false });
  for (const path of [
    '/containerLogs/default/web/c',
    '/exec/default/web/c',
    '/run/a/b/c',
    '/portForward/a/b',
    '/logs/x',
    '/runningpods/',
    '/debug/pprof/heap',
  ])
    assert.deepEqual([(await get(path)).status, (await get(path)).body], [405, 'Debug endpoints are disabled.\n'], path);
  assert.equal((await get('/configz')).status, 404);
  assert.equal((await get('/pods')).status, 200);
});

test('single handlers can be switched off', async () => {
  const { get } = await serve({ enableSystemLogHandler: false, enableProfilingHandler: false, enableDebugFlagsHandler: false });
  assert.deepEqual([(await get('/logs/')).status, (await get('/logs/')).body], [405, 'logs endpoint is disabled.\n']);
  assert.equal((await get('/debug/pprof/')).body, 'profiling endpoint is disabled.\n');
  assert.equal((await get('/debug/flags/v', { method: 'PUT', body: '4' })).body, 'flags endpoint is disabled.\n');
});

test('how much is logged can be changed; profiles of Go are refused by name', async () => {
  let level = 0;
  const { get } = await serve({}, { setVerbosity: (next) => (level = next) });
  const put = (body: string) => get('/debug/flags/v', { method: 'PUT', body });
  assert.equal((await put('4')).body, 'successfully set klog.logging.verbosity to 4');
  assert.equal(level, 4);
  assert.equal((await put('loud')).status, 400);
  assert.equal((await put('1'.repeat(1000))).status, 400);
  assert.equal((await get('/debug/flags/v')).status, 406);
  const profile = await get('/debug/pprof/heap');
  assert.deepEqual([profile.status, profile.body.includes('pprof')], [501, true]);
});

test('a checkpoint is written by the runtime where only root may read it, and named', async (t) => {
  const root = await temporaryDirectory();
  t.after(() => root[Symbol.asyncDispose]());
  const asked: unknown[][] = [];
  const runtime = runtimeWith({ checkpoint: async (...wish) => void asked.push(wish) });
  const { get } = await serve({}, { runtime, checkpointDirectory: root.file('checkpoints') });
  const post = (query: string) => get(`/checkpoint/default/web/c${query}`, { method: 'POST' });
  const { items } = JSON.parse((await post('')).body) as { items: string[] };
  assert.match(items[0]!, /\/checkpoints\/checkpoint-web_default-c-\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\.tar$/);
  assert.deepEqual(asked, [['c1', items[0], 120_000]]);
  assert.equal((await stat(root.file('checkpoints'))).mode & 0o777, 0o700);
  assert.equal((await post('?timeout=1&timeout=300')).status, 200);
  assert.equal(asked[1]?.[2], 300_000);
  const refused = await post('?timeout=-1');
  assert.deepEqual(
    [refused.status, refused.body],
    [500, 'checkpointing of default/web/c failed (CheckpointContainer requires the timeout value to be > 0)'],
  );
});

test('a checkpoint is refused as by a runtime that has none', async () => {
  const { get } = await serve();
  const post = async (path: string) => (await get(path, { method: 'POST' })).status;
  const refused = await get('/checkpoint/default/web/c', { method: 'POST' });
  assert.equal(refused.status, 500);
  assert.match(refused.body, /^checkpointing of default\/web\/c failed \(rpc error: code = Unimplemented/);
  assert.deepEqual([await post('/checkpoint/default/none/c'), await post('/checkpoint/default/web/none')], [404, 404]);
  assert.equal(await post('/checkpoint/default/web/c?timeout=soon'), 404);
});

test('a container’s log is streamed with the options of the query', async () => {
  const asked: { id: string; options: LogOptions }[] = [];
  const readLog: KubeletView['readLog'] = async function* (id, options) {
    asked.push({ id, options });
    yield Buffer.from('one\n');
    yield Buffer.from('two\n');
  };
  const { get } = await serve({}, { readLog });
  const answer = await get('/containerLogs/default/web/c?tailLines=2&timestamps=true&limitBytes=100');
  assert.deepEqual([answer.status, answer.body, answer.headers['transfer-encoding']], [200, 'one\ntwo\n', 'chunked']);
  const all = { follow: false, previous: false, timestamps: true, stream: 'All' as const };
  assert.deepEqual(asked, [{ id: 'c1', options: { ...all, tailLines: 2, limitBytes: 100 } }]);
});

test('no more logs are followed at a time than there is room for, and a follower who leaves makes room', async () => {
  const view = viewOf({}, {
    async *readLog(_id, _options, signal) {
      yield Buffer.from('one\n');
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    },
  } satisfies Partial<KubeletView>);
  const logs = createContainerLogs(view, systemClock);
  const ask = async (query: string, signal = new AbortController().signal) => {
    const request = { query: new URLSearchParams(query), signal } as Parameters<typeof logs>[0];
    const answer = await logs(request, { namespace: 'default', pod: 'web', container: 'c' });
    assert.ok(answer !== 'taken');
    return answer;
  };
  const gone = new AbortController();
  assert.equal((await ask('follow=true', gone.signal)).status, 200);
  for (let i = 1; i < 1000; i++) assert.equal((await ask('follow=true')).status, 200);
  const refused = await ask('follow=true');
  assert.deepEqual(
    [refused.status, refused.headers['retry-after'], refused.body],
    [429, '60', 'maximum number of in-flight requests exceeded'],
  );
  assert.equal((await ask('')).status, 200, 'what is not followed ends by itself');
  gone.abort();
  assert.equal((await ask('follow=true')).status, 200);
  assert.equal((await ask('follow=true')).status, 429);
});

test('a log that is not there says why, in the words users know', async () => {
  const readLog: KubeletView['readLog'] = async function* () {
    yield* [];
    throw Object.assign(new Error('open'), { code: 'ENOENT' });
  };
  const { get } = await serve({}, { readLog });
  const told = async (path: string) => {
    const { status, body } = await get(`/containerLogs/${path}`);
    return [status, body];
  };
  assert.deepEqual(await told('default/none/c'), [404, 'pod "none" does not exist']);
  assert.deepEqual(await told('default/web/none'), [404, 'container "none" not found in pod "web"']);
  assert.deepEqual(await told('default/web/idle'), [400, 'container "idle" in pod "web" is waiting to start: ContainerCreating']);
  assert.deepEqual(await told('default/web/c?previous=true'), [400, 'previous terminated container "c" in pod "web" not found']);
  assert.deepEqual(await told('default/web/c?tailLines=x'), [400, '{"message": "Unable to decode query."}']);
  assert.deepEqual(await told('default/web/c?tailLines=-1'), [422, '{"message": "Invalid request."}']);
  assert.match(String((await told('default/web/c'))[1]), /^unable to retrieve container logs for hollow:\/\/c1$/);
});

test('a hollow container has an empty log', async () => {
  const { get } = await serve();
  const { status, body } = await get('/containerLogs/default/web/c');
  assert.deepEqual([status, body], [200, '']);
});

test('following a log ends for the reader when the client goes', async () => {
  let ended = () => undefined as unknown;
  const over = new Promise<void>((resolve) => {
    ended = resolve;
  });
  const readLog: KubeletView['readLog'] = async function* (_id, _options, signal) {
    try {
      yield Buffer.from('first\n');
      await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
    } finally {
      ended();
    }
  };
  const { server, admin } = await serve({}, { readLog });
  const { request } = await import('node:https');
  const asking = request({
    host: '127.0.0.1',
    port: server.port,
    path: '/containerLogs/default/web/c?follow=true',
    ca: authority.certificatePem,
    cert: admin.certificatePem,
    key: admin.privateKeyPem,
    agent: false,
  });
  asking.on('error', () => undefined);
  asking.on('response', (response) => response.once('data', () => asking.destroy()));
  asking.end();
  await over;
});

test('the node’s logs are listed and read, and nothing else of the node is', async () => {
  const root = join(directory, 'log');
  await mkdir(join(root, 'pods'), { recursive: true });
  await writeFile(join(root, 'sys<log'), 'a line\n');
  await writeFile(join(root, 'pods', '0.log'), 'of a pod\n');
  await writeFile(join(directory, 'shadow'), 'secret');
  await symlink(join(directory, 'shadow'), join(root, 'out'));
  await symlink('..', join(root, 'up'));
  await symlink('pods/0.log', join(root, 'in'));
  const { get } = await serve({}, { logDirectory: root });
  const listing = await get('/logs/');
  assert.match(listing.body, /<a href="pods\/">pods\/<\/a>\n<a href="sys%3Clog">sys&lt;log<\/a>\n/);
  assert.equal((await get('/logs/sys%3Clog')).body, 'a line\n');
  assert.equal((await get('/logs/in')).body, 'of a pod\n');
  const moved = await get('/logs/pods');
  assert.deepEqual([moved.status, moved.headers.location], [301, 'pods/']);
  for (const path of ['out', 'up/', 'up/shadow', '..%2fshadow', 'pods/..%2f..%2fshadow', 'none', 'in/x', `${'x'.repeat(300)}`]) {
    const { status, body } = await get(`/logs/${path}`);
    assert.ok(status === 404 || status === 400, `${path} ${status}`);
    assert.equal(body.includes('secret'), false, path);
  }
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom('..', '.', 'up', 'out', 'pods', 'shadow', '%2e%2e', '%2f', '', '0.log'), { maxLength: 6 }),
      async (parts) => {
        const { body } = await get(`/logs/${parts.join('/')}`);
        assert.equal(body.includes('secret'), false);
      },
    ),
    { numRuns: 50 },
  );
});

test('no path and no query makes the server fail, or lets in who may not', async () => {
  const { get } = await serve();
  const word = fc.constantFrom(
    'exec',
    'run',
    'containerLogs',
    'portForward',
    'logs',
    'stats',
    '__proto__',
    'constructor',
    '..',
    '%2F',
    '',
    'default',
    'web',
    'c',
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(word, { maxLength: 6 }),
      fc.webQueryParameters(),
      fc.constantFrom('GET', 'POST', 'PUT', 'OPTIONS'),
      async (parts, query, method) => {
        const path = `/${parts.join('/')}?${query}`;
        const known = await get(path, { method });
        assert.ok(known.status < 500 || known.body !== 'Internal Server Error', `${method} ${path}: ${known.body}`);
        assert.equal((await get(path, { method, pair: null })).status, 401, path);
      },
    ),
    { numRuns: 100 },
  );
});
