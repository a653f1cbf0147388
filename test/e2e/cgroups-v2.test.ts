import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { V1Pod } from '../../src/api/gen/types.ts';
import { type CgroupMounts, readCgroupMounts } from '../../src/kubelet/cgroups/cgroup-mounts.ts';
import { createPodCgroups, type NodeCgroups } from '../../src/kubelet/cgroups/pod-cgroups.ts';
import { completeConfiguration } from '../../src/kubelet/configuration/defaults.ts';
import { readCgroup, samePath } from '../../src/kubelet/stats/cgroup-reader.ts';
import { systemClock } from '../../src/std/clock.ts';
import { silentLogger } from '../../src/std/logger.ts';
import { testInGuest } from '../harness/guest-kernel.ts';
import { runCommand } from '../harness/run-command.ts';
import { until } from '../harness/until.ts';

/** The kubelet's cgroups on a kernel that has v2 alone, and neither systemd nor cpuset: what it writes, and what it then measures. */
await testInGuest(fileURLToPath(import.meta.url), { memoryMiB: 768 }, () => {
  const MI = 2 ** 20;
  let mounts: CgroupMounts;
  let cgroups: NodeCgroups;
  const pods: V1Pod[] = [];
  const warnings: string[] = [];

  const podOf = (name: string, resources: { requests?: Record<string, string>; limits?: Record<string, string> }): V1Pod => {
    const pod = { metadata: { name, uid: name }, spec: { containers: [{ name: 'c', resources }] } };
    pods.push(pod);
    return pod;
  };
  const place = (pod: V1Pod, file = '') => join(mounts.trees[0]!, cgroups.pathOf(pod), file);
  const read = async (path: string) => (await readFile(path, 'utf8')).trim();
  const measure = async (pod: V1Pod) => {
    const sample = await readCgroup(mounts, samePath(cgroups.pathOf(pod)), systemClock);
    assert.ok(sample?.cpu && sample.memory, 'the cgroup is measured');
    return { ...sample, cpu: sample.cpu, memory: sample.memory };
  };
  /** Runs a command in the pod's cgroup; resolves with its end. */
  const runIn = (pod: V1Pod, script: string) =>
    runCommand('sh', ['-c', `echo $$ > ${place(pod, 'cgroup.procs')}; exec ${script}`]);

  before(async () => {
    mounts = await readCgroupMounts();
    cgroups = createPodCgroups({
      configuration: completeConfiguration({ podPidsLimit: 50, systemReserved: { memory: '100Mi' } }),
      machine: {
        capacity: { cpu: '2', memory: '700Mi' },
        allocatable: { memory: '500Mi' },
        memoryBytes: 700 * MI,
        swapBytes: 0,
        hasSystemd: false,
      },
      userNamespaces: { mappingsOf: async () => undefined, release: async () => {} },
      pods: () => pods,
      clock: systemClock,
      logger: { ...silentLogger, warn: (message, fields) => warnings.push(message + JSON.stringify(fields)) },
    });
    await cgroups.prepare();
  });
  after(async () => {
    for (const uid of await cgroups.known()) await cgroups.remove(uid);
  });

  test('the kernel has v2 alone, and the node says what it cannot limit there', async () => {
    assert.equal(mounts.version, 2);
    assert.ok(!mounts.controllers.has('cpuset'));
    assert.match(warnings.join('\n'), /lacks cgroup controllers.*cpuset/);
    assert.equal(await read('/sys/fs/cgroup/kubepods/memory.max'), String(600 * MI));
    assert.equal(await read('/sys/fs/cgroup/kubepods/cpu.weight'), '79');
  });

  test('pods of each class have their limits, as the kernel took them', async () => {
    const burstable = podOf('burstable', { requests: { cpu: '500m', memory: '16Mi' }, limits: { cpu: '1', memory: '64Mi' } });
    const all = { cpu: '250m', memory: '32Mi' };
    const guaranteed = podOf('guaranteed', { requests: all, limits: all });
    const bestEffort = podOf('best', {});
    for (const pod of [burstable, guaranteed, bestEffort]) await cgroups.ensure(pod);
    const filesOf = async (pod: V1Pod) =>
      Promise.all(['cpu.weight', 'cpu.max', 'memory.max', 'pids.max', 'memory.min'].map((file) => read(place(pod, file))));
    assert.deepEqual(await filesOf(burstable), ['20', '100000 100000', String(64 * MI), '50', '0']);
    assert.deepEqual(await filesOf(guaranteed), ['10', '25000 100000', String(32 * MI), '50', '0']);
    assert.deepEqual(await filesOf(bestEffort), ['1', 'max 100000', 'max', '50', '0']);
    assert.equal(await read('/sys/fs/cgroup/kubepods/burstable/cpu.weight'), '20');
    assert.deepEqual(cgroups.resourcesOf(burstable, burstable.spec!.containers[0]!).unified, {
      'memory.oom.group': '1',
      'memory.swap.max': '0',
    });
  });

  test('who takes more memory than the pod may have is killed, which is counted', async () => {
    const pod = podOf('greedy', { limits: { cpu: '1', memory: '24Mi' } });
    await cgroups.ensure(pod);
    const end = await runIn(pod, 'tail /dev/zero');
    assert.equal(end.signal, 'SIGKILL');
    const { memory } = await measure(pod);
    assert.ok(memory.oomKills >= 1 && memory.failures >= 1, JSON.stringify(memory));
    assert.equal(memory.limitBytes, 24 * MI);
  });

  test('the cache that nobody used lately is no part of the working set, and throttling is counted', async () => {
    const pod = podOf('counted', { requests: { memory: '8Mi' }, limits: { cpu: '100m', memory: '128Mi' } });
    await cgroups.ensure(pod);
    // A file that nothing else here reads: its pages are charged to who reads them first.
    assert.equal((await runIn(pod, `head -c ${16 * MI} /usr/bin/containerd`)).status, 0);
    const { cpu, memory, cpuQuotaMicroseconds, processLimit } = await measure(pod);
    assert.ok(memory.cacheBytes >= 8 * MI, JSON.stringify(memory));
    assert.ok(memory.usageBytes - memory.workingSetBytes >= 8 * MI, JSON.stringify(memory));
    assert.ok(cpu.usageNanoseconds > 0 && cpu.periods > 0, JSON.stringify(cpu));
    assert.equal(cpuQuotaMicroseconds, 10_000);
    assert.equal(processLimit, 50);
  });

  test('limits change in place, and a pod that goes takes its processes along', async () => {
    const pod = pods.find(({ metadata }) => metadata?.name === 'burstable')!;
    const running = runIn(pod, 'sleep 1000');
    await until('the pod has a process', async () => (await read(place(pod, 'cgroup.procs'))) !== '');
    pod.spec!.containers[0]!.resources = { requests: { cpu: '1' }, limits: { cpu: '2', memory: '96Mi' } };
    await cgroups.ensure(pod);
    assert.deepEqual(await Promise.all(['cpu.max', 'memory.max'].map((file) => read(place(pod, file)))), [
      '200000 100000',
      String(96 * MI),
    ]);
    await cgroups.remove('burstable');
    assert.equal((await running).signal, 'SIGKILL');
    assert.ok(!(await cgroups.known()).includes('burstable'));
  });
});
