import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, statfs, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { CoreV1Event, V1Pod, V1PodList } from '../../src/api/gen/types.ts';
import { createMounts } from '../../src/host/mounts.ts';
import { completeConfiguration } from '../../src/kubelet/configuration/defaults.ts';
import { createImageCollector } from '../../src/kubelet/images/image-collector.ts';
import { createPodImages } from '../../src/kubelet/images/pod-images.ts';
import { createContainerLogReader } from '../../src/kubelet/logs/container-logs.ts';
import { createLogRotator } from '../../src/kubelet/logs/log-rotator.ts';
import type { RuntimeContainer } from '../../src/kubelet/runtime/runtime.ts';
import { systemClock, VirtualClock } from '../../src/std/clock.ts';
import { silentLogger } from '../../src/std/logger.ts';
import { startContainerd } from '../harness/containerd.ts';
import { type CriPods, criPods } from '../harness/cri-pods.ts';
import type { Kubectl } from '../harness/kubectl.ts';
import { type RealCluster, startRealCluster } from '../harness/real-cluster.ts';
import { startRegistry } from '../harness/registry.ts';
import { temporaryDirectory } from '../harness/temporary-directory.ts';
import { until } from '../harness/until.ts';

const COUNT = 3000;
const numbers = (count: number) => Array.from({ length: count }, (_, n) => `line ${n + 1}\n`).join('');
/** Prints numbered lines, a hundred at a time with a pause between. */
const counting = (count: number) =>
  `i=0; while [ $i -lt ${count} ]; do i=$((i+1)); echo line $i; [ $((i%100)) = 0 ] && usleep 150000; done`;

async function rotator({ runtime }: CriPods, limits: Record<string, unknown>) {
  const configuration = completeConfiguration({ containerLogMonitorInterval: '3s', ...limits });
  const made = createLogRotator({ runtime, configuration, clock: systemClock, logger: silentLogger });
  const never = new AbortController().signal;
  return () => made.rotateAll(never);
}

const running = async ({ runtime }: CriPods, { id }: RuntimeContainer) =>
  (await runtime.list()).containers.some((container) => container.id === id && container.phase === 'running');

test('following a container’s log over rotations loses and doubles no line, and ends with the container', async () => {
  await using containerd = await startContainerd();
  using pods = await criPods(containerd);
  const rotate = await rotator(pods, { containerLogMaxSize: '10Ki', containerLogMaxFiles: 3 });
  // Three parts, each begun when the test says so: however long it is kept waiting, every part is rotated away.
  const batches = 3;
  const parts = `i=0; for part in 1 2 3; do until [ -e /go$part ]; do usleep 50000; done; while [ $i -lt $((part*${COUNT / batches})) ]; do i=$((i+1)); echo line $i; [ $((i%100)) = 0 ] && usleep 50000; done; done; until [ -e /go4 ]; do usleep 50000; done`;
  const pod = pods.pod([{ command: ['sh', '-c', parts] }]);
  const sandbox = await pods.sandbox(pod);
  const container = await pods.start(sandbox, pod, 'c0');
  const read = createContainerLogReader({ runtime: pods.runtime, clock: systemClock });
  let text = '';
  const following = (async () => {
    const options = { follow: true, previous: false, timestamps: false, stream: 'All' } as const;
    for await (const chunk of read(container.id, options, new AbortController().signal)) text += Buffer.from(chunk).toString();
  })();
  const path = (await pods.runtime.logs!.pathOf(container.id))!;
  const go = (part: number) => pods.runtime.streams!.execSync(container.id, ['touch', `/go${part}`], 0);
  const rotated = async () => {
    const before = (await readdir(dirname(path))).join(' ');
    // Names of rotated files are told apart by the second.
    const look = async () => {
      await rotate();
      return (await readdir(dirname(path))).join(' ') !== before;
    };
    await until('the log is rotated', look, { intervalMs: 1100, timeoutMs: 60_000 });
  };
  for (let part = 1; part <= batches; part++) {
    await go(part);
    await rotated(); // in the middle of the part
    const heard = numbers((part * COUNT) / batches);
    await until(`part ${part} is heard`, () => text === heard, { timeoutMs: 60_000 });
  }
  await go(batches + 1);
  await following;
  assert.equal(text, numbers(COUNT));
  const files = await readdir(dirname(path));
  assert.ok(files.length <= 3, files.join(' '));
  assert.ok(
    files.some((name) => name.endsWith('.gz')),
    files.join(' '),
  );
});

test('a full disk of logs stops nobody: the container runs on, old logs go, and what it says later is there', async () => {
  await using directory = await temporaryDirectory();
  await using stack = new AsyncDisposableStack();
  const mounts = createMounts();
  const small = directory.file('small');
  await mkdir(small);
  await mounts.mount({ source: 'tmpfs', target: small, fsType: 'tmpfs', options: ['size=256k'] });
  stack.defer(() => mounts.unmount(small));
  await using containerd = await startContainerd();
  using pods = await criPods(containerd);
  const rotate = await rotator(pods, { containerLogMaxSize: '64Ki', containerLogMaxFiles: 3 });
  const script = 'i=0; while true; do i=$((i+1)); echo line $i; [ $((i%100)) = 0 ] && usleep 50000; done';
  const pod = pods.pod([{ command: ['sh', '-c', script] }]);
  const sandbox = await pods.sandbox(pod, { logDirectory: join(small, 'logs') });
  const container = await pods.start(sandbox, pod, 'c0');
  const path = (await pods.runtime.logs!.pathOf(container.id))!;
  // The disk may be full in the middle of a line.
  const last = async () => Number([...(await readFile(path, 'utf8')).matchAll(/ line (\d+)\n/g)].at(-1)?.[1] ?? 0);
  await until('the disk is full', async () => (await statfs(small)).bavail === 0);
  const whenFull = await last();
  await until(
    'new lines have been kept',
    async () => {
      const newest = await last();
      await rotate();
      return newest > whenFull + 1000;
    },
    { intervalMs: 1100, timeoutMs: 60_000 },
  );
  assert.equal(await running(pods, container), true);
  assert.ok((await readdir(dirname(path))).length <= 3);
  await pods.runtime.stopContainer(container.id, 0);
  await pods.runtime.stopSandbox(sandbox.id);
  await pods.runtime.removeSandbox(sandbox.id);
});

test('a full disk of images is told as the reason of a failed pull, and the pull goes on when there is room', async () => {
  await using registry = await startRegistry();
  registry.add('large', '1', { files: [{ path: 'large', content: Buffer.alloc(48 << 20, 'x') }] });
  await using directory = await temporaryDirectory();
  await using stack = new AsyncDisposableStack();
  const mounts = createMounts();
  await mounts.mount({ source: 'tmpfs', target: directory.path, fsType: 'tmpfs', options: ['size=40m'] });
  stack.defer(() => mounts.unmount(directory.path));
  await using containerd = await startContainerd({ directory: directory.path });
  using pods = await criPods(containerd);
  await registry.serve(containerd, 'open.test');
  const clock = new VirtualClock(Date.now());
  const images = createPodImages({
    context: {
      configuration: completeConfiguration(),
      paths: { root: directory.file('kubelet'), logs: '', containerLogs: '' },
      events: undefined,
      clock,
      logger: silentLogger,
    },
    images: pods.runtime.images!,
    objects: { secret: () => Promise.reject(new Error('there are no secrets')) },
  });
  const pod = pods.pod([{ image: 'open.test/large:1' }]);
  const ensure = () => images.ensure(pod, pod.spec!.containers[0]!, new AbortController().signal);
  await assert.rejects(ensure(), { reason: 'ErrImagePull', message: /no space left on device/ });
  await assert.rejects(ensure(), {
    reason: 'ImagePullBackOff',
    message: /^Back-off pulling image "open\.test\/large:1": ErrImagePull: .*no space/s,
  });
  await mounts.mount({ source: 'tmpfs', target: directory.path, options: ['remount', 'size=400m'] });
  await clock.advance(10_000);
  assert.match((await ensure()).imageRef, /^sha256:/);
});

test('images that nobody uses are removed from the runtime; those of containers and of the sandbox stay', async () => {
  const extra = { names: ['registry.test/extra:1'], files: [{ path: 'big', content: Buffer.alloc(1 << 20, 'x') }] };
  await using containerd = await startContainerd({ images: [extra] });
  using pods = await criPods(containerd);
  const { runtime } = pods;
  const pod = pods.pod([{}]);
  const sandbox = await pods.sandbox(pod);
  await pods.start(sandbox, pod, 'c0');
  const collector = createImageCollector({
    context: {
      configuration: completeConfiguration({ imageMinimumGCAge: '1ms' }),
      events: undefined,
      nodeName: 'node1',
      clock: systemClock,
      logger: silentLogger,
    },
    runtime,
    images: runtime.images!,
  });
  const tags = async () => (await runtime.images!.list()).flatMap(({ repoTags }) => repoTags).sort();
  const before = await tags();
  assert.ok(before.includes('registry.test/extra:1'));
  assert.equal(await collector.removeUnused(), 0, 'what has only just been seen may be about to be used');
  const freed = await until('it is old enough', async () => (await collector.removeUnused()) || undefined);
  assert.ok(freed > 1 << 20, `${freed} bytes`);
  assert.deepEqual(
    await tags(),
    before.filter((tag) => tag !== 'registry.test/extra:1'),
  );
  await runtime.stopSandbox(sandbox.id);
  await runtime.removeSandbox(sandbox.id);
  await collector.removeUnused();
  const another = pods.pod([{}]);
  const next = await pods.sandbox(another);
  assert.equal(next.ready, true, 'the image of sandboxes is still there');
  await runtime.stopSandbox(next.id);
  await runtime.removeSandbox(next.id);
});

const pod = (name: string, image: string, extra: Partial<V1Pod['spec']> = {}, container: object = {}): V1Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: { restartPolicy: 'Never', terminationGracePeriodSeconds: 0, ...extra, containers: [{ name: 'c', image, ...container }] },
});

const create = (kubectl: Kubectl, ...objects: object[]) =>
  kubectl.run('create -f -', { input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }) });

const podOf = (kubectl: Kubectl, name: string) => kubectl.json<V1Pod>(`get pod ${name}`);

const eventsOf = async (kubectl: Kubectl, name: string) => {
  const { items } = await kubectl.json<{ items: CoreV1Event[] }>(`get events --field-selector involvedObject.name=${name}`);
  return items.map(({ type, reason, message, involvedObject }) => ({
    text: `${type} ${reason} ${message}`,
    part: involvedObject.fieldPath,
  }));
};

const waiting = (one: V1Pod) => one.status?.containerStatuses?.[0]?.state?.waiting;

async function removePods(cluster: RealCluster): Promise<void> {
  const kubectl = cluster.kubectl('1.35');
  await kubectl.run('delete pods --all --wait=false');
  await until('the pods are gone', async () => (await kubectl.json<V1PodList>('get pods')).items.length === 0, {
    timeoutMs: 60_000,
  });
  await cluster.expectNothingLeft();
}

/** A credential provider that knows one registry, and the kubelet's flags for it. */
async function credentialPlugin(host: string, auth: { readonly username: string; readonly password: string }) {
  const directory = await temporaryDirectory();
  const apiVersion = 'credentialprovider.kubelet.k8s.io/v1';
  const answer = { kind: 'CredentialProviderResponse', apiVersion, cacheKeyType: 'Registry', auth: { [host]: auth } };
  const provider = { name: 'plugin', matchImages: [host], defaultCacheDuration: '1m', apiVersion };
  const config = { kind: 'CredentialProviderConfig', apiVersion: 'kubelet.config.k8s.io/v1', providers: [provider] };
  await writeFile(directory.file('config.json'), JSON.stringify(config));
  await writeFile(directory.file('plugin'), `#!/bin/sh\ncat > /dev/null\necho '${JSON.stringify(answer)}'\n`, { mode: 0o755 });
  const flags = [
    `--image-credential-provider-config=${directory.file('config.json')}`,
    `--image-credential-provider-bin-dir=${directory.path}`,
  ];
  return { flags, [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose]() };
}

test('ADD-11 images are pulled with and without secrets, private ones kept private, and failures told as upstream tells them', async () => {
  await using open = await startRegistry();
  await using closed = await startRegistry({ credentials: { username: 'me', password: 'secret' } });
  await using plugins = await credentialPlugin('plugin.test', { username: 'me', password: 'secret' });
  await using cluster = await startRealCluster({ flags: plugins.flags });
  const kubectl = cluster.kubectl('1.35');
  await open.serve(cluster.containerd, 'open.test');
  await closed.serve(cluster.containerd, 'closed.test');
  await closed.serve(cluster.containerd, 'plugin.test');
  open.add('team/app', '1', { cmd: ['sh', '-c', 'echo from the registry; sleep 1000'] });
  closed.add('private', '1', { cmd: ['sleep', '1000'] });
  await kubectl.run(
    'create secret docker-registry good --docker-server=closed.test --docker-username=me --docker-password=secret',
  );
  await kubectl.run('create secret docker-registry bad --docker-server=closed.test --docker-username=me --docker-password=wrong');
  const secret = (name: string) => ({ imagePullSecrets: [{ name }] });
  const phaseIs = (name: string, phase: string) =>
    until(`${name} is ${phase}`, async () => (await podOf(kubectl, name)).status?.phase === phase, { timeoutMs: 60_000 });

  await create(kubectl, pod('public', 'open.test/team/app:1'), pod('with', 'closed.test/private:1', secret('good')));
  await create(kubectl, pod('plugged', 'plugin.test/private:1'));
  await Promise.all(['public', 'with', 'plugged'].map((name) => phaseIs(name, 'Running')));
  /** Events are written when there is time for them, not before the status. */
  const event = (name: string, wanted: (event: Awaited<ReturnType<typeof eventsOf>>[number]) => boolean) =>
    until(
      `the event of ${name} is there: ${wanted}`,
      async () => {
        const events = await eventsOf(kubectl, name);
        if (events.some(wanted)) return true;
        throw new Error(JSON.stringify(events));
      },
      { timeoutMs: 60_000, intervalMs: 250 },
    );
  await event(
    'public',
    ({ text, part }) => text === 'Normal Pulling Pulling image "open.test/team/app:1"' && part === 'spec.containers{c}',
  );
  const pulled =
    /^Normal Pulled Successfully pulled image "open\.test\/team\/app:1" in [\dms.]+ \([\dms.]+ including waiting\)\. Image size: \d+ bytes\.$/;
  await event('public', ({ text }) => pulled.test(text));
  assert.ok(closed.requests.some(({ user }) => user === 'me'));

  // The image is on the node now, and still not for everybody.
  const others = [
    pod('without', 'closed.test/private:1'),
    pod('wrong', 'closed.test/private:1', secret('bad')),
    pod('missing', 'open.test/none:1', secret('nowhere')),
    pod('never', 'open.test/other:1', {}, { imagePullPolicy: 'Never' }),
    pod('invalid', 'Open.test/UPPER:1'),
  ];
  await create(kubectl, ...others, pod('again', 'closed.test/private:1', secret('good')));
  await phaseIs('again', 'Running');
  /** What is told while it waits for that reason; a moment later it may be pulled again. */
  const waitingFor = (name: string, reason: string) =>
    until(
      `${name} waits for ${reason}`,
      async () => {
        const told = waiting(await podOf(kubectl, name));
        return told?.reason === reason && (told.message ?? '');
      },
      { timeoutMs: 60_000 },
    );
  const [, wrong, missing] = await Promise.all(
    ['without', 'wrong', 'missing'].map((name) => waitingFor(name, 'ImagePullBackOff')),
  );
  assert.match(missing!, /^Back-off pulling image "open\.test\/none:1": ErrImagePull: .*not found/);
  assert.match(wrong!, /^Back-off pulling image "closed\.test\/private:1": ErrImagePull: /);
  await waitingFor('never', 'ErrImageNeverPull');
  await waitingFor('invalid', 'InvalidImageName');
  for (const wanted of [
    /^Warning Failed Failed to pull image "open\.test\/none:1": /,
    /^Warning Failed Error: ErrImagePull$/,
    /^Normal BackOff Back-off pulling image "open\.test\/none:1"$/,
    /^Warning FailedToRetrieveImagePullSecret Unable to retrieve some image pull secrets \(nowhere\); attempting to pull/,
  ])
    await event('missing', ({ text }) => wanted.test(text));
  const present =
    'Normal Pulled Container image "closed.test/private:1" already present on machine and can be accessed by the pod';
  await event('again', ({ text }) => text === present);
  const refused = await kubectl.try('logs never');
  assert.match(refused.stderr, /container "c" in pod "never" is waiting to start: ErrImageNeverPull/);

  // A registry that has it by now is asked again in time.
  open.add('none', '1', { cmd: ['sleep', '1000'] });
  await phaseIs('missing', 'Running');
  await removePods(cluster);
});

test('kubectl reads logs by tail, time and stream, and follows them over rotations', async () => {
  await using cluster = await startRealCluster({
    // The counter's lines are rotated away again and again; all that "streams" ever writes is too little for it.
    configuration: { containerLogMaxSize: '32Ki', containerLogMonitorInterval: '3s', containerLogMaxFiles: 4 },
  });
  const kubectl = cluster.kubectl('1.35');
  const image = 'registry.test/busybox:1';
  const count = 6000;
  await create(
    kubectl,
    pod(
      'counter',
      image,
      {},
      {
        command: [
          'sh',
          '-c',
          `echo ready; until [ -e /go ]; do usleep 100000; done; ${counting(count)}; until [ -e /end ]; do usleep 100000; done`,
        ],
      },
    ),
    pod(
      'streams',
      image,
      {},
      {
        command: [
          'sh',
          '-c',
          'echo one; usleep 200000; echo two >&2; usleep 200000; echo three; printf "%020000d\\n" 7; printf open',
        ],
      },
    ),
  );
  const isRunning = async () => (await podOf(kubectl, 'counter')).status?.phase === 'Running';
  await until('counter runs', isRunning, { timeoutMs: 60_000 });
  let following = 0;
  const followed = [kubectl, cluster.kubectl('1.20')].map((client) => {
    let seen = false;
    return client.run('logs -f counter', {
      onOutput() {
        if (!seen) following++;
        seen = true;
      },
    });
  });
  await until('both follow', () => following === 2, { timeoutMs: 60_000 });
  await kubectl.run('exec counter -- touch /go');
  const uid = (await podOf(kubectl, 'counter')).metadata!.uid!;
  const logs = () => readdir(join(cluster.podLogs, `default_counter_${uid}`, 'c'));
  await until('the log is rotated', async () => (await logs()).length > 1, { timeoutMs: 60_000 });
  await kubectl.run('exec counter -- touch /end');
  for (const text of await Promise.all(followed)) assert.equal(text, `ready\n${numbers(count)}`);
  const files = await logs();
  assert.ok(files.length > 1 && files.length <= 4, files.join(' '));
  // A rotation may fall right after the last line: later readers find the newest file alone, as upstream's do, and it may be empty.
  const kept = await kubectl.run('logs counter');
  assert.ok(numbers(count).endsWith(kept) && kept.length < numbers(count).length, `${kept.length} bytes`);

  await until('streams has ended', async () => (await podOf(kubectl, 'streams')).status?.phase === 'Succeeded', {
    timeoutMs: 60_000,
  });
  const long = '7'.padStart(20_000, '0');
  const whole = await kubectl.run('logs streams');
  assert.equal(whole.split('\n').length, 5);
  assert.ok(whole.includes(`\n${long}\nopen`));
  assert.equal(await kubectl.run('logs streams --tail=2'), `${long}\nopen`);
  assert.equal(await kubectl.run('logs streams --limit-bytes=5'), 'one\nt');
  assert.match(
    (await kubectl.run('logs streams --timestamps')).split('\n')[0]!,
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}(Z|[+-]\d\d:\d\d) one$/,
  );
  assert.equal(await kubectl.run('logs streams --since-time=2100-01-01T00:00:00Z'), '');
  const raw = await kubectl.run(['get', '--raw', '/api/v1/namespaces/default/pods/streams/log?stream=Stderr']);
  assert.equal(raw, 'two\n');
  assert.match(
    (await kubectl.try('logs streams --previous')).stderr,
    /previous terminated container "c" in pod "streams" not found/,
  );
  await removePods(cluster);
});
