import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startTimeOf } from '../../src/cli/local/process-identity.ts';
import { freePort } from '../harness/free-port.ts';
import { KUBECTL_VERSIONS, kubectl } from '../harness/kubectl.ts';
import { musterHome } from '../harness/muster.ts';

test('one command starts a cluster whose nodes are Ready, and another one takes all of it away', async () => {
  await using home = await musterHome();
  await writeFile(home.kubeconfig, 'clusters:\n- name: mine\n  cluster:\n    server: https://mine\ncontexts: []\nusers: []\n', {
    mode: 0o600,
  });
  const port = await freePort();
  const up = await home.up('--nodes', '3', '--port', String(port));
  assert.deepEqual(Object.keys(up), ['name', 'server', 'kubeconfig', 'dataDir', 'pid', 'nodes', 'readyMs']);
  assert.equal(up.server, `https://127.0.0.1:${port}`);
  assert.deepEqual(up.nodes, ['node-1', 'node-2', 'node-3']);
  assert.equal(statSync(home.kubeconfig).mode & 0o777, 0o600);
  assert.equal(statSync(up.dataDir).mode & 0o777, 0o700);

  for (const version of KUBECTL_VERSIONS) {
    const client = kubectl(version, home.kubeconfig, home.path);
    const lines = (await client.run('get nodes --no-headers')).trim().split('\n');
    assert.equal(lines.length, 3);
    for (const line of lines) assert.match(line, /^node-\d +Ready +<none> +\S+ +v1\.36\.0$/);
    assert.match(await client.run('get csr'), /kubernetes\.io\/kubelet-serving|system:node:node-1/);
    assert.equal((await client.run('config current-context')).trim(), 'muster');
    assert.match(await client.run('config get-clusters'), /mine/);
  }

  const again = await home.run(['up']);
  assert.match(again, /^Cluster "muster" is running already: 3 nodes$/m);
  const differently = await home.try(['up', '--nodes', '4']);
  assert.equal(differently.status, 1);
  assert.match(differently.stderr, /is running with 3 nodes, not 4/);

  assert.match(await home.run(['ls']), new RegExp(`^muster +Running +${up.server} +3 +${up.pid} `, 'm'));
  const status = await home.run(['status']);
  for (const expected of [/node-1 +Ready +127\./, /node-3 client +system:node:node-3/, /authority +kubernetes/])
    assert.match(status, expected);
  assert.equal(await home.run(['kubeconfig']), readFileSync(join(up.dataDir, 'admin.kubeconfig'), 'utf8'));

  assert.match(await home.run(['down']), /stopped and deleted/);
  assert.ok(!existsSync(up.dataDir));
  assert.equal(startTimeOf(up.pid), undefined);
  const left = readFileSync(home.kubeconfig, 'utf8');
  assert.match(left, /mine/);
  assert.doesNotMatch(left, /muster/);
  assert.match(await home.run(['down']), /There is no cluster "muster"/);
});

test('a stopped cluster comes back as it was', async () => {
  await using home = await musterHome();
  const first = await home.up('--nodes', '2');
  const client = kubectl('1.35', home.kubeconfig, home.path);
  const kept = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'kept' }, data: { a: 'b' } };
  await client.run('create -f -', { input: JSON.stringify(kept) });
  await home.run(['down', '--keep-data']);
  assert.match(await home.run(['ls']), /^muster +Stopped/m);
  const second = await home.up();
  assert.equal(second.server, first.server);
  assert.deepEqual(second.nodes, first.nodes);
  assert.equal((await client.json<{ data: object }>('get configmap kept')).data['a' as never], 'b');
});

test('a cluster can keep its data in a directory that was chosen, and clusters of other names run beside it', async () => {
  await using home = await musterHome();
  const dataDir = join(home.path, 'elsewhere');
  const [one, two] = await Promise.all([
    home.up('--name', 'one', '--nodes', '1', '--data-dir', dataDir),
    home.up('--name', 'two', '--nodes', '1'),
  ]);
  assert.equal(one.dataDir, dataDir);
  assert.notEqual(one.server, two.server);
  assert.equal((await home.run(['ls'])).trim().split('\n').length, 3);
  const conflict = await home.try(['up', '--name', 'one', '--data-dir', join(home.path, 'third')]);
  assert.match(conflict.stderr, /cluster "one" has its data in /);
  await home.run(['down', '--name', 'one']);
  assert.ok(!existsSync(dataDir));
  assert.match(await home.run(['ls']), /^two +Running/m);
  await home.up('--name', 'three', '--nodes', '0');
  assert.equal(
    await home.run(['down', '--all']),
    'Cluster "three" is stopped and deleted\nCluster "two" is stopped and deleted\n',
  );
  assert.equal(await home.run(['down', '--all']), 'There are no clusters\n');
});

test('tokens are made, listed and deleted as by kubeadm', async () => {
  await using home = await musterHome();
  await home.up('--nodes', '0');
  const token = (
    await home.run(['kubeadm', 'token', 'create', '--description', 'for a test', '--groups', 'system:bootstrappers:x'])
  ).trim();
  assert.match(token, /^[a-z0-9]{6}\.[a-z0-9]{16}$/);
  const table = await home.run(['token', 'list']);
  assert.match(table, /^TOKEN +TTL +EXPIRES +USAGES +DESCRIPTION +EXTRA GROUPS$/m);
  assert.match(
    table,
    new RegExp(`^${token.replace('.', '\\.')} +23h +\\S+ +authentication,signing +for a test +system:bootstrappers:x$`, 'm'),
  );
  const taken = await home.try(['token', 'create', token]);
  assert.equal(taken.status, 1);
  assert.match(taken.stderr, new RegExp(`a token with id "${token.slice(0, 6)}" already exists`));
  assert.match(
    await home.run(['token', 'create', '--print-join-command']),
    /^kubeadm join 127\.0\.0\.1:\d+ --token \S+ --discovery-token-ca-cert-hash sha256:[0-9a-f]{64} $/m,
  );
  assert.equal(await home.run(['token', 'delete', token]), `bootstrap token "${token.slice(0, 6)}" deleted\n`);
  assert.match((await home.try(['token', 'delete', token])).stderr, /failed to delete bootstrap token/);
});

test('objects are made by the typed commands of old and new kubectls', async () => {
  await using home = await musterHome();
  await home.up('--nodes', '0');
  for (const version of KUBECTL_VERSIONS) {
    const client = kubectl(version, home.kubeconfig, home.path);
    const name = `made-by-${version.replace('.', '-')}`;
    assert.equal(await client.run(`create configmap ${name} --from-literal=a=b`), `configmap/${name} created\n`);
    assert.equal(await client.run(`create namespace ${name}`), `namespace/${name} created\n`);
  }
});
