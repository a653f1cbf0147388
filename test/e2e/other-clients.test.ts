/** Controllers written with nothing but the client library of another language, as Debian has them. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import type { V1ConfigMap } from '../../src/api/gen/types.ts';
import { type ComponentProcess, startProgram } from '../harness/component-process.ts';
import { until } from '../harness/until.ts';
import { kubectlSession } from './kubectl-session.ts';
import { useUpCluster } from './up-cluster.ts';

const cluster = useUpCluster('--nodes', '0');
const script = (name: string) => join(import.meta.dirname, 'clients', name);

describe('a controller in Python', () => {
  const namespace = 'python';
  const { run, json } = kubectlSession(cluster, '1.35', namespace);
  before(() => run(`create namespace ${namespace}`));
  // The client writes the kubeconfig's key into files, and leaves them when it is killed.
  const environment = () => ({ ...cluster.current.home.env, TMPDIR: cluster.current.home.path });
  const start = (name: string): ComponentProcess =>
    startProgram('/usr/bin/python3', [script('copier.py'), name, namespace], { env: environment() });
  const copied = async (name: string) => (await json<V1ConfigMap>(`get configmap ${name}-copy`)).data;

  test('lists in pages, watches, makes and patches; of two one leads, and the other when it is gone', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      await run(`create configmap ${name} --from-literal=k=1`);
      await run(`label configmap ${name} copy=yes`);
    }
    await using first = start('first');
    await first.waitForOutput(/first leads/);
    await using second = start('second');
    await until('all have copies', async () => (await Promise.all(['a', 'b', 'c', 'd', 'e'].map(copied))).length === 5);
    const [owner] = (await json<V1ConfigMap>('get configmap e-copy')).metadata?.ownerReferences ?? [];
    assert.equal(owner?.name, 'e');
    await run(['patch', 'configmap', 'a', '-p', '{"data":{"k":"2"}}']);
    await first.waitForOutput(/first saw MODIFIED a/);
    await until('the copy is changed', async () => (await copied('a'))?.['k'] === '2');
    assert.doesNotMatch(second.output, /leads/);
    first.signal('SIGKILL');
    await second.waitForOutput(/second leads/, 60_000);
    await run(['patch', 'configmap', 'a', '-p', '{"data":{"k":"3"}}']);
    await until('the new leader changes the copy', async () => (await copied('a'))?.['k'] === '3');
  });
});

describe('a controller in Ruby', () => {
  const namespace = 'ruby';
  const { run, json } = kubectlSession(cluster, '1.35', namespace);
  before(() => run(`create namespace ${namespace}`));

  test('lists, watches, makes, patches, and knows what is not there', async () => {
    await run('create configmap a --from-literal=k=1');
    await run('label configmap a copy=yes');
    await using controller = startProgram('/usr/bin/ruby', [script('copier.rb'), cluster.current.home.kubeconfig, namespace]);
    await controller.waitForOutput(/missed configmaps "nobody" not found\n/);
    await controller.waitForOutput(/created a-copy/);
    await until('it sees changes', async () => {
      await run(['annotate', 'configmap', 'a', `touched=${Date.now()}`, '--overwrite']);
      return /saw MODIFIED a\npatched a-copy/.test(controller.output);
    });
    assert.equal((await json<V1ConfigMap>('get configmap a-copy')).data?.['k'], '1');
  });
});
