import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { WebSocket } from 'ws';
import type { ServerRequest, ServerResponse } from '../contracts.ts';
import { acceptWebSocket } from './accept-websocket.ts';

/** A WebSocket whose client sends whatever a test writes, and reads nothing unless told to. */
async function accepted(
  t: TestContext,
): Promise<{ readonly client: Socket; readonly server: Socket; readonly webSocket: WebSocket }> {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const client = connect((listener.address() as { port: number }).port, '127.0.0.1');
  client.on('error', () => undefined);
  const [server] = (await once(listener, 'connection')) as [Socket];
  t.after(() => {
    client.destroy();
    server.destroy();
    listener.close();
  });
  const request = {
    method: 'GET',
    headers: { upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' },
    takeOver: () => ({ socket: server, head: Buffer.alloc(0) }),
  } as unknown as ServerRequest;
  const response = { writeHead: () => undefined } as unknown as ServerResponse;
  return { client, server, webSocket: acceptWebSocket(request, response, { protocol: undefined, closeTimeoutMs: 1000 }) };
}

/** A frame as clients send it: masked, with a mask that changes nothing. */
const frame = (first: number, payload: Buffer) =>
  Buffer.concat([Buffer.from([first, 0x80 | payload.length, 0, 0, 0, 0]), payload]);

test('answers to pings that nobody reads are not kept without an end', async (t) => {
  const { client, webSocket } = await accepted(t);
  const pings = Buffer.concat(Array.from({ length: 1000 }, () => frame(0x89, Buffer.alloc(125))));
  let isClosed = false;
  webSocket.once('close', () => {
    isClosed = true;
  });
  for (let sent = 0; sent < 400 && !isClosed; sent++) await new Promise((resolve) => client.write(pings, resolve));
  assert.ok(isClosed, `${webSocket.bufferedAmount} bytes wait`);
});

test('a ping is answered', async (t) => {
  const { client } = await accepted(t);
  client.write(frame(0x89, Buffer.from('hello')));
  const [pong] = (await once(client, 'data')) as [Buffer];
  assert.equal(pong.toString('latin1'), '\x8a\x05hello');
});

test('a message in ever so many pieces is refused', async (t) => {
  const { client, webSocket } = await accepted(t);
  client.resume();
  const closed = new Promise((resolve) => webSocket.once('close', resolve));
  const piece = frame(0x00, Buffer.from('x'));
  client.write(frame(0x02, Buffer.from('x')));
  client.write(Buffer.concat(Array(20_000).fill(piece)));
  client.end(frame(0x80, Buffer.from('x')));
  webSocket.on('message', () => assert.fail('it was taken'));
  await closed;
});
