import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { V1Container, V1Pod } from '../../api/gen/types.ts';
import { allocateCpus, type CpuPolicy, nobodysCpus, releaseCpus } from './allocate-cpus.ts';
import { type CpuAssignments, decodeCpuCheckpoint, encodeCpuCheckpoint } from './cpu-checkpoint.ts';
import { formatCpuSet, parseCpuSet } from './cpu-set.ts';
import { type CpuTopology, cpuTopology } from './cpu-topology.ts';
import { takeCpus } from './take-cpus.ts';

/** Threads of a core are numbered as Linux does it: first one of each core, then the others. */
function machine(sockets: number, coresPerSocket: number, threads: number, numaPerSocket = 1): CpuTopology {
  const cores = sockets * coresPerSocket;
  return cpuTopology(
    new Map(
      Array.from({ length: cores * threads }, (_, cpu) => {
        const core = cpu % cores;
        const socket = Math.floor(core / coresPerSocket);
        const numaNode = Math.floor(core / (coresPerSocket / numaPerSocket));
        return [cpu, { core, socket, numaNode }];
      }),
    ),
  );
}

const policyOf = (topology: CpuTopology, more: Partial<CpuPolicy> = {}): CpuPolicy => ({
  topology,
  exclusive: true,
  reserved: parseCpuSet('0'),
  wholeCores: false,
  strictReservation: false,
  alignment: 'none',
  scope: 'container',
  ...more,
});

const container = (name: string, cpu: string, more: Partial<V1Container> = {}): V1Container => ({
  name,
  resources: { requests: { cpu, memory: '1Mi' }, limits: { cpu, memory: '1Mi' } },
  ...more,
});

const podOf = (uid: string, containers: V1Container[], initContainers: V1Container[] = []): V1Pod => ({
  metadata: { name: uid, uid },
  spec: { containers, initContainers },
});

function given(policy: CpuPolicy, before: CpuAssignments, pod: V1Pod): CpuAssignments {
  const result = allocateCpus(policy, before, pod);
  assert.ok('assignments' in result, JSON.stringify(result));
  return result.assignments;
}

const lists = ({ shared, exclusive }: CpuAssignments) => ({
  shared: formatCpuSet(shared),
  ...Object.fromEntries(
    [...exclusive].map(([uid, own]) => [uid, Object.fromEntries([...own].map(([name, cpus]) => [name, formatCpuSet(cpus)]))]),
  ),
});

test('lists of CPUs are read and written in one form, and none is endless', () => {
  for (const [text, form] of [
    ['0-3,8', '0-3,8'],
    ['8,1,0,2', '0-2,8'],
    ['5', '5'],
    ['', ''],
  ] as const)
    assert.equal(formatCpuSet(parseCpuSet(text)), form);
  for (const text of ['1.3', 'a', '3-1', '0-99999999', '-1', '1,', '1--2']) assert.throws(() => parseCpuSet(text), /is no CPU/);
});

for (const [title, topology, from, count, expected] of [
  ['a whole socket', machine(2, 4, 2), '0-15', 8, '0-3,8-11'],
  ['the socket that is whole, not the first', machine(2, 4, 2), '1-15', 8, '4-7,12-15'],
  ['whole cores, on the fuller socket', machine(2, 4, 2), '0-7,8-10,12-15', 2, '0,8'],
  ['what is left of a core rather than a new one', machine(1, 4, 2), '1-7', 1, '4'],
  ['a NUMA node of a socket', machine(1, 4, 2, 2), '0-7', 4, '0-1,4-5'],
] as const)
  test(`CPUs lie close together: ${title}`, () => {
    const free = title.startsWith('what is left') ? parseCpuSet('1-7') : parseCpuSet(from);
    assert.equal(formatCpuSet(takeCpus(topology, free, count)), expected);
  });

test('who asks for more than there is hears how much there is', () => {
  assert.throws(() => takeCpus(machine(1, 2, 1), parseCpuSet('1'), 2), {
    message: 'not enough cpus available to satisfy request: requested=2, available=1',
  });
});

test('only containers of guaranteed pods that ask for whole CPUs have some of their own', () => {
  const policy = policyOf(machine(1, 4, 2));
  const nobody = nobodysCpus(policy);
  const burstable = podOf('b', [{ name: 'c', resources: { requests: { cpu: '1' } } }]);
  assert.equal(given(policy, nobody, burstable), nobody);
  assert.equal(given(policy, nobody, podOf('f', [container('c', '1500m')])), nobody);
  const pod = podOf('g', [container('own', '2'), container('shared', '500m')]);
  assert.deepEqual(lists(given(policy, nobody, pod)), { shared: '0,2-4,6-7', g: { own: '1,5' } });
});

test('a request that only its limit states counts', () => {
  const policy = policyOf(machine(1, 4, 1));
  const pod = podOf('g', [{ name: 'c', resources: { limits: { cpu: '1', memory: '1Mi' } } }]);
  assert.deepEqual(lists(given(policy, nobodysCpus(policy), pod)), { shared: '0,2-3', g: { c: '1' } });
});

test('what an init container had goes on to the next ones, what a sidecar has does not', () => {
  const policy = policyOf(machine(1, 8, 1));
  const pod = podOf(
    'p',
    [container('main', '2')],
    [container('first', '3'), container('sidecar', '1', { restartPolicy: 'Always' })],
  );
  const after = given(policy, nobodysCpus(policy), pod);
  assert.deepEqual(lists(after), { shared: '0,4-7', p: { first: '1-3', sidecar: '1', main: '2-3' } });
  assert.deepEqual(lists(releaseCpus(policy, after, 'p')), { shared: '0-7' });
});

test('a pod that is asked about again keeps what it has', () => {
  const policy = policyOf(machine(1, 4, 1));
  const pod = podOf('p', [container('c', '2')]);
  const once = given(policy, nobodysCpus(policy), pod);
  assert.deepEqual(lists(given(policy, once, pod)), lists(once));
});

test('a pod whose second container cannot have its CPUs gets none for its first', () => {
  const policy = policyOf(machine(1, 4, 1));
  const pod = podOf('p', [container('one', '2'), container('two', '2')]);
  assert.deepEqual(allocateCpus(policy, nobodysCpus(policy), pod), {
    refusal: {
      reason: 'UnexpectedAdmissionError',
      message:
        'Allocate failed due to not enough cpus available to satisfy request: requested=2, available=1, which is unexpected',
    },
  });
});

test('full-pcpus-only gives whole cores and says why it does not', () => {
  const policy = policyOf(machine(1, 2, 2), { wholeCores: true });
  const nobody = nobodysCpus(policy);
  const refusal = (cpu: string) => allocateCpus(policy, nobody, podOf('p', [container('c', cpu)]));
  assert.deepEqual(refusal('1'), {
    refusal: {
      reason: 'SMTAlignmentError',
      message: 'SMT Alignment Error: requested 1 cpus not multiple cpus per core = 2',
    },
  });
  // CPU 2 is a thread of the core of the reserved CPU 0.
  assert.deepEqual(refusal('4'), {
    refusal: {
      reason: 'SMTAlignmentError',
      message:
        'SMT Alignment Error: not enough free physical CPUs: available physical CPUs = 2, requested CPUs = 4, CPUs per core = 2',
    },
  });
  assert.deepEqual(lists(given(policy, nobody, podOf('p', [container('c', '2')]))), { shared: '0,2', p: { c: '1,3' } });
});

test('strictly reserved CPUs are shared by nobody, and a pod that ends does not change that', () => {
  const policy = policyOf(machine(1, 4, 1), { strictReservation: true });
  const after = given(policy, nobodysCpus(policy), podOf('p', [container('c', '1')]));
  assert.deepEqual(lists(after), { shared: '2-3', p: { c: '1' } });
  assert.deepEqual(lists(releaseCpus(policy, after, 'p')), { shared: '1-3' });
});

test('CPUs come from one NUMA node where the policy wants it, and the pod is refused where none has enough', () => {
  const topology = machine(2, 4, 1);
  const five = podOf('five', [container('c', '5')]);
  const three = (uid: string) => podOf(uid, [container('c', '3')]);
  const misaligned = {
    refusal: { reason: 'TopologyAffinityError', message: 'Resources cannot be allocated with Topology locality' },
  };
  const single = policyOf(topology, { alignment: 'single-numa-node' });
  assert.deepEqual(allocateCpus(single, nobodysCpus(single), five), misaligned);
  const one = given(single, nobodysCpus(single), three('a'));
  assert.deepEqual(lists(one), { shared: '0,4-7', a: { c: '1-3' } });
  const both = given(single, one, three('b'));
  assert.deepEqual(lists(both), { shared: '0,7', a: { c: '1-3' }, b: { c: '4-6' } });
  assert.deepEqual(allocateCpus(single, both, podOf('two', [container('c', '2')])), misaligned);

  // Restricted: five CPUs need two nodes on any day, so that two are right; three do not.
  const restricted = policyOf(topology, { alignment: 'restricted' });
  assert.equal(given(restricted, nobodysCpus(restricted), five).shared.size, 3);
  const spread = given(restricted, nobodysCpus(restricted), podOf('s', [container('c', '2'), container('d', '2')]));
  assert.deepEqual(allocateCpus(restricted, spread, podOf('t', [container('c', '4')])), misaligned);
  const effort = policyOf(topology, { alignment: 'best-effort' });
  assert.ok('assignments' in allocateCpus(effort, spread, three('t')));
});

test('with scope pod all containers of a pod share a NUMA node', () => {
  const topology = machine(2, 4, 1);
  const pod = podOf('p', [container('a', '2'), container('b', '2')]);
  const perPod = policyOf(topology, { alignment: 'single-numa-node', scope: 'pod' });
  assert.deepEqual(lists(given(perPod, nobodysCpus(perPod), pod)), { shared: '0-3', p: { a: '4-5', b: '6-7' } });
  const perContainer = policyOf(topology, { alignment: 'single-numa-node' });
  assert.deepEqual(lists(given(perContainer, nobodysCpus(perContainer), pod)), { shared: '0,3,6-7', p: { a: '1-2', b: '4-5' } });
});

test('no CPU is ever lost, or given twice, whatever comes and goes', () => {
  const step = fc.record({
    pod: fc.nat(4),
    release: fc.boolean(),
    cpus: fc.array(fc.constantFrom('1', '2', '3', '500m'), { minLength: 1, maxLength: 3 }),
    init: fc.array(fc.constantFrom('1', '2', '3'), { maxLength: 2 }),
    sidecar: fc.boolean(),
  });
  const policies = [machine(2, 4, 2), machine(1, 8, 1, 2), machine(4, 2, 1)].flatMap((topology) =>
    (['none', 'best-effort', 'restricted', 'single-numa-node'] as const).map((alignment) => policyOf(topology, { alignment })),
  );
  fc.assert(
    fc.property(fc.constantFrom(...policies), fc.array(step, { maxLength: 15 }), (policy, steps) => {
      const all = new Set(policy.topology.places.keys());
      let now = nobodysCpus(policy);
      for (const { pod, release, cpus, init, sidecar } of steps) {
        const uid = `p${pod}`;
        if (release) now = releaseCpus(policy, now, uid);
        else if (!now.exclusive.has(uid)) {
          const main = cpus.map((cpu, i) => container(`m${i}`, cpu));
          const before = init.map((cpu, i) => container(`i${i}`, cpu, sidecar && i === 0 ? { restartPolicy: 'Always' } : {}));
          const result = allocateCpus(policy, now, podOf(uid, main, before));
          if ('assignments' in result) now = result.assignments;
        }
        const pods = [...now.exclusive.values()].map((own) => [...own.values()].reduce((a, b) => a.union(b), new Set<number>()));
        const owned = pods.reduce((sum, own) => sum + own.size, 0);
        assert.equal(owned + now.shared.size, all.size);
        assert.deepEqual(pods.reduce<ReadonlySet<number>>((a, b) => a.union(b), now.shared).size, all.size);
        assert.ok(policy.reserved.isSubsetOf(now.shared));
        const text = encodeCpuCheckpoint('static', now);
        assert.equal(encodeCpuCheckpoint('static', decodeCpuCheckpoint(text, 'static', '/x')), text);
      }
      for (const uid of now.exclusive.keys()) now = releaseCpus(policy, now, uid);
      assert.equal(now.shared.size, all.size);
    }),
    { numRuns: 300 },
  );
});

test("the checkpoint is upstream's, checksum and all", () => {
  assert.equal(
    encodeCpuCheckpoint('none', { shared: new Set(), exclusive: new Map() }),
    '{"policyName":"none","defaultCpuSet":"","checksum":1353318690}',
  );
  const text =
    '{"policyName":"none","defaultCpuSet":"1-3","entries":{"pod":{"container1":"4-6","container2":"1-3"}},"checksum":3610638499}';
  assert.equal(encodeCpuCheckpoint('none', decodeCpuCheckpoint(text, 'none', '/x')), text);
});

test('a checkpoint that is damaged, or of another policy, is said to be so', () => {
  const read = (text: string, policy = 'none') => decodeCpuCheckpoint(text, policy, '/var/lib/kubelet/cpu_manager_state');
  const good = '{"policyName":"none","defaultCpuSet":"","checksum":1353318690}';
  for (const bad of [
    '{',
    'null',
    '[]',
    good.replace('1353318690', '1337'),
    good.replace('""', '{"toString":1}'),
    '{"policyName":"none","defaultCpuSet":"","entries":{"a":"1"}}',
    '{"policyName":"none","defaultCpuSet":"","entries":{"a":{"b":1}}}',
    '{"policyName":"none","defaultCpuSet":"1.3"}',
  ])
    assert.throws(() => read(bad), /^CodedError|could not restore state from checkpoint: /);
  assert.throws(() => read(good, 'static'), {
    message:
      'could not restore state from checkpoint: configured policy "static" differs from state checkpoint policy "none", please drain this node and delete the CPU manager checkpoint file "/var/lib/kubelet/cpu_manager_state" before restarting Kubelet',
  });
});
