import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { certificateSigningRequestKind } from '../../src/api/certificates/v1/certificate-signing-request.ts';
import { nodeKind } from '../../src/api/core/v1/node.ts';
import type { V1CertificateSigningRequest, V1Node } from '../../src/api/gen/types.ts';
import { startCluster } from '../../src/cluster/start-cluster.ts';
import { freePort } from '../harness/free-port.ts';
import { runCommand } from '../harness/run-command.ts';
import { temporaryDirectory } from '../harness/temporary-directory.ts';
import { until } from '../harness/until.ts';

test('clusters run side by side in one process, and closing them leaves no handle behind', async () => {
  const before = process.getActiveResourcesInfo().filter((name) => name !== 'Timeout').length;
  {
    await using one = await startCluster({ nodes: 2 });
    await using two = await startCluster({ nodes: 1, name: 'other' });
    assert.notEqual(one.server, two.server);
    const nodes = await one.client().resource<V1Node>(nodeKind).list();
    assert.deepEqual(nodes.items.map((node) => node.metadata?.name).sort(), ['node-1', 'node-2']);
    const added = await one.addNode();
    assert.equal(added.name, 'node-3');
    await one.close();
    await one.close();
    assert.equal((await two.client().resource<V1Node>(nodeKind).list()).items.length, 1);
  }
  await until(
    'sockets and servers are closed',
    () => process.getActiveResourcesInfo().filter((name) => name !== 'Timeout').length <= before,
  );
});

test('a program that used clusters ends by itself, and finds no file of theirs left', async () => {
  await using directory = await temporaryDirectory();
  const entry = resolve(import.meta.dirname, '../../src/cluster/start-cluster.ts');
  const program = `
    import { startCluster } from ${JSON.stringify(pathToFileURL(entry).href)};
    {
      await using one = await startCluster({ nodes: 2 });
      await using two = await startCluster({ nodes: 1 });
      await one.client().raw({ path: '/version' });
      console.log(one.server !== two.server, one.nodes.length + two.nodes.length);
    }
    console.log('closed');
  `;
  const result = await runCommand(process.execPath, ['--input-type=module', '-e', program], {
    env: { TMPDIR: directory.path, HOME: directory.path },
    timeoutMs: 30_000,
  });
  assert.equal(result.status, 0, result.stderr);
  assert.equal(result.stdout, 'true 3\nclosed\n');
  assert.deepEqual(readdirSync(directory.path), []);
});

test('every node went through bootstrap over HTTPS, and serves with the certificate that it was issued', async () => {
  await using cluster = await startCluster({ nodes: 2 });
  const requests = cluster.client().resource<V1CertificateSigningRequest>(certificateSigningRequestKind);
  await until('every serving request is issued', async () => {
    const { items } = await requests.list();
    const serving = items.filter((csr) => csr.spec.signerName === 'kubernetes.io/kubelet-serving');
    return serving.length === 2 && serving.every((csr) => csr.status?.certificate);
  });
  const { items } = await requests.list();
  const client = items.filter((csr) => csr.spec.signerName === 'kubernetes.io/kube-apiserver-client-kubelet');
  assert.equal(client.length, 2);
  for (const csr of client) assert.match(csr.spec.username ?? '', /^system:bootstrap:[a-z0-9]{6}$/);
});

test('a kept cluster comes back with the same authority and nodes, and no node asks for a new client certificate', async () => {
  await using directory = await temporaryDirectory();
  const names = async (cluster: Awaited<ReturnType<typeof startCluster>>) =>
    (await cluster.client().resource<V1CertificateSigningRequest>(certificateSigningRequestKind).list()).items
      .filter((csr) => csr.spec.signerName === 'kubernetes.io/kube-apiserver-client-kubelet')
      .map((csr) => csr.metadata?.name)
      .sort();
  const first = await startCluster({ nodes: 2, dataDir: directory.file('data'), port: await freePort() });
  const [csrs, server, kubeconfig] = [await names(first), first.server, first.kubeconfig];
  await assert.rejects(startCluster({ dataDir: directory.file('data') }), { code: 'DATA_LOCKED' });
  await first.close();
  await using second = await startCluster({ dataDir: directory.file('data') });
  assert.equal(second.server, server);
  assert.equal(second.nodes.length, 2);
  assert.deepEqual(await names(second), csrs);
  const authority = /certificate-authority-data: (\S+)/;
  assert.equal(authority.exec(second.kubeconfig)?.[1], authority.exec(kubeconfig)?.[1]);
});

test('a node can stop and start again with the identity that it had', async () => {
  await using cluster = await startCluster({ nodes: 1 });
  const [node] = cluster.nodes;
  await node!.stop();
  await node!.stop();
  await node!.start();
  const { items } = await cluster.client().resource<V1CertificateSigningRequest>(certificateSigningRequestKind).list();
  assert.equal(items.filter((csr) => csr.spec.signerName === 'kubernetes.io/kube-apiserver-client-kubelet').length, 1);
});

test('a start that fails says why and cleans up', async () => {
  await using blocker = await startCluster({ nodes: 0 });
  const port = Number(new URL(blocker.server).port);
  await using directory = await temporaryDirectory();
  await assert.rejects(startCluster({ port, dataDir: directory.file('data') }), {
    code: 'PORT_TAKEN',
    message: new RegExp(`port ${port} is taken`),
  });
  // The lock was given back.
  await (await startCluster({ nodes: 0, port: await freePort(), dataDir: directory.file('data') })).close();
  assert.ok(existsSync(directory.file('data', 'cluster.json')));
});
