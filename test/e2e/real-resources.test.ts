import assert from 'node:assert/strict';
import { cp, lstat, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import type { CoreV1Event, V1Container, V1Node, V1Pod, V1PodSpec } from '../../src/api/gen/types.ts';
import { createMounts } from '../../src/host/mounts.ts';
import { readCgroupMounts } from '../../src/kubelet/cgroups/cgroup-mounts.ts';
import { BUSYBOX } from '../harness/images.ts';
import { parsePrometheusText } from '../harness/prometheus-text.ts';
import { runOrFail } from '../harness/run-command.ts';
import { until } from '../harness/until.ts';
import { kubectlSession } from './kubectl-session.ts';
import { useRealCluster } from './use-real-cluster.ts';

const cluster = useRealCluster({
  configuration: { volumeStatsAggPeriod: '1s', evictionPressureTransitionPeriod: '1s', podPidsLimit: 200 },
});
const { run, json } = kubectlSession(cluster, '1.35', 'default');

const shell = (script: string, more: Partial<V1Container> = {}): V1Container => ({
  name: 'main',
  image: BUSYBOX,
  command: ['sh', '-c', script],
  ...more,
});
const IDLE = shell('sleep 1000');
/** The machine that tests run on may be nearly full. */
const NO_DISKS = { 'nodefs.available': '0%', 'nodefs.inodesFree': '0%', 'imagefs.available': '0%' };
const LIMITED = { requests: { cpu: '250m', memory: '32Mi' }, limits: { cpu: '500m', memory: '64Mi' } };

async function create(name: string, spec: Partial<V1PodSpec>): Promise<void> {
  const whole = { terminationGracePeriodSeconds: 1, restartPolicy: 'Never', ...spec };
  await run('create -f -', { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: whole });
}

const podNamed = (name: string) => json<V1Pod>(`get pod ${name}`);
const ready = (name: string) => run(`wait --for=condition=Ready pod/${name} --timeout=60s`);

/** Waits until the pod has ended for good. */
const failed = (name: string) =>
  until(
    `${name} has failed`,
    async () => {
      const found = await podNamed(name);
      if (found.status?.phase !== 'Failed') throw new Error(JSON.stringify(found.status, null, 1));
      return found;
    },
    { timeoutMs: 90_000, intervalMs: 500 },
  );

const events = async (name: string) =>
  (await json<{ items: CoreV1Event[] }>(`get events --field-selector involvedObject.name=${name}`)).items;

/** Control files of one cgroup below the kubelet's root, by the controller's tree. */
async function cgroup(path: string) {
  const mounts = await readCgroupMounts();
  const read = async (file: string) => {
    const tree = mounts.controllers.get(file === 'cgroup.procs' ? 'memory' : file.split('.')[0]!);
    return (await readFile(join(tree!, cluster.current.cgroupRoot, path, file), 'utf8')).trim();
  };
  return { version: mounts.version, read };
}

/** What the node says of a pressure, and whether it is kept free of pods for it. */
async function condition(type: 'MemoryPressure' | 'DiskPressure') {
  const node = await json<V1Node>(`get node ${cluster.current.nodeName}`);
  const taint = `node.kubernetes.io/${type === 'DiskPressure' ? 'disk' : 'memory'}-pressure`;
  const found = node.status?.conditions?.find((one) => one.type === type);
  return { status: found?.status, reason: found?.reason, tainted: node.spec?.taints?.some(({ key }) => key === taint) ?? false };
}

const untilRelieved = (type: 'MemoryPressure' | 'DiskPressure') =>
  until(
    `${type} is over`,
    async () => {
      const now = await condition(type);
      return now.status === 'False' && !now.tainted;
    },
    { timeoutMs: 90_000, intervalMs: 500 },
  );

const containerIdOf = ({ status }: V1Pod) => (status?.containerStatuses?.[0]?.containerID ?? '').replace('containerd://', '');
const raw = (path: string) => run(['get', '--raw', `/api/v1/nodes/${cluster.current.nodeName}/proxy${path}`]);

describe('resources of pods on a node with containerd', { timeout: 600_000 }, () => {
  after(async () => {
    await run('delete pod --all --timeout=60s');
    await cluster.current.expectNothingLeft();
  });

  test('each pod is in the cgroup of its class, its containers have their limits and OOM scores', async () => {
    await create('burstable', { containers: [shell('sleep 1000', { resources: LIMITED })] });
    await create('guaranteed', { containers: [shell('sleep 1000', { resources: { limits: LIMITED.limits } })] });
    await create('best-effort', { containers: [IDLE] });
    await Promise.all(['burstable', 'guaranteed', 'best-effort'].map(ready));
    const [burstable, guaranteed, bestEffort] = await Promise.all(['burstable', 'guaranteed', 'best-effort'].map(podNamed));
    const places = [
      [burstable!, `kubepods/burstable/pod${burstable!.metadata!.uid}`],
      [guaranteed!, `kubepods/pod${guaranteed!.metadata!.uid}`],
      [bestEffort!, `kubepods/besteffort/pod${bestEffort!.metadata!.uid}`],
    ] as const;
    for (const [pod, path] of places) {
      const own = await cgroup(`${path}/${containerIdOf(pod)}`);
      assert.match(await own.read('cgroup.procs'), /^\d+$/m, `${pod.metadata!.name} has its process there`);
      assert.equal(await (await cgroup(path)).read('pids.max'), '200');
    }
    for (const path of [places[0]![1], `${places[0]![1]}/${containerIdOf(burstable!)}`]) {
      const limits = await cgroup(path);
      const memory = limits.version === 1 ? 'memory.limit_in_bytes' : 'memory.max';
      assert.equal(await limits.read(memory), String(64 * 2 ** 20));
      if (limits.version === 1) assert.equal(await limits.read('cpu.cfs_quota_us'), '50000');
      if (limits.version === 1) assert.equal(await limits.read('cpu.shares'), '256');
    }
    const [pid] = (await (await cgroup(`${places[2]![1]}/${containerIdOf(bestEffort!)}`)).read('cgroup.procs')).split('\n');
    assert.equal((await readFile(`/proc/${pid}/oom_score_adj`, 'utf8')).trim(), '1000');
    const level = await cgroup('kubepods/burstable');
    if (level.version === 1) assert.equal(await level.read('cpu.shares'), '256');
  });

  test('a container that needs more memory than it may have is killed, and its status says why', async () => {
    await create('hungry', {
      containers: [shell('dd if=/dev/zero of=/dev/null bs=200M count=1', { resources: { limits: { memory: '20Mi' } } })],
    });
    const { status } = await failed('hungry');
    const ended = status?.containerStatuses?.[0]?.state?.terminated;
    assert.deepEqual([ended?.reason, ended?.exitCode], ['OOMKilled', 137]);
  });

  test('the summary counts what pods use, of memory, processors, network and disks (NODE-06)', async () => {
    await create('counted', {
      containers: [
        shell(
          'dd if=/dev/zero of=/data/file bs=1M count=3; dd if=/dev/zero of=/layer bs=1M count=2; echo written; while true; do :; done',
          {
            volumeMounts: [{ name: 'data', mountPath: '/data' }],
            resources: { limits: { cpu: '200m' } },
          },
        ),
      ],
      volumes: [{ name: 'data', emptyDir: {} }],
    });
    await ready('counted');
    type Numbers = Record<string, number>;
    type PodStats = {
      podRef: { name: string };
      cpu: Numbers;
      memory: Numbers;
      network: Numbers;
      containers: Record<string, Numbers>[];
      volume: (Numbers & { name: string })[];
    };
    const stats = await until(
      'all of it is counted',
      async () => {
        const summary = JSON.parse(await raw('/stats/summary')) as { node: Record<string, Numbers>; pods: PodStats[] };
        const found = summary.pods.find(({ podRef }) => podRef.name === 'counted');
        if (!found?.cpu?.['usageNanoCores'] || !((found.containers[0]?.['rootfs']?.['usedBytes'] ?? 0) > 2 ** 21))
          throw new Error(JSON.stringify(found, null, 1));
        return { ...found, node: summary.node };
      },
      { timeoutMs: 60_000, intervalMs: 1000 },
    );
    assert.ok(
      stats.cpu['usageNanoCores']! > 50_000_000 && stats.cpu['usageNanoCores']! < 400_000_000,
      String(stats.cpu['usageNanoCores']),
    );
    assert.ok(stats.memory['workingSetBytes']! > 0);
    assert.ok(stats.network['txBytes']! >= 0);
    assert.ok(stats.containers[0]!['logs']!['usedBytes']! > 0);
    const data = stats.volume.find(({ name }) => name === 'data')!;
    assert.ok(data['usedBytes']! >= 3 * 2 ** 20 && data['usedBytes']! < 4 * 2 ** 20, String(data['usedBytes']));
    assert.ok(stats.node['fs']!['capacityBytes']! > 0 && stats.node['memory']!['workingSetBytes']! > 0);
  });

  test('the pages for Prometheus hold the running containers, with the labels of cadvisor (KAPI-08, NODE-06)', async () => {
    await create('shown', { containers: [shell('sleep 1000', { resources: LIMITED })] });
    await ready('shown');
    const pod = await podNamed('shown');
    const mine = { container: 'main', namespace: 'default', pod: 'shown' };
    const isMine = ({ labels }: { labels: Readonly<Record<string, string>> }) =>
      Object.entries(mine).every(([name, value]) => labels[name] === value);
    const cadvisor = await until('the page has the pod', async () => {
      const page = parsePrometheusText(await raw('/metrics/cadvisor'));
      return page.get('container_memory_working_set_bytes')?.samples.some(isMine) && page;
    });
    const [usage] = cadvisor.get('container_cpu_usage_seconds_total')!.samples.filter(isMine);
    const id = containerIdOf(pod);
    assert.deepEqual(usage?.labels, {
      ...mine,
      cpu: 'total',
      id: `${cluster.current.cgroupRoot}/kubepods/burstable/pod${pod.metadata!.uid}/${id}`,
      image: BUSYBOX,
      name: id,
    });
    const value = (metric: string) => cadvisor.get(metric)!.samples.find(isMine)!.value;
    assert.equal(value('container_spec_memory_limit_bytes'), 64 * 2 ** 20);
    assert.ok(Math.abs(value('container_start_time_seconds') - Date.now() / 1000) < 300);
    assert.ok(
      cadvisor
        .get('container_network_receive_bytes_total')!
        .samples.some(({ labels }) => labels['pod'] === 'shown' && labels['interface'] === 'eth0'),
    );
    assert.ok(cadvisor.get('machine_cpu_cores')!.samples[0]!.value >= 1);
    const resource = parsePrometheusText(await raw('/metrics/resource'));
    assert.ok(resource.get('container_memory_working_set_bytes')!.samples.some(isMine));
    assert.ok(resource.get('pod_cpu_usage_seconds_total')!.samples.some(({ labels }) => labels['pod'] === 'shown'));
    assert.ok(resource.get('node_memory_working_set_bytes')!.samples[0]!.timestampMs! > 0);
  });

  test('an emptyDir that grows beyond its limit costs the pod, with reason and event', async () => {
    await create('grows', {
      containers: [
        shell('dd if=/dev/zero of=/data/file bs=1M count=5; sleep 1000', {
          volumeMounts: [{ name: 'data', mountPath: '/data' }],
        }),
      ],
      volumes: [{ name: 'data', emptyDir: { sizeLimit: '1Mi' } }],
    });
    const { status } = await failed('grows');
    const message = 'Usage of EmptyDir volume "data" exceeds the limit "1Mi". ';
    assert.deepEqual([status?.reason, status?.message], ['Evicted', message]);
    const evicted = await until('the event is there', async () =>
      (await events('grows')).find(({ reason }) => reason === 'Evicted'),
    );
    assert.equal(evicted.type, 'Warning');
  });

  test('pods that together use up what they may have of the memory cost the one that asked for least', async () => {
    const total = Number(/^MemTotal:\s+(\d+) kB/m.exec(await readFile('/proc/meminfo', 'utf8'))![1]);
    await run('delete pod --all --timeout=60s');
    await cluster.current.killKubelet();
    // 200 MiB for all pods, of which 50 must stay free.
    const changes = {
      kubeReserved: { memory: `${total - 200 * 1024}Ki` },
      evictionHard: { ...NO_DISKS, 'memory.available': '50Mi' },
    };
    await cluster.current.startKubelet(changes);
    await create('promised', { containers: [shell('sleep 1000', { resources: { requests: { memory: '64Mi' } } })] });
    await ready('promised');
    const level = await cgroup('kubepods');
    assert.equal(await level.read(level.version === 1 ? 'memory.limit_in_bytes' : 'memory.max'), String(200 * 2 ** 20));
    await create('greedy', {
      containers: [
        shell('dd if=/dev/zero of=/data/file bs=1M count=165; sleep 1000', {
          volumeMounts: [{ name: 'data', mountPath: '/data' }],
        }),
      ],
      volumes: [{ name: 'data', emptyDir: { medium: 'Memory' } }],
    });
    const seen = until(
      'the node is under pressure',
      async () => (await condition('MemoryPressure')).status === 'True' && condition('MemoryPressure'),
      {
        timeoutMs: 60_000,
        intervalMs: 100,
      },
    );
    const [pressure, { status }] = await Promise.all([seen, failed('greedy')]);
    assert.equal(pressure.reason, 'KubeletHasInsufficientMemory');
    assert.equal(status?.reason, 'Evicted');
    assert.match(
      status?.message ?? '',
      /^The node was low on resource: memory\. Threshold quantity: 50Mi, available: \S+\. Container main was using \S+, request is 0, has larger consumption of memory\. $/,
    );
    assert.equal((await podNamed('promised')).status?.phase, 'Running');
    await untilRelieved('MemoryPressure');
  });

  test('a disk that runs full makes the node say so and costs the pod that has filled it; then all is well again', async () => {
    const { root } = cluster.current;
    await run('delete pod --all --timeout=60s');
    await cluster.current.killKubelet();
    // The kubelet's directory moves to a disk of its own, so small that one pod can fill it.
    const aside = `${root}.aside`;
    await createMounts().unmountAll(root);
    await rename(root, aside);
    await mkdir(root);
    await runOrFail('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', root]);
    // Where a kubelet that was killed listened, the next one makes its sockets anew.
    const isKept = async (path: string) => !(await lstat(path)).isSocket();
    await cp(aside, root, { recursive: true, preserveTimestamps: true, filter: isKept });
    await rm(aside, { recursive: true, force: true });
    const small = { ...NO_DISKS, 'nodefs.available': '30Mi', 'memory.available': '1Mi' };
    await cluster.current.startKubelet({ evictionHard: small });
    await create('modest', { containers: [IDLE] });
    await ready('modest');
    await create('fills', {
      containers: [
        shell('dd if=/dev/zero of=/data/file bs=1M count=45; sleep 1000', {
          volumeMounts: [{ name: 'data', mountPath: '/data' }],
        }),
      ],
      volumes: [{ name: 'data', emptyDir: {} }],
    });
    const seen = until(
      'the node is under pressure',
      async () => (await condition('DiskPressure')).status === 'True' && condition('DiskPressure'),
      {
        timeoutMs: 60_000,
        intervalMs: 100,
      },
    );
    const [pressure, { status }] = await Promise.all([seen, failed('fills')]);
    assert.equal(pressure.reason, 'KubeletHasDiskPressure');
    assert.equal(status?.reason, 'Evicted');
    assert.match(
      status?.message ?? '',
      /^The node was low on resource: ephemeral-storage\. Threshold quantity: 30Mi, available: \S+\. /,
    );
    const disruption = status?.conditions?.find(({ type }) => type === 'DisruptionTarget');
    assert.deepEqual([disruption?.status, disruption?.reason], ['True', 'TerminationByKubelet']);
    assert.equal((await podNamed('modest')).status?.phase, 'Running');
    await run('delete pod fills --timeout=60s');
    await untilRelieved('DiskPressure');
  });
});
