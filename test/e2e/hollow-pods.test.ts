import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { V1EndpointSlice, V1Node, V1Pod } from '../../src/api/gen/types.ts';
import { until } from '../harness/until.ts';
import { kubectlSession } from './kubectl-session.ts';
import { useUpCluster } from './up-cluster.ts';

const cluster = useUpCluster('--nodes', '2');
const { run, fails, json } = kubectlSession(cluster, '1.35', 'default');
const pod = (name: string) => json<V1Pod>(`get pod ${name}`);

const manifest = (name: string, more: { annotations?: Record<string, string>; metadata?: object; spec?: object } = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, ...(more.annotations && { annotations: more.annotations }), ...more.metadata },
  spec: { containers: [{ name: 'main', image: 'nginx' }], ...more.spec },
});

describe('pods on hollow nodes', () => {
  test('go from Pending to Running, with an address from their node’s range', async () => {
    const seen: string[] = [];
    await run('create -f -', manifest('web', { annotations: { 'muster.dev/start-after': '3s' } }));
    await until('the pod runs', async () => {
      const phase = (await pod('web')).status?.phase ?? '';
      if (seen.at(-1) !== phase) seen.push(phase);
      return phase === 'Running';
    });
    assert.deepEqual(seen, ['Pending', 'Running']);
    await run('wait --for=condition=Ready pod/web --timeout=90s');
    const { spec, status } = await pod('web');
    const { spec: nodeSpec, status: nodeStatus } = await json<V1Node>(`get node ${spec?.nodeName}`);
    assert.ok(
      status?.podIP?.startsWith(nodeSpec?.podCIDR?.replace(/0\/24$/, '') ?? '-'),
      `${status?.podIP} is of ${nodeSpec?.podCIDR}`,
    );
    assert.equal(status?.hostIP, nodeStatus?.addresses?.find(({ type }) => type === 'InternalIP')?.address);
    assert.match(status?.containerStatuses?.[0]?.containerID ?? '', /^hollow:\/\/[0-9a-f]{64}$/);
    for (const type of ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'])
      assert.equal(status?.conditions?.find((condition) => condition.type === type)?.status, 'True', type);
    assert.match(
      await run('describe pod web'),
      /Normal +Scheduled .*default-scheduler +Successfully assigned default\/web to node-\d/,
    );
    assert.equal(await run('logs web'), '', 'what does not run says nothing');
    assert.match(await fails('exec web -- true'), /is hollow and keeps the state of pods without running containers/);
  });

  test('of a Job end with success, and failed ones say how', async () => {
    await run('create job sums --image=busybox');
    // Until it has ended its controller lets go of pods that it does not select.
    await run('wait --for=condition=Complete job/sums --timeout=90s');
    const { metadata } = await json<V1Pod>('get job sums');
    const owner = { apiVersion: 'batch/v1', kind: 'Job', name: 'sums', uid: metadata?.uid, controller: true };
    await run('create -f -', manifest('sums-1', { metadata: { ownerReferences: [owner] }, spec: { restartPolicy: 'Never' } }));
    const ends = { 'muster.dev/run-for': '10ms', 'muster.dev/exit-code': '3' };
    await run('create -f -', manifest('fails', { annotations: ends, spec: { restartPolicy: 'Never' } }));
    await until('the job’s pod is done', async () => (await pod('sums-1')).status?.phase === 'Succeeded');
    assert.equal((await pod('sums-1')).status?.containerStatuses?.[0]?.state?.terminated?.reason, 'Completed');
    await until('the other one has failed', async () => (await pod('fails')).status?.phase === 'Failed');
    assert.equal((await pod('fails')).status?.containerStatuses?.[0]?.state?.terminated?.exitCode, 3);
    assert.match(await run('get pod sums-1 fails --no-headers'), /^sums-1 +0\/1 +Completed .*\nfails +0\/1 +Error /m);
  });

  test('that end again and again back off', async () => {
    const ends = { 'muster.dev/run-for': '10ms', 'muster.dev/exit-code': '1' };
    await run('create -f -', manifest('crashes', { annotations: ends }));
    const waiting = await until(
      'the kubelet waits before it starts the container again',
      async () => (await pod('crashes')).status?.containerStatuses?.[0]?.state?.waiting,
    );
    assert.equal(waiting.reason, 'CrashLoopBackOff');
    assert.match(await run('get pod crashes'), /CrashLoopBackOff/);
  });

  test('are given their grace, and are gone when their containers ended', async () => {
    await run('create -f -', manifest('slow', { annotations: { 'muster.dev/stop-after': '5s' } }));
    await run('wait --for=condition=Ready pod/slow --timeout=90s');
    await run('delete pod slow --wait=false');
    const { metadata } = await pod('slow');
    assert.ok(metadata?.deletionTimestamp);
    assert.equal(metadata?.deletionGracePeriodSeconds, 30);
    assert.match(await run('get pod slow'), /Terminating/);
    await until('it is gone', async () => (await run('get pod slow --ignore-not-found')) === '');
    await run('create -f -', manifest('slow', { annotations: { 'muster.dev/stop-after': '10m' } }));
    await run('delete pod slow --force --grace-period=0');
    assert.equal(await run('get pod slow --ignore-not-found'), '');
  });

  test('wait when no node takes them, and are taken when one does', async () => {
    await run('cordon node-1');
    await run('cordon node-2');
    await run('create -f -', manifest('waits'));
    const condition = await until('the scheduler says why', async () =>
      (await pod('waits')).status?.conditions?.find(({ type, status }) => type === 'PodScheduled' && status === 'False'),
    );
    assert.equal(condition.reason, 'Unschedulable');
    assert.match(condition.message ?? '', /^0\/2 nodes are available: 2 node\(s\) were unschedulable/);
    await run('uncordon node-2');
    await run('wait --for=condition=Ready pod/waits --timeout=90s');
    assert.equal((await pod('waits')).spec?.nodeName, 'node-2');
    await run('uncordon node-1');
  });

  test('leave a node that is drained', async () => {
    await run('create -f -', manifest('tenant', { spec: { nodeName: 'node-2' } }));
    await run('wait --for=condition=Ready pod/tenant --timeout=90s');
    assert.match(await run('drain node-2 --force --disable-eviction --timeout=60s'), /^node\/node-2 drained$/m);
    const { items } = await json<{ items: V1Pod[] }>('get pods --field-selector=spec.nodeName=node-2');
    assert.deepEqual(
      items.map(({ metadata }) => metadata?.name),
      [],
    );
    await run('uncordon node-2');
  });

  test('are hinted to zones by the annotation topology-mode of their Service, and an event says so', async () => {
    for (const n of [1, 2]) await run(`label node node-${n} topology.kubernetes.io/zone=zone-${n}`);
    const labels = { app: 'near' };
    for (const n of [1, 2])
      await run('create -f -', manifest(`near-${n}`, { metadata: { labels }, spec: { nodeName: `node-${n}` } }));
    const service = { metadata: { name: 'near' }, spec: { selector: labels, ports: [{ port: 80 }] } };
    await run('create -f -', { apiVersion: 'v1', kind: 'Service', ...service });
    await run('wait --for=condition=Ready pod/near-1 pod/near-2 --timeout=90s');
    const hints = async () =>
      (await json<{ items: V1EndpointSlice[] }>('get endpointslice -l kubernetes.io/service-name=near')).items.flatMap(
        ({ endpoints }) => (endpoints ?? []).map(({ zone, hints }) => [zone, hints?.forZones?.map(({ name }) => name)]),
      );
    await until('both have a zone', async () => (await hints()).filter(([zone]) => zone).length === 2);
    assert.ok((await hints()).every(([, zones]) => zones === undefined));
    await run('annotate service near service.kubernetes.io/topology-mode=Auto');
    await until('both are hinted to their own', async () =>
      (await hints()).every(([zone, zones]) => zone !== undefined && String(zones) === zone),
    );
    await until('an event says so', async () =>
      /TopologyAwareHintsEnabled.*has been enabled, addressType: IPv4/.test(await run('get events')),
    );
  });
});
