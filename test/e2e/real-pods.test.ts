import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { CoreV1Event, V1Container, V1ContainerStatus, V1Pod, V1PodSpec } from '../../src/api/gen/types.ts';
import { BUSYBOX } from '../harness/images.ts';
import { until } from '../harness/until.ts';
import { kubectlSession } from './kubectl-session.ts';
import { useRealCluster } from './use-real-cluster.ts';

const cluster = useRealCluster();
const { run, try: attempt, json } = kubectlSession(cluster, '1.35', 'default');
const pod = (name: string) => json<V1Pod>(`get pod ${name}`);

const shell = (script: string, more: Partial<V1Container> = {}): V1Container => ({
  name: 'main',
  image: BUSYBOX,
  command: ['sh', '-c', script],
  ...more,
});

async function create(name: string, spec: Partial<V1PodSpec>, metadata: object = {}): Promise<void> {
  const whole = { terminationGracePeriodSeconds: 2, ...spec };
  await run('create -f -', { apiVersion: 'v1', kind: 'Pod', metadata: { name, ...metadata }, spec: whole });
}

const gone = (name: string) => until(`${name} is gone`, async () => (await run(`get pod ${name} --ignore-not-found`)) === '');

async function events(name: string): Promise<CoreV1Event[]> {
  const { items } = await json<{ items: CoreV1Event[] }>(`get events --field-selector involvedObject.name=${name}`);
  return items;
}

const told = async (name: string, reason: string) => (await events(name)).find((event) => event.reason === reason)?.message;

/** Events are written after what they tell of. */
const untilTold = (name: string, reason: string) => until(`${name}: event ${reason}`, () => told(name, reason));

/** Waits for what the status of a container shows. */
function untilContainer(
  name: string,
  what: string,
  holds: (status: V1ContainerStatus, whole: V1Pod) => unknown,
  container = 'main',
) {
  return until(`${name}: ${what}`, async () => {
    const found = await pod(name);
    const { containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] } = found.status ?? {};
    const status = [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses].find(
      (s) => s.name === container,
    );
    if (status && holds(status, found)) return found;
    throw new Error(JSON.stringify(found.status, null, 1));
  });
}

describe('pods on a node with containerd', { concurrency: 4 }, () => {
  test('come for a label that the node has just been given', async () => {
    const node = cluster.current.nodeName;
    for (const value of ['first', 'second']) {
      await run(`label node ${node} e2e.example/wanted=${value} --overwrite`);
      await create(`labelled-${value}`, { nodeSelector: { 'e2e.example/wanted': value }, containers: [shell('sleep 1000')] });
      await run(`wait --for=condition=Ready pod/labelled-${value} --timeout=90s`);
      await run(`delete pod labelled-${value}`);
    }
  });

  test('run through init containers and sidecars in order, with an address and all conditions, and go without a trace', async () => {
    await create('whole', {
      initContainers: [
        shell('echo first > /data/order', { name: 'first', volumeMounts: [{ name: 'data', mountPath: '/data' }] }),
        shell('echo side >> /data/order; sleep 1; touch /tmp/up; sleep 1000', {
          name: 'side',
          restartPolicy: 'Always',
          startupProbe: { exec: { command: ['test', '-e', '/tmp/up'] }, periodSeconds: 1, failureThreshold: 30 },
          volumeMounts: [{ name: 'data', mountPath: '/data' }],
        }),
      ],
      containers: [shell('echo main >> /data/order; sleep 1000', { volumeMounts: [{ name: 'data', mountPath: '/data' }] })],
      volumes: [{ name: 'data', emptyDir: {} }],
    });
    await run('wait --for=condition=Ready pod/whole --timeout=90s');
    const { status, metadata } = await pod('whole');
    assert.equal(status?.phase, 'Running');
    assert.match(status?.podIP ?? '', new RegExp(`^${cluster.current.containerd.network.podCidr.replace('0/24', '')}`));
    assert.deepEqual(status?.conditions?.map(({ type, status: holds }) => `${type}=${holds}`).sort(), [
      'ContainersReady=True',
      'Initialized=True',
      'PodReadyToStartContainers=True',
      'PodScheduled=True',
      'Ready=True',
    ]);
    const [first, side] = status?.initContainerStatuses ?? [];
    assert.equal(first?.state?.terminated?.reason, 'Completed');
    assert.ok(side?.started && side.state?.running);
    const directory = join(cluster.current.root, 'pods', metadata?.uid ?? '', 'volumes/kubernetes.io~empty-dir/data/order');
    assert.equal(await readFile(directory, 'utf8'), 'first\nside\nmain\n');
    assert.equal(await untilTold('whole', 'Started'), 'Container started');
    await run('delete pod whole --wait=false');
    await gone('whole');
  });

  test('that fail are restarted with back-off, and tell how they ended', async () => {
    await create('crash', { containers: [shell('echo no > /dev/termination-log; exit 7')] });
    const found = await untilContainer(
      'crash',
      'backs off',
      ({ state, restartCount }) => restartCount === 1 && state?.waiting?.reason === 'CrashLoopBackOff',
    );
    const [main] = found.status?.containerStatuses ?? [];
    assert.equal(
      main?.state?.waiting?.message,
      `back-off 10s restarting failed container=main pod=crash_default(${found.metadata?.uid})`,
    );
    assert.equal(main?.lastState?.terminated?.exitCode, 7);
    assert.equal(main?.lastState?.terminated?.message, 'no\n');
    assert.match(await untilTold('crash', 'BackOff'), /^Back-off restarting failed container main in pod crash_default\(/);
    await run('delete pod crash');
  });

  test('end by their restart policies and rules', async () => {
    await create('never', { restartPolicy: 'Never', containers: [shell('exit 3')] });
    await create('done', { restartPolicy: 'OnFailure', containers: [shell('true')] });
    await create('ruled', {
      restartPolicy: 'Never',
      containers: [
        shell('test -e /data/again && exit 0; touch /data/again; exit 42', {
          restartPolicy: 'Never',
          restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }],
          volumeMounts: [{ name: 'data', mountPath: '/data' }],
        }),
      ],
      volumes: [{ name: 'data', emptyDir: {} }],
    });
    await create('late', { activeDeadlineSeconds: 2, containers: [shell('sleep 1000')] });
    const phase = (name: string, wanted: string) =>
      until(`${name} is ${wanted}`, async () => (await pod(name)).status?.phase === wanted);
    await Promise.all([
      phase('never', 'Failed'),
      phase('done', 'Succeeded'),
      phase('ruled', 'Succeeded'),
      phase('late', 'Failed'),
    ]);
    assert.equal((await pod('ruled')).status?.containerStatuses?.[0]?.restartCount, 1);
    const { status } = await pod('late');
    assert.equal(status?.reason, 'DeadlineExceeded');
    assert.equal(status?.message, 'Pod was active on the node longer than the specified deadline');
    assert.ok(status?.containerStatuses?.[0]?.state?.terminated);
    await run('delete pod never done ruled late');
  });

  test('run their hooks: postStart before the next container, preStop within the grace period', async () => {
    const mount = { volumeMounts: [{ name: 'host', mountPath: '/host' }] };
    const path = join(cluster.current.containerd.root, 'hooks');
    await create('hooked', {
      terminationGracePeriodSeconds: 10,
      containers: [
        shell('trap "echo term >> /host/log; exit 0" TERM; while :; do sleep 0.1; done', {
          ...mount,
          lifecycle: {
            postStart: { exec: { command: ['sh', '-c', 'sleep 1; echo started >> /host/log'] } },
            preStop: { exec: { command: ['sh', '-c', 'sleep 1; echo stopping >> /host/log'] } },
          },
        }),
        shell('echo second >> /host/log; sleep 1000', { ...mount, name: 'second' }),
      ],
      volumes: [{ name: 'host', hostPath: { path, type: 'DirectoryOrCreate' } }],
    });
    await create('unhooked', {
      containers: [shell('sleep 1000', { lifecycle: { postStart: { exec: { command: ['false'] } } } })],
    });
    await run('wait --for=condition=Ready pod/hooked --timeout=90s');
    await until(
      'the hook of the other one has failed',
      async () => (await told('unhooked', 'FailedPostStartHook')) === 'PostStartHook failed',
    );
    await run('delete pod hooked unhooked');
    assert.equal(await readFile(join(path, 'log'), 'utf8'), 'started\nsecond\nstopping\nterm\n');
  });

  test('are given their grace, which may be shortened', async () => {
    const stubborn = shell('trap "" TERM; while :; do sleep 0.1; done');
    await create('stubborn', { terminationGracePeriodSeconds: 120, containers: [stubborn] });
    await create(
      'killed',
      { terminationGracePeriodSeconds: 2, containers: [stubborn] },
      { finalizers: ['test.muster.dev/look'] },
    );
    await run('wait --for=condition=Ready pod/stubborn pod/killed --timeout=90s');
    await run('delete pod stubborn killed --wait=false');
    await untilContainer('killed', 'was killed', ({ state }) => state?.terminated?.exitCode === 137);
    const { status } = await pod('killed');
    assert.equal(status?.phase, 'Failed');
    await run(['patch', 'pod', 'killed', '--type=json', '-p', '[{"op":"remove","path":"/metadata/finalizers"}]']);
    assert.equal((await pod('stubborn')).metadata?.deletionGracePeriodSeconds, 120);
    await run('delete pod stubborn --grace-period=1 --wait=false');
    await gone('stubborn');
    await gone('killed');
  });

  test('whose settings are not there wait, and start when they are', async () => {
    await create('unset', {
      containers: [
        shell('echo $WORD; sleep 1000', {
          env: [{ name: 'WORD', valueFrom: { configMapKeyRef: { name: 'words', key: 'one' } } }],
        }),
      ],
    });
    await create('unpulled', { containers: [shell('true', { image: 'registry.test/none:1', imagePullPolicy: 'Never' })] });
    await create('wrong', { containers: [{ name: 'main', image: BUSYBOX, command: ['/no/such/program'] }] });
    await create('wrong-once', {
      restartPolicy: 'Never',
      containers: [{ name: 'main', image: BUSYBOX, command: ['/no/such/program'] }],
    });
    await create('unmounted', {
      containers: [shell('sleep 1000', { volumeMounts: [{ name: 'c', mountPath: '/c' }] })],
      volumes: [{ name: 'c', configMap: { name: 'words' } }],
    });
    await untilContainer('unset', 'waits', ({ state }) => state?.waiting?.reason === 'CreateContainerConfigError');
    assert.equal((await pod('unset')).status?.containerStatuses?.[0]?.state?.waiting?.message, 'configmap "words" not found');
    await untilContainer('unpulled', 'waits', ({ state }) => state?.waiting?.reason === 'ErrImageNeverPull');
    await untilContainer(
      'wrong',
      'fails',
      ({ state, lastState }) =>
        /RunContainerError|CrashLoopBackOff/.test(state?.waiting?.reason ?? '') && lastState?.terminated?.reason === 'StartError',
    );
    await untilContainer('wrong-once', 'has failed', ({ state }) => state?.terminated?.reason === 'StartError');
    assert.equal((await pod('wrong-once')).status?.phase, 'Failed');
    await until('it is told why the pod has no volume', async () =>
      /configmap "words" not found/.test((await told('unmounted', 'FailedMount')) ?? ''),
    );
    assert.equal((await pod('unmounted')).status?.containerStatuses?.[0]?.state?.waiting?.reason, 'ContainerCreating');
    await run('create configmap words --from-literal=one=1');
    await run('wait --for=condition=Ready pod/unset pod/unmounted --timeout=90s');
    await run('delete pod unset unpulled wrong wrong-once unmounted');
    await run('delete configmap words');
  });

  test('are probed: readiness in their status, liveness by restarts', async () => {
    await create('probed', {
      containers: [
        shell('touch /tmp/live; sleep 1000', {
          readinessProbe: { exec: { command: ['test', '-e', '/tmp/ready'] }, periodSeconds: 1 },
          livenessProbe: { exec: { command: ['test', '-e', '/tmp/live'] }, periodSeconds: 1, failureThreshold: 1 },
        }),
      ],
    });
    await untilContainer('probed', 'runs unready', ({ state, ready, started }) => state?.running && started && !ready);
    const id = async () => (await pod('probed')).status?.containerStatuses?.[0]?.containerID?.replace('containerd://', '') ?? '';
    const exec = async (script: string) =>
      cluster.current.containerd.ctr('tasks', 'exec', '--exec-id', `e${Math.random()}`, await id(), 'sh', '-c', script);
    await exec('touch /tmp/ready');
    await run('wait --for=condition=Ready pod/probed --timeout=90s');
    await exec('rm /tmp/live');
    const { status } = await untilContainer('probed', 'was restarted', ({ restartCount }) => restartCount === 1);
    assert.equal(status?.containerStatuses?.[0]?.lastState?.terminated?.exitCode, 137);
    assert.equal(await untilTold('probed', 'Killing'), 'Container main failed liveness probe, will be restarted');
    await run('delete pod probed');
  });

  test('take debug containers, which see the processes of their target', async () => {
    await create('debugged', { containers: [shell('sleep 12345')] });
    await run('wait --for=condition=Ready pod/debugged --timeout=90s');
    const debug = `debug debugged --image=${BUSYBOX} --target=main -c looker --attach=false --image-pull-policy=IfNotPresent --`;
    await run([...debug.split(' '), 'sh', '-c', 'ps | grep -c "sleep 1234[5]" > /dev/termination-log']);
    const { status } = await untilContainer('debugged', 'has looked', ({ state }) => state?.terminated, 'looker');
    assert.equal(status?.ephemeralContainerStatuses?.[0]?.state?.terminated?.message, '1\n');
    assert.equal(status?.phase, 'Running');
    await run('delete pod debugged');
  });

  test('whose sandbox is lost begin again in another one, init containers too', async () => {
    await create('moved', { initContainers: [shell('true', { name: 'init' })], containers: [shell('sleep 1000')] });
    await run('wait --for=condition=Ready pod/moved --timeout=90s');
    const { containerd } = cluster.current;
    const { metadata } = await pod('moved');
    const sandboxes = await containerd.ctr(
      'containers',
      'ls',
      '-q',
      `labels."io.kubernetes.pod.uid"==${metadata?.uid},labels."io.cri-containerd.kind"==sandbox`,
    );
    await containerd.ctr('tasks', 'kill', '-s', 'SIGKILL', sandboxes.trim());
    await untilContainer('moved', 'runs again', ({ restartCount, ready }) => restartCount === 1 && ready);
    assert.equal((await pod('moved')).status?.initContainerStatuses?.[0]?.restartCount, 1);
    assert.equal(await untilTold('moved', 'SandboxChanged'), 'Pod sandbox changed, it will be killed and re-created.');
    await run('delete pod moved');
  });

  test('start anew as a whole when a rule says so', async () => {
    await create('again', {
      restartPolicy: 'Never',
      initContainers: [shell('echo x >> /data/inits', { name: 'init', volumeMounts: [{ name: 'data', mountPath: '/data' }] })],
      containers: [
        shell('sleep 1; test $(wc -l < /data/inits) = 1 && exit 88; exit 0', {
          restartPolicy: 'Never',
          restartPolicyRules: [{ action: 'RestartAllContainers', exitCodes: { operator: 'In', values: [88] } }],
          volumeMounts: [{ name: 'data', mountPath: '/data' }],
        }),
      ],
      volumes: [{ name: 'data', emptyDir: {} }],
    });
    await until('it has succeeded the second time', async () => (await pod('again')).status?.phase === 'Succeeded');
    const { status } = await pod('again');
    assert.equal(status?.containerStatuses?.[0]?.restartCount, 1);
    assert.equal(status?.initContainerStatuses?.[0]?.restartCount, 1);
    await run('delete pod again');
  });

  test('of the node’s own manifests run with a mirror in the API, whatever the other manifests hold', async () => {
    const { manifests, nodeName, kubelet } = cluster.current;
    const name = `own-${nodeName}`;
    const manifest = (script: string) =>
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'own' },
        spec: { terminationGracePeriodSeconds: 1, containers: [shell(script)] },
      });
    await writeFile(join(manifests, 'broken.yaml'), 'kind: [');
    await writeFile(join(manifests, 'own.json'), manifest('sleep 1000'));
    await until(
      'its mirror is Ready',
      async () => (await attempt(`wait --for=condition=Ready pod/${name} --timeout=5s`)).status === 0,
    );
    const mirror = await pod(name);
    const { annotations = {}, ownerReferences, uid } = mirror.metadata ?? {};
    assert.equal(annotations['kubernetes.io/config.source'], 'file');
    assert.equal(annotations['kubernetes.io/config.mirror'], annotations['kubernetes.io/config.hash']);
    assert.deepEqual(
      ownerReferences?.map(({ kind, name: owner, controller }) => [kind, owner, controller]),
      [['Node', nodeName, true]],
    );
    assert.match(kubelet.output, /Can't process manifest file.*broken\.yaml/);
    await run(`delete pod ${name} --wait=false --grace-period=0 --force`);
    await until('it has another mirror', async () => ![uid, undefined].includes((await pod(name)).metadata?.uid));
    await until('that tells the same container', async () => {
      const { containerStatuses } = (await pod(name)).status ?? {};
      return containerStatuses?.[0]?.containerID === mirror.status?.containerStatuses?.[0]?.containerID;
    });
    await writeFile(join(manifests, 'own.json'), manifest('sleep 2000'));
    await until('the changed one runs', async () => {
      const { spec, status } = await pod(name);
      return spec?.containers[0]?.command?.[2] === 'sleep 2000' && status?.phase === 'Running';
    });
    await rm(join(manifests, 'own.json'));
    await gone(name);
  });

  test('change their resources in place', async () => {
    const resources = (cpu: string) => ({ requests: { cpu, memory: '32Mi' }, limits: { cpu, memory: '64Mi' } });
    await create('resized', { containers: [shell('sleep 1000', { resources: resources('100m') })] });
    await run('wait --for=condition=Ready pod/resized --timeout=90s');
    const before = await pod('resized');
    const patch = (cpu: string) => JSON.stringify({ spec: { containers: [{ name: 'main', resources: resources(cpu) }] } });
    await run(['patch', 'pod', 'resized', '--subresource=resize', '-p', patch('200m')]);
    const after = await untilContainer('resized', 'has more', ({ resources: given }) => given?.limits?.['cpu'] === '200m');
    assert.equal(after.status?.containerStatuses?.[0]?.restartCount, 0);
    assert.equal(after.status?.containerStatuses?.[0]?.allocatedResources?.['cpu'], '200m');
    assert.equal(after.status?.containerStatuses?.[0]?.containerID, before.status?.containerStatuses?.[0]?.containerID);
    // What the node will never have is refused at once.
    await assert.rejects(
      run(['patch', 'pod', 'resized', '--subresource=resize', '-p', patch('5000')]),
      /Node didn't have enough allocatable resources: cpu, requested: 5000000, allocatable: /,
    );
    await run('delete pod resized');
  });

  test('change their resources in place as a whole, and containers follow that have no limit of their own', async () => {
    const resources = (cpu: string) => ({ requests: { cpu, memory: '32Mi' }, limits: { cpu, memory: '64Mi' } });
    await create('whole', { resources: resources('100m'), containers: [shell('sleep 1000')] });
    await run('wait --for=condition=Ready pod/whole --timeout=90s');
    await run([
      'patch',
      'pod',
      'whole',
      '--subresource=resize',
      '-p',
      JSON.stringify({ spec: { resources: resources('200m') } }),
    ]);
    const after = await until('the pod has more', async () => {
      const found = await pod('whole');
      return found.status?.resources?.limits?.['cpu'] === '200m' ? found : undefined;
    });
    assert.deepEqual(after.status?.allocatedResources, { cpu: '200m', memory: '32Mi' });
    assert.equal(after.status?.containerStatuses?.[0]?.restartCount, 0);
    // Of cgroups v2 or v1, whichever the machine has.
    const quota = 'cat /sys/fs/cgroup/cpu.max /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null; true';
    assert.match(await run(['exec', 'whole', '--', 'sh', '-c', quota]), /^20000\b/);
    await untilTold('whole', 'ResizeCompleted');
    await run('delete pod whole');
  });
});

test('nothing of all this is left on the node', async () => {
  await cluster.current.expectNothingLeft();
});
