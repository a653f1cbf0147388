import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { startEtcd } from '../harness/etcd.ts';
import { kubectl } from '../harness/kubectl.ts';
import { musterHome } from '../harness/muster.ts';
import { runOrFail } from '../harness/run-command.ts';
import { until } from '../harness/until.ts';
import { openApiserverProcess } from './apiserver-process.ts';

test('OPS-01 a cluster that was lost whole comes back from its sealed backup, made while it ran', async () => {
  await using home = await musterHome();
  const file = (name: string) => `${home.path}/${name}`;
  await writeFile(file('key'), randomBytes(32).toString('base64'), { mode: 0o600 });
  const { kubeconfig } = await home.up('--nodes', '2');
  const client = kubectl('1.35', kubeconfig, home.path);
  await client.run('create configmap kept --from-literal=a=1');
  await client.run('create secret generic word --from-literal=word=open-sesame');
  const authority = await readFile(`${home.path}/muster/clusters/muster/pki/ca.crt`, 'utf8');
  assert.match(await home.run(['backup', file('backup'), '--key-file', file('key')]), /Kept cluster "muster" in .*, sealed/);
  await client.run('create configmap later --from-literal=a=1');
  assert.equal((await stat(file('backup'))).mode & 0o777, 0o600);
  const bytes = await readFile(file('backup'));
  assert.ok(!bytes.includes('sesame') && !bytes.includes('PRIVATE KEY'));
  assert.equal((await home.try(['backup', file('backup')])).status, 1, 'a backup is not written over');
  assert.match(
    (await home.try(['restore', file('backup'), '--key-file', file('key')])).stderr,
    /there is a cluster "muster" already/,
  );

  await home.run(['down']);
  assert.match((await home.try(['restore', file('backup')])).stderr, /is sealed: give the key/);
  await writeFile(file('other'), randomBytes(32), { mode: 0o600 });
  assert.match((await home.try(['restore', file('backup'), '--key-file', file('other')])).stderr, /the key is not the one/);
  await writeFile(file('cut'), bytes.subarray(0, bytes.length - 100));
  assert.match((await home.try(['restore', file('cut'), '--key-file', file('key')])).stderr, /damaged|too early/);

  assert.match(await home.run(['restore', file('backup'), '--key-file', file('key')]), /"muster up --name muster" starts it/);
  await home.up();
  assert.equal(await client.run('get configmap kept -o jsonpath={.data.a}'), '1');
  assert.match((await client.try('get configmap later')).stderr, /not found/);
  const word = await client.run('get secret word -o jsonpath={.data.word}');
  assert.equal(Buffer.from(word, 'base64').toString(), 'open-sesame');
  assert.equal(await readFile(`${home.path}/muster/clusters/muster/pki/ca.crt`, 'utf8'), authority);
  const { items } = await client.json<{ items: { metadata: { name: string } }[] }>('get nodes');
  assert.equal(items.length, 2);
  await client.run('wait --for=condition=Ready node --all --timeout=60s');
  await client.run('create configmap after --from-literal=a=1');
});

test('OPS-01 an etcd of three members that was lost whole comes back with the certificates beside it', async () => {
  await using home = await musterHome();
  await using etcd = await startEtcd({ members: 3 });
  await using server = await openApiserverProcess();
  const pki = server.file('pki');
  await mkdir(pki);
  await writeFile(`${pki}/ca.key`, 'a private key', { mode: 0o600 });
  await server.start(...etcd.flags);
  for (let i = 0; i < 20; i++) await server.kubectl.run(`create configmap kept-${i} --from-literal=i=${i}`);
  const backup = `${home.path}/etcd.backup`;
  assert.match(await home.run(['backup', backup, ...etcd.flags, '--include', pki]), /Kept etcd .*: 2 files\n.*private keys/);
  await server.kubectl.run('create configmap later --from-literal=a=1');

  await server.stop();
  await etcd.stop();
  for (const member of etcd.members) await member.wipe();
  await rm(pki, { recursive: true });

  const to = `${home.path}/restored`;
  assert.match((await home.try(['restore', backup])).stderr, /--to DIR/);
  assert.match(await home.run(['restore', backup, '--to', to]), /etcdctl snapshot restore/);
  assert.equal(await readFile(`${to}/files${pki}/ca.key`, 'utf8'), 'a private key');
  assert.equal((await stat(`${to}/files${pki}/ca.key`)).mode & 0o777, 0o600);
  const initialCluster = etcd.members.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(',');
  for (const { name, peerUrl, dataDirectory } of etcd.members)
    await runOrFail(
      '/usr/bin/etcdctl',
      [
        ...['snapshot', 'restore', `${to}/etcd-snapshot.db`, `--name=${name}`, `--data-dir=${dataDirectory}`],
        ...[`--initial-cluster=${initialCluster}`, `--initial-advertise-peer-urls=${peerUrl}`],
      ],
      { env: { ETCDCTL_API: '3' } },
    );
  for (const member of etcd.members) member.start();
  await etcd.ready();
  await server.start(...etcd.flags);
  for (let i = 0; i < 20; i++) assert.equal(await server.kubectl.run(`get configmap kept-${i} -o jsonpath={.data.i}`), String(i));
  assert.match((await server.kubectl.try('get configmap later')).stderr, /not found/);
  await until('writes go on', () => server.kubectl.run('create configmap after --from-literal=a=1'));
});

test('a snapshot cannot be had from an etcd that does not let one in, and nothing is left of the attempt', async () => {
  await using home = await musterHome();
  await using etcd = await startEtcd();
  const target = `${home.path}/backup`;
  const { status, stderr } = await home.try(['backup', target, `--etcd-servers=${etcd.servers}`, `--etcd-cafile=${etcd.caFile}`]);
  assert.equal(status, 1);
  assert.match(stderr, /Snapshot of https:/);
  await assert.rejects(stat(target), { code: 'ENOENT' });
});
