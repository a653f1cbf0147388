import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { createServer } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { WebSocket } from 'ws';
import { until } from '../../../test/harness/until.ts';
import { PORT_FORWARD_TUNNEL, WebSocketBytes } from '../../../test/harness/websocket-bytes.ts';
import type { Status } from '../../api/machinery/status-error.ts';
import { SpdyConnection } from '../../client/transport/spdy/spdy-connection.ts';
import type { AdmissionAttributes } from '../contracts.ts';
import { allowAll, createTestPki, startTestApi, type TestApi } from '../test-api.ts';
import { startTestKubelet, type TestKubelet } from './test-kubelet.ts';

const POD = '/api/v1/namespaces/default/pods/p';
let api: TestApi;
let kubelet: TestKubelet;
const admitted: AdmissionAttributes[] = [];
let mayCreate = true;

before(async () => {
  const pki = await createTestPki();
  kubelet = await startTestKubelet(pki);
  api = await startTestApi({
    kubelet: { client: await pki.clientPair('kubernetes'), caPem: pki.caPem },
    composeSecurity: () => ({
      ...allowAll(),
      authorizer: {
        authorize: async ({ verb }) => ({ decision: verb === 'create' && !mayCreate ? 'no-opinion' : 'allow', reason: '' }),
      },
      admission: {
        admit: async () => undefined,
        validate: async (attributes) => {
          if (attributes.operation === 'CONNECT') admitted.push(structuredClone({ ...attributes, kind: undefined }) as never);
        },
      },
    }),
  });
  await kubelet.register(api);
  await kubelet.register(api, {
    pod: 'two',
    spec: {
      containers: [
        { name: 'a', image: 'i' },
        { name: 'b', image: 'i' },
      ],
      initContainers: [{ name: 'z', image: 'i' }],
    },
  });
  await kubelet.register(api, { pod: 'refused' });
});
after(async () => {
  await api.stop();
  await kubelet.close();
});

interface Switched {
  readonly answer: IncomingMessage;
  readonly socket: TLSSocket | undefined;
  readonly head: Buffer;
  readonly body: string;
}

/** A request that wants another protocol; resolves with the connection, or with the refusal. */
async function upgrade(path: string, headers: Record<string, string | string[]>, method = 'POST'): Promise<Switched> {
  const connection = connectTls({ host: '127.0.0.1', port: api.server.port, ca: api.pki.caPem, ALPNProtocols: ['http/1.1'] });
  await once(connection, 'secureConnect');
  const asking = httpRequest({
    createConnection: () => connection,
    method,
    path,
    headers: { connection: 'Upgrade', ...headers },
  });
  asking.end();
  return new Promise((resolve, reject) => {
    asking.on('error', reject);
    asking.on('upgrade', (answer, _socket, head) => resolve({ answer, socket: connection, head, body: '' }));
    asking.on('response', async (answer) =>
      resolve({ answer, socket: undefined, head: Buffer.alloc(0), body: await text(answer) }),
    );
  });
}

const spdy = (path: string) =>
  upgrade(path, { upgrade: 'SPDY/3.1', 'x-stream-protocol-version': ['v4.channel.k8s.io', 'v3.channel.k8s.io'] });
const command = (...words: string[]) => words.map((word) => `command=${encodeURIComponent(word)}`).join('&');

/** A WebSocket to the API server: what came on each channel, and how it closed. */
async function webSocket(path: string, protocols: string[]) {
  const socket = new WebSocket(`wss://127.0.0.1:${api.server.port}${path}`, protocols, { ca: api.pki.caPem });
  const channels = new Map<number, Buffer>();
  const closed = new Promise<number>((resolve) => socket.once('close', resolve));
  socket.on('message', (data: Buffer) =>
    channels.set(data[0]!, Buffer.concat([channels.get(data[0]!) ?? Buffer.alloc(0), data.subarray(1)])),
  );
  await new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
    socket.once('unexpected-response', async (_request, answer) =>
      reject(new Error(`${answer.statusCode} ${await text(answer)}`)),
    );
  });
  const heard = (channel: number) => channels.get(channel)?.toString() ?? '';
  return { socket, channels, closed, heard, status: () => JSON.parse(heard(3)) as Status };
}

test('SPDY goes through to the kubelet as it is, with this server’s certificate and the options in order', async () => {
  const path = `${POD}/exec?stdout=true&stdin=1&tty=0&stderr=false&${command('sh', '-c', 'cat; echo end')}`;
  const { answer, socket, head } = await spdy(path);
  assert.equal(answer.statusCode, 101);
  assert.equal(answer.headers['x-stream-protocol-version'], 'v4.channel.k8s.io');
  const { line, user, headers } = kubelet.requests.at(-1)!;
  assert.equal(line, 'POST /exec/default/p/c?command=sh&command=-c&command=cat%3B+echo+end&input=1&output=1');
  assert.equal(user, 'kubernetes');
  assert.equal(headers['x-forwarded-for'], '127.0.0.1');
  const connection = new SpdyConnection({ socket: socket!, head, role: 'client' });
  const [error, stdin, stdout] = await Promise.all(
    ['error', 'stdin', 'stdout'].map((streamType) => connection.openStream({ streamType })),
  );
  stdin!.end('heard ');
  assert.equal(await text(stdout!), 'heard end\n');
  assert.equal(JSON.parse(await text(error!)).status, 'Success');
  await connection.closed;
});

test('a WebSocket of version 5 has its input ended, both outputs apart, and the exit code', async () => {
  const query = `stdin=true&stdout=true&stderr=true&${command('sh', '-c', 'cat; echo err >&2; exit 9')}`;
  const { socket, closed, heard, status } = await webSocket(`${POD}/exec?${query}`, ['v5.channel.k8s.io']);
  assert.equal(socket.protocol, 'v5.channel.k8s.io');
  socket.send(Buffer.from('\0input'));
  socket.send(Buffer.from([255, 0]));
  assert.equal(await closed, 1000);
  assert.deepEqual([heard(1), heard(2)], ['input', 'err\n']);
  assert.equal(status().reason, 'NonZeroExitCode');
  assert.deepEqual(status().details?.causes, [{ reason: 'ExitCode', message: '9' }]);
});

test('megabytes come through a WebSocket of version 5 the same, however slowly they are read', async () => {
  const sent = randomBytes(8 << 20);
  const { socket, closed, channels, status } = await webSocket(`${POD}/exec?stdin=true&stdout=true&${command('cat')}`, [
    'v5.channel.k8s.io',
  ]);
  for (let at = 0; at < sent.length; at += 1 << 20)
    socket.send(Buffer.concat([Buffer.from([0]), sent.subarray(at, at + (1 << 20))]));
  socket.send(Buffer.from([255, 0]));
  socket.pause();
  // What nobody reads is not made: the command stands still, and so does all between.
  let before = -1;
  await until('nothing moves', async () => {
    const now = kubelet.running.size;
    const still = now === before;
    before = now;
    return still && now === 1;
  });
  socket.resume();
  assert.equal(await closed, 1000);
  assert.equal(status().status, 'Success');
  assert.ok(channels.get(1)!.equals(sent));
});

test('sizes of a terminal reach the kubelet', async () => {
  const { socket, closed } = await webSocket(`${POD}/exec?stdin=true&stdout=true&stderr=true&tty=true&${command('cat')}`, [
    'v5.channel.k8s.io',
  ]);
  await until('it is asked for a terminal', () => /error=1&input=1&output=1&tty=1$/.test(kubelet.requests.at(-1)?.line ?? ''));
  socket.send(Buffer.from('\x04{"Width":91,"Height":31}\n'));
  await until('the size is told', () => kubelet.sizes.join('').includes('"Width":91'));
  socket.send(Buffer.from([255, 0]));
  await closed;
});

test('older WebSockets go through as they are, without the token among their protocols', async () => {
  const token = `base64url.bearer.authorization.k8s.io.${Buffer.from('secret').toString('base64url')}`;
  const path = `${POD}/exec?stdin=true&stdout=true&${command('sh', '-c', 'read line; echo got $line; exit 2')}`;
  const { socket, closed, heard, status } = await webSocket(path, [token, 'v4.channel.k8s.io']);
  const { headers, line } = kubelet.requests.at(-1)!;
  assert.match(line, /^GET \/exec\/default\/p\/c\?/);
  assert.equal(headers['sec-websocket-protocol'], 'v4.channel.k8s.io');
  socket.send(Buffer.from('\0word\n'));
  await closed;
  assert.equal(heard(1), 'got word\n');
  assert.equal(status().details?.causes?.[0]?.message, '2');
});

test('ports are forwarded by SPDY, and by SPDY inside a WebSocket', async (t) => {
  const server = createServer({ allowHalfOpen: true }, (socket) => void socket.pipe(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const port = String((server.address() as { port: number }).port);
  const echo = async (connection: SpdyConnection, size: number) => {
    const headers = { port, requestID: '0' };
    const [error, data] = [
      await connection.openStream({ streamType: 'error', ...headers }),
      await connection.openStream({ streamType: 'data', ...headers }),
    ];
    error.end();
    const sent = randomBytes(size);
    data.end(sent);
    assert.ok((await buffer(data)).equals(sent));
  };
  const direct = await upgrade(`${POD}/portforward`, { upgrade: 'SPDY/3.1', 'x-stream-protocol-version': 'portforward.k8s.io' });
  const spdyConnection = new SpdyConnection({ socket: direct.socket!, head: direct.head, role: 'client' });
  await Promise.all([echo(spdyConnection, 1), echo(spdyConnection, 3 << 20)]);
  spdyConnection.close();

  const { answer, socket, head } = await upgrade(`${POD}/portforward`, { upgrade: 'websocket', ...PORT_FORWARD_TUNNEL }, 'GET');
  assert.equal(answer.headers['sec-websocket-protocol'], 'SPDY/3.1+portforward.k8s.io');
  assert.equal(answer.headers['sec-websocket-accept'], 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
  assert.match(kubelet.requests.at(-1)?.line ?? '', /^POST \/portForward\/default\/p$/);
  const tunnelled = new SpdyConnection({ socket: new WebSocketBytes(socket!, head), role: 'client' });
  await Promise.all([echo(tunnelled, 3 << 20), echo(tunnelled, 5)]);
  socket!.destroy();
  await until('no connection is left', () => kubelet.connections === 0);
});

test('a client that goes away leaves nothing at the kubelet', async () => {
  const path = `${POD}/exec?stdin=true&stdout=true&${command('sleep', '1000')}`;
  const [{ socket }, five] = [await spdy(path), await webSocket(path, ['v5.channel.k8s.io'])];
  const connection = new SpdyConnection({ socket: socket!, role: 'client' });
  await Promise.all(['error', 'stdin', 'stdout'].map((streamType) => connection.openStream({ streamType })));
  await until('both run', () => kubelet.running.size === 2);
  const { text: metrics } = await api.call('GET', '/metrics');
  const counted = (verb: string) =>
    `apiserver_longrunning_requests{component="apiserver",group="",resource="pods",scope="resource",subresource="exec",verb="${verb}",version="v1"} 1\n`;
  for (const verb of ['GET', 'POST']) assert.ok(metrics.includes(counted(verb)), String(metrics.match(/.*longrunning.*/g)));
  socket!.destroy();
  five.socket.terminate();
  await until('none runs', () => kubelet.running.size === 0);
  await until('no connection is left', () => kubelet.connections === 0);
});

test('a kubelet that goes away is an error, not an end', async () => {
  const path = `${POD}/exec?stdin=true&stdout=true&${command('sleep', '1000')}`;
  const five = await webSocket(path, ['v5.channel.k8s.io']);
  const { socket } = await spdy(path);
  await until('it runs', () => kubelet.running.size === 1);
  const ended = once(socket!.resume(), 'close');
  kubelet.kill();
  await five.closed;
  assert.equal(five.status().status, 'Failure');
  assert.match(five.status().message ?? '', /^Internal error occurred: /);
  await ended;
});

test('the kubelet’s refusal reaches the client in the kubelet’s words', async () => {
  const path = '/api/v1/namespaces/default/pods/refused/exec?stdout=true&command=true';
  const said = 'Forbidden (user=kubernetes, verb=create, resource=nodes, subresource=proxy)';
  const { answer, body } = await spdy(path);
  assert.deepEqual([answer.statusCode, body], [403, said]);
  const five = await webSocket(path, ['v5.channel.k8s.io']);
  await five.closed;
  assert.equal(five.status().message, `Internal error occurred: unable to upgrade connection: ${said}`);
  const forward = await upgrade(
    '/api/v1/namespaces/default/pods/refused/portforward',
    { upgrade: 'websocket', ...PORT_FORWARD_TUNNEL },
    'GET',
  );
  assert.deepEqual([forward.answer.statusCode, forward.body], [403, said]);
});

test('admission is asked of a connection with the options as an object of their own', async () => {
  admitted.length = 0;
  const { closed } = await webSocket(`${POD}/exec?stdout=true&container=c&command=echo&command=a`, ['v5.channel.k8s.io']);
  await closed;
  const [{ operation, subresource, name, namespace, object } = {} as AdmissionAttributes] = admitted;
  assert.deepEqual([operation, subresource, namespace, name], ['CONNECT', 'exec', 'default', 'p']);
  assert.deepEqual(object, { kind: 'PodExecOptions', apiVersion: 'v1', stdout: true, container: 'c', command: ['echo', 'a'] });
});

test('who may get and not create runs nothing by a WebSocket', async () => {
  mayCreate = false;
  try {
    const refusal = /403 .*cannot create resource \\"pods\/exec\\"/;
    await assert.rejects(webSocket(`${POD}/exec?stdout=true&command=true`, ['v5.channel.k8s.io']), refusal);
    await assert.rejects(webSocket(`${POD}/portforward?ports=80`, ['v4.channel.k8s.io']), /403/);
  } finally {
    mayCreate = true;
  }
});

test('with the gate closed a WebSocket needs no more than get', async (t) => {
  const refusing = () => ({
    ...allowAll(),
    authorizer: { authorize: async () => ({ decision: 'no-opinion' as const, reason: '' }) },
  });
  const open = await startTestApi({ composeSecurity: refusing, kubelet: { webSocketsNeedCreate: false } });
  t.after(() => open.stop());
  const { status, body } = await open.call<Status>('GET', `${POD}/exec?command=true`);
  assert.deepEqual([status, body.message], [404, 'pods "p" not found']);
});

test('what cannot be is told before anything is connected', async () => {
  const ask = async (path: string) => JSON.parse((await spdy(`/api/v1/namespaces/default/pods/${path}`)).body) as Status;
  const choices = 'a container name must be specified for pod two, choose one of: [a b] or one of the init containers: [z]';
  assert.equal((await ask('two/exec?command=true')).message, choices);
  assert.equal((await ask('p/attach?container=x')).message, 'container x is not valid for pod p');
  assert.equal((await ask('none/exec?command=true')).message, 'pods "none" not found');
  assert.equal((await ask('p/portforward?ports=x')).message, 'strconv.Atoi: parsing "x": invalid syntax');
  const plain = await api.call<Status>('POST', `${POD}/exec?command=true`);
  assert.deepEqual([plain.status, plain.body.message], [400, 'Upgrade request required']);
  await api.call('POST', '/api/v1/namespaces/default/pods', {
    metadata: { name: 'homeless' },
    spec: { containers: [{ name: 'c', image: 'i' }] },
  });
  assert.equal((await ask('homeless/exec?command=true')).message, 'pod homeless does not have a host assigned');
});

test('streams end when the server stops', async () => {
  const path = `${POD}/exec?stdin=true&stdout=true&${command('sleep', '1000')}`;
  const five = await webSocket(path, ['v5.channel.k8s.io']);
  const { socket } = await spdy(path);
  const ended = once(socket!, 'close');
  await until('it runs', () => kubelet.running.size === 1);
  await api.stop();
  await Promise.all([five.closed, ended]);
  await until('no connection is left', () => kubelet.connections === 0);
});
