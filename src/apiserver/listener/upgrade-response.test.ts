import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, connect as dial, type Socket } from 'node:net';
import { test } from 'node:test';
import { UpgradeResponse } from './upgrade-response.ts';

test('a client that was refused another protocol does not keep its connection, whatever it does', async (context) => {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => server.close());
  const client = dial({ port: (server.address() as { port: number }).port, host: '127.0.0.1', allowHalfOpen: true });
  context.after(() => client.destroy());
  const [socket] = (await once(server, 'connection')) as [Socket];
  client.write('what a client sends that waits for no answer');
  let heard = '';
  client.on('data', (chunk) => {
    heard += chunk;
  });
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const response = new UpgradeResponse(socket);
  response.writeHead(403, { 'content-type': 'text/plain' });
  const ended = Promise.all([once(client, 'end'), once(socket, 'finish')]); // and it says nothing of its own end
  response.end('no');
  await ended;
  assert.match(heard, /^HTTP\/1\.1 403 Forbidden\r\nconnection: close\r\n[\s\S]*\r\n\r\nno$/);
  assert.equal(socket.destroyed, false);
  context.mock.timers.tick(5_000);
  assert.equal(socket.destroyed, true);
});
