import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createAuthority } from '../../pki/authority.ts';
import { generatePrivateKey } from '../../pki/keys.ts';
import { formatKubeconfig } from '../../pki/kubeconfig.ts';
import { transportFromKubeconfig } from '../kubeconfig-client.ts';
import { createAuthorityFile } from './authority-file.ts';

const span = { notBeforeMs: Date.now() - 60_000, notAfterMs: Date.now() + 3_600_000 };

async function authorityAndPair(commonName: string) {
  const authority = await createAuthority({ commonName, ...span });
  const key = await generatePrivateKey();
  const usages = ['digital signature', 'server auth'];
  const certificatePem = await authority.issue({
    ...{ publicKeyDer: key.publicKeyDer, commonName: 'server', ipAddresses: ['127.0.0.1'], usages },
    ...span,
  });
  return { caPem: authority.certificatePem, cert: certificatePem, key: key.pem };
}

test('authorities of a file are those that it holds now; while it holds none, those before', async () => {
  const [old, next] = await Promise.all([authorityAndPair('old'), authorityAndPair('next')]);
  const directory = await mkdtemp(join(tmpdir(), 'authority-'));
  const file = join(directory, 'ca.pem');
  try {
    const ask = createAuthorityFile(file, old.caPem);
    assert.equal(ask(), old.caPem, 'no file');
    for (const text of ['', 'nothing', next.caPem.slice(0, 200)]) {
      await writeFile(file, text);
      assert.equal(ask(), old.caPem);
    }
    await writeFile(file, next.caPem);
    assert.equal(ask(), next.caPem);
    await rm(file);
    assert.equal(ask(), next.caPem);
  } finally {
    await rm(directory, { recursive: true });
  }
});

test("a client follows its kubeconfig's certificate-authority file when the server has a certificate by another", async () => {
  const [old, next] = await Promise.all([authorityAndPair('old'), authorityAndPair('next')]);
  const directory = await mkdtemp(join(tmpdir(), 'authority-'));
  const server = createServer({ cert: old.cert, key: old.key }, (_, response) => response.end('ok'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const file = join(directory, 'ca.pem');
  await writeFile(file, old.caPem);
  await writeFile(
    join(directory, 'kubeconfig'),
    formatKubeconfig({
      clusters: [{ name: 'c', cluster: { server: address, 'certificate-authority': 'ca.pem' } }],
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'c',
      users: [{ name: 'u', user: {} }],
    }),
  );
  const transport = await transportFromKubeconfig(join(directory, 'kubeconfig'));
  try {
    const status = async () => {
      const answer = await transport.request({ method: 'PUT', path: '/', headers: {} });
      for await (const _ of answer.body);
      return answer.status;
    };
    assert.equal(await status(), 200);
    server.setSecureContext({ cert: next.cert, key: next.key });
    await transport.close();
    await assert.rejects(status(), /certificate/);
    await writeFile(file, next.caPem);
    assert.equal(await status(), 200);
  } finally {
    await transport.close({ final: true });
    server.close();
    server.closeAllConnections();
    await rm(directory, { recursive: true });
  }
});
