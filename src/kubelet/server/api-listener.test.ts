import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { get as getSecurely } from 'node:https';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { until } from '../../../test/harness/until.ts';
import { createAuthority } from '../../pki/authority.ts';
import { lateHandshake } from '../../std/late-handshake.test-support.ts';
import { silentLogger } from '../../std/logger.ts';
import { plainAnswer } from './api-exchange.ts';
import { openApiListener } from './api-listener.ts';
import { issuePair, validSpan } from './server-fixture.ts';

async function silent(t: TestContext, port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').resume();
  socket.on('error', () => undefined);
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

test('who opens more connections than there may be and says nothing shuts nobody else out', async (t) => {
  const release = Promise.withResolvers<void>();
  let running = 0;
  const listener = await openApiListener({
    address: '127.0.0.1',
    port: 0,
    what: 'test',
    mostConnections: 4,
    async serve({ path }) {
      if (path !== '/long') return plainAnswer(200, 'short');
      running++;
      await release.promise;
      return plainAnswer(200, 'long');
    },
    logger: silentLogger,
  });
  t.after(() => listener.close());
  const ask = (path: string) =>
    new Promise<string>((resolve, reject) =>
      get({ host: '127.0.0.1', port: listener.port, path, agent: false }, (answer) => resolve(text(answer))).on('error', reject),
    );
  const long = ask('/long');
  await until('the long request runs', () => running === 1);
  const sockets: Socket[] = [];
  for (let i = 0; i < 12; i++) sockets.push(await silent(t, listener.port));
  assert.equal(await ask('/short'), 'short');
  await until('the silent ones went', () => sockets.filter((socket) => !socket.destroyed).length <= 3);
  release.resolve();
  assert.equal(await long, 'long');
});

test('who finishes a TLS handshake when its time is over is gone, and the kubelet is not', async (t) => {
  const authority = await createAuthority({ commonName: 'ca', ...validSpan() });
  const pair = await issuePair(authority, 'node1', 'server auth');
  const late = Promise.withResolvers<() => void>();
  const listener = await openApiListener({
    ...{ address: '127.0.0.1', port: 0, what: 'test', handshakeMs: 100, serve: async () => plainAnswer(200, '') },
    secure: { cert: pair.certificatePem, key: pair.privateKeyPem },
    logger: { ...silentLogger, debug: () => void late.promise.then((finish) => finish()) },
  });
  t.after(() => listener.close());
  const client = lateHandshake(listener.port);
  late.resolve(client.finish);
  await client.closed;
  const next = connectTls({ host: '127.0.0.1', port: listener.port, rejectUnauthorized: false });
  await once(next, 'secureConnect');
  next.destroy();
});

test('connections that never begin TLS make room too, and keep no server from closing', async (t) => {
  const authority = await createAuthority({ commonName: 'ca', ...validSpan() });
  const pair = await issuePair(authority, 'node1', 'server auth');
  const listener = await openApiListener({
    address: '127.0.0.1',
    port: 0,
    what: 'test',
    mostConnections: 2,
    secure: { cert: pair.certificatePem, key: pair.privateKeyPem },
    serve: async () => plainAnswer(200, ''),
    logger: silentLogger,
  });
  const sockets = await Promise.all(Array.from({ length: 6 }, () => silent(t, listener.port)));
  await until('four went', () => sockets.filter(({ destroyed }) => destroyed).length === 4);
  await listener.close();
});

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const NO_SETTINGS = '\0\0\0\x04\0\0\0\0\0';
const PING = '\0\0\x08\x06\0\0\0\0\0........';

test('half of a request over HTTP/2 keeps neither its stream nor its connection, and pings keep none', async (t) => {
  const authority = await createAuthority({ commonName: 'ca', ...validSpan() });
  const pair = await issuePair(authority, 'node1', 'server auth');
  const listener = await openApiListener({
    address: '127.0.0.1',
    port: 0,
    what: 'test',
    idleMs: 100,
    secure: { cert: pair.certificatePem, key: pair.privateKeyPem },
    serve: async () => plainAnswer(401, 'Unauthorized'),
    logger: silentLogger,
  });
  t.after(() => listener.close());
  const { port } = listener;
  const client = connectHttp2(`https://127.0.0.1:${port}`, { ca: authority.certificatePem });
  t.after(() => client.destroy());
  const streams = Array.from({ length: 250 }, () => client.request({ ':method': 'POST', ':path': '/run/a/b/c' }));
  await Promise.all(
    streams.map(async (stream) => {
      stream.resume().write('half');
      const [[headers]] = await Promise.all([once(stream, 'response'), once(stream, 'close')]);
      assert.equal(headers[':status'], 401);
    }),
  );
  await once(client, 'close');
  const pinging = connectTls({ host: '127.0.0.1', port, ca: authority.certificatePem, ALPNProtocols: ['h2'] });
  t.after(() => pinging.destroy());
  pinging.on('error', () => undefined);
  pinging.write(PREFACE + NO_SETTINGS, 'latin1');
  pinging.on('data', () => pinging.write(PING, 'latin1'));
  await once(pinging, 'close');
});

test('a body that is still to come ends with its client, whatever the connection speaks', async (t) => {
  const authority = await createAuthority({ commonName: 'ca', ...validSpan() });
  const pair = await issuePair(authority, 'node1', 'server auth');
  for (const protocol of ['h2', 'http/1.1']) {
    const more = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    const gone = Promise.withResolvers<void>();
    async function* body() {
      try {
        yield Buffer.from('first');
        await more.promise;
        for (let i = 0; i < 1000; i++) yield Buffer.alloc(64 << 10);
      } finally {
        ended.resolve();
      }
    }
    const listener = await openApiListener({
      address: '127.0.0.1',
      port: 0,
      what: 'test',
      secure: { cert: pair.certificatePem, key: pair.privateKeyPem },
      async serve({ signal }) {
        signal.addEventListener('abort', () => gone.resolve());
        return { status: 200, headers: {}, body: body() };
      },
      logger: silentLogger,
    });
    t.after(() => listener.close());
    const curl = spawn('curl', ['-skN', protocol === 'h2' ? '--http2' : '--http1.1', `https://127.0.0.1:${listener.port}/`]);
    t.after(() => curl.kill('SIGKILL'));
    await once(curl.stdout, 'data');
    curl.kill('SIGKILL');
    await gone.promise;
    // What is written now goes nowhere, and nobody says when there is room.
    more.resolve();
    await ended.promise;
  }
});

test('what is only asked about is given back, too', async (t) => {
  const ended = Promise.withResolvers<void>();
  async function* body() {
    try {
      yield Buffer.from('first');
    } finally {
      ended.resolve();
    }
  }
  const listener = await openApiListener({
    address: '127.0.0.1',
    port: 0,
    what: 'test',
    serve: async () => ({ status: 200, headers: {}, body: body() }),
    logger: silentLogger,
  });
  t.after(() => listener.close());
  const question = { host: '127.0.0.1', port: listener.port, method: 'HEAD', agent: false };
  assert.equal(await new Promise((resolve) => get(question, (answer) => resolve(text(answer)))), '');
  await ended.promise;
});

test('a listener that waits to be asked answers the first connection and all others, each with the certificate it has by then', async (t) => {
  const authority = await createAuthority({ commonName: 'ca', ...validSpan() });
  const [first, second] = [
    await issuePair(authority, 'before', 'server auth'),
    await issuePair(authority, 'after', 'server auth'),
  ];
  const listener = await openApiListener({
    address: '127.0.0.1',
    port: 0,
    what: 'test',
    whenAsked: true,
    secure: {},
    serve: async ({ path }) => plainAnswer(200, path),
    logger: silentLogger,
  });
  t.after(() => listener.close());
  const ask = (path: string) =>
    new Promise<{ body: string; name: unknown }>((resolve, reject) => {
      const question = { host: '127.0.0.1', port: listener.port, path, agent: false, rejectUnauthorized: false };
      getSecurely(question, (answer) => {
        const name = (answer.socket as TLSSocket).getPeerCertificate().subject.CN;
        text(answer).then((body) => resolve({ body, name }), reject);
      }).on('error', reject);
    });
  listener.useSecure({ cert: first.certificatePem, key: first.privateKeyPem });
  assert.deepEqual(await Promise.all([ask('/1'), ask('/2')]), [
    { body: '/1', name: 'before' },
    { body: '/2', name: 'before' },
  ]);
  listener.useSecure({ cert: second.certificatePem, key: second.privateKeyPem });
  assert.deepEqual(await ask('/3'), { body: '/3', name: 'after' });
  await listener.close();
  await assert.rejects(ask('/4'), { code: 'ECONNREFUSED' });
});

test('a listener that waits to be asked says what it cannot serve with, and serves once it can', async (t) => {
  const authority = await createAuthority({ commonName: 'ca', ...validSpan() });
  const pair = await issuePair(authority, 'node1', 'server auth');
  const said: string[] = [];
  const listener = await openApiListener({
    address: '127.0.0.1',
    port: 0,
    what: 'test',
    whenAsked: true,
    secure: { cert: 'no certificate', key: pair.privateKeyPem },
    serve: async () => plainAnswer(200, ''),
    logger: { ...silentLogger, error: (message: string) => void said.push(message) },
  });
  t.after(() => listener.close());
  const status = () =>
    new Promise<number | undefined>((resolve, reject) =>
      getSecurely({ host: '127.0.0.1', port: listener.port, agent: false, rejectUnauthorized: false }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      }).on('error', reject),
    );
  await assert.rejects(status(), { code: 'ECONNRESET' });
  assert.deepEqual(said, ['what serves TLS cannot be made']);
  listener.useSecure({ cert: pair.certificatePem, key: pair.privateKeyPem });
  assert.equal(await status(), 200);
});

test('a listener that nobody asked is closed like any other', async () => {
  const listener = await openApiListener({
    ...{ address: '127.0.0.1', port: 0, what: 'test', whenAsked: true, secure: {}, logger: silentLogger },
    serve: async () => plainAnswer(200, ''),
  });
  await listener.close();
  await assert.rejects(once(connect(listener.port, '127.0.0.1'), 'connect'), { code: 'ECONNREFUSED' });
});

test('a request is served whatever host its target names, and refused when it names two hosts', async (t) => {
  const listener = await openApiListener({
    address: '127.0.0.1',
    port: 0,
    what: 'test',
    serve: async ({ path }) => plainAnswer(200, path),
    logger: silentLogger,
  });
  t.after(() => listener.close());
  const ask = async (target: string, hosts: string) => {
    const socket = connect(listener.port, '127.0.0.1');
    socket.write(`GET ${target} HTTP/1.1\r\n${hosts}Connection: close\r\n\r\n`);
    const [head = '', body] = (await text(socket)).split('\r\n\r\n');
    return [head.split('\r\n')[0], body];
  };
  assert.deepEqual(await ask('https://elsewhere/pods?a=b', 'Host: x\r\n'), ['HTTP/1.1 200 OK', '/pods']);
  assert.deepEqual(await ask('/pods', 'Host: x\r\nhost: x\r\n'), ['HTTP/1.1 400 Bad Request', 'too many Host headers']);
  assert.deepEqual(await ask('/pods', 'Host: x@y\r\n'), ['HTTP/1.1 400 Bad Request', 'malformed Host header']);
});
