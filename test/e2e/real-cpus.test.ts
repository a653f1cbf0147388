import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import type { V1Node, V1Pod } from '../../src/api/gen/types.ts';
import { readCgroupMounts } from '../../src/kubelet/cgroups/cgroup-mounts.ts';
import { formatCpuSet } from '../../src/kubelet/cpus/cpu-set.ts';
import { readCpuTopology } from '../../src/kubelet/cpus/cpu-topology.ts';
import { POD_RESOURCES_MESSAGES } from '../../src/kubelet/pod-resources/pod-resources-messages.ts';
import { createGrpcChannel } from '../../src/std/grpc/grpc-channel.ts';
import { createMessageCodec } from '../../src/std/grpc/message-codec.ts';
import { startDevicePlugin } from '../harness/device-plugin.ts';
import { BUSYBOX } from '../harness/images.ts';
import { until } from '../harness/until.ts';
import { kubectlSession } from './kubectl-session.ts';
import { useRealCluster } from './use-real-cluster.ts';

const { places } = await readCpuTopology();
const all = formatCpuSet(places.keys());
const first = [...places.keys()].sort((a, b) => a - b)[0]!;
const exclusive = places.size - 1;
const others = formatCpuSet([...places.keys()].filter((cpu) => cpu !== first));

const cluster = useRealCluster({
  configuration: {
    cpuManagerPolicy: 'static',
    cpuManagerReconcilePeriod: '1s',
    reservedSystemCPUs: String(first),
    topologyManagerPolicy: 'single-numa-node',
  },
});
const { run, json } = kubectlSession(cluster, '1.35', 'default');

/** Of a guaranteed pod where CPUs are given. */
async function create(name: string, cpu?: string, devices: Readonly<Record<string, string>> = {}): Promise<void> {
  const amounts = { cpu: cpu ?? '', memory: '16Mi', ...devices };
  const main = {
    name: 'main',
    image: BUSYBOX,
    command: ['sleep', '1000'],
    ...(cpu && { resources: { requests: amounts, limits: amounts } }),
  };
  const spec = { terminationGracePeriodSeconds: 1, containers: [main] };
  await run('create -f -', { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec });
}

const ready = (name: string) => run(`wait --for=condition=Ready pod/${name} --timeout=60s`);
const allowed = async (name: string) =>
  /^Cpus_allowed_list:\s*(\S+)$/m.exec(await run(`exec ${name} -- cat /proc/1/status`))?.[1];
const state = async () => JSON.parse(await readFile(join(cluster.current.root, 'cpu_manager_state'), 'utf8'));

describe('CPUs of containers on a node with containerd', { timeout: 600_000 }, () => {
  after(async () => {
    await run('delete pod --all --timeout=60s');
    await cluster.current.expectNothingLeft();
    assert.equal((await state()).entries, undefined, 'nobody has CPUs any more');
  });

  test('a guaranteed pod has its CPUs for itself, others are moved off them, and back when it has gone', async () => {
    const node = await json<V1Node>(`get node ${cluster.current.nodeName}`);
    assert.equal(node.status?.allocatable?.['cpu'], String(exclusive));
    await create('shared');
    await ready('shared');
    assert.equal(await allowed('shared'), all);
    await create('own', String(exclusive));
    await ready('own');
    assert.equal(await allowed('own'), others);
    await until('the other pod runs elsewhere', async () => (await allowed('shared')) === String(first), { timeoutMs: 60_000 });

    const own = await json<V1Pod>('get pod own');
    assert.deepEqual((await state()).entries, { [own.metadata!.uid!]: { main: others } });
    const mounts = await readCgroupMounts();
    if (mounts.version === 1) {
      const group = `${mounts.controllers.get('cpu')}${cluster.current.cgroupRoot}/kubepods/pod${own.metadata!.uid}`;
      for (const path of [group, `${group}/${own.status!.containerStatuses![0]!.containerID!.replace('containerd://', '')}`])
        assert.equal(
          (await readFile(join(path, 'cpu.cfs_quota_us'), 'utf8')).trim(),
          '-1',
          'it is not throttled on its own CPUs',
        );
    }

    // A kubelet that starts again goes on with what was given.
    await cluster.current.killKubelet();
    await cluster.current.startKubelet();
    await create('late');
    await ready('late');
    assert.deepEqual(
      [await allowed('own'), await allowed('shared'), await allowed('late')],
      [others, String(first), String(first)],
    );

    await run('delete pod own --timeout=60s');
    await until('all CPUs are everybody’s', async () => (await allowed('shared')) === all, { timeoutMs: 60_000 });
  });

  test('a device plugin’s devices are the node’s, and go to containers with all that belongs to them', async () => {
    const { root, nodeName, killKubelet, startKubelet } = cluster.current;
    const resource = 'vendor.example/thing';
    const directory = join(root, 'device-plugins');
    const healthy = ['one', 'two'].map((ID) => ({ ID, health: 'Healthy', topology: { nodes: [{ ID: 0 }] } }));
    const start = () =>
      startDevicePlugin({
        directory,
        resource,
        devices: healthy,
        options: { pre_start_required: true },
        allocate: (ids) => ({
          envs: { THINGS: ids.join(',') },
          mounts: [{ container_path: '/things', host_path: '/proc/sys/kernel', read_only: true }],
          devices: ids.map((id) => ({ container_path: `/dev/${id}`, host_path: '/dev/zero', permissions: 'rw' })),
        }),
      });
    const untilAmounts = (capacity: string, allocatable: string) =>
      until(
        `the node has ${capacity} devices, ${allocatable} to give`,
        async () => {
          const { status } = await json<V1Node>(`get node ${nodeName}`);
          return status?.capacity?.[resource] === capacity && status.allocatable?.[resource] === allocatable;
        },
        { timeoutMs: 60_000 },
      );
    // A kubelet that has just started takes the sockets of before away until it serves its own.
    const startRegistered = () =>
      until(
        'the plugin is registered',
        async () => {
          const started = await start();
          await started.register().catch(async (error: unknown) => {
            await started[Symbol.asyncDispose]();
            throw error;
          });
          return started;
        },
        { timeoutMs: 60_000, intervalMs: 500 },
      );
    let plugin = await startRegistered();
    try {
      await untilAmounts('2', '2');
      await create('things', String(exclusive), { [resource]: '1' });
      await ready('things');
      const words = await run([
        'exec',
        'things',
        '--',
        'sh',
        '-c',
        'echo $THINGS; test -c /dev/$THINGS && head -c 2 /dev/$THINGS | wc -c; cat /things/ostype',
      ]);
      assert.match(words, /^(one|two)\n2\nLinux\n$/);
      const [id = ''] = words.split('\n');
      assert.deepEqual(plugin.calls, [`Allocate ${id}`, `PreStartContainer ${id}`]);

      const codec = createMessageCodec(POD_RESOURCES_MESSAGES);
      const channel = createGrpcChannel({ target: `unix://${join(root, 'pod-resources', 'kubelet.sock')}` });
      const listed = await channel
        .unary('/v1.PodResourcesLister/List', codec.encode('ListPodResourcesRequest', {}), { timeoutMs: 60_000 })
        .finally(() => channel.close());
      const [container] = codec
        .decode('ListPodResourcesResponse', listed)
        .pod_resources.find(({ name }) => name === 'things')!.containers;
      assert.deepEqual(container?.devices, [{ resource_name: resource, device_ids: [id], topology: { nodes: [{ ID: 0 }] } }]);
      assert.equal(formatCpuSet(container!.cpu_ids), others);

      // The next kubelet leaves the device with whom it was given to, though its plugin has to register again.
      await killKubelet();
      await startKubelet();
      await untilAmounts('0', '0');
      await plugin[Symbol.asyncDispose]();
      plugin = await startRegistered();
      await untilAmounts('2', '2');
      await create('more', undefined, {});
      await ready('more');
      plugin.set([healthy[0]!, { ...healthy[1]!, health: 'Unhealthy' }]);
      await untilAmounts('2', '1');
      plugin.set(healthy);
      await untilAmounts('2', '2');
      await create('two', '1', { [resource]: '2' });
      await until(
        'the scheduler finds no node with two left',
        async () => {
          const { status } = await json<V1Pod>('get pod two');
          return status?.conditions?.some(({ message }) => message?.includes(`Insufficient ${resource}`));
        },
        { timeoutMs: 60_000 },
      );
      assert.deepEqual(plugin.calls, []);
    } finally {
      await plugin[Symbol.asyncDispose]();
    }
  });
});
