import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startEtcd } from '../harness/etcd.ts';
import { kubectl } from '../harness/kubectl.ts';
import { musterHome } from '../harness/muster.ts';

test('a local cluster keeps its objects in an etcd, remembers that, and does not take over another one’s', async () => {
  await using etcd = await startEtcd();
  await using home = await musterHome();
  const files = [`--etcd-cafile=${etcd.caFile}`, `--etcd-certfile=${etcd.certificateFile}`, `--etcd-keyfile=${etcd.keyFile}`];
  const { kubeconfig } = await home.up('--store', `etcd=${etcd.servers}`, ...files, '--nodes', '1');
  const client = kubectl('1.35', kubeconfig, home.path);
  await client.run('create configmap kept --from-literal=a=1');
  assert.match(await etcd.etcdctl(['get', '/registry/', '--prefix', '--keys-only']), /^\/registry\/configmaps\/default\/kept$/m);
  assert.match(await home.run(['status']), new RegExp(`etcd=${etcd.servers}`));

  await home.run(['down', '--keep-data']);
  await home.up();
  assert.equal(await client.run('get configmap kept -o jsonpath={.data.a}'), '1');
  await client.run('wait --for=condition=Ready node --all --timeout=60s');
  await home.run(['down', '--keep-data']);
  assert.match((await home.try(['up', '--store', 'sqlite'])).stderr, /is kept in etcd=/);

  assert.match(await home.run(['down']), /Its objects stay in the etcd/);
  const refused = await home.try(['up', '--store', `etcd=${etcd.servers}`, ...files]);
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /holds a cluster already/);
  await etcd.etcdctl(['del', '/registry/', '--prefix']);
  await home.up('--store', `etcd=${etcd.servers}`, ...files, '--nodes', '0');
});

test('what is no etcd, or none that lets one in, is told in one line', async () => {
  await using home = await musterHome();
  const noUrl = await home.try(['up', '--store', 'etcd=localhost']);
  assert.deepEqual([noUrl.status, noUrl.stderr.trim().split('\n').length], [2, 1]);
  assert.match(noUrl.stderr, /"localhost" is no URL of an etcd member/);
  await using etcd = await startEtcd();
  const stranger = await home.try(['up', '--store', `etcd=${etcd.servers}`, '--etcd-cafile', etcd.caFile]);
  assert.equal(stranger.status, 1);
  assert.match(stranger.stderr, /the etcd at https:.* cannot be used/);
});
