import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { until } from '../../../test/harness/until.ts';
import type { V1Pod } from '../../api/gen/types.ts';
import { systemClock } from '../../std/clock.ts';
import { silentLogger } from '../../std/logger.ts';
import { completeConfiguration } from '../configuration/defaults.ts';
import type { RuntimeContainer } from '../runtime/runtime.ts';
import { createCpuManager } from './cpu-manager.ts';
import { parseCpuSet } from './cpu-set.ts';
import { type CpuPlace, cpuTopology, readCpuTopology } from './cpu-topology.ts';

const fourCpus = async () =>
  cpuTopology(new Map([0, 1, 2, 3].map((cpu): [number, CpuPlace] => [cpu, { core: cpu, socket: 0, numaNode: 0 }])));

async function directoryFor(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'muster-cpus-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

function managerIn(directory: string, settings: Record<string, unknown> = {}, containers: Partial<RuntimeContainer>[] = []) {
  const updates: [id: string, cpus: string | undefined][] = [];
  const manager = createCpuManager({
    configuration: completeConfiguration({ cpuManagerPolicy: 'static', systemReserved: { cpu: '100m' }, ...settings }),
    runtime: {
      list: async () => ({ sandboxes: [], containers: containers as RuntimeContainer[] }),
      updateResources: async (id, { cpusetCpus }) => void updates.push([id, cpusetCpus]),
    },
    directory,
    clock: systemClock,
    logger: silentLogger,
    topology: fourCpus,
  });
  return { manager, updates };
}

const podOf = (uid: string, cpu: string): V1Pod => ({
  metadata: { name: uid, uid },
  spec: { containers: [{ name: 'c', resources: { limits: { cpu, memory: '1Mi' } } }] },
});

const stateIn = async (directory: string) => JSON.parse(await readFile(join(directory, 'cpu_manager_state'), 'utf8'));

test('a kubelet started anew finds who has which CPUs, and gives back those of pods that are gone', async (t) => {
  const directory = await directoryFor(t);
  const { manager: first } = managerIn(directory);
  await first.prepare();
  assert.equal(await first.allocate(podOf('a', '2')), undefined);
  assert.equal(first.cpusOf('a', 'c'), '1-2');
  assert.equal(first.cpusOf('other', 'c'), '0,3');
  assert.deepEqual((await stateIn(directory)).entries, { a: { c: '1-2' } });

  const { manager: second } = managerIn(directory);
  await second.prepare();
  assert.deepEqual(second.known(), ['a']);
  assert.equal(second.isExclusive('a', 'c'), true);
  await second.release('a');
  assert.equal(second.cpusOf('other', 'c'), '0-3');
  assert.equal((await stateIn(directory)).defaultCpuSet, '0-3');
});

test('of two pods that come at once each has CPUs of its own', async (t) => {
  const { manager } = managerIn(await directoryFor(t));
  await manager.prepare();
  assert.deepEqual(await Promise.all([manager.allocate(podOf('a', '1')), manager.allocate(podOf('b', '2'))]), [
    undefined,
    undefined,
  ]);
  assert.deepEqual([manager.cpusOf('a', 'c'), manager.cpusOf('b', 'c')], ['1', '2-3']);
});

test('a pod whose CPUs cannot be written down is refused and has none', async (t) => {
  const directory = join(await directoryFor(t), 'kubelet');
  const { manager } = managerIn(directory);
  await manager.prepare();
  await rm(directory, { recursive: true });
  await writeFile(directory, 'no directory');
  assert.equal((await manager.allocate(podOf('a', '1')))?.reason, 'UnexpectedAdmissionError');
  assert.equal(manager.isExclusive('a', 'c'), false);
  assert.equal(manager.cpusOf('a', 'c'), '0-3');
});

test('running containers are moved off CPUs that another is given, and told no more than once', async (t) => {
  const running = [
    { id: 'one', podUid: 'shared', name: 'c', phase: 'running' },
    { id: 'gone', podUid: 'shared', name: 'd', phase: 'exited' },
  ] as const;
  const { manager, updates } = managerIn(await directoryFor(t), { cpuManagerReconcilePeriod: '1ms' }, [...running]);
  await manager.prepare();
  const stop = new AbortController();
  await manager.component.start(stop.signal);
  await until('it is told', () => updates.length > 0);
  await manager.allocate(podOf('a', '2'));
  await until('it is told again', () => updates.length > 1);
  stop.abort();
  await manager.component.done;
  assert.deepEqual(updates, [
    ['one', '0-3'],
    ['one', '0,3'],
  ]);
});

test('policy none pins nobody and says so in the file', async (t) => {
  const directory = await directoryFor(t);
  const { manager } = managerIn(directory, { cpuManagerPolicy: 'none' });
  await manager.prepare();
  assert.equal(await manager.allocate(podOf('a', '2')), undefined);
  assert.equal(manager.cpusOf('a', 'c'), undefined);
  assert.equal((await stateIn(directory)).policyName, 'none');
  await assert.rejects(managerIn(directory).manager.prepare(), /configured policy "static" differs from .* policy "none"/);
});

for (const [settings, message] of [
  [{ systemReserved: {} }, /unable to determine reserved CPU resources for static policy/],
  [{ systemReserved: { cpu: '0' } }, /requires systemreserved.cpu \+ kubereserved.cpu to be greater than zero/],
  [{ systemReserved: { cpu: '5' } }, /unable to reserve the required amount of CPUs \(size of 0-3 did not equal 5\)/],
  [{ reservedSystemCPUs: '3-4' }, /this machine has no CPUs 4, its CPUs are 0-3/],
] as const)
  test(`the static policy does not start with ${JSON.stringify(settings)}`, async (t) => {
    await assert.rejects(managerIn(await directoryFor(t), settings).manager.prepare(), message);
  });

for (const [what, state, message] of [
  ['a CPU that is gone', { defaultCpuSet: '0-7' }, /available CPUs "0-3" doesn't match with CPUs in state "0-7"/],
  ['reserved CPUs that are given', { defaultCpuSet: '1-3', entries: { a: { c: '0' } } }, /not all reserved cpus: "0"/],
  [
    'a CPU that two have',
    { defaultCpuSet: '0-3', entries: { a: { c: '2' } } },
    /pod: a, container: c cpuset: "2" overlaps with default cpuset "0-3"/,
  ],
] as const)
  test(`a state with ${what} is not gone on with`, async (t) => {
    const directory = await directoryFor(t);
    await writeFile(join(directory, 'cpu_manager_state'), JSON.stringify({ policyName: 'static', ...state, checksum: 0 }));
    await assert.rejects(managerIn(directory).manager.prepare(), message);
  });

test("sockets, cores and NUMA nodes are read from sysfs, of CPUs that are on and this process's", async (t) => {
  const root = await directoryFor(t);
  const write = async (path: string, text: string) => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), `${text}\n`);
  };
  await write('sys/devices/system/cpu/online', '0-2,4-5');
  await write('proc/self/status', 'Name:\tx\nCpus_allowed_list:\t0-4\nMems_allowed_list:\t0');
  await write('sys/devices/system/node/node0/cpulist', '0,2');
  await write('sys/devices/system/node/node1/cpulist', '1,4-5');
  await write('sys/devices/system/node/online', '0-1');
  for (const [cpu, siblings, socket] of [
    [0, '0,2', 0],
    [1, '1', 1],
    [2, '0,2', 0],
    [4, '4-5', -1],
  ] as const) {
    await write(`sys/devices/system/cpu/cpu${cpu}/topology/thread_siblings_list`, siblings);
    await write(`sys/devices/system/cpu/cpu${cpu}/topology/physical_package_id`, String(socket));
  }
  const { places, numaNodes } = await readCpuTopology(root);
  assert.deepEqual(
    places,
    new Map([
      [0, { core: 0, socket: 0, numaNode: 0 }],
      [1, { core: 1, socket: 1, numaNode: 1 }],
      [2, { core: 0, socket: 0, numaNode: 0 }],
      [4, { core: 4, socket: 0, numaNode: 1 }],
    ]),
  );
  assert.deepEqual(numaNodes, parseCpuSet('0-1'));
});
