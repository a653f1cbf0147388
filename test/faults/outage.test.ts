import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { certificateSigningRequestKind } from '../../src/api/certificates/v1/certificate-signing-request.ts';
import { leaseKind } from '../../src/api/coordination/v1/lease.ts';
import { nodeKind } from '../../src/api/core/v1/node.ts';
import { podKind } from '../../src/api/core/v1/pod.ts';
import type { V1CertificateSigningRequest, V1Lease, V1Node, V1Pod } from '../../src/api/gen/types.ts';
import { clusterRoleBindingKind } from '../../src/api/rbac/v1/cluster-role-binding.ts';
import { createInformer } from '../../src/client/informer.ts';
import { clientFromKubeconfig } from '../../src/client/kubeconfig-client.ts';
import { whyNotReady } from '../../src/cluster/ready-nodes.ts';
import { type Cluster, startCluster } from '../../src/cluster/start-cluster.ts';
import { systemClock } from '../../src/std/clock.ts';
import { silentLogger } from '../../src/std/logger.ts';
import { freePort } from '../harness/free-port.ts';
import { temporaryDirectory } from '../harness/temporary-directory.ts';
import { until } from '../harness/until.ts';
import { bootstrapConfig, createToken, startKubelet } from './joining-node.ts';

/** Renews its lease every second. */
const QUICK = { nodeLeaseDurationSeconds: 4 };
const TOKEN = 'goodgo.0123456789abcdef';
const pods = (cluster: Cluster) => cluster.client().resource<V1Pod>(podKind, 'default');
const requests = async (cluster: Cluster) =>
  (await cluster.client().resource<V1CertificateSigningRequest>(certificateSigningRequestKind).list()).items
    .map(({ metadata }) => metadata?.name)
    .sort();
const leaseMs = async (cluster: Cluster, node: string) =>
  Date.parse((await cluster.client().resource<V1Lease>(leaseKind, 'kube-node-lease').get(node)).spec?.renewTime ?? '');
const podOn = (nodeName: string, name: string): V1Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: { nodeName, containers: [{ name: 'main', image: 'nginx' }] },
});
const running = (cluster: Cluster, name: string) =>
  until(`pod ${name} runs`, async () => (await pods(cluster).get(name)).status?.phase === 'Running');

/** Whether anybody takes connections there; a refused one has no other meaning on this machine. */
function listens(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port });
    socket.once('connect', () => socket.destroy() && resolve(true));
    socket.once('error', () => resolve(false));
  });
}

test('kubelets live on while the API server is away, and go on where they were when it is back', async () => {
  await using directory = await temporaryDirectory();
  const dataDir = directory.file('cluster');
  const before = await startCluster({ nodes: 0, dataDir, port: await freePort() });
  await createToken(before, TOKEN);
  const bootstrap = await bootstrapConfig(before, { token: TOKEN });
  await using one = await startKubelet(directory.file('one'), 'one', bootstrap, QUICK);
  await using two = await startKubelet(directory.file('two'), 'two', bootstrap, QUICK);
  const nodes = before.client().resource<V1Node>(nodeKind);
  for (const name of ['one', 'two'])
    await until(`${name} is Ready`, async () => whyNotReady(await nodes.get(name)) === undefined);
  for (const name of ['one', 'two']) await pods(before).create(podOn(name, `on-${name}`));
  for (const name of ['one', 'two']) await running(before, `on-${name}`);
  const started = (await pods(before).get('on-one')).status?.containerStatuses?.[0]?.containerID;
  const known = await requests(before);
  const addresses = (await nodes.list()).items.map(({ status }) => status?.addresses?.[0]?.address ?? '');
  await before.close();

  // Each notices; none gives up.
  for (const kubelet of [one, two]) await kubelet.waitForOutput(/connection refused|connection lost|ECONNREFUSED/i);
  const goneAtMs = Date.now();
  await until('leases could not be renewed', () =>
    [one, two].every(({ output }) => /Failed to (update|ensure) .*lease/i.test(output)),
  );
  for (const kubelet of [one, two]) assert.equal(kubelet.exitStatus, undefined, kubelet.output);
  for (const address of addresses) assert.ok(await listens(address, 10250), `${address}:10250 is served`);

  await using after = await startCluster({ dataDir });
  for (const name of ['one', 'two']) {
    await until(`${name} renews its lease again`, async () => (await leaseMs(after, name)) > goneAtMs);
    assert.equal(whyNotReady(await after.client().resource<V1Node>(nodeKind).get(name)), undefined);
    await pods(after).create(podOn(name, `later-on-${name}`));
    await running(after, `later-on-${name}`);
  }
  assert.equal(
    (await pods(after).get('on-one')).status?.containerStatuses?.[0]?.containerID,
    started,
    'the container was not started again',
  );
  await pods(after).delete('on-one', { gracePeriodSeconds: 0 });
  assert.deepEqual(await requests(after), known, 'nobody asked for another certificate');
  for (const kubelet of [one, two]) assert.equal(kubelet.exitStatus, undefined);
});

test('a kubelet that is killed while the API server is away comes back without it, and joins when it is there', async () => {
  await using directory = await temporaryDirectory();
  const dataDir = directory.file('cluster');
  const before = await startCluster({ nodes: 0, dataDir, port: await freePort() });
  await createToken(before, TOKEN);
  const bootstrap = await bootstrapConfig(before, { token: TOKEN });
  const first = await startKubelet(directory.file('node'), 'lonely', bootstrap);
  const nodes = before.client().resource<V1Node>(nodeKind);
  await until('it is Ready', async () => whyNotReady(await nodes.get('lonely')) === undefined);
  const known = await requests(before);
  await before.close();
  first.signal('SIGKILL');
  await first.exited;
  await using second = await startKubelet(directory.file('node'), 'lonely', bootstrap);
  await second.waitForOutput(/Unable to register node with API server/);
  const goneAtMs = Date.now();
  await using after = await startCluster({ dataDir });
  await until('it renews its lease', async () => (await leaseMs(after, 'lonely')) > goneAtMs);
  assert.equal(second.exitStatus, undefined);
  // Its serving certificate was kept, too.
  assert.deepEqual(await requests(after), known);
});

test('a node that waits for its certificate when the API server goes away gets it afterwards', async () => {
  await using directory = await temporaryDirectory();
  const dataDir = directory.file('cluster');
  const before = await startCluster({ nodes: 0, dataDir, port: await freePort() });
  await createToken(before, TOKEN);
  // Nobody approves what this one asks for, so that it is still waiting when the server goes.
  const bindings = before.client().resource(clusterRoleBindingKind);
  await bindings.delete('auto-approve-csrs-for-group');
  await using kubelet = await startKubelet(directory.file('node'), 'waiting', await bootstrapConfig(before, { token: TOKEN }));
  const name = await until('it has asked', async () => (await requests(before))[0]);
  await before.close();
  await using after = await startCluster({ dataDir });
  assert.equal(kubelet.exitStatus, undefined, kubelet.output);
  // The cluster's start has made the binding again: the old request is approved without being filed again.
  const nodes = after.client().resource<V1Node>(nodeKind);
  await until('it is Ready', async () => whyNotReady(await nodes.get('waiting')) === undefined);
  const client = (await requests(after)).filter((request) => request?.startsWith('node-csr-'));
  assert.deepEqual(client, [name]);
});

test('an informer of ours sees all that happened while it could not', async () => {
  await using directory = await temporaryDirectory();
  const dataDir = directory.file('cluster');
  const first = await startCluster({ nodes: 0, dataDir, port: await freePort() });
  const client = await clientFromKubeconfig(directory.file('cluster', 'admin.kubeconfig'));
  const informer = createInformer<V1Pod>({ client, kind: podKind, clock: systemClock, logger: silentLogger });
  const end = new AbortController();
  const changes: string[] = [];
  informer.onChange(({ type, object }) => void changes.push(`${type} ${object.metadata?.name}`));
  await informer.start(end.signal);
  try {
    await pods(first).create(podOn('nowhere', 'stays'));
    await pods(first).create(podOn('nowhere', 'goes'));
    await until('both are seen', () => changes.length === 2);
    await first.close();
    await using second = await startCluster({ dataDir });
    await pods(second).delete('goes', { gracePeriodSeconds: 0 });
    await pods(second).create(podOn('nowhere', 'comes'));
    // That it was going is seen where the watch was there by then.
    const told = () => changes.slice(2).filter((change) => change !== 'updated goes');
    await until('both changes are seen', () => told().length >= 2);
    assert.deepEqual(told().sort(), ['added comes', 'deleted goes']);
    assert.deepEqual(
      informer
        .list()
        .map(({ metadata }) => metadata?.name)
        .sort(),
      ['comes', 'stays'],
    );
  } finally {
    end.abort(new DOMException('the test ends', 'AbortError'));
    await informer.done;
    await client.transport.close?.({ final: true });
  }
});
