import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { createServer as createTlsServer, connect as dialTls } from 'node:tls';
import { until } from '../../../test/harness/until.ts';
import { createAuthority } from '../../pki/authority.ts';
import { generatePrivateKey } from '../../pki/keys.ts';
import { VirtualClock } from '../../std/clock.ts';
import { ComponentGroup } from '../../std/lifecycle.ts';
import { silentLogger } from '../../std/logger.ts';
import { type Address, createBalancer } from './balancer.ts';

const INTERVAL_MS = 2000;
const span = { notBeforeMs: Date.now() - 60_000, notAfterMs: Date.now() + 3_600_000 };
const authority = await createAuthority({ commonName: 'test', ...span });
const key = await generatePrivateKey();
const certificate = await authority.issue({
  ...{ publicKeyDer: key.publicKeyDer, commonName: 'server', organizations: [], dnsNames: [], ipAddresses: ['127.0.0.1'] },
  ...{ usages: ['digital signature', 'server auth'], ...span },
});

/** A TLS server that says its name to whoever comes, and echoes. Once deaf, it takes connections and understands no TLS. */
async function namedServer(name: string) {
  const sockets = new Set<Socket>();
  let isDeaf = false;
  const tls = createTlsServer({ key: key.pem, cert: certificate }, (socket) => {
    socket.on('error', () => socket.destroy());
    socket.write(name);
    socket.pipe(socket);
  });
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket)).on('error', () => socket.destroy());
    if (isDeaf) socket.end('no TLS');
    else tls.emit('connection', socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address: Address = { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
  return {
    address,
    deafen() {
      isDeaf = true;
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

async function balanced(servers: readonly Address[], more: { maxConnections?: number } = {}) {
  const clock = new VirtualClock(0);
  const balancer = createBalancer({
    ...{ listen: { host: '127.0.0.1', port: 0 }, servers, checkIntervalMs: INTERVAL_MS, answerMs: 20_000, maxConnections: 100 },
    ...{ clock, logger: silentLogger, ...more },
  });
  const group = new ComponentGroup();
  await group.start(balancer);
  return { clock, address: balancer.address, [Symbol.asyncDispose]: () => group.stop() };
}

/** A client's connection, and who answered it. */
async function reach({ host, port }: Address) {
  const socket = dialTls({ host, port, ca: authority.certificatePem, servername: '' });
  const closed = once(socket, 'close');
  socket.on('error', () => socket.destroy());
  const [first] = (await Promise.race([once(socket, 'data'), closed.then(() => [''])])) as [Buffer | string];
  return { name: String(first), socket, closed };
}

test('connections go to all servers in turn while they stay open, with the server’s own certificate', async () => {
  await using a = await namedServer('a');
  await using b = await namedServer('b');
  await using lb = await balanced([a.address, b.address]);
  const reached = [await reach(lb.address), await reach(lb.address)];
  assert.deepEqual(reached.map(({ name }) => name).sort(), ['a', 'b']);
  const [{ socket }] = reached as [Awaited<ReturnType<typeof reach>>];
  socket.write('echoed');
  assert.equal(String((await once(socket, 'data'))[0]), 'echoed');
  for (const { socket } of reached) socket.destroy();
});

test('who refuses a connection is passed over at once, before any check', async () => {
  await using b = await namedServer('b');
  const gone = await namedServer('gone');
  await gone[Symbol.asyncDispose]();
  await using lb = await balanced([gone.address, b.address]);
  const { name, socket } = await reach(lb.address);
  assert.equal(name, 'b');
  socket.destroy();
});

test('a server that ends no handshake any more is down: its connections are ended, and new ones go elsewhere', async () => {
  await using a = await namedServer('a');
  await using b = await namedServer('b');
  await using lb = await balanced([a.address, b.address]);
  const first = await reach(lb.address);
  assert.equal(first.name, 'a');
  a.deafen();
  const names = async () => {
    const reached = [await reach(lb.address), await reach(lb.address)];
    for (const { socket } of reached) socket.destroy();
    return reached.map(({ name }) => name);
  };
  await until('new connections go to b', async () => {
    await lb.clock.advance(INTERVAL_MS);
    return (await names()).every((name) => name === 'b');
  });
  await first.closed;
});

test('more connections than allowed are closed at once', async () => {
  await using a = await namedServer('a');
  await using lb = await balanced([a.address], { maxConnections: 1 });
  const first = await reach(lb.address);
  const second = connect(lb.address);
  await once(second.resume(), 'close');
  first.socket.write('still there');
  assert.equal(String((await once(first.socket, 'data'))[0]), 'still there');
  first.socket.destroy();
});

test('when it ends, nothing stays open', async () => {
  await using a = await namedServer('a');
  const lb = await balanced([a.address]);
  const { closed } = await reach(lb.address);
  await lb[Symbol.asyncDispose]();
  await closed;
});
