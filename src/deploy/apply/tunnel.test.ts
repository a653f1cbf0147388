import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { systemClock } from '../../std/clock.ts';
import { createTranscriptTransport } from '../transport/transcript.ts';
import type { Transport } from '../transport/transport.ts';
import { type Exit, openTunnel } from './tunnel.ts';

/** A host whose connections begin on this machine. */
const host = (): Transport => ({ ...createTranscriptTransport('host'), connect: (address, port) => connect(port, address) });

async function listen(onConnection: (text: string) => string | undefined) {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (chunk) => {
      const answer = onConnection(chunk.toString());
      if (answer === undefined) socket.destroy();
      else socket.end(answer);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address() as { port: number };
  return { server, exit: { transport: host(), address: '127.0.0.1', port: address.port } satisfies Exit };
}

async function ask(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  let said = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk;
  });
  socket.write(text);
  await once(socket, 'close');
  return said;
}

test('a connection goes to the first exit that answers, with all that the client said', async () => {
  const broken = await listen(() => undefined);
  const asked: string[] = [];
  const good = await listen((text) => {
    asked.push(text);
    return `answer to ${text}`;
  });
  // Nobody listens there any more.
  const gone = await listen(() => '');
  gone.server.close();
  const tunnel = await openTunnel([gone.exit, broken.exit, good.exit], systemClock);
  assert.equal(await ask(tunnel.port, 'greeting'), 'answer to greeting');
  assert.equal(await ask(tunnel.port, 'again'), 'answer to again');
  assert.deepEqual(asked, ['greeting', 'again']);
  await tunnel.close();
  broken.server.close();
  good.server.close();
});

test('where no exit answers, the connection ends', async () => {
  const broken = await listen(() => undefined);
  const tunnel = await openTunnel([broken.exit, broken.exit], systemClock);
  assert.equal(await ask(tunnel.port, 'greeting'), '');
  await tunnel.close();
  broken.server.close();
});

test('an exit that ends without an answer is no answer, even when it hears on', async () => {
  const answering = await listen((text) => `answer to ${text}`);
  const silent: Transport = {
    ...createTranscriptTransport('silent'),
    connect() {
      const far = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
      far.push(null);
      return far;
    },
  };
  const tunnel = await openTunnel([{ transport: silent, address: 'silent', port: 1 }, answering.exit], systemClock);
  assert.equal(await ask(tunnel.port, 'greeting'), 'answer to greeting');
  await tunnel.close();
  answering.server.close();
});

test('when the exit that was used goes away, the next connection takes another', async () => {
  const [one, other] = [await listen(() => 'one'), await listen(() => 'other')];
  const tunnel = await openTunnel([one.exit, other.exit], systemClock);
  assert.equal(await ask(tunnel.port, '?'), 'one');
  one.server.close();
  await once(one.server, 'close');
  assert.equal(await ask(tunnel.port, '?'), 'other');
  await tunnel.close();
  other.server.close();
});
