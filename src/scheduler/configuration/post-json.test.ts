import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { postJson } from './post-json.ts';

test('an extender that changes protocols instead of answering has failed, and nobody waits for it', async (t) => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.write('HTTP/1.1 101 x\r\nUpgrade: y\r\nConnection: Upgrade\r\n\r\n'));
    t.after(() => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/filter`;
  const { signal } = new AbortController();
  await assert.rejects(postJson(url, {}, { timeoutMs: 5000, tls: undefined, signal }), /code 101/);
});
