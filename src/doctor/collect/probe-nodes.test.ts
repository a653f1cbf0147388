import assert from 'node:assert/strict';
import type { AddressInfo, Server } from 'node:net';
import { createServer as createTcpServer } from 'node:net';
import { test } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import type { V1Node } from '../../api/gen/types.ts';
import type { Client } from '../../client/client.ts';
import type { ResolvedContext } from '../../pki/kubeconfig.ts';
import { systemClock } from '../../std/clock.ts';
import type { NotSeen } from '../observations.ts';
import { probeNodes } from './probe-nodes.ts';

const NOBODY: Pick<Client, 'raw'> = { raw: () => Promise.reject(new Error('not asked here')) };

async function probe(server: Server, timeoutMs: number, raw = NOBODY, notSeen: NotSeen[] = []) {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const node: V1Node = {
      metadata: { name: 'n' },
      status: {
        addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
        daemonEndpoints: { kubeletEndpoint: { Port: (server.address() as AddressInfo).port } },
      },
    };
    const [seen] = await probeNodes(
      [node],
      [],
      {
        client: raw as Client,
        context: {} as ResolvedContext,
        ...{ clock: systemClock, signal: new AbortController().signal, timeoutMs, nodes: true },
      },
      notSeen,
    );
    return seen!.probe!;
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

test('a kubelet without a certificate is told from one that is not there', async () => {
  const ends = await probe(createTlsServer({}), 60_000);
  assert.deepEqual([ends.endsHandshakes, ends.unreachable], [true, 'remote error: tls: handshake failure']);
});

test('one that takes the connection and says nothing is not waited for without end', async () => {
  const server = createTcpServer((socket) => socket.resume().on('error', () => undefined));
  const silent = await probe(server, 50);
  assert.match(silent.unreachable ?? '', /^no answer from 127\.0\.0\.1:\d+ within 50 ms$/);
});

test('a kubelet that the API server reaches and we do not is not looked at, rather than wrong', async () => {
  const notSeen: NotSeen[] = [];
  const raw = { raw: async () => ({ status: 200, headers: {}, text: '{"kubeletconfig":{"rotateCertificates":true}}' }) };
  const silent = createTcpServer((socket) => socket.resume().on('error', () => undefined));
  await probe(silent, 50, raw as Pick<Client, 'raw'>, notSeen);
  assert.deepEqual(
    notSeen.map(({ what }) => what),
    ['serving certificates of kubelets (1 of 1 nodes)'],
  );
  assert.match(notSeen[0]!.why, /^no way from here, where the API server has one: no answer from 127/);
});
