import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { V1ConfigMap, V1Deployment, V1Node } from '../../src/api/gen/types.ts';
import { KUBECTL_VERSIONS } from '../harness/kubectl.ts';
import { until } from '../harness/until.ts';
import { kubectlSession, namespaceFor } from './kubectl-session.ts';
import { useUpCluster } from './up-cluster.ts';

const cluster = useUpCluster('--nodes', '1');

const deployment = (replicas: number, image = 'nginx') => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', labels: { app: 'web' } },
  spec: {
    replicas,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [{ name: 'web', image, env: [{ name: 'A', value: '1' }] }] },
    },
  },
});

for (const version of KUBECTL_VERSIONS)
  describe(`kubectl ${version} writes`, () => {
    const old = version === '1.20';
    const namespace = namespaceFor('writing', version);
    const { run, fails, json, try: attempt } = kubectlSession(cluster, version, namespace);
    const read = async () => json<V1ConfigMap>('get configmap settings');

    test('a namespace and objects with generated names', async () => {
      assert.equal(await run(`create namespace ${namespace}`), `namespace/${namespace} created\n`);
      assert.match(
        await run('create -f -', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { generateName: 'made-' } }),
        /^configmap\/made-[bcdfghjklmnpqrstvwxz2456789]{5} created\n$/,
      );
      assert.equal(await run('create configmap settings --from-literal=a=b'), 'configmap/settings created\n');
      assert.match(await fails('create configmap settings'), /configmaps "settings" already exists$/m);
      assert.match(await fails('create configmap Bad_Name'), /"Bad_Name" is invalid: metadata\.name: Invalid value: "Bad_Name"/);
      assert.match(await fails('create -n nowhere configmap x'), /namespaces "nowhere" not found/);
    });

    test('labels and annotations, with what was there kept unless told otherwise', async () => {
      await run('label configmap settings tier=one');
      assert.match(
        await fails('label configmap settings tier=two'),
        /'tier' already has a value \(one\), and --overwrite is false/,
      );
      await run('label configmap settings tier=two --overwrite');
      assert.deepEqual((await read()).metadata?.labels, { tier: 'two' });
      await run('label configmap settings tier-');
      assert.equal((await read()).metadata?.labels, undefined);
      await run(['annotate', 'configmap', 'settings', 'note=some words']);
      assert.deepEqual((await read()).metadata?.annotations, { note: 'some words' });
      assert.match(await fails('annotate configmap settings other=x --resource-version=1'), /the object has been modified/);
    });

    test('by an editor', async () => {
      assert.equal(
        await run('edit configmap settings', undefined, { EDITOR: 'sed -i s/"a: b"/"a: edited"/' }),
        'configmap/settings edited\n',
      );
      assert.deepEqual((await read()).data, { a: 'edited' });
      assert.match(
        await fails('edit configmap settings', undefined, { EDITOR: 'sed -i s/"name: settings"/"name: other"/' }),
        /name was changed/,
      );
      const unchanged = await attempt('edit configmap settings', undefined, { EDITOR: 'true' });
      assert.match(unchanged.stderr + unchanged.stdout, /Edit cancelled, no changes made/);
    });

    test('a whole object in place of another, unless somebody was quicker', async () => {
      const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings' }, data: { z: '1' } };
      const stale = { ...object, metadata: { name: 'settings', resourceVersion: '1' } };
      assert.match(
        await fails('replace -f -', stale),
        /Operation cannot be fulfilled on configmaps "settings": the object has been modified; please apply your changes to the latest version and try again/,
      );
      assert.equal(await run('replace -f -', object), 'configmap/settings replaced\n');
      assert.deepEqual((await read()).data, { z: '1' });
      assert.match(await fails('replace -f -', { ...object, metadata: { name: 'nobody' } }), /configmaps "nobody" not found/);
    });

    test('a manifest applied, compared and applied again', async () => {
      assert.equal(await run('apply -f -', deployment(2)), 'deployment.apps/web created\n');
      assert.equal(await run('apply -f -', deployment(2)), 'deployment.apps/web unchanged\n');
      assert.equal(await run('diff -f -', deployment(2)), '');
      const difference = await attempt('diff -f -', deployment(3));
      assert.equal(difference.status, 1);
      assert.match(difference.stdout, /^- {2}replicas: 2\n\+ {2}replicas: 3$/m);
      assert.equal((await json<V1Deployment>('get deployment web')).spec?.replicas, 2);

      assert.equal(await run('apply --dry-run=server -f -', deployment(9)), 'deployment.apps/web configured (server dry run)\n');
      assert.equal((await json<V1Deployment>('get deployment web')).spec?.replicas, 2);
      assert.equal(await run('apply -f -', deployment(3)), 'deployment.apps/web configured\n');
      const { metadata, spec } = await json<V1Deployment>('get deployment web');
      assert.equal(spec?.replicas, 3);
      assert.equal(metadata?.generation, 2);
      assert.match(metadata?.annotations?.['kubectl.kubernetes.io/last-applied-configuration'] ?? '', /"replicas":3/);
      // What is gone from the manifest goes from the object.
      const without = deployment(3);
      without.spec.template.spec.containers[0]!.env = [];
      await run('apply -f -', without);
      assert.equal((await json<V1Deployment>('get deployment web')).spec?.template.spec?.containers[0]?.env, undefined);
    });

    test('patches of three kinds', async () => {
      const patch = (type: string, body: unknown) => ['patch', 'deployment', 'web', `--type=${type}`, '-p', JSON.stringify(body)];
      const containers = async () => (await json<V1Deployment>('get deployment web')).spec?.template.spec?.containers ?? [];
      const added = { spec: { template: { spec: { containers: [{ name: 'side', image: 'side' }] } } } };
      assert.equal(await run(patch('strategic', added)), 'deployment.apps/web patched\n');
      assert.deepEqual(
        (await containers()).map(({ name, image }) => [name, image]),
        [
          ['side', 'side'],
          ['web', 'nginx'],
        ],
      );
      // The controller writes the status until the rollout is over, and kubectl takes that for a change of its own.
      await until(
        'a patch makes no change',
        async () => (await run(patch('strategic', added))) === 'deployment.apps/web patched (no change)\n',
      );
      await run(patch('merge', added));
      assert.deepEqual(
        (await containers()).map(({ name }) => name),
        ['side'],
      );
      await run(patch('json', [{ op: 'replace', path: '/spec/template/spec/containers/0/image', value: 'other' }]));
      assert.equal((await containers())[0]?.image, 'other');
      assert.match(
        await fails(patch('json', [{ op: 'test', path: '/spec/replicas', value: 99 }])),
        // Old kubectls keep the message to themselves.
        old
          ? /^The request is invalid$/m
          : /^The request is invalid: the server rejected our request due to an error in our request$/m,
      );
      assert.match(
        await fails(patch('merge', { spec: { replicas: 'x' } })),
        /^The request is invalid: patch: Invalid value: .*: json: cannot unmarshal string into Go struct field DeploymentSpec\.spec\.replicas of type int32$/m,
      );
      assert.match(
        await fails(patch('merge', { spec: { selector: { matchLabels: { app: 'x' } } } })),
        /field is immutable|does not match template/,
      );
    });

    test('scale', async () => {
      assert.equal(await run('scale deployment web --replicas=5'), 'deployment.apps/web scaled\n');
      assert.equal((await json<V1Deployment>('get deployment web')).spec?.replicas, 5);
      assert.match(await fails('scale deployment web --replicas=6 --current-replicas=1'), /[Ee]xpected replicas to be 1, was 5/);
      assert.match(await fails('scale configmap settings --replicas=1'), /could not find the requested resource|no kind/);
    });

    test('nothing when the server is only asked what it would do', async () => {
      assert.equal(await run('create configmap trial --dry-run=server'), 'configmap/trial created (server dry run)\n');
      assert.equal(await run('get configmap trial --ignore-not-found'), '');
      await run('delete configmap settings --dry-run=server');
      assert.equal((await read()).data?.['z'], '1');
    });

    test('no field that the kind does not have', async () => {
      const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'typo' }, dat: { a: 'b' } };
      assert.match(
        await fails('create -f -', object),
        old ? /unknown field "dat" in io\.k8s\.api\.core\.v1\.ConfigMap/ : /strict decoding error: unknown field "dat"/,
      );
      const { stderr, stdout } = await attempt('create --validate=false -f -', object);
      assert.equal(stdout, 'configmap/typo created\n');
      // Clients that say nothing of it get a warning, as since 1.27.
      assert.equal(stderr, old ? 'Warning: unknown field "dat"\n' : '');
    });

    test('all that is wrong with an object, at once', async () => {
      const invalid = deployment(1);
      invalid.spec.template.metadata.labels.app = 'other';
      invalid.spec.template.spec.containers[0]!.image = '';
      const text = await fails('create -f -', { ...invalid, metadata: { name: 'wrong' } });
      assert.match(text, /The Deployment "wrong" is invalid/);
      assert.match(text, /spec\.template\.metadata\.labels: Invalid value: .*`selector` does not match template `labels`/);
      assert.match(text, /spec\.template\.spec\.containers\[0\]\.image: Required value/);
    });

    test('nodes: labels, taints, cordon and uncordon', async () => {
      const node = () => json<V1Node>('get node node-1');
      await run('label node node-1 zone=a --overwrite');
      assert.equal((await node()).metadata?.labels?.['zone'], 'a');
      await run('taint node node-1 dedicated=test:NoSchedule');
      assert.deepEqual((await node()).spec?.taints, [{ key: 'dedicated', value: 'test', effect: 'NoSchedule' }]);
      await run('taint node node-1 dedicated-');
      assert.equal((await node()).spec?.taints, undefined);
      assert.equal(await run('cordon node-1'), 'node/node-1 cordoned\n');
      assert.match(await run('get node node-1'), /Ready,SchedulingDisabled/);
      await run('uncordon node-1');
      assert.equal((await node()).spec?.unschedulable, undefined);
    });
  });
