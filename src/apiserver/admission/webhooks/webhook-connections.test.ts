import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { test } from 'node:test';
import { createServer } from 'node:tls';
import { createAuthority } from '../../../pki/authority.ts';
import { WebhookConnections } from './webhook-connections.ts';

test('a webhook that changes protocols instead of answering has refused, and nobody waits for it', async (t) => {
  const now = Date.now();
  const authority = await createAuthority({
    commonName: 'localhost',
    notBeforeMs: now - 60_000,
    notAfterMs: now + 3_600_000,
  });
  const server = createServer({ cert: authority.certificatePem, key: authority.privateKeyPem }, (socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.write('HTTP/1.1 101 x\r\nUpgrade: y\r\nConnection: Upgrade\r\n\r\n'));
    t.after(() => socket.destroy());
  });
  server.listen(0, 'localhost');
  await once(server, 'listening');
  t.after(() => server.close());
  const connections = new WebhookConnections(() => assert.fail('no Service'));
  const client = {
    url: `https://localhost:${(server.address() as AddressInfo).port}/`,
    caBundle: Buffer.from(authority.certificatePem).toString('base64'),
  };
  await assert.rejects(connections.ask({ client, body: '{}', timeoutMs: 5000 }), /\b101\b/);
});

test('a question that meets a connection which the webhook has given up is asked on another one', async (t) => {
  const now = Date.now();
  const authority = await createAuthority({ commonName: 'localhost', notBeforeMs: now - 60_000, notAfterMs: now + 3_600_000 });
  const asked = new WeakSet<Socket>();
  let connections = 0;
  const server = createHttpsServer({ cert: authority.certificatePem, key: authority.privateKeyPem }, (request, response) => {
    // Gone as the second question comes.
    if (asked.has(request.socket)) {
      request.socket.destroy();
      return;
    }
    asked.add(request.socket);
    connections++;
    response.end('{}');
  });
  server.listen(0, 'localhost');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const questions = new WebhookConnections(() => assert.fail('no Service'));
  const client = {
    url: `https://localhost:${(server.address() as AddressInfo).port}/`,
    caBundle: Buffer.from(authority.certificatePem).toString('base64'),
  };
  for (let i = 0; i < 3; i++) assert.deepEqual(await questions.ask({ client, body: '{}', timeoutMs: 30_000 }), {});
  assert.equal(connections, 3);
});
