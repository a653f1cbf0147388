import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Pod } from '../../api/gen/types.ts';
import { recordedPrograms } from '../../host/recorded-programs.ts';
import { ProgramError } from '../../host/run-program.ts';
import { systemClock } from '../../std/clock.ts';
import { type LogFields, type Logger, silentLogger } from '../../std/logger.ts';
import { completeConfiguration } from '../configuration/defaults.ts';
import { fakeV1, fakeV2 } from '../testing/fake-cgroup-files.ts';
import { cgroupParent, cgroupPath, parseCgroupName, podUidOf } from './cgroup-names.ts';
import { createPodCgroups, type PodCgroupsOptions } from './pod-cgroups.ts';

const noNamespaces = { mappingsOf: async () => undefined, release: async () => {} };
const UID = '11111111-2222-3333-4444-555555555555';

const podOf = (uid: string, requests?: Record<string, string>): V1Pod => ({
  metadata: { name: 'p', namespace: 'default', uid },
  spec: { containers: [{ name: 'c', ...(requests && { resources: { requests } }) }] },
});

type Fake = ReturnType<typeof fakeV1> | ReturnType<typeof fakeV2>;

function cgroupsOn(fake: Fake, settings: Record<string, unknown> = {}, others: Partial<PodCgroupsOptions> = {}) {
  const warnings: string[] = [];
  const logger: Logger = {
    ...silentLogger,
    warn: (message, fields?: LogFields) => warnings.push(message + JSON.stringify(fields ?? {})),
  };
  const cgroups = createPodCgroups({
    configuration: completeConfiguration({ cgroupRoot: '/test', evictionHard: {}, ...settings }),
    machine: {
      capacity: { cpu: '4', memory: '8Gi' },
      allocatable: { memory: '7Gi' },
      memoryBytes: 8 * 2 ** 30,
      swapBytes: 0,
      hasSystemd: false,
    },
    userNamespaces: noNamespaces,
    pods: () => [],
    mounts: fake.mounts,
    files: fake.files,
    hugePages: [{ sizeBytes: 2 ** 21, count: 0 }],
    kill: (pid) => fake.files.kill(pid),
    clock: systemClock,
    logger,
    ...others,
  });
  return { cgroups, warnings };
}

for (const [name, fake, trees] of [
  ['v1', fakeV1, ['/cg/cpu,cpuacct', '/cg/memory', '/cg/cpuset', '/cg/pids', '/cg/hugetlb']],
  ['v2', fakeV2, ['/cg']],
] as const) {
  test(`${name}: each pod lies below its class, in every tree`, async () => {
    const { files, mounts } = fake();
    const { cgroups } = cgroupsOn({ files, mounts } as Fake);
    await cgroups.prepare();
    assert.deepEqual(await cgroups.ensure(podOf('a', { cpu: '1' })), { cgroupParent: '/test/kubepods/burstable/poda' });
    assert.deepEqual(await cgroups.ensure(podOf('b')), { cgroupParent: '/test/kubepods/besteffort/podb' });
    const paths = [
      '/test',
      '/test/kubepods',
      '/test/kubepods/besteffort',
      '/test/kubepods/besteffort/podb',
      '/test/kubepods/burstable',
      '/test/kubepods/burstable/poda',
    ];
    assert.deepEqual(files.tree(), trees.flatMap((tree) => [tree, ...paths.map((path) => tree + path)]).sort());
    assert.deepEqual([...(await cgroups.known())].sort(), ['a', 'b']);
  });

  test(`${name}: a pod's processes are killed, those that come late too, and nothing of it stays`, async () => {
    const { files, mounts } = fake();
    const { cgroups } = cgroupsOn({ files, mounts } as Fake);
    await cgroups.ensure(podOf('a'));
    const directory = `${trees[0]}/test/kubepods/besteffort/poda`;
    await files.makeDirectory(`${directory}/container`);
    files.run(`${directory}/container`, 4_000_001, 2);
    files.run(`${directory}/container`, 4_000_002);
    // As processes of other pid namespaces are shown: killing 0 would be killing ourselves.
    files.run(directory, 4_000_003);
    await cgroups.remove('a');
    assert.deepEqual(new Set(files.killed), new Set([4_000_001, 4_000_002, 4_000_003]));
    assert.deepEqual(await cgroups.known(), []);
    assert.ok(!files.tree().some((path) => path.includes('poda')));
    await cgroups.remove('a');
  });
}

test('process 0 and this process are never killed', async () => {
  const fake = fakeV1();
  const { cgroups } = cgroupsOn(fake);
  await cgroups.ensure(podOf('a'));
  const file = '/cg/memory/test/kubepods/besteffort/poda/cgroup.procs';
  await fake.files.write(file, `0\n${process.pid}\n`);
  const gone = cgroups.remove('a');
  await fake.files.write(file, '');
  await gone;
  assert.deepEqual(fake.files.killed, []);
});

test('v1: a new cpuset has the CPUs of the one above, and limits are in the files', async () => {
  const fake = fakeV1();
  const { cgroups } = cgroupsOn(fake, { podPidsLimit: 77 });
  const pod = podOf('a', { cpu: '500m' });
  pod.spec!.containers[0]!.resources!.limits = { cpu: '1', memory: '64Mi' };
  await cgroups.ensure(pod);
  const read = (tree: string, file: string) => fake.files.read(`/cg/${tree}/test/kubepods/burstable/poda/${file}`);
  assert.equal(await read('cpuset', 'cpuset.cpus'), '0-3');
  assert.equal(await read('cpu,cpuacct', 'cpu.shares'), '512');
  assert.equal(await read('cpu,cpuacct', 'cpu.cfs_quota_us'), '100000');
  assert.equal(await read('memory', 'memory.limit_in_bytes'), String(64 * 2 ** 20));
  assert.equal(await read('pids', 'pids.max'), '77');
  assert.equal(await read('hugetlb', 'hugetlb.2MB.limit_in_bytes'), '0');
});

test('v2: controllers are passed on level by level, and limits are in the files', async () => {
  const fake = fakeV2();
  const { cgroups } = cgroupsOn(fake);
  await cgroups.ensure(podOf('a', { cpu: '1' }));
  assert.equal(await fake.files.read('/cg/test/kubepods/burstable/poda/cpu.weight'), '39');
  assert.match((await fake.files.read('/cg/test/kubepods/burstable/cgroup.subtree_control'))!, /cpu.*memory.*pids/);
});

test('v2: where nobody has made a cgroup yet, containers are kept from swap all the same', async () => {
  const { cgroups } = cgroupsOn(fakeV2());
  const pod = podOf('a', { memory: '1Mi' });
  await cgroups.ensure(pod);
  const { unified } = cgroups.resourcesOf(pod, pod.spec!.containers[0]!);
  assert.deepEqual(unified, { 'memory.oom.group': '1', 'memory.swap.max': '0' });
});

test('what all pods may have is set on their common cgroup, and the classes weigh what their pods ask for', async () => {
  const fake = fakeV1();
  const pods = [podOf('a', { cpu: '1500m' }), podOf('b')];
  const { cgroups } = cgroupsOn(fake, { kubeReserved: { memory: '1Gi', cpu: '1' } }, { pods: () => pods });
  await cgroups.prepare();
  assert.equal(await fake.files.read('/cg/memory/test/kubepods/memory.limit_in_bytes'), String(7 * 2 ** 30));
  assert.equal(await fake.files.read('/cg/cpu,cpuacct/test/kubepods/cpu.shares'), '3072');
  assert.equal(await fake.files.read('/cg/cpu,cpuacct/test/kubepods/burstable/cpu.shares'), '1536');
  assert.equal(await fake.files.read('/cg/cpu,cpuacct/test/kubepods/besteffort/cpu.shares'), '2');
});

test('daemons are limited where that is asked for, and their cgroup must be there', async () => {
  const fake = fakeV1();
  const settings = {
    enforceNodeAllocatable: ['pods', 'kube-reserved'],
    kubeReserved: { memory: '1Gi' },
    kubeReservedCgroup: '/daemons',
  };
  await assert.rejects(
    cgroupsOn(fake, settings).cgroups.prepare(),
    /Failed to enforce Kube Reserved Cgroup Limits on "\/daemons": "\/daemons" cgroup does not exist/,
  );
  for (const tree of fake.mounts.trees) await fake.files.makeDirectory(`${tree}/daemons`);
  await cgroupsOn(fake, settings).cgroups.prepare();
  assert.equal(await fake.files.read('/cg/memory/daemons/memory.limit_in_bytes'), String(2 ** 30));
});

test('a machine without a controller that is needed is refused by its name, one that is merely useful warned of once', async () => {
  const lacking = (...names: string[]) => {
    const { files, mounts } = fakeV1();
    return {
      files,
      mounts: { ...mounts, controllers: new Map([...mounts.controllers].filter(([name]) => !names.includes(name))) },
    };
  };
  await assert.rejects(
    cgroupsOn(lacking('memory', 'cpuset')).cgroups.prepare(),
    /Following Cgroup subsystem not mounted: \[cpuset memory\]/,
  );
  await assert.rejects(
    cgroupsOn(lacking('pids'), { podPidsLimit: 10 }).cgroups.prepare(),
    /podPidsLimit \(--pod-max-pids\) needs the cgroup controller pids/,
  );
  const { cgroups, warnings } = cgroupsOn(lacking('pids', 'hugetlb'));
  await cgroups.prepare();
  await cgroups.ensure(podOf('a'));
  assert.equal(warnings.filter((line) => line.includes('"pids","hugetlb"')).length, 1);
});

test('v1 is refused where the configuration says so; systemd where it does not run', async () => {
  await assert.rejects(
    cgroupsOn(fakeV1(), { failCgroupV1: true }).cgroups.prepare(),
    /configured to not run on a host using cgroup v1/,
  );
  await assert.rejects(cgroupsOn(fakeV1(), { cgroupDriver: 'systemd' }).cgroups.prepare(), /systemd not running on this host/);
});

test("the runtime's cgroup driver goes before the configured one, and that is told", async () => {
  const { cgroups, warnings } = cgroupsOn(fakeV1(), { cgroupDriver: 'systemd' }, { runtimeDriver: 'cgroupfs' });
  assert.equal((await cgroups.ensure(podOf('a'))).cgroupParent, '/test/kubepods/besteffort/poda');
  assert.ok(warnings.some((line) => line.includes('cgroup driver of the container runtime')));
});

test('names of slices lead to the same place and back', () => {
  const name = ['kubepods', 'burstable', `pod${UID}`];
  assert.equal(
    cgroupPath(name, 'systemd'),
    '/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod11111111_2222_3333_4444_555555555555.slice',
  );
  assert.equal(cgroupParent(name, 'systemd'), 'kubepods-burstable-pod11111111_2222_3333_4444_555555555555.slice');
  assert.deepEqual(parseCgroupName('/kubepods.slice/kubepods-burstable.slice', 'systemd'), ['kubepods', 'burstable']);
  assert.equal(podUidOf(cgroupParent(name, 'systemd'), 'systemd'), UID);
  assert.equal(podUidOf(`pod${UID}`, 'cgroupfs'), UID);
  assert.equal(podUidOf('burstable', 'cgroupfs'), undefined);
  assert.equal(podUidOf('podium/../x', 'cgroupfs'), undefined);
});

test('with systemd, slices are started as units with their limits, and stopped with the pod', async () => {
  const fake = fakeV2();
  const programs = recordedPrograms();
  const run: typeof programs.run = async (program, args, options) => {
    const result = await programs.run(program, args, options);
    const unit = args.find((arg) => arg.endsWith('.slice'));
    if (args.includes('StartTransientUnit') && unit) {
      const parts = unit.replace(/\.slice$/, '').split('-');
      for (let i = 1; i <= parts.length; i++)
        await fake.files.makeDirectory(
          `/cg${cgroupPath(
            parts.slice(0, i).map((part) => part.replaceAll('_', '-')),
            'systemd',
          )}`,
        );
    }
    return result;
  };
  const machine = {
    capacity: { cpu: '4', memory: '8Gi' },
    allocatable: {},
    memoryBytes: 2 ** 33,
    swapBytes: 0,
    hasSystemd: true,
  };
  const { cgroups } = cgroupsOn(fake, { cgroupDriver: 'systemd', cgroupRoot: '/' }, { run, machine });
  const { cgroupParent: parent } = await cgroups.ensure(podOf(UID, { cpu: '1' }));
  assert.equal(parent, `kubepods-burstable-pod${UID.replaceAll('-', '_')}.slice`);
  const started = programs.calls
    .filter(({ args }) => args.includes('StartTransientUnit'))
    .map(({ args }) => args.find((arg) => arg.endsWith('.slice')));
  assert.deepEqual(started, ['kubepods.slice', 'kubepods-burstable.slice', 'kubepods-besteffort.slice', parent]);
  assert.ok(programs.calls.at(-1)!.args.join(' ').includes('CPUWeight t 39'));
  assert.deepEqual(await cgroups.known(), [UID]);
  await cgroups.remove(UID);
  assert.ok(programs.calls.some(({ args }) => args.includes('StopUnit') && args.includes(parent)));
  assert.deepEqual(await cgroups.known(), []);
});

test('containers run on the CPUs they are given, without a quota on their own, and give them back with the pod', async () => {
  const fake = fakeV1();
  const released: string[] = [];
  const cpus = {
    cpusOf: (_uid: string, name: string) => (name === 'own' ? '1' : '0'),
    isExclusive: (_uid: string, name: string) => name === 'own',
    known: () => ['left'],
    release: async (uid: string) => void released.push(uid),
  };
  const { cgroups } = cgroupsOn(fake, {}, { cpus });
  const limits = { cpu: '1', memory: '1Gi' };
  const [own, other] = [
    { name: 'own', resources: { limits } },
    { name: 'other', resources: { limits } },
  ];
  const pod: V1Pod = { metadata: { uid: UID }, spec: { containers: [own, other] } };
  await cgroups.ensure(pod);
  assert.equal(await fake.files.read(`/cg/cpu,cpuacct/test/kubepods/pod${UID}/cpu.cfs_quota_us`), '-1');
  const given = cgroups.resourcesOf(pod, own);
  assert.deepEqual([given.cpusetCpus, given.cpuQuota], ['1', -1]);
  const shared = cgroups.resourcesOf(pod, other);
  assert.deepEqual([shared.cpusetCpus, shared.cpuQuota], ['0', 100_000]);
  assert.deepEqual(await cgroups.known(), ['left', UID]);
  await cgroups.remove(UID);
  assert.deepEqual(released, [UID]);
});

test("systemd's refusal is told in its words", async () => {
  const run = async () => {
    throw new ProgramError('busctl ended with status 1: Access denied', 'PROGRAM_FAILED', {
      program: 'busctl',
      args: [],
      exitCode: 1,
      stdout: '',
      stderr: 'Access denied',
    });
  };
  const machine = { capacity: {}, allocatable: {}, memoryBytes: 2 ** 33, swapBytes: 0, hasSystemd: true };
  await assert.rejects(cgroupsOn(fakeV2(), { cgroupDriver: 'systemd' }, { run, machine }).cgroups.prepare(), /Access denied/);
});

test('a uid that leads out of the pods is refused, and nothing is touched', async () => {
  const fake = fakeV1();
  const { cgroups } = cgroupsOn(fake);
  await cgroups.prepare();
  const before = fake.files.tree();
  for (const uid of ['/../../other', '..', '', 'a/b']) {
    await assert.rejects(cgroups.ensure(podOf(uid)), /cannot be the name of a cgroup/);
    await assert.rejects(cgroups.remove(uid), /cannot be the name of a cgroup/);
  }
  assert.deepEqual(fake.files.tree(), before);
});
