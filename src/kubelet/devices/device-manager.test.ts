import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { type DevicePluginOptions, startDevicePlugin, type TestDevicePlugin } from '../../../test/harness/device-plugin.ts';
import { temporaryDirectory } from '../../../test/harness/temporary-directory.ts';
import { until } from '../../../test/harness/until.ts';
import type { V1Pod } from '../../api/gen/types.ts';
import { VirtualClock } from '../../std/clock.ts';
import { createGrpcChannel } from '../../std/grpc/grpc-channel.ts';
import { createMessageCodec } from '../../std/grpc/message-codec.ts';
import { silentLogger } from '../../std/logger.ts';
import { completeConfiguration } from '../configuration/defaults.ts';
import { createCpuManager } from '../cpus/cpu-manager.ts';
import { POD_RESOURCES_MESSAGES } from '../pod-resources/pod-resources-messages.ts';
import { createPodResourcesServer } from '../pod-resources/pod-resources-server.ts';
import { createDeviceManager, type DeviceManager } from './device-manager.ts';

const RESOURCE = 'vendor.example/thing';
const healthy = (...ids: string[]) => ids.map((ID) => ({ ID, health: 'Healthy' }));

const podOf = (uid: string, count: number, resource = RESOURCE): V1Pod => ({
  metadata: { name: uid, namespace: 'default', uid },
  spec: { containers: [{ name: 'main', resources: { limits: { [resource]: String(count) } } }] },
});

interface Node extends AsyncDisposable {
  readonly devices: DeviceManager;
  readonly clock: VirtualClock;
  readonly directory: string;
  plugin(options?: Partial<DevicePluginOptions>): Promise<TestDevicePlugin>;
  /** Ends the manager and begins another one on the same files. */
  restart(): Promise<void>;
}

async function startNode(): Promise<Node> {
  const root = await temporaryDirectory();
  const directory = root.file('device-plugins');
  const clock = new VirtualClock(0);
  const plugins: TestDevicePlugin[] = [];
  let life = new AbortController();
  let devices: DeviceManager;
  const begin = async () => {
    life = new AbortController();
    const configuration = CONFIGURATION;
    const runtime = { list: async () => ({ sandboxes: [], containers: [] }) };
    const cpus = createCpuManager({ configuration, runtime, directory: root.path, clock, logger: silentLogger });
    await cpus.prepare();
    devices = createDeviceManager({ directory, cpus, clock, logger: silentLogger, changed: () => undefined });
    await devices.prepare();
    await devices.component.start(life.signal);
  };
  const end = async () => {
    life.abort();
    await devices.component.done;
  };
  await begin();
  return {
    get devices() {
      return devices;
    },
    clock,
    directory,
    async plugin(options = {}) {
      const plugin = await startDevicePlugin({ directory, resource: RESOURCE, devices: healthy('a', 'b'), ...options });
      plugins.push(plugin);
      await plugin.register();
      return plugin;
    },
    async restart() {
      await end();
      await begin();
    },
    async [Symbol.asyncDispose]() {
      await end();
      for (const plugin of plugins) await plugin[Symbol.asyncDispose]();
      await root[Symbol.asyncDispose]();
    },
  };
}
const CONFIGURATION = completeConfiguration({});

const untilAmounts = ({ devices }: Node, capacity: string, allocatable: string) =>
  until(`there are ${capacity} devices, ${allocatable} of them healthy`, () => {
    const amounts = devices.amounts();
    return amounts.capacity[RESOURCE] === capacity && amounts.allocatable[RESOURCE] === allocatable;
  });

test('a plugin that registers gives the node devices, as many as are healthy to be given', async () => {
  await using node = await startNode();
  const plugin = await node.plugin();
  await untilAmounts(node, '2', '2');
  plugin.set([...healthy('a'), { ID: 'b', health: 'Unhealthy' }]);
  await untilAmounts(node, '2', '1');
  const { status } = node.devices.withDevices({ status: { allocatable: { cpu: '2' } } });
  assert.deepEqual(status?.allocatable, { cpu: '2', [RESOURCE]: '1' });
});

test('what cannot be a plugin is refused in upstream’s words', async () => {
  await using node = await startNode();
  await using plugin = await startDevicePlugin({ directory: node.directory, resource: RESOURCE, devices: [] });
  await assert.rejects(plugin.register('v2'), {
    message:
      'rpc error: code = Unknown desc = requested API version "v2" is not supported by kubelet. Supported version is ["v1beta1"]',
  });
  await using own = await startDevicePlugin({ directory: node.directory, resource: 'cpu', devices: [] });
  await assert.rejects(own.register(), { message: 'rpc error: code = Unknown desc = the ResourceName "cpu" is invalid' });
});

test('a pod gets devices, its container what the plugin says, and others what is left', async () => {
  await using node = await startNode();
  const plugin = await node.plugin({
    options: { pre_start_required: true },
    allocate: (ids) => ({
      envs: { THINGS: ids.join(',') },
      mounts: [{ container_path: '/things', host_path: '/srv', read_only: true }],
      devices: ids.map((id) => ({ container_path: `/dev/${id}`, host_path: '/dev/null', permissions: 'rw' })),
      annotations: { things: 'yes' },
      cdi_devices: [{ name: 'vendor.example/thing=all' }],
    }),
  });
  await untilAmounts(node, '2', '2');
  const first = podOf('first', 1);
  assert.equal(await node.devices.allocate(first), undefined);
  assert.deepEqual(await node.devices.settingsOf(first, first.spec!.containers[0]!), {
    environment: [{ name: 'THINGS', value: 'a' }],
    mounts: [{ hostPath: '/srv', containerPath: '/things', readOnly: true }],
    devices: [{ hostPath: '/dev/null', containerPath: '/dev/a', permissions: 'rw' }],
    annotations: { things: 'yes' },
    cdiDevices: ['vendor.example/thing=all'],
  });
  assert.deepEqual(plugin.calls, ['Allocate a', 'PreStartContainer a']);
  assert.deepEqual(await node.devices.allocate(podOf('second', 2)), {
    reason: 'UnexpectedAdmissionError',
    message:
      'Allocate failed due to requested number of devices unavailable for vendor.example/thing. Requested: 2, Available: 1, which is unexpected',
  });
  await node.devices.release('first');
  assert.equal(await node.devices.allocate(podOf('second', 2)), undefined);
  assert.deepEqual(node.devices.known(), ['second']);
});

test('pods that come at the same time do not get the same device', async () => {
  await using node = await startNode();
  const plugin = await node.plugin();
  await untilAmounts(node, '2', '2');
  const answers = await Promise.all(['x', 'y', 'z'].map((uid) => node.devices.allocate(podOf(uid, 1))));
  assert.equal(answers.filter((refusal) => refusal === undefined).length, 2);
  assert.deepEqual([...plugin.calls].sort(), ['Allocate a', 'Allocate b']);
});

test('a plugin that refuses costs the pod its admission, and nobody the device', async () => {
  await using node = await startNode();
  let refuses = true;
  await node.plugin({
    devices: healthy('a'),
    allocate: () => {
      if (refuses) throw new Error('it is warm');
      return {};
    },
  });
  await untilAmounts(node, '1', '1');
  assert.deepEqual(await node.devices.allocate(podOf('p', 1)), {
    reason: 'UnexpectedAdmissionError',
    message: 'Allocate failed due to rpc error: code = Unknown desc = it is warm, which is unexpected',
  });
  refuses = false;
  assert.equal(await node.devices.allocate(podOf('p', 1)), undefined);
});

test('a plugin says which devices it would rather give, and init containers’ go on to those after them', async () => {
  await using node = await startNode();
  const plugin = await node.plugin({
    devices: healthy('a', 'b', 'c'),
    options: { get_preferred_allocation_available: true },
    prefer: (available, size) => [...available].reverse().slice(0, size),
  });
  await untilAmounts(node, '3', '3');
  const pod = podOf('p', 2);
  const initContainers = [{ ...podOf('i', 1).spec!.containers[0]!, name: 'init' }];
  assert.equal(await node.devices.allocate({ ...pod, spec: { ...pod.spec!, initContainers } }), undefined);
  assert.equal(plugin.calls[0], 'Allocate c');
  assert.match(plugin.calls[1]!, /^Allocate c [ab]$/);
});

test('who has what is known after a restart; the node has none until the plugin registers again', async () => {
  await using node = await startNode();
  const plugin = await node.plugin();
  await untilAmounts(node, '2', '2');
  await node.devices.allocate(podOf('p', 1));
  const checkpoint = JSON.parse(await readFile(`${node.directory}/kubelet_internal_checkpoint`, 'utf8'));
  assert.deepEqual(checkpoint.Data.PodDeviceEntries[0].DeviceIDs, { 0: ['a'] });
  await node.restart();
  assert.deepEqual(node.devices.amounts(), { capacity: { [RESOURCE]: '0' }, allocatable: { [RESOURCE]: '0' } });
  // A container that is started again has its devices, though the plugin is away, and its pod is not asked to have less.
  const pod = podOf('p', 1);
  const settings = await node.devices.settingsOf(pod, pod.spec!.containers[0]!);
  assert.deepEqual(settings?.environment, [{ name: 'DEVICES', value: 'a' }]);
  assert.equal(node.devices.withDevices({}).status?.allocatable?.[RESOURCE], '1');
  assert.equal(await node.devices.allocate(pod), undefined);
  assert.equal((await node.devices.allocate(podOf('q', 1)))?.reason, 'UnexpectedAdmissionError');
  assert.deepEqual(plugin.calls, ['Allocate a']);
  // Its socket was removed, by which it knows: the next one has the same devices.
  const next = await node.plugin();
  await untilAmounts(node, '2', '2');
  await node.devices.allocate(podOf('q', 1));
  assert.deepEqual(next.calls, ['Allocate b']);
});

test('devices of a plugin that has gone are unhealthy, and after five minutes none', async () => {
  await using node = await startNode();
  const plugin = await node.plugin();
  await untilAmounts(node, '2', '2');
  await plugin[Symbol.asyncDispose]();
  await untilAmounts(node, '2', '0');
  await node.clock.advance(5 * 60_000);
  assert.equal(node.devices.amounts().capacity[RESOURCE], '2');
  await node.clock.advance(1);
  assert.equal(node.devices.amounts().capacity[RESOURCE], '0');
  assert.equal(node.devices.amounts().capacity[RESOURCE], '0');
});

test('a damaged checkpoint keeps no node from starting', async () => {
  await using node = await startNode();
  await node.plugin();
  await untilAmounts(node, '2', '2');
  await node.devices.allocate(podOf('p', 1));
  await writeFile(`${node.directory}/kubelet_internal_checkpoint`, '{');
  await node.restart();
  assert.deepEqual(node.devices.known(), []);
});

test('a plugin in the registry of plugins is taken in by its type, and let go', async () => {
  await using node = await startNode();
  await using plugin = await startDevicePlugin({ directory: node.directory, resource: RESOURCE, devices: healthy('a') });
  const known = { name: RESOURCE, endpoint: plugin.socketPath, versions: ['v1alpha1', 'v1beta1'] };
  await assert.rejects(node.devices.handler.register({ ...known, versions: ['v1alpha1'] }), /"v1alpha1" is not supported/);
  await node.devices.handler.register(known);
  await untilAmounts(node, '1', '1');
  await node.devices.handler.deregister({ ...known, endpoint: '/another' });
  assert.equal(node.devices.amounts().allocatable[RESOURCE], '1');
  await node.devices.handler.deregister(known);
  assert.equal(node.devices.amounts().allocatable[RESOURCE], '0');
});

test('the pod resources API tells who has which devices and CPUs', async (t) => {
  await using node = await startNode();
  await using root = await temporaryDirectory();
  await node.plugin({ devices: [{ ID: 'a', health: 'Healthy', topology: { nodes: [{ ID: 1 }] } }, ...healthy('b')] });
  await untilAmounts(node, '2', '2');
  const pod = podOf('p', 1);
  await node.devices.allocate(pod);
  const life = new AbortController();
  const server = createPodResourcesServer({
    directory: root.path,
    pods: () => [pod, { ...podOf('over', 1), status: { phase: 'Succeeded' } }],
    devices: node.devices,
    cpus: { ownCpusOf: (uid) => (uid === 'p' ? new Set([3, 1]) : undefined), allocatable: () => new Set([1, 2, 3]) },
    logger: silentLogger,
  });
  await server.start(life.signal);
  const codec = createMessageCodec(POD_RESOURCES_MESSAGES);
  const channel = createGrpcChannel({ target: `unix://${root.file('kubelet.sock')}` });
  t.after(async () => {
    channel.close();
    life.abort();
    await server.done;
  });
  const call = (path: string, bytes: Buffer) => channel.unary(`/${path}`, bytes, { timeoutMs: 60_000 });
  const nothing = codec.encode('ListPodResourcesRequest', {});
  const expected = {
    name: 'p',
    namespace: 'default',
    containers: [
      {
        name: 'main',
        devices: [{ resource_name: RESOURCE, device_ids: ['a'], topology: { nodes: [{ ID: 1 }] } }],
        cpu_ids: [1, 3],
        memory: [],
      },
    ],
  };
  for (const version of ['v1', 'v1alpha1']) {
    const answer = codec.decode('ListPodResourcesResponse', await call(`${version}.PodResourcesLister/List`, nothing));
    assert.deepEqual(answer.pod_resources, [expected], version);
  }
  const ask = (name: string) =>
    call('v1.PodResourcesLister/Get', codec.encode('GetPodResourcesRequest', { pod_name: name, pod_namespace: 'default' }));
  assert.deepEqual(codec.decode('GetPodResourcesResponse', await ask('p')).pod_resources, expected);
  await assert.rejects(ask('over'), { message: 'rpc error: code = Unknown desc = pod over in namespace default not found' });
  const all = codec.decode('AllocatableResourcesResponse', await call('v1.PodResourcesLister/GetAllocatableResources', nothing));
  assert.deepEqual(all, {
    devices: [
      { resource_name: RESOURCE, device_ids: ['a'], topology: { nodes: [{ ID: 1 }] } },
      { resource_name: RESOURCE, device_ids: ['b'], topology: undefined },
    ],
    cpu_ids: [1, 2, 3],
    memory: [],
  });
});
