import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { after, before, test } from 'node:test';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { until } from '../../../test/harness/until.ts';
import { createAuthority } from '../../pki/authority.ts';
import { VirtualClock } from '../../std/clock.ts';
import { GrpcError } from '../../std/grpc/grpc-error.ts';
import type { ContainerStreams } from '../runtime/runtime-abilities.ts';
import type { ApiRequest } from './api-exchange.ts';
import { createContainerStreams } from './container-streams.ts';
import { runtimeWith, startTestServer, type TestAuthority, type TestServer, validSpan, viewOf } from './server-fixture.ts';

let authority: TestAuthority;
let life: AbortController;

before(async () => {
  authority = await createAuthority({ commonName: 'kubernetes', ...validSpan() });
  life = new AbortController();
});
after(() => life.abort());

const eventually = (condition: () => boolean) => until('the streams have come so far', condition, { timeoutMs: 20_000 });

interface StreamingServer {
  readonly url: string;
  readonly upgrades: { readonly message: IncomingMessage; readonly socket: Duplex; readonly head: Buffer }[];
  readonly server: Server;
}

/** A runtime's streaming server that speaks whatever it is told to. */
async function streamingServer(
  onUpgrade: (socket: Duplex, message: IncomingMessage) => void = (socket) => accept(socket),
): Promise<StreamingServer> {
  const upgrades: StreamingServer['upgrades'] = [];
  const server = createServer((_request, response) => response.writeHead(400).end('no upgrade'));
  server.on('upgrade', (message, socket: Duplex, head) => {
    (socket as unknown as { allowHalfOpen: boolean }).allowHalfOpen = true;
    socket.on('error', () => undefined);
    upgrades.push({ message, socket, head });
    onUpgrade(socket, message);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  life.signal.addEventListener('abort', () => {
    server.close();
    for (const { socket } of upgrades) socket.destroy();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, upgrades, server };
}

const accept = (socket: Duplex) =>
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\n',
  );

function streamsTo(url: string, asked: unknown[] = []): ContainerStreams {
  const note =
    (what: string) =>
    async (...args: unknown[]) => {
      asked.push([what, ...args]);
      return new URL(`${url}/${what}/token`);
    };
  return {
    exec: note('exec'),
    attach: note('attach'),
    portForward: note('portforward'),
    execSync: async () => ({ stdout: Buffer.from('out'), stderr: Buffer.from('err'), exitCode: 0 }),
  };
}

const serveStreams = (streams: ContainerStreams, settings: Record<string, unknown> = {}, clock?: VirtualClock) =>
  startTestServer(authority, life.signal, viewOf(settings, { runtime: runtimeWith({ streams }) }), clock);

interface Dialled {
  readonly socket: TLSSocket;
  /** All that has come so far. */
  text(): string;
}

async function dial({ server, admin }: TestServer, head: string): Promise<Dialled> {
  const options: ConnectionOptions & { allowHalfOpen: boolean } = {
    host: '127.0.0.1',
    port: server.port,
    ca: authority.certificatePem,
    cert: admin.certificatePem,
    key: admin.privateKeyPem,
    allowHalfOpen: true,
  };
  const socket = connect(options);
  socket.on('error', () => undefined);
  await once(socket, 'secureConnect');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.write(head);
  return { socket, text: () => Buffer.concat(chunks).toString('latin1') };
}

const EXEC = [
  'POST /exec/default/web/c?command=sh&command=-c&input=1&output=1&tty=1 HTTP/1.1',
  'Host: node1:10250',
  'Authorization: Bearer secret-of-the-caller',
  'Connection: Upgrade',
  'Upgrade: SPDY/3.1',
  'X-Stream-Protocol-Version: v5.channel.k8s.io',
  'X-Stream-Protocol-Version: v4.channel.k8s.io',
  '\r\n',
].join('\r\n');

test('an exec reaches the runtime’s streaming server byte by byte, without the caller’s credentials', async () => {
  const backend = await streamingServer();
  const asked: unknown[] = [];
  const client = await dial(await serveStreams(streamsTo(backend.url, asked)), EXEC);
  await eventually(() => client.text().includes('\r\n\r\n'));
  assert.match(client.text(), /^HTTP\/1\.1 101 Switching Protocols\r\n/);
  assert.match(client.text(), /X-Stream-Protocol-Version: v4\.channel\.k8s\.io\r\n/);
  assert.deepEqual(asked, [
    ['exec', { containerId: 'c1', stdin: true, stdout: true, stderr: false, tty: true, command: ['sh', '-c'] }],
  ]);
  const { message, socket } = backend.upgrades[0]!;
  assert.equal(message.url, '/exec/token');
  assert.equal(message.headers.authorization, undefined);
  assert.deepEqual(message.headersDistinct['x-stream-protocol-version'], ['v5.channel.k8s.io', 'v4.channel.k8s.io']);
  assert.match(String(message.headers['x-forwarded-for']), /127\.0\.0\.1/);
  const seen: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => seen.push(chunk));
  client.socket.write(Buffer.from([0x80, 3, 0, 1, 0xff]));
  await eventually(() => Buffer.concat(seen).length === 5);
  assert.deepEqual(Buffer.concat(seen), Buffer.from([0x80, 3, 0, 1, 0xff]));
  socket.write('answer');
  await eventually(() => client.text().endsWith('answer'));
  client.socket.destroy();
  await eventually(() => socket.destroyed || socket.readableEnded);
});

test('each side may say that it has no more while the other goes on', async () => {
  const backend = await streamingServer();
  const test = await serveStreams(streamsTo(backend.url));
  const client = await dial(test, EXEC);
  await eventually(() => backend.upgrades.length === 1 && client.text().includes('101'));
  const { socket } = backend.upgrades[0]!;
  let heard = '';
  socket.on('data', (chunk: Buffer) => {
    heard += String(chunk);
  });
  client.socket.end('last words');
  await eventually(() => heard === 'last words' && socket.readableEnded);
  socket.write('still there');
  await eventually(() => client.text().endsWith('still there'));
  const ended = once(client.socket, 'end');
  socket.end(' and gone');
  await ended;
  assert.match(client.text(), /still there and gone$/);
});

test('what the client sends before the protocol has changed waits for it', async () => {
  let proceed = () => undefined as unknown;
  const backend = await streamingServer((socket) => {
    proceed = () => accept(socket);
  });
  const test = await serveStreams(streamsTo(backend.url));
  const client = await dial(test, `${EXEC}smuggled`);
  await eventually(() => backend.upgrades.length === 1);
  let heard = '';
  backend.upgrades[0]!.socket.on('data', (chunk: Buffer) => {
    heard += String(chunk);
  });
  assert.equal(backend.upgrades[0]!.head.length, 0);
  proceed();
  await eventually(() => heard === 'smuggled');
  client.socket.destroy();
});

test('a runtime that refuses the stream is quoted', async () => {
  const backend = await streamingServer((socket) =>
    socket.end('HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nnot there'),
  );
  const client = await dial(await serveStreams(streamsTo(backend.url)), EXEC);
  await once(client.socket, 'end');
  assert.match(client.text(), /^HTTP\/1\.1 404 Not Found\r\n[\s\S]*not there$/);
});

test('a streaming server that is not there is a failure that says so', async () => {
  const backend = await streamingServer();
  backend.server.close();
  await once(backend.server, 'close');
  const client = await dial(await serveStreams(streamsTo(backend.url)), EXEC);
  await once(client.socket, 'end');
  assert.match(client.text(), /^HTTP\/1\.1 500 [\s\S]*error dialing backend: connect ECONNREFUSED/);
});

test('when the runtime’s side dies the client is let go, and the other way round', async () => {
  const backend = await streamingServer();
  const test = await serveStreams(streamsTo(backend.url));
  const first = await dial(test, EXEC);
  await eventually(() => backend.upgrades.length === 1 && first.text().includes('101'));
  backend.upgrades[0]!.socket.destroy();
  await eventually(() => first.socket.readableEnded || first.socket.destroyed);
  first.socket.destroy();
  const second = await dial(test, EXEC);
  await eventually(() => backend.upgrades.length === 2 && second.text().includes('101'));
  second.socket.destroy();
  const { socket } = backend.upgrades[1]!;
  socket.resume();
  await eventually(() => socket.readableEnded || socket.destroyed);
});

test('a runtime whose client has gone is not waited for when its command never ends', async () => {
  const clock = new VirtualClock(Date.now());
  const backend = await streamingServer();
  const test = await serveStreams(streamsTo(backend.url), {}, clock);
  const client = await dial(test, EXEC);
  await eventually(() => backend.upgrades.length === 1 && client.text().includes('101'));
  const { socket } = backend.upgrades[0]!;
  socket.resume();
  client.socket.end();
  await eventually(() => socket.readableEnded);
  const closed = once(client.socket, 'close');
  await clock.advance(5_000);
  await closed;
  // Nobody reads at the other end any more.
  await eventually(() => socket.destroyed || !socket.write('x'.repeat(65_536)));
});

test('a WebSocket whose client has gone leaves no stream to the runtime behind', async () => {
  // It takes up no stream, and says nothing.
  const backend = await streamingServer();
  const wish = [
    'GET /exec/default/web/c?command=cat&input=1&output=1 HTTP/1.1',
    'Host: node1:10250',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Protocol: v5.channel.k8s.io',
    '\r\n',
  ].join('\r\n');
  const client = await dial(await serveStreams(streamsTo(backend.url)), wish);
  await eventually(() => backend.upgrades.length === 1);
  const { socket } = backend.upgrades[0]!;
  socket.resume();
  client.socket.destroy();
  await eventually(() => socket.destroyed || socket.readableEnded);
});

test('a client that does not read stops the runtime’s side instead of filling the kubelet’s memory', async () => {
  const backend = await streamingServer();
  const test = await serveStreams(streamsTo(backend.url));
  const client = await dial(test, EXEC);
  await eventually(() => backend.upgrades.length === 1 && client.text().includes('101'));
  client.socket.pause();
  const { socket } = backend.upgrades[0]!;
  const block = Buffer.alloc(1 << 20);
  let written = 0;
  const total = 64;
  const pump = () => {
    while (written < total && socket.write(block)) written++;
  };
  socket.on('drain', pump);
  pump();
  await eventually(() => socket.writableNeedDrain);
  const before = process.memoryUsage().arrayBuffers;
  assert.ok(written < total, `${written} MiB were taken by nobody`);
  assert.ok(before < 64 << 20);
  let read = 0;
  client.socket.on('data', (chunk: Buffer) => {
    read += chunk.length;
  });
  socket.on('drain', () => written === total && socket.end());
  client.socket.resume();
  await eventually(() => read >= total << 20);
});

test('what a runtime says last reaches a client that goes on sending what nobody reads', async () => {
  for (let i = 0; i < 10; i++) {
    const backend = await streamingServer((socket) => {
      accept(socket);
      // The command ends while megabytes of its input are on their way: the connection is reset.
      socket.once('data', () => {
        socket.pause();
        let turns = 10 * i;
        const end = () => (turns-- > 0 ? setImmediate(end) : socket.write('its status', () => socket.destroy()));
        end();
      });
    });
    const client = await dial(await serveStreams(streamsTo(backend.url)), EXEC);
    const closed = once(client.socket, 'close');
    client.socket.write(Buffer.alloc(8 << 20));
    await eventually(() => client.text().endsWith('its status'));
    client.socket.destroy();
    await closed;
  }
});

test('a stream on which nothing moves is closed after the time that is set', async () => {
  const clock = new VirtualClock(Date.now());
  const backend = await streamingServer();
  const test = await serveStreams(streamsTo(backend.url), { streamingConnectionIdleTimeout: '5m' }, clock);
  const client = await dial(test, EXEC);
  await eventually(() => backend.upgrades.length === 1 && client.text().includes('101'));
  await clock.advance(4 * 60_000);
  backend.upgrades[0]!.socket.write('busy');
  await eventually(() => client.text().endsWith('busy'));
  await clock.advance(4 * 60_000);
  assert.equal(client.socket.destroyed, false);
  await clock.advance(60_000);
  await eventually(() => client.socket.readableEnded || client.socket.destroyed);
  client.socket.destroy();
});

test('exec names what is not there, in upstream’s words', async () => {
  const { get } = await serveStreams(streamsTo('http://127.0.0.1:1'));
  const post = async (path: string) => {
    const { status, body } = await get(path, { method: 'POST' });
    return [status, body];
  };
  assert.deepEqual(await post('/exec/default/web/c'), [400, 'you must specify at least 1 of stdin, stdout, stderr']);
  assert.deepEqual(await post('/exec/default/other/c?output=1'), [404, 'pod does not exist']);
  assert.deepEqual(await post('/exec/default/web/other?output=1'), [500, 'container not found ("other")']);
  assert.deepEqual(await post('/exec/default/web/wrong-uid/c?output=1'), [500, 'container not found ("c")']);
  assert.deepEqual(await post('/exec/default/web/u/c?output=1'), [500, 'Upgrade request required\n']);
  assert.deepEqual(await post('/attach/default/web/c?output=1'), [500, 'Upgrade request required\n']);
  assert.deepEqual(await post('/portForward/default/web/wrong-uid'), [404, 'pod not found']);
  assert.deepEqual(await post('/portForward/default/web/u'), [500, 'Upgrade request required\n']);
});

test('ports of a WebSocket are checked before anybody is asked', async () => {
  const asked: unknown[] = [];
  const test = await serveStreams(streamsTo((await streamingServer()).url, asked));
  const answerTo = async (query: string) => {
    const client = await dial(
      test,
      `GET /portForward/default/web${query} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
    );
    await eventually(() => client.text().includes('\r\n\r\n'));
    client.socket.destroy();
    return client.text().split('\r\n\r\n')[1];
  };
  assert.equal(await answerTo(''), 'query parameter "port" is required');
  assert.equal(await answerTo('?port='), 'query parameter "port" cannot be empty');
  assert.equal(await answerTo('?port=0'), 'port "0" must be > 0');
  assert.equal(await answerTo('?port=70000'), 'unable to parse "70000" as a port');
  assert.deepEqual(asked, []);
  assert.equal(await answerTo('?port=80,443'), '');
  assert.deepEqual(asked, [['portforward', 's1', [80, 443]]]);
});

test('run answers with the output of both streams, or with what went wrong', async () => {
  const results = [
    { stdout: Buffer.from('out'), stderr: Buffer.from('err'), exitCode: 0 },
    { stdout: Buffer.from(''), stderr: Buffer.from('no such file'), exitCode: 2 },
  ];
  const commands: unknown[] = [];
  const streams: ContainerStreams = {
    ...streamsTo('http://127.0.0.1:1'),
    execSync: async (...args) => {
      commands.push(args);
      return results.shift()!;
    },
  };
  const { get } = await serveStreams(streams);
  const done = await get('/run/default/web/c?cmd=ls%20-l', { method: 'POST' });
  assert.deepEqual([done.status, done.body, done.headers['content-type']], [200, 'outerr', 'application/json']);
  assert.deepEqual(commands, [['c1', ['ls', '-l'], 0]]);
  const failed = await get('/run/default/web/u/c?cmd=ls%20x', { method: 'POST' });
  assert.deepEqual([failed.status, failed.body], [500, "command 'ls x' exited with 2: no such file"]);
  assert.equal((await get('/run/default/web/c?cmd=ls')).status, 405);
});

test('the runtime’s refusals keep their meaning', async () => {
  const said = (['NotFound', 'ResourceExhausted', 'Internal'] as const).map((status) => new GrpcError(status, 'no'));
  const streams: ContainerStreams = {
    ...streamsTo('http://127.0.0.1:1'),
    exec: async () => {
      throw said.shift();
    },
  };
  const { get } = await serveStreams(streams);
  const seen = [];
  for (let i = 0; i < 3; i++) seen.push((await get('/exec/default/web/c?output=1', { method: 'POST' })).status);
  assert.deepEqual(seen, [404, 429, 500]);
});

test('a hollow node says that it is', async () => {
  const { get } = await startTestServer(authority, life.signal);
  for (const path of [
    '/exec/default/web/c?output=1',
    '/attach/default/web/c?output=1',
    '/portForward/default/web',
    '/run/default/web/c',
  ]) {
    const { status, body } = await get(path, { method: 'POST' });
    assert.deepEqual([status, body.includes('hollow')], [501, true], path);
  }
});

test('no more streams at a time than there is room for, and each that ends makes room', async () => {
  const opened: PromiseWithResolvers<URL>[] = [];
  const exec = () => {
    const one = Promise.withResolvers<URL>();
    opened.push(one);
    return one.promise;
  };
  const streams = { ...streamsTo('http://127.0.0.1:1'), exec };
  const { exec: handle } = createContainerStreams(viewOf({}, { runtime: runtimeWith({ streams }) }), new VirtualClock(0));
  const ask = async () => {
    const request = { query: new URLSearchParams('output=1'), headers: {} } as unknown as ApiRequest;
    const outcome = await handle(request, { namespace: 'default', pod: 'web', container: 'c' });
    assert.ok(outcome !== 'taken');
    return outcome.status;
  };
  const first = Array.from({ length: 1000 }, ask);
  await eventually(() => opened.length === 1000);
  assert.equal(await ask(), 429);
  opened[0]!.reject(new Error('gone'));
  assert.equal(await first[0], 500);
  const next = ask();
  await eventually(() => opened.length === 1001);
  for (const { reject } of opened) reject(new Error('gone'));
  assert.deepEqual(new Set(await Promise.all([...first, next])), new Set([500]));
});
