import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { V1Pod } from '../../api/gen/types.ts';
import { completeConfiguration } from '../configuration/defaults.ts';
import { readMachine } from '../node/machine.ts';
import { planEnforcement } from './allocatable-values.ts';
import { cgroupMachineOf } from './cgroup-machine.ts';
import { controlWrites } from './cgroup-values.ts';
import { quotaOfMilliCpu, sharesOfMilliCpu, weightOfShares } from './cpu-shares.ts';
import { hugePageSizeName, hugePagesResource } from './huge-pages.ts';
import { oomScoreAdjust } from './oom-score.ts';
import { containerLimits, podCgroupValues } from './pod-limits.ts';
import { qosValues } from './qos-values.ts';
import { type PolicyMachine, resourcePolicy } from './resource-policy.ts';

const GI = 2 ** 30;
const machine = (version: 1 | 2): PolicyMachine => ({
  version,
  hugePages: [{ sizeBytes: 2 * 2 ** 20, count: 0 }],
  memoryBytes: 10 * GI,
  allocatableMemoryBytes: 9 * GI,
  swapBytes: 4 * GI,
  swapAccounted: true,
});
const policyOf = (settings: Record<string, unknown> = {}, version: 1 | 2 = 2) =>
  resourcePolicy(completeConfiguration(settings), machine(version));

type Resources = { requests?: Record<string, string>; limits?: Record<string, string> };
const podOf = (...resources: Resources[]): V1Pod => ({
  metadata: { name: 'p', uid: 'u' },
  spec: { containers: resources.map((own, i) => ({ name: `c${i}`, resources: own })) },
});

test('shares become weights on the straight line that the kubelet writes', () => {
  assert.deepEqual([0, 2, 1024, 262_144, 300_000].map(weightOfShares), [1, 1, 39, 10_000, 10_000]);
  // Upstream's reports of nodes: 8 and 64 CPUs for all pods together, 85m to 104m of one pod.
  assert.deepEqual([8192, 65_536, sharesOfMilliCpu(85), sharesOfMilliCpu(104)].map(weightOfShares), [313, 2500, 4, 4]);
});

test('more CPU never means less weight, shares or quota, and all stay in the ranges of the kernel', () => {
  const milli = fc.integer({ min: 0, max: 1_000_000 });
  fc.assert(
    fc.property(milli, milli, fc.integer({ min: 1000, max: 1_000_000 }), (a, b, period) => {
      const [less, more] = a < b ? [a, b] : [b, a];
      assert.ok(sharesOfMilliCpu(less) <= sharesOfMilliCpu(more));
      assert.ok(weightOfShares(sharesOfMilliCpu(less)) <= weightOfShares(sharesOfMilliCpu(more)));
      const weight = weightOfShares(sharesOfMilliCpu(more));
      assert.ok(weight >= 1 && weight <= 10_000 && Number.isInteger(weight));
      assert.ok((quotaOfMilliCpu(less, period) ?? 0) <= (quotaOfMilliCpu(more, period) ?? 0));
      if (more > 0) assert.ok(quotaOfMilliCpu(more, period)! >= 1000);
    }),
  );
});

test('OOM scores are ordered by class, and those of burstable containers by their requests', () => {
  const score = (pod: V1Pod) => oomScoreAdjust(pod, pod.spec!.containers[0]!, 10 * GI);
  const all = { cpu: '1', memory: '1Gi' };
  assert.equal(score(podOf({ requests: all, limits: all })), -997);
  assert.equal(score(podOf({})), 1000);
  assert.equal(score(podOf({ requests: { memory: '1Gi' } })), 900);
  assert.equal(score(podOf({ requests: { cpu: '1' } })), 999);
  assert.equal(score(podOf({ requests: { memory: '10Gi' } })), 3);
  const critical = podOf({});
  critical.spec!.priorityClassName = 'system-node-critical';
  assert.equal(score(critical), -997);
});

test('a sidecar is killed no sooner than the containers beside it', () => {
  const pod = podOf({ requests: { memory: '5Gi' } });
  const sidecar = { name: 's', restartPolicy: 'Always', resources: { requests: { memory: '1Gi' } } };
  pod.spec!.initContainers = [sidecar];
  assert.equal(oomScoreAdjust(pod, sidecar, 10 * GI), 500);
});

test('what a pod asks for as a whole counts for each of its containers', () => {
  const pod = podOf({}, {});
  pod.spec!.resources = { requests: { memory: '4Gi' } };
  assert.equal(oomScoreAdjust(pod, pod.spec!.containers[0]!, 10 * GI), 800);
});

test('a container has the limits it names, and shares by its limit where it requests nothing', () => {
  const limits = (own: Resources, settings = {}, version: 1 | 2 = 1) => {
    const pod = podOf(own);
    return containerLimits(pod, pod.spec!.containers[0]!, policyOf(settings, version));
  };
  assert.deepEqual(limits({ requests: { cpu: '250m', memory: '64Mi' }, limits: { cpu: '500m', memory: '128Mi' } }), {
    cpuShares: 256,
    cpuPeriod: 100_000,
    cpuQuota: 50_000,
    memoryLimitBytes: 128 * 2 ** 20,
    memorySwapLimitBytes: 128 * 2 ** 20,
    oomScoreAdj: 994,
    hugepageLimits: [{ pageSize: '2MB', limitBytes: 0 }],
  });
  assert.equal(limits({ limits: { cpu: '2' } }).cpuShares, 2048);
  assert.equal(limits({}).cpuShares, 2);
  assert.equal(limits({ limits: { cpu: '2' } }, { cpuCFSQuota: false }).cpuQuota, undefined);
  assert.equal(
    limits({ limits: { cpu: '100m' } }, { cpuCFSQuotaPeriod: '10ms', featureGates: { CustomCPUCFSQuotaPeriod: true } }).cpuQuota,
    1000,
  );
  assert.deepEqual(limits({ limits: { memory: '64Mi', 'hugepages-2Mi': '4Mi' } }, {}, 2).hugepageLimits, [
    { pageSize: '2MB', limitBytes: 4 * 2 ** 20 },
  ]);
});

test('swap is for burstable containers alone, by their part of the memory, and only when asked for', () => {
  const swapOf = (own: Resources, swapBehavior: string) => {
    const pod = podOf(own);
    const settings = { memorySwap: { swapBehavior }, failSwapOn: false };
    return containerLimits(pod, pod.spec!.containers[0]!, policyOf(settings)).unified?.['memory.swap.max'];
  };
  const burstable = { requests: { memory: '1Gi' }, limits: { memory: '2Gi' } };
  assert.equal(swapOf(burstable, 'NoSwap'), '0');
  assert.equal(swapOf(burstable, 'LimitedSwap'), String(Math.floor(0.1 * 4 * GI)));
  assert.equal(swapOf({}, 'LimitedSwap'), '0');
});

test('with MemoryQoS a container is throttled below its limit, and with tiers keeps what it asked for', () => {
  const burstable = podOf({ requests: { memory: '1Gi' }, limits: { memory: '2Gi' } });
  const all = { cpu: '1', memory: '1Gi' };
  const guaranteed = podOf({ requests: all, limits: all });
  const tiers = { featureGates: { MemoryQoS: true }, memoryReservationPolicy: 'TieredReservation' };
  const unified = (pod: V1Pod, settings: Record<string, unknown>, version: 1 | 2 = 2) => {
    const {
      'memory.oom.group': _group,
      'memory.swap.max': _swap,
      ...own
    } = containerLimits(pod, pod.spec!.containers[0]!, policyOf(settings, version)).unified ?? {};
    return own;
  };
  const high = String(Math.floor((GI + 0.9 * GI) / 4096) * 4096);
  assert.deepEqual(unified(burstable, { featureGates: { MemoryQoS: true } }), { 'memory.high': high });
  assert.deepEqual(unified(burstable, tiers), { 'memory.min': '0', 'memory.low': String(GI), 'memory.high': high });
  assert.deepEqual(unified(guaranteed, tiers), { 'memory.min': String(GI), 'memory.low': '0' });
  assert.deepEqual(unified(burstable, tiers, 1), {});
  const policy = policyOf(tiers);
  assert.deepEqual(podCgroupValues(burstable, policy).unified, { 'memory.min': '0', 'memory.low': String(GI) });
  assert.deepEqual(podCgroupValues(burstable, policyOf({ featureGates: { MemoryQoS: true } })).unified, {
    'memory.min': '0',
    'memory.low': '0',
  });
  const levels = qosValues([burstable, guaranteed], policy, undefined);
  assert.deepEqual(
    [levels.guaranteed.unified, levels.burstable.unified],
    [
      { 'memory.min': String(GI), 'memory.low': '0' },
      { 'memory.min': '0', 'memory.low': String(GI) },
    ],
  );
});

test('a pod is limited as a whole only when each of its containers is', () => {
  const limited = { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '500m', memory: '1Gi' } };
  const both = podCgroupValues(podOf(limited, limited), policyOf());
  assert.deepEqual(both.cpuQuota, { quotaMicroseconds: 200_000, periodMicroseconds: 100_000 });
  assert.equal(both.memoryLimitBytes, 2 * GI);
  assert.equal(both.cpuShares, 1024);
  const one = podCgroupValues(podOf(limited, { requests: { cpu: '1' } }), policyOf());
  assert.equal(one.memoryLimitBytes, 'max');
  assert.equal(one.cpuQuota?.quotaMicroseconds, 'max');
  const whole = podOf({}, {});
  whole.spec!.resources = { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '1', memory: '1Gi' } };
  assert.equal(podCgroupValues(whole, policyOf()).memoryLimitBytes, GI);
  assert.deepEqual(podCgroupValues(podOf({}), policyOf({ podPidsLimit: 100 })), {
    cpuShares: 2,
    pidLimit: 100,
    hugePageLimits: [{ sizeBytes: 2 ** 21, limitBytes: 0 }],
  });
});

test('the same values are written in the words of either version', () => {
  const values = {
    cpuShares: 512,
    cpuQuota: { quotaMicroseconds: 50_000, periodMicroseconds: 100_000 },
    memoryLimitBytes: 'max' as const,
    pidLimit: 10,
    unified: { 'memory.min': '1' },
  };
  const lines = (version: 1 | 2) => controlWrites(values, version).map(({ file, value }) => `${file}=${value}`);
  assert.deepEqual(lines(1), [
    'cpu.shares=512',
    'cpu.cfs_period_us=100000',
    'cpu.cfs_quota_us=50000',
    'memory.limit_in_bytes=-1',
    'pids.max=10',
  ]);
  assert.deepEqual(lines(2), ['cpu.weight=20', 'cpu.max=50000 100000', 'memory.max=max', 'pids.max=10', 'memory.min=1']);
});

test('burstable pods together weigh what they ask for; ended ones nothing', () => {
  const pods = [podOf({ requests: { cpu: '500m' } }), podOf({ requests: { cpu: '250m' } }), podOf({})];
  assert.equal(qosValues(pods, policyOf(), undefined).burstable.cpuShares, 768);
  assert.equal(qosValues(pods, policyOf(), undefined).bestEffort.cpuShares, 2);
  const ended = pods.map((pod) => ({ ...pod, status: { phase: 'Succeeded' } }));
  assert.equal(qosValues(ended, policyOf(), undefined).burstable.cpuShares, 2);
});

test('reserved memory of better classes is kept from the worse', () => {
  const all = { cpu: '1', memory: '2Gi' };
  const values = qosValues([podOf({ requests: all, limits: all }), podOf({ requests: { memory: '1Gi' } })], policyOf(), 50);
  assert.equal(values.burstable.memoryLimitBytes, 8 * GI);
  assert.equal(values.bestEffort.memoryLimitBytes, 7.5 * GI);
});

test('pods together have what is left of the node, and daemons their share where that is enforced', () => {
  const capacity = { cpu: '4', memory: '8Gi', pods: '110' };
  const plan = (settings: Record<string, unknown>) =>
    planEnforcement(
      completeConfiguration({ kubeReserved: { cpu: '500m', memory: '1Gi' }, systemReserved: { memory: '1Gi' }, ...settings }),
      capacity,
      [],
    );
  assert.deepEqual(plan({}).pods, { cpuShares: 3584, memoryLimitBytes: 6 * GI });
  assert.deepEqual(plan({ enforceNodeAllocatable: ['none'] }).pods, { cpuShares: 4096, memoryLimitBytes: 8 * GI });
  const reserved = plan({ enforceNodeAllocatable: ['pods', 'kube-reserved'], kubeReservedCgroup: '/kube' }).reserved;
  assert.deepEqual(reserved, [{ path: '/kube', what: 'kube-reserved', values: { cpuShares: 512, memoryLimitBytes: GI } }]);
  const compressible = plan({
    enforceNodeAllocatable: ['pods', 'kube-reserved-compressible'],
    kubeReservedCgroup: '/kube',
  }).reserved;
  assert.deepEqual(compressible[0]?.values, { cpuShares: 512 });
});

test('sizes of huge pages are named as resources and as the kernel names them', () => {
  assert.deepEqual([65_536, 2 ** 21, 2 ** 30].map(hugePagesResource), ['hugepages-64Ki', 'hugepages-2Mi', 'hugepages-1Gi']);
  assert.deepEqual([65_536, 2 ** 21, 2 ** 30].map(hugePageSizeName), ['64KB', '2MB', '1GB']);
});

test('huge pages that are set aside are capacity, and no memory for pods', async () => {
  const own = { ...(await readMachine()), memoryBytes: 8 * GI, activeSwaps: ['/swapfile file 1048576 0 -2'] };
  const found = cgroupMachineOf(
    { ...own, hugePages: [{ sizeBytes: 2 ** 21, count: 512 }] },
    completeConfiguration({ evictionHard: {} }),
  );
  assert.equal(found.capacity['hugepages-2Mi'], '1Gi');
  assert.equal(found.capacity['hugepages-1Gi'], undefined);
  assert.equal(found.allocatable['memory'], '7Gi');
  assert.equal(found.swapBytes, GI);
});
