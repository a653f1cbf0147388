import assert from 'node:assert/strict';
import { test } from 'node:test';
import { temporaryDirectory } from '../../../../test/harness/temporary-directory.ts';
import { until } from '../../../../test/harness/until.ts';
import type { V1Pod } from '../../../api/gen/types.ts';
import { systemClock } from '../../../std/clock.ts';
import { type GrpcAnswer, type GrpcService, startGrpcService } from '../../../std/grpc/grpc-service.ts';
import { silentLogger } from '../../../std/logger.ts';
import { CRI_MESSAGES } from './api/cri-client.ts';
import { type CriRuntimeOptions, createCriRuntime } from './cri-runtime.ts';
import { CONTAINERD_MESSAGES } from './images/containerd-client.ts';
import { TASK_MESSAGES } from './left-tasks.ts';

const IMAGE_CALLS = ['PullImage', 'ImageStatus', 'ListImages', 'RemoveImage', 'ImageFsInfo'];
/** Of containerd's own calls, where they are not the image's. */
const OWN_MESSAGES: Readonly<Record<string, readonly string[]>> = {
  'content.v1.Content/ListStatuses': ['ListStatusesRequest', 'ListStatusesResponse'],
  'tasks.v1.Tasks/Kill': ['KillRequest', 'TaskResponse'],
  'tasks.v1.Tasks/Wait': ['WaitRequest', 'TaskResponse'],
  'tasks.v1.Tasks/Delete': ['DeleteTaskRequest', 'TaskResponse'],
};
const NO_DETAILS = { code: 2, details: 'unknown' };

/** A runtime that answers as told, by the names of CRI's calls; and containerd's own API where `containerd` says what. */
function fakeRuntime(answers: Record<string, GrpcAnswer>, containerd: Record<string, GrpcAnswer> = {}): Promise<GrpcService> {
  const all: Record<string, GrpcAnswer> = {
    Version: () => ({ runtime_name: 'fake', runtime_version: '1' }),
    Status: () => ({}),
    ...answers,
  };
  const cri = Object.entries(all).map(([call, answer]) => {
    const path = `runtime.v1.${IMAGE_CALLS.includes(call) ? 'ImageService' : 'RuntimeService'}/${call}`;
    const names =
      call === 'GetContainerEvents' ? ['GetEventsRequest', 'ContainerEventResponse'] : [`${call}Request`, `${call}Response`];
    return [path, { request: names[0]!, response: names[1]!, answer, stream: call === 'GetContainerEvents' }] as const;
  });
  const own = Object.entries(containerd).map(([path, answer]) => {
    const names = OWN_MESSAGES[path] ?? ['GetImageRequest', 'GetImageRequest'];
    return [`containerd.services.${path}`, { request: names[0]!, response: names[1]!, answer }] as const;
  });
  const messages = { ...CRI_MESSAGES, ...CONTAINERD_MESSAGES, ...TASK_MESSAGES };
  return startGrpcService({ messages, methods: Object.fromEntries([...cri, ...own]) });
}

async function connect(service: GrpcService, options: Partial<CriRuntimeOptions> = {}) {
  await using whileConnecting = new AsyncDisposableStack();
  const directory = whileConnecting.use(await temporaryDirectory());
  const runtime = await createCriRuntime({
    endpoint: service.endpoint,
    requestTimeoutMs: 5000,
    paths: { root: directory.path, logs: directory.file('logs'), containerLogs: directory.file('links') },
    seccomp: { seccompDefault: false, profileRoot: directory.file('seccomp') },
    clock: systemClock,
    logger: silentLogger,
    ...options,
  });
  const connected = whileConnecting.move();
  connected.defer(() => runtime.close());
  return { runtime, directory, [Symbol.asyncDispose]: () => connected[Symbol.asyncDispose]() };
}

const POD: V1Pod = { metadata: { name: 'p', namespace: 'n', uid: 'u' }, spec: { containers: [{ name: 'c' }] } };
const DNS = { servers: [], searches: [], options: [] };

test('a runtime that does not answer in this version is refused, with what may be wrong', async () => {
  await using service = await startGrpcService({ messages: CRI_MESSAGES, methods: {} });
  await assert.rejects(connect(service), (error: Error) => {
    assert.match(
      error.message,
      /^validate service connection: validate CRI v1 runtime API for endpoint "unix:.*": rpc error: code = Unimplemented/,
    );
    assert.match(error.message, /CRI plugin is switched off/);
    return true;
  });
});

test('the runtime’s conditions are the node’s, in its own words', async () => {
  const conditions = [
    { type: 'RuntimeReady', status: true },
    {
      type: 'NetworkReady',
      status: false,
      reason: 'NetworkPluginNotReady',
      message: 'Network plugin returns error: cni plugin not initialized',
    },
  ];
  const runtime_handlers = [{ name: '', features: { user_namespaces: true } }];
  await using service = await fakeRuntime({
    Status: () => ({ status: { conditions }, runtime_handlers, features: { supplemental_groups_policy: true } }),
  });
  await using connected = await connect(service);
  assert.deepEqual(await connected.runtime.status(), {
    ready: true,
    networkReady: false,
    reason: 'NetworkPluginNotReady',
    message: 'Network plugin returns error: cni plugin not initialized',
    handlers: [{ name: '', recursiveReadOnlyMounts: false, userNamespaces: true }],
    features: { supplementalGroupsPolicy: true },
  });
});

test('a call that takes longer than the request timeout fails; stopping has its grace period on top', async () => {
  let timeout: number | undefined;
  const never = (_: never, signal: AbortSignal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve({})));
  await using service = await fakeRuntime({
    ListPodSandbox: never,
    ListContainers: never,
    StopContainer: (request: { timeout: number }) => {
      timeout = request.timeout;
      return {};
    },
  });
  await using connected = await connect(service, { requestTimeoutMs: 300 });
  await assert.rejects(connected.runtime.list(), {
    message: 'rpc error: code = DeadlineExceeded desc = context deadline exceeded',
  });
  await connected.runtime.stopContainer('c', 1500);
  assert.equal(timeout, 2);
});

test('what is gone is as good as stopped and removed', async () => {
  const gone = () => Promise.reject({ code: 5, details: 'not found' });
  await using service = await fakeRuntime({
    StopPodSandbox: gone,
    RemovePodSandbox: gone,
    StopContainer: gone,
    RemoveContainer: gone,
    ContainerStatus: gone,
  });
  await using connected = await connect(service);
  const { runtime } = connected;
  await Promise.all([
    runtime.stopSandbox('s'),
    runtime.removeSandbox('s'),
    runtime.stopContainer('c', 0),
    runtime.removeContainer('c'),
  ]);
  assert.equal(await runtime.logs!.pathOf('c'), undefined);
  assert.equal(await runtime.stats!.pidOf('c'), undefined);
});

test('a task that keeps a container from being removed is ended, also when it has just gone; where that cannot be, the refusal stays', async () => {
  const refusal = { code: 9, details: 'cannot delete running task c: failed precondition' };
  const told: string[] = [];
  let tasks = new Set(['c', 'd']);
  const remove = (id: string) => (tasks.has(id) ? Promise.reject(refusal) : {});
  const calls = {
    RemoveContainer: ({ container_id }: { container_id: string }) => remove(container_id),
    RemovePodSandbox: () => remove('d'),
    ListContainers: () => ({
      containers: [
        { id: 'd', state: 2 },
        { id: 'alive', state: 1 },
      ],
    }),
  };
  const gone = () => Promise.reject({ code: 5, details: 'no such task' });
  await using service = await fakeRuntime(calls, {
    'tasks.v1.Tasks/Kill': ({ container_id, signal, all }: { container_id: string; signal: number; all: boolean }) => {
      told.push(`${container_id} ${signal} ${all}`);
      return {};
    },
    'tasks.v1.Tasks/Wait': gone,
    'tasks.v1.Tasks/Delete': ({ container_id }: { container_id: string }) => {
      tasks.delete(container_id);
      return gone();
    },
  });
  await using connected = await connect(service);
  await connected.runtime.removeContainer('c');
  await connected.runtime.removeSandbox('s');
  assert.deepEqual(told, ['c 9 true', 'd 9 true']);

  tasks = new Set(['c']);
  await using other = await fakeRuntime(calls);
  await using elsewhere = await connect(other);
  await assert.rejects(elsewhere.runtime.removeContainer('c'), { code: 'GRPC_FAILED_PRECONDITION' });
});

test('details are asked for once a state', async () => {
  let asked = 0;
  let state = 1;
  await using service = await fakeRuntime({
    ListPodSandbox: () => ({ items: [{ id: 's', metadata: { uid: 'u' } }] }),
    PodSandboxStatus: () => ({ status: { id: 's', network: { ip: '10.0.0.9' } } }),
    ListContainers: () => ({
      containers: [
        { id: 'c', pod_sandbox_id: 's', state },
        { id: 'gone', pod_sandbox_id: 's', state },
      ],
    }),
    ContainerStatus: ({ container_id }: { container_id: string }) => {
      if (container_id === 'gone') return Promise.reject({ code: 5, details: 'not found' });
      asked++;
      return { status: { id: 'c', state, metadata: { name: 'app' } } };
    },
  });
  await using connected = await connect(service);
  const first = await connected.runtime.list('u');
  assert.deepEqual(first.sandboxes[0]?.ips, ['10.0.0.9']);
  assert.deepEqual(
    first.containers.map(({ id, podUid, phase }) => [id, podUid, phase]),
    [['c', 'u', 'running']],
  );
  await connected.runtime.list('u');
  assert.equal(asked, 1);
  state = 2;
  assert.equal((await connected.runtime.list('u')).containers[0]?.phase, 'exited');
  assert.equal(asked, 2);
});

test('a sandbox that lacks its image fails in the runtime’s words where the runtime takes none from us', async () => {
  let tries = 0;
  await using service = await fakeRuntime({
    RunPodSandbox: () => {
      tries++;
      return Promise.reject({ code: 2, details: 'failed to get sandbox image "registry.k8s.io/pause:3.10": no network' });
    },
  });
  await using connected = await connect(service);
  const preparation = { hostname: 'p', dns: DNS, logDirectory: connected.directory.file('logs', 'p'), cgroupParent: '' };
  await assert.rejects(connected.runtime.runSandbox({ pod: POD, attempt: 0, preparation }), {
    message: 'rpc error: code = Unknown desc = failed to get sandbox image "registry.k8s.io/pause:3.10": no network',
  });
  assert.equal(tries, 1);
});

test('the runtime is told the node’s pod range once, and the handler of the pod’s class', async () => {
  const told: string[] = [];
  await using service = await fakeRuntime({
    UpdateRuntimeConfig: ({ runtime_config }: { runtime_config: { network_config: { pod_cidr: string } } }) => {
      told.push(runtime_config.network_config.pod_cidr);
      return {};
    },
    RunPodSandbox: ({ runtime_handler }: { runtime_handler: string }) => {
      told.push(runtime_handler);
      return { pod_sandbox_id: 's' };
    },
    PodSandboxStatus: () => ({ status: { id: 's', metadata: { uid: 'u' }, network: { ip: '10.1.0.2' } } }),
  });
  await using connected = await connect(service);
  const preparation = {
    hostname: 'p',
    dns: DNS,
    logDirectory: connected.directory.file('logs'),
    cgroupParent: '',
    runtimeHandler: 'kata',
  };
  const request = { pod: POD, attempt: 0, podCidr: '10.1.0.0/24', preparation };
  await connected.runtime.runSandbox(request);
  const sandbox = await connected.runtime.runSandbox(request);
  assert.deepEqual(told, ['10.1.0.0/24', 'kata', 'kata']);
  assert.deepEqual(sandbox.ips, ['10.1.0.2']);
});

test('a pull ends when its signal does, with the runtime’s words when it fails, and with its progress when nothing arrives', async () => {
  let offset = 0;
  let answer: (signal: AbortSignal) => unknown = () => Promise.reject({ code: 5, details: 'failed to resolve reference' });
  let canceled = 0;
  await using service = await fakeRuntime(
    { PullImage: (_: never, signal: AbortSignal) => answer(signal) },
    { 'content.v1.Content/ListStatuses': () => ({ statuses: [{ ref: 'layer', offset }] }) },
  );
  await using connected = await connect(service, { pullProgressTimeoutMs: 600 });
  const { images } = connected.runtime;
  const open = new AbortController();
  await assert.rejects(images!.pull('a:1', undefined, open.signal), {
    message: 'rpc error: code = NotFound desc = failed to resolve reference',
  });
  answer = (signal) =>
    new Promise((resolve) =>
      signal.addEventListener('abort', () => {
        canceled++;
        resolve({});
      }),
    );
  const controller = new AbortController();
  const pull = images!.pull('a:1', undefined, controller.signal);
  setImmediate(() => controller.abort());
  await assert.rejects(pull);
  await assert.rejects(images!.pull('a:1', undefined, open.signal), /the pull made no progress in 0\.6s/);
  await until('the runtime has heard that nobody waits any more', () => canceled > 0);
  // As long as something arrives, it goes on beyond that time.
  answer = async () => {
    for (; offset < 15; offset++) await systemClock.sleep(60);
    return { image_ref: 'sha256:1' };
  };
  assert.equal(await images!.pull('a:1', { username: 'u', password: 'p' }, open.signal), 'sha256:1');
});

test('pods whose containers change are told of by the runtime’s events', async () => {
  const pending: (() => void)[] = [];
  await using service = await fakeRuntime({
    ListPodSandbox: () => ({}),
    ListContainers: () => ({}),
    GetContainerEvents: async function* () {
      await new Promise<void>((resolve) => pending.push(resolve));
      yield { container_id: 'c', container_event_type: 2, pod_sandbox_status: { metadata: { uid: 'pod-1' } } };
    },
  });
  await using connected = await connect(service);
  const heard: string[] = [];
  const stop = connected.runtime.subscribe((uid) => heard.push(uid));
  await until('the events are followed', () => pending.length > 0);
  for (const resolve of pending) resolve();
  await until('the event was heard', () => heard.includes('pod-1'));
  stop();
});

test('image file systems: with and without a second list', async () => {
  const usage = (mountpoint: string) => ({ timestamp: 5e15, fs_id: { mountpoint }, used_bytes: { value: 7 } });
  let container_filesystems: object[] = [];
  await using service = await fakeRuntime({ ImageFsInfo: () => ({ image_filesystems: [usage('/a')], container_filesystems }) });
  await using connected = await connect(service);
  const a = { mountpoint: '/a', timestampMs: 5e9, usedBytes: 7 };
  assert.deepEqual(await connected.runtime.images!.filesystems(), { images: [a], containers: [a] });
  container_filesystems = [usage('/b')];
  assert.deepEqual((await connected.runtime.images!.filesystems()).containers, [{ ...a, mountpoint: '/b' }]);
});

test('a runtime that cannot write checkpoints says so', async () => {
  await using service = await fakeRuntime({
    CheckpointContainer: () => Promise.reject({ ...NO_DETAILS, code: 12, details: 'method CheckpointContainer not implemented' }),
  });
  await using connected = await connect(service);
  await assert.rejects(connected.runtime.checkpoint!('c', '/x.tar', 1000), {
    status: 'Unimplemented',
    message: 'rpc error: code = Unimplemented desc = method CheckpointContainer not implemented',
  });
});

test('the runtime’s cgroup driver counts where the runtime tells it', async () => {
  let linux: object | undefined = { cgroup_driver: 1 };
  await using service = await fakeRuntime({ RuntimeConfig: () => ({ linux }) });
  await using connected = await connect(service);
  assert.equal(await connected.runtime.cgroupDriver!(), 'cgroupfs');
  linux = {};
  assert.equal(await connected.runtime.cgroupDriver!(), 'systemd');
  linux = undefined;
  assert.equal(await connected.runtime.cgroupDriver!(), undefined);
  await using older = await fakeRuntime({});
  await using connectedToOlder = await connect(older);
  assert.equal(await connectedToOlder.runtime.cgroupDriver!(), undefined);
});

test('a container is created with what its sandbox was made with, also after a restart and on runtimes that do not tell', async () => {
  const hosts: (string | undefined)[] = [];
  const logs: (string | undefined)[] = [];
  let info = {};
  await using service = await fakeRuntime({
    RunPodSandbox: () => ({ pod_sandbox_id: 's' }),
    PodSandboxStatus: () => ({ status: { id: 's', metadata: { uid: 'u' } }, info }),
    ImageStatus: () => ({ image: { id: 'sha256:1' } }),
    CreateContainer: (request: { sandbox_config?: { hostname: string; log_directory: string } }) => {
      hosts.push(request.sandbox_config?.hostname);
      logs.push(request.sandbox_config?.log_directory);
      return { container_id: 'c' };
    },
    StartContainer: () => ({}),
    ContainerStatus: () => ({ status: { id: 'c', state: 1 } }),
    RemovePodSandbox: () => ({}),
  });
  await using connected = await connect(service);
  const { runtime, directory } = connected;
  const logDirectory = directory.file('logs', 'made');
  const preparation = { hostname: 'made', dns: DNS, logDirectory, cgroupParent: '' };
  const sandbox = { ...(await runtime.runSandbox({ pod: POD, attempt: 0, preparation })), podNamespace: 'n', podName: 'p' };
  const container = {
    imageRef: 'i',
    environment: [],
    mounts: [],
    devices: [],
    logPath: 'c/0.log',
    resources: {},
    supplementalGroups: [],
    annotations: {},
  };
  const start = () => runtime.startContainer(sandbox, { pod: POD, container: { name: 'c' }, attempt: 0, preparation: container });
  await start();
  await runtime.removeSandbox('s');
  info = { info: JSON.stringify({ config: { hostname: 'told', log_directory: logDirectory } }) };
  await start();
  info = {};
  await start();
  assert.deepEqual(hosts, ['made', 'told', 'p']);
  assert.deepEqual(logs, [logDirectory, logDirectory, directory.file('logs', 'n_p_u')]);
});

test('an address that a sandbox gets late is seen', async () => {
  let ip = '';
  await using service = await fakeRuntime({
    ListPodSandbox: () => ({ items: [{ id: 's', metadata: { uid: 'u' } }] }),
    ListContainers: () => ({}),
    PodSandboxStatus: () => ({ status: { id: 's', network: { ip } } }),
  });
  await using connected = await connect(service);
  assert.deepEqual((await connected.runtime.list('u')).sandboxes[0]?.ips, []);
  ip = '10.0.0.9';
  assert.deepEqual((await connected.runtime.list('u')).sandboxes[0]?.ips, ['10.0.0.9']);
});
