import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { createHttp2Connection } from './http2-connection.ts';
import { startTestServer } from './test-tls-server.ts';
import { connectTls } from './tls-connect.ts';

test('a connection that is ended as soon as it is there ends nothing else', async (t) => {
  const server = await startTestServer(t, { handler: (_request, response) => response.end('ok') });
  const target = { server: server.url, caPem: server.authority.certificatePem, connectTimeoutMs: 60_000 };
  const socket = await connectTls(target, {}, ['h2']);
  const closed = Promise.withResolvers<void>();
  const connection = createHttp2Connection({ server: server.url, socket, onClose: closed.resolve });
  connection.destroy();
  await closed.promise;
  // What is told of it late is heard by now.
  await setImmediate();
  assert.equal(connection.usable, false);
});
