import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { startTestServer } from './test-tls-server.ts';
import { type Credentials, connectTls, type TlsTarget } from './tls-connect.ts';

const answer = { handler: (_request: unknown, response: { end(): unknown }) => void response.end() };

/** What `read` says of a connection, which is ended then. */
async function seen<T>(
  target: Omit<TlsTarget, 'connectTimeoutMs'>,
  credentials: Credentials,
  read: (socket: TLSSocket) => T,
): Promise<T> {
  const socket = await connectTls({ ...target, connectTimeoutMs: 30_000 }, credentials, ['h2']);
  try {
    return read(socket);
  } finally {
    socket.destroy();
  }
}

test('the key exchange is the one that was asked for, and else withstands quantum computers', async (t) => {
  const server = await startTestServer(t, answer);
  const target = { server: server.url, caPem: server.authority.certificatePem };
  const groupOf = (socket: TLSSocket) => (socket.getEphemeralKeyInfo() as { name?: string }).name;
  const used: unknown[] = [];
  for (const keyExchange of [undefined, 'P-256', undefined, 'X25519'])
    used.push(await seen({ ...target, keyExchange }, {}, groupOf));
  assert.deepEqual(used, ['X25519MLKEM768', 'prime256v1', 'X25519MLKEM768', 'X25519']);
});

test('what connections share mixes up neither authorities nor who has a certificate', async (t) => {
  const one = await startTestServer(t, answer);
  const other = await startTestServer(t, answer);
  const pair = await one.issueClient('admin');
  const caPem = one.authority.certificatePem;
  const ownCertificate = (socket: TLSSocket) => Buffer.isBuffer((socket.getCertificate() as { raw?: Buffer } | null)?.raw);
  for (let i = 0; i < 2; i++) {
    assert.equal(await seen({ server: one.url, caPem }, {}, ownCertificate), false);
    assert.equal(await seen({ server: one.url, caPem }, pair, ownCertificate), true);
    assert.equal(await seen({ server: other.url, caPem: other.authority.certificatePem }, {}, ownCertificate), false);
    await assert.rejects(seen({ server: other.url, caPem }, {}, ownCertificate), /certificate signed by unknown authority/);
  }
});
