import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { createServer } from 'node:tls';
import { createClient } from '../../client/create-client.ts';
import type { Transport } from '../../client/transport/transport.ts';
import { createAuthority } from '../../pki/authority.ts';
import { generatePrivateKey } from '../../pki/keys.ts';
import { readPublicParts } from './public-parts.ts';

const HOUR_MS = 3_600_000;

test('of a live cluster Nodes are listed and handshakes made, and nothing else is asked for: no Secret, no key, no configuration', async () => {
  const nowMs = Math.floor(Date.now() / 1000) * 1000;
  const dates = { notBeforeMs: nowMs - HOUR_MS, notAfterMs: nowMs + 100 * HOUR_MS };
  const authority = await createAuthority({ commonName: 'kubernetes', ...dates });
  const key = await generatePrivateKey();
  const cert = await authority.issue({
    ...{ publicKeyDer: key.publicKeyDer, commonName: 'system:node:a', organizations: ['system:nodes'] },
    ...{ dnsNames: [], ipAddresses: ['127.0.0.1'], usages: ['server auth'] },
    ...{ notBeforeMs: nowMs - HOUR_MS, notAfterMs: nowMs + 9 * HOUR_MS },
  });
  let sentByUs = 0;
  const server = createServer({ key: key.pem, cert }, (socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      sentByUs += bytes.length;
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const node = (name: string, address: string, port: number) => ({
    metadata: { name },
    status: { addresses: [{ type: 'InternalIP', address }], daemonEndpoints: { kubeletEndpoint: { Port: port } } },
  });
  const { port } = server.address() as AddressInfo;
  const items = [node('a', '127.0.0.1', port), node('gone', '127.0.0.1', 1), { metadata: { name: 'without-address' } }];
  const asked: string[] = [];
  const transport: Transport = {
    request: async ({ method, path, body }) => {
      asked.push(`${method} ${path.split('?')[0]}${body === undefined ? '' : ' with a body'}`);
      const list = JSON.stringify({ kind: 'NodeList', apiVersion: 'v1', metadata: {}, items });
      const answer = (async function* () {
        yield Buffer.from(list);
      })();
      return { status: 200, headers: { 'content-type': 'application/json' }, body: answer };
    },
    close: () => Promise.resolve(),
  };
  try {
    const parts = await readPublicParts({
      ...{ client: createClient({ transport, userAgent: 'test' }), caPem: authority.certificatePem, nowMs },
      ...{ signal: new AbortController().signal, timeoutMs: 20_000 },
    });
    assert.deepEqual(parts, {
      nodes: ['a', 'gone', 'without-address'],
      certificateLifetimeMs: 10 * HOUR_MS,
      caLifetimeMs: 100 * HOUR_MS,
    });
    assert.deepEqual(asked, ['GET /api/v1/nodes']);
    assert.equal(sentByUs, 0);
  } finally {
    server.close();
  }
});
