import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type EtcdCluster, startEtcd } from '../harness/etcd.ts';
import { until } from '../harness/until.ts';
import { type ApiserverProcess, openApiserverProcess } from './apiserver-process.ts';

/** `muster kube-apiserver` on a real etcd, as the runbooks run it. */
describe('an API server whose store is an etcd', () => {
  let etcd: EtcdCluster;
  let server: ApiserverProcess;
  before(async () => {
    etcd = await startEtcd();
    server = await openApiserverProcess();
    await server.start(...etcd.flags, '--etcd-compaction-interval=1s', '--etcd-db-metric-poll-interval=1s');
  });
  after(async () => {
    await server?.[Symbol.asyncDispose]();
    await etcd?.[Symbol.asyncDispose]();
  });
  const keys = async (prefix = '/registry') =>
    (await etcd.etcdctl(['get', prefix, '--prefix', '--keys-only'])).split('\n').filter((line) => line !== '');

  test('API-05 API-06 API-07 API-31 ETCD-02 ETCD-03 over TLS with a client certificate, objects lie below /registry where upstream puts them, as JSON that it reads', async () => {
    await server.kubectl.run(['create', 'configmap', 'c', '--from-literal=a=1']);
    await server.kubectl.run(['create', 'service', 'clusterip', 's', '--tcp=80']);
    const found = await keys();
    for (const key of [
      '/registry/namespaces/default',
      '/registry/configmaps/default/c',
      '/registry/services/specs/default/s',
      '/registry/services/specs/default/kubernetes',
      '/registry/services/endpoints/default/kubernetes',
      '/registry/endpointslices/default/kubernetes',
      '/registry/clusterroles/cluster-admin',
      '/registry/apiregistration.k8s.io/apiservices/v1.apps',
      '/registry/masterleases/127.0.0.1',
      '/registry/priorityclasses/system-node-critical',
    ])
      assert.ok(found.includes(key), `${key} is not among\n${found.join('\n')}`);
    const object = JSON.parse(await etcd.etcdctl(['get', '/registry/configmaps/default/c', '--print-value-only']));
    assert.deepEqual([object.apiVersion, object.kind, object.metadata.name, object.data], ['v1', 'ConfigMap', 'c', { a: '1' }]);
    assert.equal(object.metadata.resourceVersion, undefined);
  });

  test('CHK-01 kubectl get componentstatuses has a row for the member, in its own words', async () => {
    const rows = await until('the member is healthy', async () => {
      const text = await server.kubectl.run(['get', 'componentstatuses']);
      return /etcd-0 +Healthy/.test(text) && text;
    });
    assert.match(rows, /etcd-0 +Healthy +\{"health": ?"true"\}/);
  });

  test('what is written to etcd by somebody else is seen, and what is deleted there is gone', async () => {
    const value = JSON.stringify({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'foreign', namespace: 'default', uid: 'u' },
    });
    await etcd.etcdctl(['put', '/registry/configmaps/default/foreign', value]);
    await until('it is there', () => server.kubectl.run(['get', 'configmap', 'foreign']));
    await etcd.etcdctl(['del', '/registry/configmaps/default/foreign']);
    await until('it is gone', async () => !(await server.kubectl.run(['get', 'configmaps'])).includes('foreign'));
  });

  test('events end by leases of etcd', async () => {
    const leases = async () =>
      (await etcd.etcdctl(['lease', 'list'])).split('\n').filter((line) => /^[0-9a-f]+$/.test(line.trim()));
    const before = (await leases()).length;
    await server.kubectl.run(['create', '-f', '-'], {
      input: JSON.stringify({
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { name: 'e', namespace: 'default' },
        involvedObject: { kind: 'Pod', name: 'p', namespace: 'default' },
        reason: 'Test',
        type: 'Normal',
      }),
    });
    assert.equal((await leases()).length, before + 1);
    assert.match(await etcd.etcdctl(['get', '/registry/events/default/e', '-w', 'json']), /"lease":\d+/);
  });

  test('the server compacts etcd as upstream’s do, and says how large it is', async () => {
    await until(
      'history was forgotten',
      async () => Number(await etcd.etcdctl(['get', 'compact_rev_key', '--print-value-only'])) > 1,
    );
    const { stderr } = await etcd.tryEtcdctl(['get', '/registry/namespaces/default', '--rev=1']);
    assert.match(stderr, /required revision has been compacted/);
    await until('its size is told', async () =>
      /^apiserver_storage_size_bytes\{storage_cluster_id="etcd-0"\} [1-9]/m.test(
        await server.kubectl.run(['get', '--raw', '/metrics']),
      ),
    );
  });

  test('without etcd the server is not ready, and it is again when etcd is', async () => {
    const [member] = etcd.members;
    await member!.kill();
    assert.match((await server.send('/readyz?verbose')).text, /\[-\]etcd failed/);
    member!.start();
    await etcd.ready();
    await until('the server is ready', async () => (await server.send('/readyz')).status === 200);
    await server.kubectl.run(['create', 'configmap', 'after', '--from-literal=a=1']);
  });

  test('Secrets are encrypted in etcd when the server is told to, and read again after a restart', async () => {
    const file = await server.write('encryption.yaml', {
      apiVersion: 'apiserver.config.k8s.io/v1',
      kind: 'EncryptionConfiguration',
      resources: [
        {
          resources: ['secrets'],
          providers: [{ aescbc: { keys: [{ name: 'key1', secret: Buffer.alloc(32, 7).toString('base64') }] } }, { identity: {} }],
        },
      ],
    });
    await server.stop();
    await server.start(...etcd.flags, `--encryption-provider-config=${file}`);
    await server.kubectl.run(['create', 'secret', 'generic', 'sealed', '--from-literal=word=open-sesame']);
    const stored = await etcd.etcdctl(['get', '/registry/secrets/default/sealed', '--print-value-only']);
    assert.match(stored, /^k8s:enc:aescbc:v1:key1:/);
    assert.doesNotMatch(stored, /sesame/);
    await server.stop();
    await server.start(...etcd.flags, `--encryption-provider-config=${file}`);
    const word = await server.kubectl.run(['get', 'secret', 'sealed', '-o', 'jsonpath={.data.word}']);
    assert.equal(Buffer.from(word, 'base64').toString(), 'open-sesame');
    assert.equal(await server.kubectl.run(['get', 'configmap', 'c', '-o', 'jsonpath={.data.a}']), '1');
  });

  test('a server that ends takes its address out of the Service kubernetes', async () => {
    await server.stop();
    assert.ok(!(await keys()).includes('/registry/masterleases/127.0.0.1'));
    const endpoints = await etcd.etcdctl(['get', '/registry/services/endpoints/default/kubernetes', '--print-value-only']);
    assert.deepEqual(JSON.parse(endpoints).subsets ?? [], []);
  });
});

describe('an etcd that changes below an API server', () => {
  let etcd: EtcdCluster;
  let server: ApiserverProcess;
  before(async () => {
    etcd = await startEtcd({ flags: ['--quota-backend-bytes=6000000'] });
    server = await openApiserverProcess();
    await server.start(...etcd.flags, '--etcd-compaction-interval=0', '--etcd-prefix=/elsewhere');
  });
  after(async () => {
    await server?.[Symbol.asyncDispose]();
    await etcd?.[Symbol.asyncDispose]();
  });

  test('a database that is full takes no writes, serves reads and deletions, and takes writes again when there is room', async () => {
    const large = (name: string) =>
      JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { d: 'x'.repeat(900_000) } });
    let refused = '';
    for (let i = 0; i < 20 && refused === ''; i++) {
      const { status, stderr } = await server.kubectl.try(['create', '-f', '-'], { input: large(`large-${i}`) });
      if (status !== 0) refused = stderr;
    }
    assert.match(refused, /database space exceeded/);
    assert.match(await server.kubectl.run(['get', 'configmaps']), /large-0/);
    assert.match(await etcd.etcdctl(['get', '/elsewhere/configmaps/default/large-0', '--keys-only']), /large-0/, 'API-34');
    await server.kubectl.run(['delete', 'configmaps', '--all']);
    const revision = JSON.parse(await etcd.etcdctl(['get', 'x', '-w', 'json'])).header.revision;
    await etcd.etcdctl(['compact', String(revision), '--physical']);
    await etcd.etcdctl(['defrag']);
    await etcd.etcdctl(['alarm', 'disarm']);
    await until('writes go on', () => server.kubectl.run(['create', 'configmap', 'small']));
  });

  test('an etcd that lost its data is noticed: what was in it is not served from a memory of it', async () => {
    const [member] = etcd.members;
    await member!.kill();
    await member!.wipe();
    member!.start();
    await etcd.ready();
    await until('the server says that it is not well', async () => (await server.send('/readyz')).status === 500);
    const { status, stderr } = await server.kubectl.try(['get', 'configmap', 'small']);
    assert.equal(status, 1);
    assert.match(stderr, /etcd went back from revision \d+ to \d+/);
    await server.stop();
    await server.start(...etcd.flags);
    assert.match((await server.kubectl.try(['get', 'configmap', 'small'])).stderr, /not found/);
  });
});
