import assert from 'node:assert/strict';
import { link, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { parsePrometheusText } from '../../../test/harness/prometheus-text.ts';
import { temporaryDirectory } from '../../../test/harness/temporary-directory.ts';
import { until } from '../../../test/harness/until.ts';
import type { V1Pod } from '../../api/gen/types.ts';
import { openEntry } from '../../host/open-entry.ts';
import { removeTree } from '../../host/remove-tree.ts';
import { silentLogger } from '../../std/logger.ts';
import { SettableClock } from '../../std/settable-clock.test-support.ts';
import { completeConfiguration } from '../configuration/defaults.ts';
import { readMachine } from '../node/machine.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { diskUsage, filesystemSpace } from './disk-usage.ts';
import { CpuRates } from './snapshot-rates.ts';
import { createStatisticsPages } from './statistics-pages.ts';
import { createStatsCollector } from './stats-collector.ts';

const NOW = Date.UTC(2026, 0, 1);

/** A node with one pod of two containers, of which one writes to its volume and has a log; all files of the kernel are told. */
async function nodeWithPod() {
  const directory = await temporaryDirectory();
  const root = directory.path;
  const clock = new SettableClock(NOW);
  const paths = { root, logs: join(root, 'logs'), containerLogs: join(root, 'links') };
  const volume = join(root, 'pods', 'u', 'volumes', 'kubernetes.io~empty-dir', 'scratch');
  await mkdir(volume, { recursive: true });
  await writeFile(join(volume, 'data'), Buffer.alloc(100_000));
  await mkdir(join(paths.logs, 'ns_p_u', 'a'), { recursive: true });
  await writeFile(join(paths.logs, 'ns_p_u', 'a', '0.log'), 'x'.repeat(5000));
  const files = new Map<string, string>();
  let usage = 1_000_000_000;
  const cgroup = (path: string, memory: number) => {
    files.set(`/cg/cpuacct${path}/cpuacct.usage`, String(usage));
    files.set(`/cg/memory${path}/memory.usage_in_bytes`, String(memory));
    files.set(`/cg/memory${path}/memory.stat`, 'total_inactive_file 10\ntotal_rss 20\n');
  };
  const fill = () => {
    cgroup('', 1000);
    cgroup('/kubepods', 900);
    files.set('/cg/memory/kubepods/memory.limit_in_bytes', '5000');
    cgroup('/kubepods/besteffort', 800);
    cgroup('/kubepods/besteffort/podu', 700);
    cgroup('/kubepods/besteffort/podu/ca', 300);
    files.set('/cg/pids/kubepods/besteffort/podu/pids.current', '5');
  };
  fill();
  files.set('/proc/4001/cgroup', '1:cpuacct:/kubepods/besteffort/podu/ca\n2:memory:/kubepods/besteffort/podu/ca\n');
  files.set('/proc/4000/net/dev', 'head\nhead\n eth0: 11 1 0 0 0 0 0 0 22 2 0 0 0 0 0 0\n');
  files.set('/proc/meminfo', 'MemTotal: 100 kB\nSwapTotal: 8 kB\nSwapFree: 4 kB\n');
  files.set('/proc/loadavg', '0 0 0 1/77 1\n');
  files.set('/proc/sys/kernel/pid_max', '32768\n');
  const pod: V1Pod = {
    metadata: { name: 'p', namespace: 'ns', uid: 'u' },
    spec: { containers: [{ name: 'a' }], volumes: [{ name: 'scratch', emptyDir: {} }] },
    status: { startTime: '2025-12-31T23:00:00Z' },
  };
  let lists = 0;
  const container = {
    id: 'ca',
    sandboxId: 's',
    podUid: 'u',
    name: 'a',
    attempt: 0,
    phase: 'running',
    image: 'busybox',
    imageId: 'i',
  };
  const runtime = {
    version: { name: 'containerd', version: '1' },
    list: async () => {
      lists++;
      return {
        sandboxes: [
          { id: 's', podUid: 'u', podName: 'p', podNamespace: 'ns', ready: true, createdAtMs: NOW, ips: [], attempt: 0 },
        ],
        containers: [{ ...container, createdAtMs: NOW, startedAtMs: NOW }],
      };
    },
    stats: {
      containers: async () => [
        {
          containerId: 'ca',
          podUid: 'u',
          name: 'a',
          attempt: 0,
          timestampMs: NOW,
          writableLayer: { mountpoint: root, timestampMs: NOW, usedBytes: 64, inodesUsed: 2 },
        },
      ],
      pidOf: async () => 4001,
      sandboxPidOf: async () => 4000,
    },
    images: { filesystems: async () => ({ images: [{ mountpoint: root, timestampMs: NOW, usedBytes: 123 }], containers: [] }) },
  } as unknown as Runtime;
  const collector = createStatsCollector({
    configuration: completeConfiguration(),
    runtime,
    pods: () => [pod],
    paths,
    cgroups: {
      mounts: {
        version: 1,
        trees: ['/cg/cpuacct', '/cg/memory'],
        controllers: new Map(['cpuacct', 'memory', 'pids'].map((name) => [name, `/cg/${name}`])),
      },
      podsPath: () => '/kubepods',
      levelPaths: () => ['/kubepods/burstable', '/kubepods/besteffort'],
      pathOf: ({ metadata }) => `/kubepods/besteffort/pod${metadata?.uid}`,
    },
    clock,
    logger: silentLogger,
    read: async (path) => files.get(path),
  });
  const pages = createStatisticsPages({ collector, nodeName: 'node', startedAtMs: NOW - 1000, machine: await readMachine() });
  return {
    root,
    clock,
    collector,
    pages,
    rounds: () => lists,
    use(nanoseconds: number) {
      usage += nanoseconds;
      fill();
    },
    async [Symbol.asyncDispose]() {
      collector.stop();
      await directory[Symbol.asyncDispose]();
    },
  };
}

type Summary = {
  node: Record<string, Record<string, unknown>> & { systemContainers: Record<string, unknown>[] };
  pods: Record<string, unknown>[];
};

test('the summary tells of the node, its pods, their containers and volumes', async () => {
  await using node = await nodeWithPod();
  await node.collector.snapshot();
  node.use(500_000_000);
  await node.clock.advance(10_000);
  const summary = (await node.pages.summary({ onlyCpuAndMemory: false })) as Summary;
  assert.deepEqual(summary.node['cpu'], {
    time: '2026-01-01T00:00:10Z',
    usageNanoCores: 50_000_000,
    usageCoreNanoSeconds: 1_500_000_000,
  });
  assert.equal(summary.node['memory']!['workingSetBytes'], 990);
  assert.equal(summary.node['memory']!['availableBytes'], 102_400 - 990);
  assert.deepEqual(summary.node['rlimit'], { time: '2026-01-01T00:00:10Z', maxpid: 32_768, curproc: 77 });
  assert.equal(summary.node['swap']!['swapUsageBytes'], 4096);
  assert.equal((summary.node['runtime']!['imageFs'] as Record<string, unknown>)['usedBytes'], 123);
  const pods = summary.node.systemContainers.find(({ name }) => name === 'pods')!;
  assert.equal((pods['memory'] as Record<string, unknown>)['availableBytes'], 5000 - 890);
  const [pod] = summary.pods;
  assert.deepEqual(pod!['podRef'], { name: 'p', namespace: 'ns', uid: 'u' });
  assert.deepEqual(pod!['process_stats'], { process_count: 5 });
  assert.equal((pod!['network'] as Record<string, unknown>)['rxBytes'], 11);
  const [container] = pod!['containers'] as Record<string, Record<string, number>>[];
  assert.equal(container!['memory']!['workingSetBytes'], 290);
  assert.equal(container!['rootfs']!['usedBytes'], 64);
  assert.ok(container!['logs']!['usedBytes']! >= 5000);
  const [volume] = pod!['volume'] as Record<string, number>[];
  assert.ok(volume!['usedBytes']! >= 100_000 && volume!['usedBytes']! < 200_000);
  assert.ok((pod!['ephemeral-storage'] as Record<string, number>)['usedBytes']! >= 105_064);
  const brief = (await node.pages.summary({ onlyCpuAndMemory: true })) as Summary;
  assert.deepEqual(Object.keys(brief.pods[0]!).sort(), ['containers', 'cpu', 'memory', 'podRef', 'startTime', 'swap']);
});

test('the pages for Prometheus are well formed and carry the labels of cadvisor', async () => {
  await using node = await nodeWithPod();
  const cadvisor = parsePrometheusText(await node.pages.cadvisorMetrics());
  const usage = cadvisor.get('container_cpu_usage_seconds_total')!.samples.find(({ labels }) => labels['container'] === 'a')!;
  assert.deepEqual(usage, {
    labels: {
      container: 'a',
      cpu: 'total',
      id: '/kubepods/besteffort/podu/ca',
      image: 'busybox',
      name: 'ca',
      namespace: 'ns',
      pod: 'p',
    },
    value: 1,
    timestampMs: NOW,
  });
  const [network] = cadvisor.get('container_network_receive_bytes_total')!.samples;
  assert.deepEqual(network?.labels, {
    container: '',
    id: '/kubepods/besteffort/podu/s',
    image: '',
    interface: 'eth0',
    name: 's',
    namespace: 'ns',
    pod: 'p',
  });
  assert.deepEqual(
    cadvisor.get('container_memory_working_set_bytes')!.samples.map(({ labels }) => labels['id']),
    ['/', '/kubepods', '/kubepods/besteffort', '/kubepods/besteffort/podu', '/kubepods/besteffort/podu/ca'],
  );
  assert.equal(cadvisor.get('machine_memory_bytes')!.samples[0]!.value, 102_400);
  const resource = parsePrometheusText(await node.pages.resourceMetrics());
  assert.deepEqual(resource.get('pod_memory_working_set_bytes')!.samples, [
    { labels: { namespace: 'ns', pod: 'p' }, value: 690, timestampMs: NOW },
  ]);
  assert.deepEqual(resource.get('container_start_time_seconds')!.samples[0], {
    labels: { container: 'a', namespace: 'ns', pod: 'p' },
    value: NOW / 1000,
  });
});

test('cgroups are told in the words of cadvisor, and no name leads out of them', async () => {
  await using node = await nodeWithPod();
  const root = (await node.pages.cgroup('/', { samples: 1, below: false })) as { subcontainers: unknown };
  assert.deepEqual(root.subcontainers, [{ name: '/kubepods' }]);
  const below = (await node.pages.cgroup('/kubepods/besteffort', { samples: 1, below: true })) as object;
  assert.deepEqual(Object.keys(below), [
    '/kubepods/besteffort',
    '/kubepods/besteffort/podu',
    '/kubepods/besteffort/podu/s',
    '/kubepods/besteffort/podu/ca',
  ]);
  assert.equal(await node.pages.cgroup('/../etc', { samples: 1, below: false }), undefined);
  assert.equal(((await node.pages.container('u', 'a', { samples: 1 })) as { name: string }).name, '/kubepods/besteffort/podu/ca');
  assert.equal(await node.pages.container('u', 'nobody', { samples: 1 }), undefined);
  assert.ok((await node.pages.machine()) as object);
});

test('nothing is measured before somebody asks, then in rounds, and no more when nobody asks any longer', async () => {
  await using node = await nodeWithPod();
  await node.clock.advance(600_000);
  assert.equal(node.rounds(), 0);
  await Promise.all([node.collector.snapshot(), node.collector.snapshot()]);
  assert.equal(node.rounds(), 1);
  // A clock that is set back makes nothing old new.
  node.clock.aheadMs = -3_600_000;
  await node.clock.advance(10_000);
  await until('the second round', () => node.rounds() === 2 && node.clock.pending === 1);
  // The next round is still within the demand, the one after it is not.
  await node.clock.advance(200_000);
  await until('the third round', () => node.rounds() === 3 && node.clock.pending === 1);
  await node.clock.advance(600_000);
  assert.equal(node.clock.pending, 0);
  assert.equal(node.rounds(), 3);
});

test('what was measured before the clock was set back is measured anew when it is too old', async () => {
  await using node = await nodeWithPod();
  await node.collector.snapshot();
  node.clock.aheadMs = -3_600_000;
  assert.equal((await node.collector.snapshot(0)).timeMs, node.clock.now());
  assert.equal(node.rounds(), 2);
});

test('a rate is told from the second measurement on, and begins anew with the counter', () => {
  const rates = new CpuRates();
  const at = (timeMs: number, usageNanoseconds: number) =>
    rates.observe('c', {
      timeMs,
      cpu: {
        usageNanoseconds,
        userNanoseconds: 0,
        systemNanoseconds: 0,
        periods: 0,
        throttledPeriods: 0,
        throttledNanoseconds: 0,
      },
      io: [],
    });
  assert.deepEqual(
    [at(0, 0), at(2000, 1e9), at(2500, 2e9), at(12_000, 2e9), at(22_000, 5)],
    [undefined, 5e8, 5e8, 1e8, undefined],
  );
});

test('a file is counted whatever bytes its name has, and however deep it lies', async () => {
  await using directory = await temporaryDirectory();
  const hidden = Buffer.concat([Buffer.from(`${directory.path}/`), Buffer.from('\xff\xfe', 'latin1')]);
  await mkdir(hidden);
  await writeFile(Buffer.concat([hidden, Buffer.from('/file\xff', 'latin1')]), Buffer.alloc(50_000));
  const { usedBytes, inodesUsed } = await diskUsage(directory.path);
  assert.equal(inodesUsed, 3);
  assert.ok(usedBytes >= 50_000);
  // Deeper than any path may be long: what was given by name could not be looked at.
  let entry = await openEntry(directory.path);
  for (let depth = 0; depth < 60; depth++) {
    await mkdir(`${entry.path}/${'d'.repeat(100)}`);
    const next = await openEntry(`${entry.path}/${'d'.repeat(100)}`);
    await entry[Symbol.asyncDispose]();
    entry = next;
  }
  await writeFile(`${entry.path}/file`, Buffer.alloc(50_000));
  await entry[Symbol.asyncDispose]();
  const deep = await diskUsage(directory.path);
  assert.equal(deep.inodesUsed, 64);
  assert.ok(deep.usedBytes >= 100_000);
  await removeTree(join(directory.path, 'd'.repeat(100)));
});

test('files are counted as du counts them: each once, links not followed', async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory;
  await mkdir(join(path, 'a', 'b'), { recursive: true });
  await writeFile(join(path, 'a', 'b', 'file'), Buffer.alloc(50_000));
  await link(join(path, 'a', 'b', 'file'), join(path, 'a', 'again'));
  await symlink('/', join(path, 'a', 'everything'));
  const { usedBytes, inodesUsed } = await diskUsage(path);
  assert.equal(inodesUsed, 5);
  assert.ok(usedBytes >= 50_000 && usedBytes < 120_000, String(usedBytes));
  assert.deepEqual(await diskUsage(join(path, 'nothing')), { usedBytes: 0, inodesUsed: 0 });
  assert.equal(await filesystemSpace(join(path, 'nothing')), undefined);
});
