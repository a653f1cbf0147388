/** Claims of pods' own volumes, claims that grow, and ranges of Service addresses: what small controllers do, with their own rights. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { V1PersistentVolume, V1PersistentVolumeClaim, V1ServiceCIDR } from '../../src/api/gen/types.ts';
import { until } from '../harness/until.ts';
import { kubectlSession } from './kubectl-session.ts';
import { useUpCluster } from './up-cluster.ts';

const cluster = useUpCluster('--nodes', '1');
const { run, json } = kubectlSession(cluster, '1.35', 'default');
const claimOf = (name: string) => json<V1PersistentVolumeClaim>(`get pvc ${name}`);
const spec = { accessModes: ['ReadWriteOnce'], storageClassName: 'grows', resources: { requests: { storage: '1Gi' } } };

describe('claims', () => {
  test('of a pod’s own volume come and go with it', async () => {
    await run('create -f -', {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name: 'grows' },
      provisioner: 'muster.dev/host-path',
      allowVolumeExpansion: true,
    });
    const volumes = [{ name: 'scratch', ephemeral: { volumeClaimTemplate: { spec } } }];
    const containers = [{ name: 'main', image: 'nginx' }];
    await run('create -f -', { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'own' }, spec: { volumes, containers } });
    const claim = await until('there is a claim', () => claimOf('own-scratch'));
    assert.equal(claim.metadata?.ownerReferences?.[0]?.name, 'own');
    await until('it is bound', async () => (await claimOf('own-scratch')).status?.phase === 'Bound');
    await run('delete pod own');
    await until('it is gone', async () => (await run('get pvc -o name')) === '');
  });

  test('grow with what they ask for', async () => {
    await run('create -f -', { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'data' }, spec });
    await until('it is bound', async () => (await claimOf('data')).status?.phase === 'Bound');
    await run(['patch', 'pvc', 'data', '--type=merge', '-p', '{"spec":{"resources":{"requests":{"storage":"2Gi"}}}}']);
    await until('it has grown', async () => (await claimOf('data')).status?.capacity?.['storage'] === '2Gi');
    const volume = await json<V1PersistentVolume>(`get pv ${(await claimOf('data')).spec?.volumeName}`);
    assert.equal(volume.spec?.capacity?.['storage'], '2Gi');
    await until('it is told', async () => /VolumeResizeSuccessful/.test(await run('describe pvc data')));
  });

  test('that name no class get a volume of the default one, now or when there is one, and it goes with them', async () => {
    const { storageClassName: _, ...plain } = spec;
    const claim = (name: string) => ({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name }, spec: plain });
    const setDefault = (value: string) =>
      run(`annotate sc standard --overwrite storageclass.kubernetes.io/is-default-class=${value}`);
    await run('create -f -', claim('plain'));
    const bound = await until('it is bound', async () => {
      const found = await claimOf('plain');
      return found.status?.phase === 'Bound' && found;
    });
    assert.equal(bound.spec?.storageClassName, 'standard');
    await setDefault('false');
    await run('create -f -', claim('early'));
    await until('it is told', async () => /no storage class is set/.test(await run('describe pvc early')));
    assert.equal((await claimOf('early')).spec?.storageClassName, undefined);
    await setDefault('true');
    await until('it is bound as well', async () => (await claimOf('early')).status?.phase === 'Bound');
    await run('delete pvc plain early');
    await until(
      'their volumes are gone',
      async () => !/ (plain|early)$/m.test(await run('get pv -o custom-columns=N:.metadata.name,C:.spec.claimRef.name')),
    );
  });

  test('ranges of Service addresses are Ready, and go when nobody uses them', async () => {
    const range = (name: string) => json<V1ServiceCIDR>(`get servicecidr ${name}`);
    await run('create -f -', {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'ServiceCIDR',
      metadata: { name: 'more' },
      spec: { cidrs: ['10.200.0.0/24'] },
    });
    await until('it is Ready', async () => (await range('more')).status?.conditions?.[0]?.status === 'True');
    for (const name of ['more', 'kubernetes'])
      assert.deepEqual((await range(name)).metadata?.finalizers, ['networking.k8s.io/service-cidr-finalizer']);
    await run('delete servicecidr more --timeout=90s');
  });
});
