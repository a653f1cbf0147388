import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type { V1ConfigMap, V1Deployment } from '../../src/api/gen/types.ts';
import { until } from '../harness/until.ts';
import { kubectlSession } from './kubectl-session.ts';
import { useUpCluster } from './up-cluster.ts';

const cluster = useUpCluster('--nodes', '0');

const namespace = 'applied';
const deployment = (replicas: number | undefined, env: Record<string, string> = {}) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: {
    ...(replicas !== undefined && { replicas }),
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: {
        containers: [{ name: 'web', image: 'nginx:1', env: Object.entries(env).map(([name, value]) => ({ name, value })) }],
      },
    },
  },
});
const settings = (data: Record<string, string>) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'settings' },
  data,
});

describe('kubectl apply --server-side', () => {
  const { run, fails, json, try: attempt } = kubectlSession(cluster, '1.35', namespace);
  const apply = (object: object, more = '') => run(`apply --server-side -f - ${more}`.trim(), object);
  const web = () => json<V1Deployment>('get deployment web --show-managed-fields');

  before(async () => {
    await run(`create namespace ${namespace}`);
  });

  test('makes what is not there, changes it, and leaves alone what others own', async () => {
    assert.equal(await apply(deployment(2, { A: '1' })), 'deployment.apps/web serverside-applied\n');
    const [entry] = (await web()).metadata!.managedFields!;
    assert.deepEqual([entry!.manager, entry!.operation, entry!.apiVersion], ['kubectl', 'Apply', 'apps/v1']);
    await run('annotate deployment web note=kept');
    await apply(deployment(3, { A: '2', B: '1' }));
    const changed = await web();
    assert.equal(changed.spec!.replicas, 3);
    assert.equal(changed.metadata!.annotations?.['note'], 'kept');
    assert.deepEqual(changed.spec!.template.spec!.containers[0]!.env, [
      { name: 'A', value: '2' },
      { name: 'B', value: '1' },
    ]);
  });

  test('takes out what is applied no more', async () => {
    await apply(deployment(undefined, { B: '1' }));
    const left = await web();
    assert.equal(left.spec!.replicas, 1, 'the default');
    assert.deepEqual(left.spec!.template.spec!.containers[0]!.env, [{ name: 'B', value: '1' }]);
  });

  test('applied twice, changes nothing', async () => {
    // The controller may write the status of what was applied before in between; in time it has.
    await until('an apply writes nothing', async () => {
      const { resourceVersion } = (await web()).metadata!;
      await apply(deployment(undefined, { B: '1' }));
      return (await web()).metadata!.resourceVersion === resourceVersion;
    });
  });

  test('is stopped by conflicts, which it tells, until it is forced', async () => {
    await apply(deployment(2));
    await run('scale deployment web --replicas=5');
    const told = await fails('apply --server-side -f -', deployment(2));
    assert.match(
      told,
      /Apply failed with 1 conflict: conflict with "kubectl" with subresource "scale" using apps\/v1: \.spec\.replicas\nPlease review the fields above--they currently have other managers\./,
    );
    await apply(deployment(2), '--force-conflicts');
    assert.equal((await web()).spec!.replicas, 2);
    assert.match(
      await fails('apply --server-side --field-manager=other -f -', deployment(9)),
      /conflict with "kubectl": \.spec\.replicas/,
    );
  });

  test('hands managed fields out only when asked for', async () => {
    assert.ok(!(await run('get deployment web -o yaml')).includes('managedFields'));
    assert.match(await run('get deployment web -o yaml --show-managed-fields'), /f:replicas: \{\}/);
  });

  test('shows in a dry run what would be', async () => {
    await apply(deployment(7), '--dry-run=server');
    assert.equal((await web()).spec!.replicas, 2);
    assert.match(
      await fails('apply --server-side -f -', { ...deployment(1), spec: { replica: 1 } }),
      /field not declared in schema/,
    );
  });

  test('shows by diff what would be', async () => {
    const { status, stdout } = await attempt('diff --server-side -f -', deployment(7));
    assert.equal(status, 1);
    assert.match(stdout, /^\+ {2}replicas: 7$/m);
    assert.equal(await run('diff --server-side -f -', deployment(2)), '');
  });

  test('takes over from client-side apply', async () => {
    await run('apply -f -', settings({ a: '1', b: '1' }));
    await apply(settings({ a: '2' }));
    const taken = await json<V1ConfigMap>('get configmap settings --show-managed-fields');
    assert.deepEqual(taken.data, { a: '2' });
    assert.deepEqual(
      taken.metadata!.managedFields!.map(({ manager, operation }) => [manager, operation]),
      [
        // Owns the annotation alone, kubectl's own doing. It changes nothing, so that no time is told of it: it comes first.
        ['kubectl-last-applied', 'Apply'],
        ['kubectl', 'Apply'],
      ],
    );
  });
});
