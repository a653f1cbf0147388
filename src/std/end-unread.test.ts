import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { endUnread } from './end-unread.ts';

const ANSWER = Buffer.alloc(3_000_000, 'a');

test('an answer comes whole, however large, whether its request was whole or not; then half of a request ends', async (t) => {
  const server = createServer();
  t.after(() => server.close());
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.respond({ ':status': 200 });
    stream.once('finish', () => endUnread(stream));
    stream.end(ANSWER);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  t.after(() => client.destroy());
  for (const method of ['GET', 'POST', 'whole POST']) {
    const stream = client.request({ ':method': method.split(' ').at(-1)! }, { endStream: method === 'GET' });
    if (method !== 'GET') stream.write('half');
    if (method === 'whole POST') stream.end();
    let [bytes, ended] = [0, false];
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    stream.on('end', () => {
      ended = true;
    });
    await once(stream, 'close');
    assert.deepEqual({ method, bytes, ended }, { method, bytes: ANSWER.length, ended: true });
  }
});
