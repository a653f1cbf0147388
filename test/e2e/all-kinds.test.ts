/**
 * Every kind that is served, as a real kubectl sees it; and with `runtimeConfig` the versions that manifests of 2018 and 2019 are written in,
 * applied by a kubectl of their time.
 */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { allKinds } from '../../src/api/all-kinds.ts';
import type { KindDefinition } from '../../src/api/machinery/kind.ts';
import { minimalObjects } from '../../src/apiserver/minimal-objects.ts';
import { type Cluster, startCluster } from '../../src/cluster/start-cluster.ts';
import { type Kubectl, type KubectlVersion, kubectl } from '../harness/kubectl.ts';
import { temporaryDirectory } from '../harness/temporary-directory.ts';
import { OLD_MANIFESTS, OLD_VERSIONS } from './old-manifests.ts';

interface Opened {
  kubectl(version: KubectlVersion): Kubectl;
  close(): Promise<void>;
}

async function open(options: Parameters<typeof startCluster>[0]): Promise<Opened> {
  const directory = await temporaryDirectory();
  const cluster: Cluster = await startCluster({ freezeObjects: true, ...options });
  const kubeconfig = directory.file('kubeconfig');
  await writeFile(kubeconfig, cluster.kubeconfig, { mode: 0o600 });
  return {
    kubectl: (version) => kubectl(version, kubeconfig, directory.path),
    async close() {
      await cluster.close();
      await directory[Symbol.asyncDispose]();
    },
  };
}

const fullName = ({ resource, group }: KindDefinition) => (group ? `${resource}.${group}` : resource);

describe('kubectl 1.35', () => {
  let cluster: Opened;
  let manifest: string;
  let kinds: KindDefinition[];
  before(async () => {
    cluster = await open({ nodes: 0 });
    const make = await minimalObjects();
    kinds = allKinds.filter(({ verbs, storage }) => storage === 'stored' && verbs.includes('create') && verbs.includes('get'));
    // A kind of several versions is made once.
    const once = new Map(kinds.map((kind) => [kind.storagePath, kind]));
    const items = [...once.values()].map((kind) => make(kind, 7));
    manifest = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
  });
  after(() => cluster?.close());

  test('lists all resources', async () => {
    const names = (await cluster.kubectl('1.35').run('api-resources -o name')).trim().split('\n').sort();
    assert.deepEqual(names, [...new Set(allKinds.map(fullName))].sort());
  });

  test('creates, shows, describes and deletes an object of each kind', async () => {
    const run = (args: string) => cluster.kubectl('1.35').run(args, { input: manifest });
    const created = (await run('create -f -')).trim().split('\n');
    const count = created.length;
    assert.ok(created.every((line) => line.endsWith(' created')));
    assert.ok(count > 45, `${count} kinds`);
    assert.equal((await run('get -f - -o name')).trim().split('\n').length, count);
    assert.equal((await run('get -f - -o wide --no-headers')).split('\n').filter(Boolean).length, count);
    assert.equal((await run('describe -f -')).match(/^Name:/gm)?.length, count);
    assert.equal((await run('delete -f - --wait=false')).match(/ deleted/g)?.length, count);
  });

  test('shows the health of the components', async () => {
    const { stdout, stderr } = await cluster.kubectl('1.35').try('get cs');
    assert.match(stderr, /^Warning: v1 ComponentStatus is deprecated in v1\.19\+/);
    assert.match(stdout, /^etcd-0\s+Healthy\s+ok/m);
  });
});

describe('kubectl 1.20 with versions that were', () => {
  let cluster: Opened;
  before(async () => {
    cluster = await open({ nodes: 1, runtimeConfig: Object.fromEntries(OLD_VERSIONS.map((version) => [version, true])) });
  });
  after(() => cluster?.close());

  for (const { name, manifest, today, shows, warns } of OLD_MANIFESTS)
    test(`applies ${name}, which is ${today} today`, async () => {
      const old = cluster.kubectl('1.20');
      const input = JSON.stringify(manifest);
      const applied = await old.try('apply -f -', { input });
      assert.match(applied.stdout, / created\n$/, applied.stderr);
      assert.match(applied.stderr, warns);
      const version = async () => {
        const now = await cluster
          .kubectl('1.35')
          .json<{ metadata: { resourceVersion: string } }>(['get', today, manifest.metadata.name]);
        return now.metadata.resourceVersion;
      };
      // Of lists that the server completes, kubectl says that it configured them, though nothing is written.
      const written = await version();
      assert.match(await old.run('apply -f -', { input }), / (unchanged|configured)\n$/);
      assert.equal(await version(), written);
      const labels = { changed: 'yes' };
      const changed = JSON.stringify({ ...manifest, metadata: { ...manifest.metadata, labels } });
      assert.match(await old.run('apply -f -', { input: changed }), / configured\n$/);
      const now = await cluster.kubectl('1.35').json<Record<string, unknown>>(['get', today, manifest.metadata.name]);
      for (const [path, value] of Object.entries(shows))
        assert.deepEqual(
          path.split('.').reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], now),
          value,
          path,
        );
    });

  test('scales and changes an old Deployment by either version', async () => {
    const old = cluster.kubectl('1.20');
    await old.run('set image deployment/web web=nginx:1.19');
    const image = 'jsonpath={.spec.template.spec.containers[0].image}';
    assert.equal(await old.run(['get', 'deployments.v1beta1.extensions', 'web', '-o', image]), 'nginx:1.19');
    assert.match(await old.run('scale deployments.v1beta1.extensions/web --replicas=2'), /scaled/);
    assert.equal(await old.run(['get', 'deployment', 'web', '-o', 'jsonpath={.spec.replicas}']), '2');
  });

  test('server-side apply knows whose fields are whose across versions', async () => {
    const old = cluster.kubectl('1.20');
    const make = (apiVersion: string, replicas: number) => ({
      input: JSON.stringify({
        apiVersion,
        kind: 'Deployment',
        metadata: { name: 'shared' },
        spec: {
          replicas,
          selector: { matchLabels: { app: 'shared' } },
          template: { metadata: { labels: { app: 'shared' } }, spec: { containers: [{ name: 'c', image: 'nginx:1' }] } },
        },
      }),
    });
    await old.run('apply --server-side -f -', make('extensions/v1beta1', 0));
    assert.match(await old.run('apply --server-side -f -', make('apps/v1', 1)), /serverside-applied/);
    const other = await old.try('apply --server-side --field-manager=other -f -', make('apps/v1beta1', 2));
    assert.match(other.stderr, /conflict with "kubectl".*:\s*\.spec\.replicas/s);
  });
});
