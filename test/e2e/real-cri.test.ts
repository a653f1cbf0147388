import assert from 'node:assert/strict';
import { existsSync, globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { get } from 'node:http';
import { test } from 'node:test';
import { createCriClient } from '../../src/kubelet/runtime/cri/api/cri-client.ts';
import type { Runtime } from '../../src/kubelet/runtime/runtime.ts';
import { startContainerd } from '../harness/containerd.ts';
import { criPods } from '../harness/cri-pods.ts';
import { BUSYBOX } from '../harness/images.ts';
import { startRegistry } from '../harness/registry.ts';
import { until } from '../harness/until.ts';

const containerOf = async (runtime: Runtime, podUid: string, id: string) =>
  (await runtime.list(podUid)).containers.find((container) => container.id === id);

const ended = (runtime: Runtime, podUid: string, id: string) =>
  until('the container has ended', async () => {
    const container = await containerOf(runtime, podUid, id);
    return container?.phase === 'exited' && container;
  });

test('a pod starts on a containerd that has no sandbox image, runs commands, writes its log and goes without a trace (CRI-01)', async () => {
  await using containerd = await startContainerd();
  using pods = await criPods(containerd);
  const { runtime } = pods;
  assert.equal(runtime.version.name, 'containerd');
  const { ready, networkReady } = await runtime.status();
  assert.deepEqual({ ready, networkReady }, { ready: true, networkReady: true });

  const pod = pods.pod([{ command: ['sh', '-c', 'echo hello; echo oops >&2; sleep 1000'], env: [{ name: 'A', value: 'b c' }] }]);
  const uid = pod.metadata!.uid!;
  const sandbox = await pods.sandbox(pod);
  assert.equal(sandbox.ready, true);
  assert.ok(sandbox.ips[0]?.startsWith(containerd.network.podCidr.replace('.0/24', '.')), `address ${sandbox.ips}`);
  const container = await pods.start(sandbox, pod, 'c0', { resources: { cpuShares: 102, memoryLimitBytes: 64 << 20 } });
  assert.equal(container.phase, 'running');
  assert.equal(container.image, 'registry.test/busybox:1');
  assert.equal(container.podUid, uid);

  const run = (...command: string[]) => runtime.streams!.execSync(container.id, command, 10_000);
  assert.deepEqual(await run('sh', '-c', 'echo out; echo err >&2; exit 3'), {
    stdout: Buffer.from('out\n'),
    stderr: Buffer.from('err\n'),
    exitCode: 3,
  });
  assert.equal(
    String((await run('sh', '-c', 'echo $A; hostname; cat /etc/resolv.conf')).stdout),
    `b c\n${pod.metadata!.name}\nsearch default.svc.cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n`,
  );
  await assert.rejects(runtime.streams!.execSync(container.id, ['sleep', '100'], 1000), { code: 'GRPC_DEADLINE_EXCEEDED' });

  const logFile = await runtime.logs!.pathOf(container.id);
  // Each stream has a reader of its own: which line is first is not said.
  const lines = await until('both lines are in the log', async () => {
    const written = (await readFile(logFile!, 'utf8')).split('\n').filter(Boolean);
    return written.length === 2 && written.map((line) => line.slice(line.indexOf(' ') + 1)).sort();
  });
  assert.deepEqual(lines, ['stderr F oops', 'stdout F hello']);
  const url = await runtime.streams!.exec({
    containerId: container.id,
    command: ['true'],
    stdin: false,
    stdout: true,
    stderr: true,
    tty: false,
  });
  assert.equal(url.hostname, '127.0.0.1');
  // The streaming server is there, and wants to be spoken to in a stream's protocol.
  const status = await new Promise((resolve, reject) =>
    get(url, (answer) => resolve(answer.resume().statusCode)).on('error', reject),
  );
  assert.equal(status, 400);

  assert.ok((await runtime.stats!.pidOf(container.id))! > 1);
  assert.ok((await runtime.stats!.sandboxPidOf(sandbox.id))! > 1);
  const usage = (await runtime.stats!.containers()).find(({ containerId }) => containerId === container.id);
  assert.equal(usage?.podUid, uid);
  assert.ok(usage!.memoryWorkingSetBytes! > 0);

  await runtime.updateResources!(container.id, { memoryLimitBytes: 96 << 20 });
  assert.equal((await containerOf(runtime, uid, container.id))?.resources?.memoryLimitBytes, 96 << 20);

  await runtime.stopSandbox(sandbox.id);
  await runtime.removeSandbox(sandbox.id);
  await runtime.removeSandbox(sandbox.id);
  await runtime.stopContainer(container.id, 1000);
  assert.deepEqual(await runtime.list(uid), { sandboxes: [], containers: [] });
  assert.equal(await runtime.stats!.pidOf(container.id), undefined);
  assert.equal(await runtime.logs!.pathOf(container.id), undefined);
  assert.match(
    pods.metrics.render('kubelet').get('kubelet_runtime_operations_total')!,
    /\{operation_type="run_podsandbox"\} 1\n/,
  );
});

test('how a container ended is told with its reason, its exit code and its last words', async () => {
  await using containerd = await startContainerd();
  using pods = await criPods(containerd);
  const { runtime } = pods;
  const pod = pods.pod([
    { name: 'fine', command: ['sh', '-c', 'echo bye > /dev/termination-log'] },
    { name: 'loud', command: ['sh', '-c', 'yes 0123456789 | head -c 9000 > /dev/termination-log; exit 7'] },
    { name: 'log', command: ['sh', '-c', 'echo one; echo two; exit 1'], terminationMessagePolicy: 'FallbackToLogsOnError' },
    { name: 'greedy', command: ['sh', '-c', 'tail /dev/zero'] },
    { name: 'polite', command: ['sh', '-c', 'trap "exit 5" TERM; echo up; while :; do sleep 0.05; done'] },
    { name: 'deaf', command: ['sh', '-c', 'trap "" TERM; echo up; sleep 1000'] },
    { name: 'absent', command: ['/no/such/program'] },
  ]);
  const uid = pod.metadata!.uid!;
  const sandbox = await pods.sandbox(pod);
  const endOf = async (name: string, more = {}) => ended(runtime, uid, (await pods.start(sandbox, pod, name, more)).id);

  const fine = await endOf('fine');
  assert.deepEqual([fine.exitCode, fine.reason, fine.message], [0, 'Completed', 'bye\n']);
  // containerd notes the start once that call returns: what is over at once may have ended "before".
  assert.ok(fine.finishedAtMs! >= fine.createdAtMs && fine.startedAtMs! >= fine.createdAtMs);
  const loud = await endOf('loud');
  assert.deepEqual([loud.exitCode, loud.reason, loud.message?.length], [7, 'Error', 4096]);
  const log = await endOf('log');
  assert.deepEqual([log.exitCode, log.reason, log.message], [1, 'Error', 'one\ntwo\n']);
  const greedy = await endOf('greedy', { resources: { memoryLimitBytes: 16 << 20 } });
  assert.deepEqual([greedy.exitCode, greedy.reason], [137, 'OOMKilled']);

  // Until the program has begun, what starts it answers the signal.
  const upAndRunning = async (name: string) => {
    const container = await pods.start(sandbox, pod, name);
    const log = await runtime.logs!.pathOf(container.id);
    await until(`${name} has begun`, async () => (await readFile(log!, 'utf8')).includes('up'));
    return container;
  };
  const polite = await upAndRunning('polite');
  await runtime.stopContainer(polite.id, 30_000);
  assert.equal((await containerOf(runtime, uid, polite.id))?.exitCode, 5);
  const deaf = await upAndRunning('deaf');
  await runtime.stopContainer(deaf.id, 1000);
  assert.equal((await containerOf(runtime, uid, deaf.id))?.exitCode, 137);

  await assert.rejects(pods.start(sandbox, pod, 'absent'), (error: Error & { code?: string }) => {
    assert.equal(error.code, 'CONTAINER_NOT_STARTED');
    assert.match(error.message, /^failed to create containerd task: .*no such file or directory/);
    return true;
  });
  const { containers } = await runtime.list(uid);
  const absent = containers.find(({ name }) => name === 'absent');
  assert.deepEqual([absent?.phase, absent?.reason, absent?.exitCode], ['exited', 'StartError', 128]);
  const again = await pods.start(sandbox, pod, 'deaf', { attempt: 1 });
  assert.equal(again.attempt, 1);
  await runtime.removeContainer(deaf.id);
  await runtime.removeContainer(deaf.id);
  assert.deepEqual(
    (await runtime.list(uid)).containers.filter(({ name }) => name === 'deaf').map(({ id }) => id),
    [again.id],
  );
});

test('pods go on while containerd is restarted or killed, and are found again', async () => {
  await using containerd = await startContainerd();
  using pods = await criPods(containerd);
  const { runtime } = pods;
  const pod = pods.pod([{}]);
  const uid = pod.metadata!.uid!;
  const sandbox = await pods.sandbox(pod);
  const container = await pods.start(sandbox, pod, 'c0');
  const pid = await runtime.stats!.pidOf(container.id);
  await containerd.kill();
  await assert.rejects(runtime.status(), { code: 'GRPC_UNAVAILABLE' });
  await containerd.restart();
  const found = await until('containerd answers again', () => runtime.list(uid));
  assert.deepEqual(found.containers, [container]);
  assert.deepEqual(found.sandboxes, [sandbox]);
  assert.equal(await runtime.stats!.pidOf(container.id), pid);

  // A kubelet started anew finds the same, and goes on with the pod it did not make.
  using other = await criPods(containerd);
  assert.deepEqual((await other.runtime.list(uid)).containers, [container]);
  await until('the container can be replaced', async () => {
    await other.runtime.stopContainer(container.id, 0);
    return true;
  });
  const next = await other.start(sandbox, pod, 'c0', { attempt: 1 });
  assert.equal(next.phase, 'running');
});

test('a containerd killed in the middle of starts leaves nothing that cannot be taken away and made anew', async () => {
  await using containerd = await startContainerd();
  using pods = await criPods(containerd);
  const { runtime } = pods;
  await runtime.removeSandbox((await pods.sandbox(pods.pod([]))).id);
  const wanted = Array.from({ length: 8 }, () => pods.pod([{}]));
  const starts = Promise.allSettled(
    wanted.map(async (pod) => {
      const sandbox = await pods.sandbox(pod);
      await pods.start(sandbox, pod, 'c0');
    }),
  );
  await until('some sandbox is there', async () => (await runtime.list()).sandboxes.length > 0);
  await containerd.kill();
  const failed = (await starts).filter(({ status }) => status === 'rejected');
  assert.ok(failed.length > 0, 'nothing was interrupted');
  await containerd.restart();
  const left = await until('containerd answers again', () => runtime.list());
  for (const { id } of left.sandboxes) {
    await runtime.stopSandbox(id);
    await runtime.removeSandbox(id);
  }
  assert.deepEqual(await runtime.list(), { sandboxes: [], containers: [] });
  const again = await Promise.all(wanted.map(async (pod) => pods.start(await pods.sandbox(pod), pod, 'c0', { attempt: 1 })));
  assert.deepEqual(new Set(again.map(({ phase }) => phase)), new Set(['running']));
});

test('a container that CRI takes for not started is removed with the process that it has, by itself and with its sandbox', async () => {
  await using containerd = await startContainerd();
  using pods = await criPods(containerd);
  const { runtime } = pods;
  const pod = pods.pod([{}]);
  const sandbox = await pods.sandbox(pod);
  const cri = createCriClient({ endpoint: containerd.endpoint, requestTimeoutMs: 120_000 });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => cri.close());
  // As a StartContainer of which the caller has gone at the wrong moment leaves one.
  const leave = async (name: string) => {
    const { container_id } = await cri.call('CreateContainer', {
      pod_sandbox_id: sandbox.id,
      config: { metadata: { name, attempt: 0 }, image: { image: BUSYBOX }, command: ['sleep', '1000'], linux: {} },
      sandbox_config: { metadata: { name: sandbox.podName, namespace: sandbox.podNamespace, uid: sandbox.podUid, attempt: 0 } },
    });
    await containerd.ctr('tasks', 'start', '--detach', '--null-io', container_id);
    await assert.rejects(cri.call('RemoveContainer', { container_id }), /cannot delete running task/);
    return container_id;
  };
  const alone = await leave('alone');
  await runtime.removeContainer(alone);
  assert.equal((await containerd.ctr('tasks', 'ls')).includes(alone), false);
  await leave('with');
  await runtime.stopSandbox(sandbox.id);
  await assert.rejects(cri.call('RemovePodSandbox', { pod_sandbox_id: sandbox.id }), /cannot delete running task/);
  await runtime.removeSandbox(sandbox.id);
  assert.deepEqual(await runtime.list(), { sandboxes: [], containers: [] });
  assert.equal((await containerd.ctr('containers', 'ls', '-q')).trim(), '');
});

test('twenty pods start at once and go at once', async () => {
  await using containerd = await startContainerd();
  using pods = await criPods(containerd);
  const { runtime } = pods;
  const made = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const pod = pods.pod([{}]);
      const sandbox = await pods.sandbox(pod);
      return { sandbox, container: await pods.start(sandbox, pod, 'c0') };
    }),
  );
  const { sandboxes, containers } = await runtime.list();
  assert.equal(sandboxes.length, 20);
  assert.equal(containers.filter(({ phase }) => phase === 'running').length, 20);
  assert.equal(new Set(sandboxes.flatMap(({ ips }) => ips)).size, 20);
  await Promise.all(
    made.map(async ({ sandbox }) => {
      await runtime.stopSandbox(sandbox.id);
      await runtime.removeSandbox(sandbox.id);
    }),
  );
  assert.deepEqual(await runtime.list(), { sandboxes: [], containers: [] });
});

test('whoever subscribes hears of a container that ends by itself', async () => {
  await using containerd = await startContainerd();
  using pods = await criPods(containerd);
  const { runtime } = pods;
  const heard = new Map<string, number>();
  const unsubscribe = runtime.subscribe((uid) => heard.set(uid, (heard.get(uid) ?? 0) + 1));
  const pod = pods.pod([{}]);
  const uid = pod.metadata!.uid!;
  const sandbox = await pods.sandbox(pod);
  const container = await pods.start(sandbox, pod, 'c0');
  await until('the start was heard of', () => heard.has(uid));
  heard.clear();
  process.kill((await runtime.stats!.pidOf(container.id))!, 'SIGKILL');
  await until('the end was heard of', () => heard.has(uid));
  unsubscribe();
  assert.equal((await containerOf(runtime, uid, container.id))?.phase, 'exited');
});

test('a containerd that a test leaves in the middle of its work leaves nothing behind', async () => {
  const containerd = await startContainerd();
  using pods = await criPods(containerd);
  const pod = pods.pod([{}], { shareProcessNamespace: true });
  const sandbox = await pods.sandbox(pod);
  const { id } = await pods.start(sandbox, pod, 'c0');
  const pids = await Promise.all([pods.runtime.stats!.pidOf(id), pods.runtime.stats!.sandboxPidOf(sandbox.id)]);
  await containerd.kill();
  await containerd[Symbol.asyncDispose]();
  for (const pid of pids) assert.ok(!existsSync(`/proc/${pid}/exe`), `process ${pid} is still there`);
  assert.ok(!(await readFile('/proc/self/mountinfo', 'utf8')).includes(containerd.root), 'mounts are left');
  assert.ok(!existsSync(containerd.root), 'files are left');
  assert.ok(!existsSync(`/sys/class/net/${containerd.network.bridge}`), 'the bridge is left');
  for (const name of [id, sandbox.id]) assert.deepEqual(globSync(`/sys/fs/cgroup/**/${name}`), []);
  assert.deepEqual(globSync(`/var/lib/cni/results/*${sandbox.id}*`), []);
});

test('a pull of which nothing arrives is given up, one that is not wanted any more too, and the next one succeeds', async () => {
  await using containerd = await startContainerd();
  await using registry = await startRegistry();
  registry.add('app', '1');
  await registry.serve(containerd, 'pulled.test');
  using pods = await criPods(containerd, { pullProgressTimeoutMs: 1500 });
  const images = pods.runtime.images!;
  const unwanted = new AbortController();
  registry.holdBlobs(new Promise(() => {}));
  await assert.rejects(
    images.pull('pulled.test/app:1', undefined, unwanted.signal),
    /rpc error: code = Canceled desc = .*no progress in 1\.5s/,
  );
  const pull = images.pull('pulled.test/app:1', undefined, unwanted.signal);
  unwanted.abort();
  await assert.rejects(pull);
  assert.equal(await images.find('pulled.test/app:1'), undefined);
  registry.holdBlobs(undefined);
  const reference = await images.pull('pulled.test/app:1', undefined, new AbortController().signal);
  const image = await images.find(reference);
  assert.deepEqual(image?.repoTags, ['pulled.test/app:1']);
  assert.ok(image.repoDigests[0]?.startsWith('pulled.test/app@sha256:'));
  await images.remove(reference);
  await images.remove(reference);
  assert.equal(await images.find('pulled.test/app:1'), undefined);
  await assert.rejects(images.pull('pulled.test/none:1', undefined, new AbortController().signal), {
    code: 'GRPC_NOT_FOUND',
    message: /^rpc error: code = NotFound desc = failed to pull and unpack image "pulled\.test\/none:1": /,
  });
  const { images: usage } = await images.filesystems();
  assert.ok(usage[0]?.mountpoint.startsWith(containerd.root));
});
