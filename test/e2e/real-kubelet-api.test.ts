import assert from 'node:assert/strict';
import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { connect } from 'node:tls';
import { WebSocket } from 'ws';
import { SpdyConnection } from '../../src/client/transport/spdy/spdy-connection.ts';
import { readKubeconfig, resolveContext } from '../../src/pki/kubeconfig.ts';
import { BUSYBOX } from '../harness/images.ts';
import { type RealCluster, startRealCluster } from '../harness/real-cluster.ts';
import { runCommand, runOrFail } from '../harness/run-command.ts';
import { temporaryDirectory } from '../harness/temporary-directory.ts';
import { until } from '../harness/until.ts';
import { PORT_FORWARD_TUNNEL, WebSocketBytes } from '../harness/websocket-bytes.ts';

const POD = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'talker', namespace: 'default' },
  spec: {
    terminationGracePeriodSeconds: 0,
    containers: [
      { name: 'main', image: BUSYBOX, command: ['sh', '-c', 'i=0; while true; do i=$((i+1)); echo line $i; sleep 0.1; done'] },
      { name: 'web', image: BUSYBOX, command: ['httpd', '-f', '-p', '7777', '-h', '/'] },
    ],
  },
};

/** Waits for the first words of a program. Fails when it ends without any. */
async function firstWords(program: ChildProcessWithoutNullStreams): Promise<void> {
  const ended = new AbortController();
  program.once('exit', (status) => ended.abort(new Error(`the program ended with ${status}`)));
  await once(program.stdout, 'data', { signal: ended.signal });
}

describe('the API of a kubelet with real pods', { timeout: 300_000 }, () => {
  const stack = new AsyncDisposableStack();
  let cluster: RealCluster;
  let directory: string;
  let ca: string;
  const file = (name: string) => join(directory, name);
  const address = () => `127.0.0.1:${cluster.port}`;
  const admin = () => cluster.kubectl('1.35');

  before(async () => {
    cluster = stack.use(await startRealCluster());
    directory = stack.use(await temporaryDirectory()).path;
    ca = join(cluster.up.dataDir, 'pki', 'ca.crt');
    const context = await resolveContext(await readKubeconfig(cluster.home.kubeconfig));
    await writeFile(file('admin.pem'), context.clientCertificatePem ?? '');
    await writeFile(file('admin-key.pem'), context.clientKeyPem ?? '', { mode: 0o600 });
    await admin().run('create -f -', { input: JSON.stringify(POD) });
    await admin().run('wait --for=condition=Ready pod/talker --timeout=60s');
    await until('its serving certificate is there', async () => (await asAdmin('/healthz')) === 'ok');
  });
  after(async () => {
    await admin().try(['delete', 'pod', 'talker', '--timeout=30s']);
    await stack.disposeAsync();
  });

  const curl = async (path: string, ...args: string[]) =>
    (await runCommand('curl', ['-s', '--cacert', ca, ...args, `https://${address()}${path}`])).stdout;
  const asAdmin = (path: string, ...args: string[]) =>
    curl(path, '--cert', file('admin.pem'), '--key', file('admin-key.pem'), ...args);

  async function signed(name: string, subject: string, usage = 'clientAuth'): Promise<void> {
    const pki = join(cluster.up.dataDir, 'pki');
    await runOrFail('openssl', [
      ...['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', subject],
      ...['-keyout', file(`${name}-key.pem`), '-out', file(`${name}.csr`)],
    ]);
    await writeFile(file(`${name}.ext`), `extendedKeyUsage=${usage}\nsubjectAltName=IP:127.0.0.1\n`);
    await runOrFail('openssl', [
      ...['x509', '-req', '-in', file(`${name}.csr`), '-CA', join(pki, 'ca.crt'), '-CAkey', join(pki, 'ca.key')],
      ...[
        '-CAcreateserial',
        '-CAserial',
        file('serial'),
        '-days',
        '1',
        '-extfile',
        file(`${name}.ext`),
        '-out',
        file(`${name}.pem`),
      ],
    ]);
  }

  /** A stream of the kubelet's, by WebSocket: what came on each channel. */
  async function open(path: string, protocol = 'v4.channel.k8s.io') {
    const socket = new WebSocket(`wss://${address()}${path}`, [protocol], {
      ca: await readFile(ca),
      cert: await readFile(file('admin.pem')),
      key: await readFile(file('admin-key.pem')),
    });
    const channels = new Map<number, string>();
    socket.on('message', (data: Buffer) =>
      channels.set(data[0]!, (channels.get(data[0]!) ?? '') + data.subarray(1).toString('latin1')),
    );
    socket.on('error', () => undefined);
    const closed = once(socket, 'close');
    await Promise.race([once(socket, 'open'), closed]);
    return {
      socket,
      channels,
      closed,
      send: (channel: number, text: string) => socket.send(Buffer.concat([Buffer.from([channel]), Buffer.from(text)])),
    };
  }

  test('refuses who shows nothing, a token nobody knows, and who may not, in the runbook’s words (KAPI-22, KAPI-23, KAPI-26)', async () => {
    assert.equal(await curl('/metrics'), 'Unauthorized');
    assert.equal(await curl('/metrics', '-H', 'Authorization: Bearer 123456'), 'Unauthorized');
    await signed('kube-controller-manager', '/CN=system:kube-controller-manager');
    const pair = ['--cert', file('kube-controller-manager.pem'), '--key', file('kube-controller-manager-key.pem')];
    assert.equal(
      await curl('/metrics', ...pair),
      'Forbidden (user=system:kube-controller-manager, verb=get, resource=nodes, subresource=metrics)',
    );
  });

  test('lets in a ServiceAccount that may, by its token (KAPI-07, KAPI-31)', async () => {
    await admin().run('create sa kubelet-api-test');
    await admin().run(
      'create clusterrolebinding kubelet-api-test --clusterrole=system:kubelet-api-admin --serviceaccount=default:kubelet-api-test',
    );
    const token = (await admin().run('create token kubelet-api-test')).trim();
    const metrics = await curl('/metrics', '-H', `Authorization: Bearer ${token}`);
    assert.match(metrics, /^# HELP apiserver_client_certificate_expiration_seconds Distribution of/);
    for (const name of [
      'kubelet_runtime_operations_total',
      'kubelet_running_pods',
      'kubelet_http_requests_total',
      'rest_client_requests_total',
    ])
      assert.match(metrics, new RegExp(`^${name}`, 'm'));
  });

  test('tells of the node’s pods, containers and machine (KAPI-05, KAPI-06, KAPI-08, KAPI-10, KAPI-20)', async () => {
    type List = { items: { metadata: { name: string } }[] };
    assert.deepEqual(
      (JSON.parse(await asAdmin('/pods')) as List).items.map(({ metadata }) => metadata.name),
      ['talker'],
    );
    assert.deepEqual(
      (JSON.parse(await asAdmin('/runningpods/')) as List).items.map(({ metadata }) => metadata.name),
      ['talker'],
    );
    const summary = JSON.parse(await asAdmin('/stats/summary')) as { pods: { podRef: { name: string } }[] };
    assert.equal(summary.pods[0]!.podRef.name, 'talker');
    assert.match(await asAdmin('/metrics/cadvisor'), /container_memory_working_set_bytes\{container="main"/);
    assert.match(await asAdmin('/metrics/resource'), /pod_memory_working_set_bytes\{namespace="default",pod="talker"\}/);
    assert.ok((JSON.parse(await asAdmin('/spec/')) as { num_cores: number }).num_cores > 0);
    const configz = JSON.parse(await asAdmin('/configz')) as { kubeletconfig: { port: number; kind?: string } };
    assert.deepEqual([configz.kubeletconfig.port, configz.kubeletconfig.kind], [cluster.port, undefined]);
    const proxied: unknown = JSON.parse(await admin().run(`get --raw /api/v1/nodes/${cluster.nodeName}/proxy/configz`));
    assert.deepEqual(proxied, configz);
    assert.match(
      await asAdmin('/checkpoint/default/talker/main', '-X', 'POST'),
      /^checkpointing of default\/talker\/main failed/,
    );
  });

  test('says how it was started, and logs as much as it is told to', async () => {
    assert.match(await asAdmin('/flagz'), new RegExp(`\\nhostname-override=${cluster.nodeName}\\n`));
    assert.match(await asAdmin('/statusz'), /\nPaths: .* \/exec /);
    const put = (level: string) => asAdmin('/debug/flags/v', '-X', 'PUT', '-d', level);
    assert.equal(await put('3'), 'successfully set klog.logging.verbosity to 3');
    assert.match(await put('much'), /^failed set klog\.logging\.verbosity much: /);
    await put('0');
  });

  test('runs commands to their end (KAPI-14)', async () => {
    const run = (command: string) => asAdmin(`/run/default/talker/main?cmd=${encodeURIComponent(command)}`, '-X', 'POST');
    assert.equal(await run('echo hello'), 'hello\n');
    assert.match(await run('ls /none'), /^command 'ls \/none' exited with 1: ls: \/none: No such file/);
  });

  test('passes an exec through, with input and the exit status (KAPI-15)', async () => {
    const stream = await open('/exec/default/talker/main?command=sh&input=1&output=1&error=1');
    stream.send(0, 'echo to-out; echo to-err >&2; exit 3\n');
    await stream.closed;
    assert.equal(stream.channels.get(1), 'to-out\n');
    assert.equal(stream.channels.get(2), 'to-err\n');
    assert.match(stream.channels.get(3) ?? '', /"reason":"NonZeroExitCode".*"message":"3"/);
  });

  test('takes WebSockets of version 5, which runtimes do not know: the end of the input, exit status, a terminal', async () => {
    const cat = await open('/exec/default/talker/main?command=cat&input=1&output=1&error=1', 'v5.channel.k8s.io');
    cat.send(0, 'some words\n');
    cat.socket.send(Buffer.from([255, 0]));
    await cat.closed;
    assert.equal(cat.channels.get(1), 'some words\n');
    assert.match(cat.channels.get(3) ?? '', /"status":"Success"/);
    const failing = await open('/exec/default/talker/main?command=sh&command=-c&command=exit+3&output=1', 'v5.channel.k8s.io');
    await failing.closed;
    assert.match(failing.channels.get(3) ?? '', /"reason":"NonZeroExitCode".*"message":"3"/);
    const terminal = await open('/exec/default/talker/main?command=sh&input=1&output=1&tty=1', 'v5.channel.k8s.io');
    terminal.send(4, '{"Width":91,"Height":17}');
    terminal.send(0, 'until stty size | grep "17 91"; do sleep 0.1; done; exit\n');
    await terminal.closed;
    assert.match(terminal.channels.get(1) ?? '', /\n17 91\r\n/);
    const attached = await open('/attach/default/talker/main?output=1', 'v5.channel.k8s.io');
    await until('lines come', () => /line \d+\n/.test(attached.channels.get(1) ?? ''));
    attached.socket.terminate();
  });

  test('forwards ports by SPDY inside a WebSocket', async () => {
    const asking = request(`https://${address()}/portForward/default/talker`, {
      ca: await readFile(ca),
      cert: await readFile(file('admin.pem')),
      key: await readFile(file('admin-key.pem')),
      agent: false,
      headers: { connection: 'Upgrade', upgrade: 'websocket', ...PORT_FORWARD_TUNNEL },
    });
    asking.end();
    const [answer, socket, head] = (await once(asking, 'upgrade')) as [IncomingMessage, Duplex, Buffer];
    assert.equal(answer.headers['sec-websocket-protocol'], 'SPDY/3.1+portforward.k8s.io');
    const connection = new SpdyConnection({ socket: new WebSocketBytes(socket, head), role: 'client' });
    const headers = { port: '7777', requestID: '0' };
    await connection.openStream({ ...headers, streamType: 'error' });
    const data = await connection.openStream({ ...headers, streamType: 'data' });
    let page = '';
    data.on('data', (chunk: Buffer) => {
      page += chunk.toString('latin1');
    });
    data.write('GET /none HTTP/1.0\r\n\r\n');
    await until('the answer comes', () => /^HTTP\/1\.[01] 404 /.test(page));
    connection.close();
    socket.destroy();
  });

  test('attaches to what runs (KAPI-16)', async () => {
    const stream = await open('/attach/default/talker/main?output=1');
    await until('lines come', () => /line \d+\n/.test(stream.channels.get(1) ?? ''));
    stream.socket.terminate();
  });

  test('forwards a port (KAPI-17)', async () => {
    const stream = await open('/portForward/default/talker?port=7777');
    // Each channel says first which port it is for.
    await until('both channels are there', () => stream.channels.has(0) && stream.channels.has(1));
    stream.send(0, 'GET /none HTTP/1.0\r\n\r\n');
    await until('the answer comes', () => /HTTP\/1\.[01] 404 /.test(stream.channels.get(0) ?? ''));
    stream.socket.terminate();
  });

  test('nothing is left of streams and logs that were broken off', async () => {
    const descriptors = async () => (await readdir(`/proc/${cluster.kubelet.pid}/fd`)).length;
    // What is loaded and connected with the first of each kind stays.
    const breakOff = async (count: number) => {
      const paths = [
        '/exec/default/talker/main?command=cat&input=1&output=1',
        '/attach/default/talker/main?output=1',
        '/portForward/default/talker?port=7777',
      ];
      const streams = await Promise.all(Array.from({ length: count }, (_, i) => open(paths[i % paths.length]!)));
      const followers = Array.from({ length: count }, () =>
        spawn('curl', [
          ...['-sN', '--cacert', ca, '--cert', file('admin.pem'), '--key', file('admin-key.pem')],
          `https://${address()}/containerLogs/default/talker/main?follow=true&tailLines=1`,
        ]),
      );
      await Promise.all(followers.map(firstWords));
      for (const { socket } of streams) socket.terminate();
      for (const follower of followers) follower.kill('SIGKILL');
    };
    await breakOff(3);
    let before = Number.POSITIVE_INFINITY;
    await until(
      'the kubelet is quiet',
      async () => {
        const now = await descriptors();
        const settled = now >= before;
        before = Math.min(before, now);
        return settled;
      },
      { intervalMs: 1000 },
    );
    await breakOff(12);
    await until('as much is open as before', async () => (await descriptors()) <= before + 2);
  });

  test('logs are read by lines, bytes and time (KAPI-18)', async () => {
    const logs = (query: string) => asAdmin(`/containerLogs/default/talker/main?${query}`);
    assert.match(await logs('tailLines=2'), /^line \d+\nline \d+\n$/);
    assert.equal(await logs('limitBytes=6'), 'line 1');
    assert.match(await logs('tailLines=1&timestamps=true'), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(Z|[+-]\d\d:\d\d) line \d+\n$/);
    assert.equal(await logs('previous=true'), 'previous terminated container "main" in pod "talker" not found');
  });

  test('a certificate is exchanged under a log that is followed', async () => {
    await signed('first', '/CN=first', 'serverAuth');
    await signed('second', '/CN=second', 'serverAuth');
    await cluster.killKubelet('SIGTERM');
    await writeFile(file('serving.pem'), await readFile(file('first.pem')));
    await writeFile(file('serving-key.pem'), await readFile(file('first-key.pem')));
    await cluster.startKubelet({
      serverTLSBootstrap: false,
      tlsCertFile: file('serving.pem'),
      tlsPrivateKeyFile: file('serving-key.pem'),
    });
    const served = () =>
      new Promise<string>((resolve, reject) => {
        const socket = connect({ host: '127.0.0.1', port: cluster.port, rejectUnauthorized: false }, () => {
          resolve(String(socket.getPeerCertificate().subject.CN));
          socket.destroy();
        });
        socket.on('error', reject);
      });
    await until('the first certificate is served', async () => (await served()) === 'first');
    const follower: ChildProcess = spawn('curl', [
      ...['-sN', '--cacert', ca, '--cert', file('admin.pem'), '--key', file('admin-key.pem')],
      `https://${address()}/containerLogs/default/talker/main?follow=true&tailLines=1`,
    ]);
    stack.defer(() => void follower.kill());
    let lines = 0;
    follower.stdout!.on('data', (chunk: Buffer) => {
      lines += String(chunk).split('\n').length - 1;
    });
    await until('lines come', () => lines > 3);
    for (const part of ['', '-key']) {
      await writeFile(file('next'), await readFile(file(`second${part}.pem`)));
      await rename(file('next'), file(`serving${part}.pem`));
    }
    await until('the second certificate is served', async () => (await served()) === 'second');
    const before = lines;
    await until('lines still come', () => lines > before + 3);
    assert.equal(follower.exitCode, null);
    follower.kill();
  });

  test('an exec ends for its caller when the runtime is killed, and works again afterwards', async () => {
    const stream = await open('/exec/default/talker/main?command=cat&input=1&output=1');
    stream.send(0, 'there');
    await until('it is there', () => stream.channels.get(1) === 'there');
    await cluster.containerd.kill();
    await stream.closed;
    await cluster.containerd.restart();
    await until('commands run again', async () => (await asAdmin('/run/default/talker/main?cmd=true', '-X', 'POST')) === '');
  });

  test('is held by a process of the name that the runbook looks for', async () => {
    const { pid } = cluster.kubelet;
    assert.equal((await readFile(`/proc/${pid}/comm`, 'utf8')).trim(), 'kubelet');
  });
});
