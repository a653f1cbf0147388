/** HA-04: three API servers on three members of etcd, and several controller-managers and schedulers, of which one each works. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { createClient } from '../../src/client/create-client.ts';
import { transportFromContext } from '../../src/client/kubeconfig-client.ts';
import { diagnose } from '../../src/doctor/checks/all-checks.ts';
import { collectCluster } from '../../src/doctor/collect/collect-cluster.ts';
import { readKubeconfig, resolveContext } from '../../src/pki/kubeconfig.ts';
import { systemClock } from '../../src/std/clock.ts';
import { type ComponentProcess, startComponent } from '../harness/component-process.ts';
import { kubectl } from '../harness/kubectl.ts';
import { type Master, type Masters, startMasters } from '../harness/masters.ts';
import { until } from '../harness/until.ts';

interface Listed<T> {
  readonly items: readonly T[];
}
type Servers = [Master, Master, Master];

describe('three masters', () => {
  let cluster: Masters;
  let masters: Servers;
  const started: ComponentProcess[] = [];
  const patience = { timeoutMs: 90_000 };
  before(async () => {
    cluster = await startMasters();
    masters = cluster.masters as unknown as Servers;
  });
  after(async () => {
    for (const component of started) await component.stop();
    await cluster?.[Symbol.asyncDispose]();
  });
  const kubectlOf = async (master: Master) => kubectl('1.35', await cluster.kubeconfig(master), cluster.directory());

  test('HA-04 all are behind the Service kubernetes, and each has a Lease of its own', async () => {
    const all = masters.map(({ address }) => address).sort();
    // Of those that start at the same time the last to write may not have seen the others yet: each looks again after ten seconds.
    await until('all are behind the Service', async () => {
      const { body } = await masters[1].api.send('GET', '/api/v1/namespaces/default/endpoints/kubernetes');
      const { subsets } = body as { subsets: { addresses: { ip: string }[] }[] };
      return isDeepStrictEqual(
        subsets.flatMap(({ addresses }) => addresses.map(({ ip }) => ip)),
        all,
      );
    });
    await until('three leases', async () => {
      const leases = await masters[0].api.send(
        'GET',
        '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases?labelSelector=apiserver.kubernetes.io/identity=kube-apiserver',
      );
      return leases.body.items?.length === 3;
    });
  });

  test('the doctor finds nothing wrong through any of them', async () => {
    for (const master of masters) {
      const context = await resolveContext(await readKubeconfig(await cluster.kubeconfig(master)));
      const transport = transportFromContext(context);
      const client = createClient({ transport, userAgent: 'doctor' });
      const { signal } = new AbortController();
      const seen = await collectCluster({ client, context, clock: systemClock, signal, timeoutMs: 30_000, nodes: true });
      await transport.close({ final: true });
      // That its authorities live for a day, and that nothing is bound for nodes yet, is true of this cluster.
      const known = ['DOC-203', 'DOC-604'];
      const worse = diagnose({ ...seen, hosts: [] }).filter(({ code, severity }) => severity !== 'info' && !known.includes(code));
      assert.deepEqual(worse, [], JSON.stringify(worse));
    }
  });

  test('CHK-01 each says of all members how they are', async () => {
    for (const master of masters)
      assert.equal(
        (await (await kubectlOf(master)).run('get componentstatuses')).match(/^etcd-\d +Healthy +\{"health": ?"true"\}/gm)
          ?.length,
        3,
      );
  });

  test('what one has acknowledged the others show at once, and none goes back', async () => {
    const path = '/api/v1/namespaces/default/configmaps';
    const object = (i: number) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'shared' }, data: { i: String(i) } });
    assert.equal((await masters[0].api.send('POST', path, object(0))).status, 201);
    for (let i = 1; i <= 60; i++) {
      const written = await masters[i % 3]!.api.send('PUT', `${path}/shared`, object(i));
      assert.equal(written.status, 200, written.text);
      const revision = Number(written.body.metadata!.resourceVersion);
      for (const { api } of masters) {
        const [one, list] = await Promise.all([api.send('GET', `${path}/shared`), api.send('GET', path)]);
        assert.equal(one.body.data?.['i'], String(i));
        assert.ok(Number(list.body.metadata!.resourceVersion) >= revision);
        // A client that moves to another server with what it has seen.
        const known = await api.send('GET', `${path}?resourceVersion=${revision}&resourceVersionMatch=NotOlderThan`);
        assert.ok(Number(known.body.metadata!.resourceVersion) >= revision);
      }
    }
    const gone = await masters[0].api.send('DELETE', `${path}/shared`);
    assert.equal(gone.status, 200);
    for (const { api } of masters) assert.equal((await api.send('GET', `${path}/shared`)).status, 404);
  });

  test('no address and no node port is given twice, however many servers give at the same time', async () => {
    const path = '/api/v1/namespaces/default/services';
    const service = (name: string, spec: object) => ({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name },
      spec: { type: 'NodePort', ports: [{ port: 80 }], ...spec },
    });
    const answers = await Promise.all(
      Array.from({ length: 90 }, (_, i) => masters[i % 3]!.api.send('POST', path, service(`s${i}`, {}), 60_000)),
    );
    const made = answers.map(({ status, text, body }) => {
      assert.equal(status, 201, text);
      return (body as unknown as { spec: { clusterIP: string; ports: { nodePort: number }[] } }).spec;
    });
    assert.equal(new Set(made.map(({ clusterIP }) => clusterIP)).size, 90);
    assert.equal(new Set(made.map(({ ports }) => ports[0]!.nodePort)).size, 90);
    // The same address and port, asked of all at once.
    const taken = new Set(made.flatMap(({ clusterIP, ports }) => [clusterIP, ports[0]!.nodePort]));
    const free = Array.from({ length: 200 }, (_, i) => i + 20).filter(
      (i) => !taken.has(`10.96.0.${i}`) && !taken.has(31_000 + i),
    );
    for (const round of free.slice(0, 10)) {
      const wanted = { clusterIP: `10.96.0.${round}`, ports: [{ port: 80, nodePort: 31_000 + round }] };
      const racing = await Promise.all(masters.map(({ api }, i) => api.send('POST', path, service(`r${round}-${i}`, wanted))));
      assert.deepEqual(racing.map(({ status }) => status).sort(), [201, 422, 422], racing.map(({ text }) => text).join('\n'));
    }
  });

  test('a kind, a role and a namespace that one server is given count at the others', async () => {
    const [one, two, three] = await Promise.all(masters.map(kubectlOf));
    await one!.run('create -f -', {
      input: JSON.stringify({
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        metadata: { name: 'boats.example.com' },
        spec: {
          group: 'example.com',
          scope: 'Namespaced',
          names: { plural: 'boats', singular: 'boat', kind: 'Boat' },
          versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
        },
      }),
    });
    await one!.run('wait --for=condition=Established crd/boats.example.com --timeout=60s');
    const boats = '/apis/example.com/v1/namespaces/harbour/boats';
    await two!.run('create namespace harbour');
    const boat = { apiVersion: 'example.com/v1', kind: 'Boat', metadata: { name: 'b' } };
    await until(
      'the third server takes a boat',
      async () => (await masters[2].api.send('POST', boats, boat)).status === 201,
      patience,
    );
    assert.match(
      await cluster.etcd.etcdctl(['get', '/registry/example.com/', '--prefix', '--keys-only']),
      /^\/registry\/example.com\/boats\/harbour\/b$/m,
    );
    await two!.run('create clusterrole sailor --verb=get --resource=boats.example.com');
    await three!.run('create clusterrolebinding sailors --clusterrole=sailor --user=jane');
    await until('jane may look at boats, at each server', async () => {
      for (const each of [one!, two!, three!]) await each.run('auth can-i get boats.example.com --as=jane -n harbour');
      return true;
    });
  });

  test('KCM-08 one controller-manager and one scheduler work at a time; when they are killed others take over', async () => {
    const lease = [
      '--leader-elect=true',
      '--leader-elect-lease-duration=6s',
      '--leader-elect-renew-deadline=4s',
      '--leader-elect-retry-period=1s',
    ];
    const start = async (component: string, master: Master) => {
      const kubeconfig = await cluster.kubeconfig(master);
      const process = startComponent(component, [`--kubeconfig=${kubeconfig}`, '--secure-port=0', ...lease]);
      started.push(process);
      return process;
    };
    const api = masters[2].api;
    const deployments = '/apis/apps/v1/namespaces/default/deployments';
    const deploy = (name: string) =>
      api.send('POST', deployments, {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name },
        spec: {
          replicas: 2,
          selector: { matchLabels: { app: name } },
          template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
        },
      });
    const placed = async (name: string) => {
      const { body } = await api.send('GET', `/api/v1/namespaces/default/pods?labelSelector=app%3D${name}`);
      const pods = (body as unknown as Listed<{ spec: { nodeName?: string } }>).items;
      return pods.length === 2 && pods.every(({ spec }) => spec.nodeName === 'n');
    };
    const holder = async (name: string) => {
      const { body } = await api.send('GET', `/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/${name}`);
      return (body as { spec?: { holderIdentity?: string } }).spec?.holderIdentity;
    };
    const node = {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'n' },
      status: { capacity: { cpu: '8', memory: '8Gi', pods: '110' }, allocatable: { cpu: '8', memory: '8Gi', pods: '110' } },
    };
    assert.equal((await api.send('POST', '/api/v1/nodes', node)).status, 201);
    const first = await Promise.all([start('kube-controller-manager', masters[0]), start('kube-scheduler', masters[0])]);
    await until(
      'the first lead',
      async () => (await holder('kube-controller-manager')) && (await holder('kube-scheduler')),
      patience,
    );
    const holders = [await holder('kube-controller-manager'), await holder('kube-scheduler')];
    await start('kube-controller-manager', masters[1]);
    await start('kube-scheduler', masters[1]);
    await deploy('before');
    // Nobody says that the node is well: the pods of this test go there all the same.
    await until(
      'pods are made',
      async () => {
        const { body } = await api.send('GET', '/api/v1/namespaces/default/pods?labelSelector=app%3Dbefore');
        return body.items?.length === 2;
      },
      patience,
    );
    await until(
      'the node may be used',
      async () => {
        const { body } = await api.send('GET', '/api/v1/nodes/n');
        const { taints, ...spec } = (body as { spec: { taints?: unknown } }).spec;
        if (taints) await api.send('PUT', '/api/v1/nodes/n', { ...body, spec });
        return placed('before');
      },
      patience,
    );
    for (const process of first) process.signal('SIGKILL');
    await deploy('after');
    await until(
      'others have taken over',
      async () => {
        const { body } = await api.send('GET', '/api/v1/nodes/n');
        const { taints, ...spec } = (body as { spec: { taints?: unknown } }).spec;
        if (taints) await api.send('PUT', '/api/v1/nodes/n', { ...body, spec });
        return placed('after');
      },
      patience,
    );
    assert.notEqual(await holder('kube-controller-manager'), holders[0]);
    assert.notEqual(await holder('kube-scheduler'), holders[1]);
  });
});
