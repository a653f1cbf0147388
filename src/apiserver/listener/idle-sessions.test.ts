import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:http2';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { until } from '../../../test/harness/until.ts';
import { lateHandshake } from '../../std/late-handshake.test-support.ts';
import { silentLogger } from '../../std/logger.ts';
import { createTestPki } from '../test-api.ts';
import { openListener } from './listener.ts';

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const NO_SETTINGS = '\0\0\0\x04\0\0\0\0\0';
/** The first frame of a request's head, which says that more of it comes. */
const HALF_A_HEAD = '\0\0\x01\x01\x01\0\0\0\x01\x82';
const PING = '\0\0\x08\x06\0\0\0\0\0........';

async function startListener(answer: 'at once' | 'never') {
  const pki = await createTestPki();
  const listener = await openListener({
    ...{ bindAddress: '127.0.0.1', port: 0, tls: pki.serving, logger: silentLogger, idleMs: 100 },
    serve: async (_request, response) => {
      response.writeHead(200);
      if (answer === 'at once') response.end('all');
      else response.write('something');
    },
  });
  const session = () => {
    const opened = connect(`https://127.0.0.1:${listener.port}`, { ca: pki.caPem });
    opened.on('error', () => undefined);
    return opened;
  };
  const say = (bytes: string) => {
    const options = { host: '127.0.0.1', port: listener.port, ca: pki.caPem, ALPNProtocols: ['h2'] };
    const socket = connectTls(options, () => socket.write(bytes, 'latin1'));
    socket.on('error', () => undefined).resume();
    return socket;
  };
  const stop = () => {
    listener.close();
    return listener.destroy();
  };
  return { session, say, [Symbol.asyncDispose]: stop };
}

for (const [what, bytes] of [
  ['says nothing', ''],
  ['greets and asks for nothing', PREFACE + NO_SETTINGS],
  ['asks half of a question', PREFACE + NO_SETTINGS + HALF_A_HEAD],
] as const)
  test(`an HTTP/2 client that ${what} does not keep its connection`, { timeout: 30_000 }, async () => {
    await using listener = await startListener('at once');
    await once(listener.say(bytes), 'close');
  });

test('nor does one that only pings', { timeout: 30_000 }, async () => {
  await using listener = await startListener('at once');
  const socket = listener.say(PREFACE + NO_SETTINGS);
  // Each answer is answered with the next.
  socket.on('data', () => socket.write(PING, 'latin1'));
  await once(socket, 'close');
});

test('one that has its answer keeps the connection for a while only', { timeout: 30_000 }, async () => {
  await using listener = await startListener('at once');
  const session = listener.session();
  const stream = session.request({ ':path': '/' });
  stream.resume();
  await once(stream, 'close');
  await once(session, 'close');
});

test('a stream on which nothing comes keeps its connection, however long that is', { timeout: 30_000 }, async () => {
  await using listener = await startListener('never');
  const session = listener.session();
  const watch = session.request({ ':path': '/' });
  await once(watch, 'data');
  // One that began later was idle for long enough.
  await once(listener.session(), 'close');
  assert.equal(session.closed, false);
  const other = session.request({ ':path': '/' });
  await once(other, 'data');
  session.destroy();
});

test('a request whose body never ends has its stream closed behind the answer', { timeout: 30_000 }, async () => {
  await using listener = await startListener('at once');
  const session = listener.session();
  const stream = session.request({ ':method': 'POST', ':path': '/' }, { endStream: false });
  let text = '';
  stream.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  await once(stream, 'close');
  assert.equal(text, 'all');
  session.destroy();
});

test('a client that has vanished is looked for, however quiet its connection is, and has two minutes to come back', {
  timeout: 30_000,
}, async (t) => {
  const setKeepAlive = t.mock.method(Socket.prototype, 'setKeepAlive');
  await using listener = await startListener('never');
  const session = listener.session();
  await once(
    session.request({ ':path': '/' }).on('error', () => undefined),
    'response',
  );
  const { socket } = session;
  const hex = (port: number) => `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const ends = `${hex(socket.remotePort!)} ${hex(socket.localPort!)}`;
  // The kind of the timer that runs (proc_net_tcp): 2 is the one of keepalive, 1 waits for what was sent to be acknowledged.
  const isLookedFor = () =>
    readFileSync('/proc/net/tcp', 'utf8')
      .split('\n')
      .some((line) => line.includes(ends) && line.trim().split(/\s+/)[5]?.startsWith('02:'));
  await until('keepalive is on', isLookedFor, { timeoutMs: 20_000 });
  const [, , intervalMs = 0, count = 0] = setKeepAlive.mock.calls.at(-1)!.arguments as unknown as number[];
  assert.ok(intervalMs * count >= 120_000, 'a network that is away for a while ends no session');
  session.destroy();
});

test('who finishes a TLS handshake when its time is over is gone, and the server is not', { timeout: 30_000 }, async () => {
  const pki = await createTestPki();
  const late = Promise.withResolvers<() => void>();
  const listener = await openListener({
    ...{
      bindAddress: '127.0.0.1',
      port: 0,
      tls: pki.serving,
      handshakeMs: 100,
      serve: async () => assert.fail('nothing is asked'),
    },
    logger: { ...silentLogger, debug: () => void late.promise.then((finish) => finish()) },
  });
  const client = lateHandshake(listener.port);
  late.resolve(client.finish);
  await client.closed;
  const next = connectTls({ host: '127.0.0.1', port: listener.port, ca: pki.caPem });
  await once(next, 'secureConnect');
  next.destroy();
  listener.close();
  await listener.destroy();
});
