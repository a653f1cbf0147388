import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type {
  CoreV1Event,
  V1Container,
  V1CSINode,
  V1Node,
  V1PersistentVolumeSpec,
  V1Pod,
  V1PodSpec,
  V1Volume,
} from '../../src/api/gen/types.ts';
import { clientFromKubeconfig } from '../../src/client/kubeconfig-client.ts';
import { createMounts } from '../../src/host/mounts.ts';
import { startCsiAttacher } from '../harness/csi-attacher.ts';
import { startCsiDriver, type TestCsiDriver } from '../harness/csi-driver.ts';
import { BUSYBOX } from '../harness/images.ts';
import { temporaryDirectory } from '../harness/temporary-directory.ts';
import { until } from '../harness/until.ts';
import { kubectlSession } from './kubectl-session.ts';
import { useRealCluster } from './use-real-cluster.ts';

const cluster = useRealCluster();
const { run, json } = kubectlSession(cluster, '1.35', 'default');
const resources = new AsyncDisposableStack();
let host: Awaited<ReturnType<typeof temporaryDirectory>>;
let driver: TestCsiDriver;

const shell = (more: Partial<V1Container> = {}): V1Container => ({
  name: 'main',
  image: BUSYBOX,
  command: ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 1; done'],
  ...more,
});

/** A pod that waits, with every volume at `/<its name>`. */
function podWith(name: string, volumes: V1Volume[], spec: Partial<V1PodSpec> = {}, container: Partial<V1Container> = {}) {
  const volumeMounts = volumes.map((volume) => ({ name: volume.name, mountPath: `/${volume.name}` }));
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: name } },
    spec: { terminationGracePeriodSeconds: 1, containers: [shell({ volumeMounts, ...container })], volumes, ...spec },
  };
}

const running = (name: string) => run(`wait --for=condition=Ready pod/${name} --timeout=60s`);
const remove = (name: string) => run(`delete pod ${name} --wait --timeout=60s`);

/** What a script prints in a container. */
const inside = (name: string, script: string, container = 'main') =>
  run(['exec', name, '-c', container, '--', 'sh', '-c', script]);

async function startPod(pod: { readonly metadata: { readonly name: string } }): Promise<void> {
  await run('create -f -', pod);
  await running(pod.metadata.name);
}

async function told(name: string, reason: string, pattern: RegExp): Promise<string> {
  return until(`an event ${reason} of ${name}`, async () => {
    const { items } = await json<{ items: CoreV1Event[] }>(`get events --field-selector involvedObject.name=${name}`);
    const messages = items.filter((event) => event.reason === reason).map(({ message }) => message ?? '');
    const found = messages.find((message) => pattern.test(message));
    if (!found) throw new Error(JSON.stringify(items.map((event) => [event.reason, event.message])));
    return found;
  });
}

/** A claim, and a volume that is bound to it already: nobody else binds here. */
async function bind(name: string, spec: V1PersistentVolumeSpec): Promise<V1Volume> {
  const shared = { accessModes: ['ReadWriteOnce'], storageClassName: '' };
  const claim = {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name },
    spec: { ...shared, volumeMode: spec.volumeMode, volumeName: `pv-${name}`, resources: { requests: { storage: '1Gi' } } },
  };
  await run('create -f -', claim);
  const { metadata } = await json<{ metadata: { uid: string } }>(`get pvc ${name}`);
  const claimRef = { kind: 'PersistentVolumeClaim', apiVersion: 'v1', namespace: 'default', name, uid: metadata.uid };
  await run('create -f -', {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: `pv-${name}` },
    spec: { ...shared, capacity: { storage: '1Gi' }, claimRef, ...spec },
  });
  const status = JSON.stringify({ status: { phase: 'Bound', accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' } } });
  await run(['patch', 'pvc', name, '--subresource=status', '--type=merge', '-p', status]);
  return { name: 'data', persistentVolumeClaim: { claimName: name } };
}

describe('volumes of pods on a node with containerd', () => {
  before(async () => {
    host = resources.use(await temporaryDirectory());
    resources.defer(() => createMounts().unmountAll(host.path));
    // Containers of other users reach what is below it.
    await chmod(host.path, 0o755);
    driver = resources.use(await startCsiDriver({ kubeletRoot: cluster.current.root, directory: host.file('csi') }));
    await until('the kubelet serves with a certificate', async () => {
      const names = (await run('get csr -o name')).split('\n').filter(Boolean);
      await run(['certificate', 'approve', ...names]);
      return run(['get', '--raw', `/api/v1/nodes/${cluster.current.nodeName}/proxy/healthz`]);
    });
  });
  after(() => resources.disposeAsync());

  describe('side by side', { concurrency: 3 }, () => {
    test('ConfigMaps, Secrets, tokens and what describes the pod are read, and follow their changes without a restart', async () => {
      await run('create configmap settings --from-literal=color=blue --from-literal=gone=soon');
      await run('create secret generic keys --from-literal=password=hush');
      const projected = {
        sources: [
          { serviceAccountToken: { path: 'token', audience: 'vault', expirationSeconds: 600 } },
          { configMap: { name: 'settings', items: [{ key: 'color', path: 'deep/color' }] } },
          { downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
        ],
      };
      const volumes: V1Volume[] = [
        { name: 'config', configMap: { name: 'settings' } },
        { name: 'keys', secret: { secretName: 'keys', defaultMode: 0o400 } },
        { name: 'all', projected },
        { name: 'optional', configMap: { name: 'absent', optional: true } },
      ];
      await startPod(podWith('files', volumes));
      assert.equal(await inside('files', 'cat /config/color /keys/password /all/deep/color; ls /optional'), 'bluehushblue');
      assert.equal(await inside('files', 'stat -L -c %a /keys/password /config/color'), '400\n644\n');
      const token = await inside('files', 'cat /all/token');
      const claims = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as Record<string, unknown>;
      assert.deepEqual(claims['aud'], ['vault']);
      assert.equal(await inside('files', 'cat /var/run/secrets/kubernetes.io/serviceaccount/namespace'), 'default');
      assert.match(await inside('files', 'cat /var/run/secrets/kubernetes.io/serviceaccount/ca.crt'), /BEGIN CERTIFICATE/);
      assert.match(await inside('files', 'touch /config/x 2>&1 || true'), /Read-only file system/);

      await run(['patch', 'configmap', 'settings', '--type=merge', '-p', '{"data":{"color":"red","gone":null}}']);
      await run(['patch', 'secret', 'keys', '--type=merge', '-p', '{"stringData":{"password":"new"}}']);
      await run('label pod files tier=front');
      await run('create configmap absent --from-literal=now=here');
      const changed = async () =>
        (await inside('files', 'cat /config/color /keys/password /all/deep/color /optional/now /all/labels')) ===
        'rednewredhereapp="files"\ntier="front"';
      await until('the container sees the changes', changed, { timeoutMs: 60_000, intervalMs: 500 });
      assert.equal(await inside('files', 'ls /config'), 'color\n');
      const { status } = await json<V1Pod>('get pod files');
      assert.equal(status?.containerStatuses?.[0]?.restartCount, 0);
      await remove('files');
    });

    test('scratch space is shared by the containers, on disk and in memory, where it is bounded', async () => {
      const mounts = [
        { name: 'disk', mountPath: '/disk' },
        { name: 'memory', mountPath: '/memory' },
      ];
      const pod = podWith('scratch', [
        { name: 'disk', emptyDir: {} },
        { name: 'memory', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
      ]);
      pod.spec.containers.push(shell({ name: 'other', volumeMounts: mounts.map((mount) => ({ ...mount, readOnly: true })) }));
      await startPod(pod);
      await inside('scratch', 'echo d > /disk/file; echo m > /memory/file');
      assert.equal(await inside('scratch', 'cat /disk/file /memory/file', 'other'), 'd\nm\n');
      assert.match(await inside('scratch', 'touch /disk/x 2>&1 || true', 'other'), /Read-only file system/);
      assert.match(await inside('scratch', 'dd if=/dev/zero of=/memory/big bs=1k count=2000 2>&1 || true'), /No space left/);
      assert.equal(await inside('scratch', 'stat -c %a /disk'), '777\n');
      await remove('scratch');
    });

    test('paths of the host are checked by their type, and a pod starts when they become right', async () => {
      const path = host.file('must-be');
      await run('create -f -', podWith('paths', [{ name: 'host', hostPath: { path, type: 'Directory' } }]));
      const message = await told('paths', 'FailedMount', /type check failed/);
      assert.equal(
        message,
        `MountVolume.SetUp failed for volume "host" : hostPath type check failed: ${path} is not a directory`,
      );
      await mkdir(path);
      await writeFile(join(path, 'file'), 'from the host');
      await running('paths');
      assert.equal(await inside('paths', 'cat /host/file; echo back > /host/answer'), 'from the host');
      assert.equal(await readFile(join(path, 'answer'), 'utf8'), 'back\n');
      await remove('paths');
      assert.deepEqual((await readdir(path)).sort(), ['answer', 'file']);
    });

    test('a group of the pod reads and writes its volumes though nobody in it is root', async () => {
      await run('create secret generic grouped --from-literal=key=value');
      const securityContext = { runAsUser: 1000, runAsGroup: 1000, fsGroup: 4242 };
      const volumes: V1Volume[] = [
        { name: 'space', emptyDir: {} },
        { name: 'secret', secret: { secretName: 'grouped', defaultMode: 0o400 } },
      ];
      await startPod(podWith('grouped', volumes, { securityContext }));
      assert.match(await inside('grouped', 'id -G'), /\b4242\b/);
      assert.equal(await inside('grouped', 'cat /secret/key'), 'value');
      assert.equal(await inside('grouped', 'touch /space/mine; stat -c %u:%g /space/mine'), '1000:4242\n');
      assert.ok((await inside('grouped', 'cat /var/run/secrets/kubernetes.io/serviceaccount/token')).length > 100);
      await remove('grouped');
    });

    test('parts of volumes are mounted by path and by variable', async () => {
      await run('create configmap parts --from-literal=app.conf=one');
      const volumes: V1Volume[] = [
        { name: 'data', emptyDir: {} },
        { name: 'config', configMap: { name: 'parts' } },
      ];
      const env = [{ name: 'ME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }];
      const volumeMounts = [
        { name: 'data', mountPath: '/all' },
        { name: 'data', mountPath: '/part', subPath: 'made/here' },
        { name: 'data', mountPath: '/mine', subPathExpr: 'of/$(ME)' },
        { name: 'config', mountPath: '/etc/app.conf', subPath: 'app.conf' },
      ];
      await startPod(podWith('parts', volumes, {}, { env, volumeMounts }));
      await inside('parts', 'echo 1 > /part/file; echo 2 > /mine/file');
      assert.equal(await inside('parts', 'cat /all/made/here/file /all/of/parts/file /etc/app.conf'), '1\n2\none');
      await remove('parts');
    });

    test('a part that a container swaps for a link to the host is not mounted when it starts again', async () => {
      const volumes: V1Volume[] = [{ name: 'data', emptyDir: {} }];
      const attacker = shell({
        name: 'attacker',
        volumeMounts: [{ name: 'data', mountPath: '/data' }],
        command: [
          'sh',
          '-c',
          'mkdir -p /data/part; sleep 2; rm -rf /data/part; ln -s /etc /data/part; touch /data/swapped; sleep 1000',
        ],
      });
      const victim = shell({
        volumeMounts: [
          { name: 'data', mountPath: '/part', subPath: 'part' },
          { name: 'data', mountPath: '/data' },
        ],
        command: ['sh', '-c', 'while ! test -e /data/swapped; do sleep 1; done; test -e /part/hostname && echo escaped'],
      });
      await run('create -f -', podWith('attack', volumes, { containers: [attacker, victim] }));
      await told('attack', 'Failed', /^Error: failed to prepare subPath for volumeMount "data" of container "main"$/);
      await remove('attack');
    });

    test('what a container mounts in a shared volume is seen by the other one and by the host', async () => {
      const path = host.file('shared');
      const mounts = createMounts();
      await mkdir(path);
      await mounts.bind({ source: path, target: path });
      await mounts.share(path);
      const volumeMounts = (mountPropagation: string) => [{ name: 'shared', mountPath: '/shared', mountPropagation }];
      const giver = shell({ name: 'giver', volumeMounts: volumeMounts('Bidirectional'), securityContext: { privileged: true } });
      const taker = shell({ volumeMounts: volumeMounts('HostToContainer') });
      const volumes: V1Volume[] = [{ name: 'shared', hostPath: { path } }];
      await startPod(podWith('spread', volumes, { containers: [giver, taker] }));
      await inside(
        'spread',
        'mkdir /shared/inner && mount -t tmpfs none /shared/inner && echo here > /shared/inner/file',
        'giver',
      );
      assert.equal(await inside('spread', 'cat /shared/inner/file'), 'here\n');
      assert.equal(await readFile(join(path, 'inner', 'file'), 'utf8'), 'here\n');
      await remove('spread');
    });

    test('data of a claim on a path of the node outlives its pod', async () => {
      const disk = host.file('disk');
      await mkdir(disk);
      const required = {
        nodeSelectorTerms: [
          { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [cluster.current.nodeName] }] },
        ],
      };
      const volume = await bind('lasting', { local: { path: disk }, nodeAffinity: { required } });
      await startPod(podWith('first', [volume]));
      await inside('first', 'echo kept > /data/file');
      await remove('first');
      assert.equal(await readFile(join(disk, 'file'), 'utf8'), 'kept\n');
      await startPod(podWith('second', [volume]));
      assert.equal(await inside('second', 'cat /data/file'), 'kept\n');
      await remove('second');
      const onHost = await bind('on-host', { hostPath: { path: disk } });
      await startPod(podWith('third', [onHost]));
      assert.equal(await inside('third', 'cat /data/file'), 'kept\n');
      await remove('third');
    });

    test('a claim that is not bound, and a kind that is not supported, are told of', async () => {
      await run(
        'create -f -',
        podWith('waits', [{ name: 'data', persistentVolumeClaim: { claimName: 'nowhere' } }], {
          nodeName: cluster.current.nodeName,
        }),
      );
      await told('waits', 'FailedMount', /error processing PVC default\/nowhere: failed to fetch PVC from API server/);
      await run('create -f -', podWith('git', [{ name: 'data', gitRepo: { repository: 'https://git.test/x' } }]));
      await told('git', 'FailedMount', /this kubelet does not support volumes of kind gitRepo/);
      await run('create -f -', podWith('picture', [{ name: 'data', image: { reference: BUSYBOX } }]));
      // containerd mounts images from 2.1 on.
      const { status } = await json<V1Node>(`get node ${cluster.current.nodeName}`);
      if (/^containerd:\/\/(1\.|2\.0)/.test(status!.nodeInfo!.containerRuntimeVersion)) {
        await told('picture', 'FailedMount', /the container runtime cannot mount images/);
      } else {
        await running('picture');
        assert.equal(await inside('picture', 'cat /data/etc/passwd | head -n 1'), 'root:x:0:0::/root:/bin/sh\n');
      }
      for (const name of ['waits', 'git', 'picture']) await remove(name);
    });

    test('a pod that waits for a ConfigMap starts soon after it is made', async () => {
      await run('create -f -', podWith('early', [{ name: 'config', configMap: { name: 'late' } }]));
      await told('early', 'FailedMount', /MountVolume\.SetUp failed for volume "config" : configmap "late" not found/);
      await run('create configmap late --from-literal=a=b');
      await running('early');
      await remove('early');
    });

    test('ADD-12 a CSI driver is found, and its volumes are attached, go to pods and come back', async () => {
      const { nodeName } = cluster.current;
      await using attacher = await startCsiAttacher(await clientFromKubeconfig(cluster.current.home.kubeconfig), driver.name);
      await run('create -f -', {
        apiVersion: 'storage.k8s.io/v1',
        kind: 'CSIDriver',
        metadata: { name: driver.name },
        spec: {
          attachRequired: true,
          podInfoOnMount: true,
          volumeLifecycleModes: ['Persistent', 'Ephemeral'],
          fsGroupPolicy: 'File',
        },
      });
      const { spec } = await until('the driver is told of', async () => {
        const found = await json<V1CSINode>(`get csinode ${nodeName}`);
        return found.spec.drivers.length > 0 ? found : undefined;
      });
      assert.equal(spec.drivers[0]?.name, driver.name);
      const volume = await bind('csi', { csi: { driver: driver.name, volumeHandle: 'vol-1' } });
      const inline: V1Volume = { name: 'inline', csi: { driver: driver.name, volumeAttributes: { a: 'b' } } };
      await startPod(podWith('csi', [volume, inline], { securityContext: { fsGroup: 4242 } }));
      await inside('csi', 'echo kept > /data/file; echo x > /inline/file');
      assert.equal((await stat(driver.volume('vol-1'))).gid, 4242);
      assert.deepEqual(attacher.done, [`attached pv-csi to ${nodeName}`]);
      const { status } = await json<V1Node>(`get node ${nodeName}`);
      assert.deepEqual(
        status?.volumesAttached?.map(({ name }) => name),
        [`kubernetes.io/csi/${driver.name}^vol-1`],
      );
      await remove('csi');
      await until('the driver has it back', () => driver.count('NodeUnstageVolume') === 1);
      assert.equal(driver.count('NodeUnpublishVolume'), 2);
      assert.equal(await readFile(join(driver.volume('vol-1'), 'file'), 'utf8'), 'kept\n');
      await until('it is detached', async () => (await run('get volumeattachments -o name')) === '', { timeoutMs: 60_000 });
      assert.deepEqual(attacher.done.slice(1), [`detached pv-csi from ${nodeName}`]);
    });
  });

  test('volumes of a pod that is deleted while the kubelet is dead are taken down by the next one', async () => {
    const { root, killKubelet, startKubelet } = cluster.current;
    const disk = host.file('orphan');
    await mkdir(disk);
    await writeFile(join(disk, 'data'), 'kept');
    const local = await bind('orphan', {
      local: { path: disk },
      nodeAffinity: {
        required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/os', operator: 'Exists' }] }] },
      },
    });
    const inline: V1Volume = { name: 'inline', csi: { driver: driver.name } };
    const volumes = [local, inline, { name: 'scratch', emptyDir: { medium: 'Memory' } }];
    const volumeMounts = [
      ...volumes.map(({ name }) => ({ name, mountPath: `/${name}` })),
      { name: 'scratch', mountPath: '/part', subPath: 'part' },
    ];
    await startPod(podWith('orphan', volumes, {}, { volumeMounts }));
    const { metadata } = await json<V1Pod>('get pod orphan');
    assert.ok(existsSync(join(root, 'pods', metadata!.uid!)));
    const before = driver.count('NodeUnpublishVolume');
    await killKubelet();
    await run('delete pod orphan --force --grace-period=0 --wait=false');
    await startKubelet();
    await cluster.current.expectNothingLeft();
    assert.equal(driver.count('NodeUnpublishVolume'), before + 1);
    assert.deepEqual(await readdir(disk), ['data']);
  });

  test('a kubelet that is killed while pods start and while they go leaves no volume behind', async () => {
    const { root, killKubelet, startKubelet } = cluster.current;
    await run('create configmap shared --from-literal=a=b');
    const volumes: V1Volume[] = [
      { name: 'config', configMap: { name: 'shared' } },
      { name: 'memory', emptyDir: { medium: 'Memory' } },
      { name: 'inline', csi: { driver: driver.name } },
    ];
    const volumeMounts = [
      ...volumes.map(({ name }) => ({ name, mountPath: `/${name}` })),
      { name: 'config', mountPath: '/a', subPath: 'a' },
      { name: 'memory', mountPath: '/part', subPath: 'deep/part' },
    ];
    const names = Array.from({ length: 6 }, (_, i) => `killed-${i}`);
    const published = () => driver.count('NodePublishVolume');
    const before = published();
    for (const name of names) await run('create -f -', podWith(name, volumes, {}, { volumeMounts }));
    await until('some volumes are there', () => published() > before + 1);
    await killKubelet();
    await startKubelet();
    // What the killed one had under way is undone by containerd first, and begun again with pauses.
    for (const name of names) {
      const isReady = async () => {
        const { status } = await json<V1Pod>(`get pod ${name}`);
        return status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True');
      };
      await until(`${name} is ready`, isReady, { timeoutMs: 180_000 });
    }
    assert.equal(await inside('killed-0', 'cat /a; ls /memory'), 'bdeep\n');
    const gone = driver.count('NodeUnpublishVolume');
    const removed = run(['delete', 'pod', ...names, '--wait=false']);
    await until('some volumes are gone', () => driver.count('NodeUnpublishVolume') > gone + 1);
    await killKubelet();
    await removed;
    await startKubelet();
    await cluster.current.expectNothingLeft();
    const mounts = await createMounts().list();
    assert.deepEqual(
      mounts.filter(({ mountPoint }) => mountPoint.startsWith(join(root, 'p'))),
      [],
    );
    const handles = (call: string) =>
      new Set(driver.calls.filter(({ name }) => name === call).map(({ request }) => request['volume_id']));
    assert.deepEqual(handles('NodeUnpublishVolume'), handles('NodePublishVolume'));
  });
});
