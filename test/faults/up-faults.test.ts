import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import type { V1CertificateSigningRequest } from '../../src/api/gen/types.ts';
import { PROGRAM, startProgram } from '../harness/component-process.ts';
import { kubectl } from '../harness/kubectl.ts';
import { clusterDirectory, musterHome } from '../harness/muster.ts';
import { until } from '../harness/until.ts';

const clientRequests = async (client: ReturnType<typeof kubectl>) =>
  (await client.json<{ items: V1CertificateSigningRequest[] }>('get csr')).items
    .filter((csr) => csr.spec.signerName === 'kubernetes.io/kube-apiserver-client-kubelet')
    .map((csr) => csr.metadata?.name)
    .sort();

test('a killed cluster is whole again after up: same authority, same nodes, no new client request', async () => {
  await using home = await musterHome();
  const first = await home.up('--nodes', '2');
  const client = kubectl('1.35', home.kubeconfig, home.path);
  const before = await clientRequests(client);
  const ca = readFileSync(join(first.dataDir, 'pki', 'ca.crt'), 'utf8');
  for (let round = 0; round < 3; round++) {
    const { pid } = await home.up();
    process.kill(pid, 'SIGKILL');
    const next = await home.up();
    assert.notEqual(next.pid, pid);
    assert.equal(next.server, first.server);
    assert.deepEqual(next.nodes, first.nodes);
  }
  assert.equal(readFileSync(join(first.dataDir, 'pki', 'ca.crt'), 'utf8'), ca);
  assert.deepEqual(await clientRequests(client), before);
});

test('two ups at once end with one cluster that both of them name', async () => {
  await using home = await musterHome();
  const results = await Promise.all([home.up('--nodes', '1'), home.up('--nodes', '1'), home.up('--nodes', '1')]);
  assert.equal(new Set(results.map((result) => result.pid)).size, 1);
  assert.equal(new Set(results.map((result) => result.server)).size, 1);
});

test('downs at once all end well, and a cluster is deleted by one of them', async () => {
  await using home = await musterHome();
  const { dataDir } = await home.up('--nodes', '1');
  const results = await Promise.all(Array.from({ length: 4 }, () => home.try(['down'])));
  for (const { status, stdout, stderr } of results) {
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^(Cluster "muster" is (stopped and )?deleted|There is no cluster "muster")\n$/);
  }
  assert.equal(results.filter(({ stdout }) => stdout.includes('deleted')).length, 1);
  assert.equal(existsSync(dataDir), false);
});

test('a port that is taken is named, and nothing keeps running', async () => {
  await using home = await musterHome();
  const blocker = createServer().listen(0, '127.0.0.1');
  await once(blocker, 'listening');
  const { port } = blocker.address() as { port: number };
  const result = await home.try(['up', '--nodes', '1', '--port', String(port)]);
  assert.equal(result.status, 1);
  assert.match(result.stderr, new RegExp(`^muster up: port ${port} is taken: .*--port\\n$`));
  // There is no cluster yet, and so none is listed; what is somebody else's stays.
  assert.equal(await home.run(['ls']), 'No clusters; "muster up" starts one\n');
  assert.equal(existsSync(clusterDirectory(home)), false);
  const dataDir = join(home.path, 'data');
  mkdirSync(dataDir);
  writeFileSync(join(dataDir, 'notes'), 'mine');
  for (const way of [[], ['--foreground']])
    assert.equal((await home.try(['up', '--port', String(port), '--data-dir', dataDir, ...way])).status, 1);
  assert.deepEqual(readdirSync(dataDir), ['notes']);
  assert.equal(await home.run(['ls']), 'No clusters; "muster up" starts one\n');
  blocker.close();
  await home.up('--nodes', '1', '--port', String(port));
  await home.run(['down', '--keep-data']);
  blocker.listen(port, '127.0.0.1');
  await once(blocker, 'listening');
  assert.equal((await home.try(['up'])).status, 1);
  blocker.close();
  assert.match(await home.run(['ls']), /muster +Stopped/);
  await home.up();
});

test('a cluster whose context cannot be written runs, and is said to; it is deleted though the context cannot be taken out', async () => {
  await using home = await musterHome();
  writeFileSync(home.kubeconfig, 'clusters: [{name: no}');
  const result = await home.try(['up', '--nodes', '0']);
  assert.equal(result.status, 1);
  assert.match(
    result.stderr,
    /^muster up: cluster "muster" runs, but its context cannot be put into \S+\/kubeconfig: .+; name another file by --kubeconfig\n$/,
  );
  assert.match(await home.run(['ls']), /muster +Running/);
  const down = await home.try(['down']);
  assert.equal(down.status, 1);
  assert.equal(down.stdout, 'Cluster "muster" is stopped and deleted\n');
  assert.match(down.stderr, /^muster down: the context "muster" could not be taken out of \S+\/kubeconfig: .+ does it\n$/);
  assert.equal(readFileSync(home.kubeconfig, 'utf8'), 'clusters: [{name: no}');
  assert.match(await home.run(['ls']), /^No clusters/);
});

test('a data directory with a pki of somebody else’s is refused, and stays as it is', async () => {
  await using home = await musterHome();
  const dataDir = join(home.path, 'kubernetes');
  mkdirSync(join(dataDir, 'pki'), { recursive: true });
  writeFileSync(join(dataDir, 'pki', 'ca.crt'), 'theirs');
  const result = await home.try(['up', '--data-dir', dataDir]);
  assert.equal(result.status, 1);
  assert.equal(
    result.stderr,
    `muster up: ${dataDir} is no cluster's directory, and holds a "pki" of somebody else's; choose another one\n`,
  );
  assert.equal(await home.run(['down']), 'There is no cluster "muster"\n');
  assert.deepEqual(readdirSync(dataDir), ['pki']);
});

test('data of another version is refused with what to do', async () => {
  await using home = await musterHome();
  mkdirSync(clusterDirectory(home), { recursive: true });
  writeFileSync(
    join(clusterDirectory(home), 'cluster.json'),
    JSON.stringify({ format: 99, writtenBy: 'muster 9.9.9', name: 'muster', port: 1, nodes: [] }),
  );
  const result = await home.try(['up']);
  assert.equal(result.status, 1);
  assert.match(
    result.stderr,
    /data format 99 \(written by muster 9\.9\.9\).*use the version that wrote it, or another data directory/,
  );
});

test('a process that only has the number of a cluster that is gone is left alone', async () => {
  await using home = await musterHome();
  const stranger = spawn('sleep', ['600'], { stdio: 'ignore' });
  await once(stranger, 'spawn');
  try {
    mkdirSync(clusterDirectory(home), { recursive: true });
    const state = {
      pid: stranger.pid,
      startTime: '1',
      state: 'ready',
      name: 'muster',
      startedAtMs: 0,
      server: 'https://127.0.0.1:1',
      nodes: [],
    };
    writeFileSync(join(clusterDirectory(home), 'process.json'), JSON.stringify(state));
    await home.run(['down']);
    assert.equal(stranger.exitCode, null);
    assert.equal(stranger.signalCode, null);
  } finally {
    stranger.kill('SIGKILL');
  }
});

for (const way of [[], ['--foreground']])
  test(`an up that is interrupted while it starts leaves nothing running: ${['up', ...way].join(' ')}`, async () => {
    await using home = await musterHome();
    const words = [PROGRAM, 'up', '--nodes', '1', '--port', String(await home.portOf()), ...way];
    for (let isReady = true; isReady; ) {
      const up = startProgram(process.execPath, words, { env: home.env });
      const hasBegun = () => existsSync(join(clusterDirectory(home), 'lock')) || up.exitStatus !== undefined;
      await until('it has begun', hasBegun, { intervalMs: 3 });
      up.signal('SIGINT');
      // It may have been ready before that: then once more.
      isReady = (await up.exited) === 0;
      if (isReady) await home.run(['down']);
    }
    assert.equal(await home.run(['ls']), 'No clusters; "muster up" starts one\n');
  });
