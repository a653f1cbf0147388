import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { connect } from 'node:tls';
import { silentLogger } from '../../std/logger.ts';
import { createTestPki } from '../test-api.ts';
import { openListener } from './listener.ts';

const REQUESTS = 500;

/** A listener that counts what it serves, and what of it in the turn of the event loop that was the fullest. */
async function startCounting() {
  const pki = await createTestPki();
  const counts = { served: 0, mostInATurn: 0 };
  let inTurn = 0;
  const listener = await openListener({
    ...{ bindAddress: '127.0.0.1', port: 0, tls: pki.serving, logger: silentLogger },
    serve: async (_request, response) => {
      counts.served++;
      if (inTurn++ === 0) setImmediate(() => (inTurn = 0));
      counts.mostInATurn = Math.max(counts.mostInATurn, inTurn);
      response.writeHead(204);
      response.end();
    },
  });
  const say = async (protocol: string, bytes: string) => {
    const socket = connect({ host: '127.0.0.1', port: listener.port, ca: pki.caPem, ALPNProtocols: [protocol] });
    socket.on('error', () => undefined);
    await once(socket, 'secureConnect');
    socket.write(bytes, 'latin1');
    return socket;
  };
  const stop = () => {
    listener.close();
    return listener.destroy();
  };
  return { counts, say, [Symbol.asyncDispose]: stop };
}

/** An HTTP/2 frame of less than 256 bytes on a stream below 65,536. */
const frame = (type: number, flags: number, stream: number, payload: string) =>
  `\0\0${String.fromCharCode(payload.length, type, flags)}\0\0${String.fromCharCode(stream >> 8, stream & 255)}${payload}`;
const GREETING = `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${frame(4, 0, 0, '')}`;
/** GET https://x/ */
const HEAD = '\x82\x87\x84\x01\x01x';
const request = (i: number) => frame(1, 5, 2 * i + 1, HEAD);
const reset = (i: number) => frame(3, 0, 2 * i + 1, '\0\0\0\x08');
const numbers = Array.from({ length: REQUESTS }, (_, i) => i);

test('requests of one connection that come all at once are begun a few a turn', { timeout: 30_000 }, async () => {
  for (const [protocol, bytes] of [
    ['h2', GREETING + numbers.map(request).join('')],
    ['http/1.1', 'GET / HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(REQUESTS)],
  ] as const) {
    await using listener = await startCounting();
    const socket = await listener.say(protocol, bytes);
    while (listener.counts.served < REQUESTS) await once(socket, 'data');
    // Between two looks here it may have been the gate's turn twice.
    assert.ok(listener.counts.mostInATurn <= 64, `${protocol}: ${listener.counts.mostInATurn} in one turn`);
    socket.destroy();
  }
});

test('most of those that are taken back at once are never begun', { timeout: 30_000 }, async () => {
  await using listener = await startCounting();
  const last = frame(1, 5, 2 * REQUESTS + 1, HEAD);
  const socket = await listener.say('h2', GREETING + numbers.map((i) => request(i) + reset(i)).join('') + last);
  let heard = '';
  // The last one is answered, behind all others.
  while (!heard.includes(frame(1, 5, 2 * REQUESTS + 1, '').slice(5)))
    heard += String((await once(socket, 'data'))[0].toString('latin1'));
  assert.ok(listener.counts.served < REQUESTS / 2, `${listener.counts.served} were served`);
  socket.destroy();
});
