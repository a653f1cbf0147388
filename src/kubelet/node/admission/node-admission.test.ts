import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { V1Node, V1Pod, V1PodSpec } from '../../../api/gen/types.ts';
import { readHasAppArmor } from './apparmor-admission.ts';
import { createNodeAdmission } from './node-admission.ts';
import { checkAllowedSysctls } from './sysctl-admission.ts';

const node: V1Node = {
  metadata: { name: 'n1', labels: { 'kubernetes.io/os': 'linux', zone: 'a' } },
  spec: {
    taints: [
      { key: 'soft', effect: 'NoSchedule' },
      { key: 'hard', value: 'x', effect: 'NoExecute' },
    ],
  },
  status: { allocatable: { cpu: '2', memory: '1Gi', 'ephemeral-storage': '10Gi', pods: '4', 'vendor.example/gpu': '1' } },
};
const TOLERATED = [{ key: 'hard', operator: 'Exists' }];

let count = 0;
function pod(requests: Record<string, string> = {}, spec: Partial<V1PodSpec> = {}, metadata: V1Pod['metadata'] = {}): V1Pod {
  return {
    metadata: { name: `p${++count}`, uid: `u${count}`, ...metadata },
    spec: { containers: [{ name: 'c', resources: { requests } }], nodeName: 'n1', tolerations: TOLERATED, ...spec },
  };
}
const admit = (one: V1Pod, others: readonly V1Pod[] = [], on: V1Node | undefined = node) =>
  createNodeAdmission({ node: () => on, hasAppArmor: true }).admit(one, others);

test('a pod that fits is admitted', () => {
  assert.equal(admit(pod({ cpu: '2', memory: '1Gi' })), undefined);
});

test('want of a resource is told with numbers, cpu in thousandths', () => {
  assert.deepEqual(admit(pod({ cpu: '1500m' }), [pod({ cpu: '1' })]), {
    reason: 'OutOfcpu',
    message: "Node didn't have enough resource: cpu, requested: 1500, used: 1000, capacity: 2000",
  });
  assert.deepEqual(admit(pod({ memory: '1Gi' }, { overhead: { memory: '1Mi' } })), {
    reason: 'OutOfmemory',
    message: "Node didn't have enough resource: memory, requested: 1074790400, used: 0, capacity: 1073741824",
  });
  assert.equal(
    admit(pod(), [pod(), pod(), pod(), pod()])?.message,
    "Node didn't have enough resource: pods, requested: 1, used: 4, capacity: 4",
  );
  assert.equal(admit(pod({ 'vendor.example/gpu': '2' }))?.reason, 'OutOfvendor.example/gpu');
  // Of what the node has none, there may be devices that the scheduler has claimed.
  assert.equal(admit(pod({ 'vendor.example/none': '1', 'deviceclass.resource.kubernetes.io/gpus': '1' })), undefined);
  assert.equal(admit(pod({ 'vendor.example/unknown': '2' })), undefined, 'nobody here checks what the node does not know');
});

for (const [what, one, reason, words] of [
  ['another zone', pod({}, { nodeSelector: { zone: 'b' } }), 'NodeAffinity', "node(s) didn't match Pod's node affinity/selector"],
  ['another node', pod({}, { nodeName: 'n2' }), 'NodeName', "node(s) didn't match the requested node name"],
  ['no toleration', pod({}, { tolerations: [] }), 'TaintToleration', "node(s) had taints that the pod didn't tolerate"],
] as const)
  test(`a pod with ${what} is refused as ${reason}`, () => {
    assert.deepEqual(admit(one), { reason, message: `Predicate ${reason} failed: ${words}` });
  });

test('a static pod is here whatever the taints', () => {
  assert.equal(admit(pod({}, { tolerations: [] }, { annotations: { 'kubernetes.io/config.source': 'file' } })), undefined);
});

test('host ports clash by address and protocol', () => {
  const bound = (hostPort: number, hostIP = '', protocol = 'TCP') =>
    pod({}, { containers: [{ name: 'c', ports: [{ containerPort: 80, hostPort, hostIP, protocol }] }] });
  assert.equal(admit(bound(80), [bound(80, '10.0.0.1')])?.reason, 'NodePorts');
  const many = (first: number) =>
    pod(
      {},
      {
        containers: [
          { name: 'c', ports: Array.from({ length: 30_000 }, (_, i) => ({ containerPort: 80, hostPort: first + i })) },
        ],
      },
    );
  assert.equal(admit(many(1), [many(30_001)]), undefined, 'each port is looked for once');
  assert.equal(admit(bound(80, '10.0.0.2'), [bound(80, '10.0.0.1')]), undefined);
  assert.equal(admit(bound(80), [bound(80, '', 'UDP'), bound(81)]), undefined);
});

test('pods of other systems, and groups that the node cannot keep to, are refused', () => {
  assert.equal(admit(pod({}, { os: { name: 'windows' } }))?.reason, 'PodOSNotSupported');
  assert.equal(admit(pod({}, {}, { labels: { 'kubernetes.io/os': 'windows' } }))?.reason, 'PodOSSelectorNodeLabelDoesNotMatch');
  const strict = pod({}, { securityContext: { supplementalGroupsPolicy: 'Strict' } });
  assert.equal(admit(strict)?.reason, 'SupplementalGroupsPolicyNotSupported');
  assert.equal(
    admit(strict, [], { ...node, status: { ...node.status, features: { supplementalGroupsPolicy: true } } }),
    undefined,
  );
});

test('without a node nothing is admitted', () => {
  assert.deepEqual(createNodeAdmission({ node: () => undefined, hasAppArmor: true }).admit(pod(), []), {
    reason: 'InvalidNodeInfo',
    message: 'Kubelet cannot get node info.',
  });
});

const CRITICAL = { priority: 2_000_000_000 };
const named = (list: readonly V1Pod[] | undefined) => list?.map(({ metadata }) => metadata!.name);

test('for a critical pod the fewest and least make room: best-effort before burstable before guaranteed', () => {
  const best = pod({}, {}, { name: 'best' });
  const small = pod({ cpu: '300m' }, {}, { name: 'small' });
  const large = pod({ cpu: '600m' }, {}, { name: 'large' });
  const sure = pod(
    {},
    { containers: [{ name: 'c', resources: { requests: { cpu: '1', memory: '1Mi' }, limits: { cpu: '1', memory: '1Mi' } } }] },
    { name: 'sure' },
  );
  assert.deepEqual(named(admit(pod({ cpu: '500m' }, CRITICAL), [small, large, sure])?.preempt), ['large']);
  assert.deepEqual(named(admit(pod({ cpu: '300m' }, CRITICAL), [small, large, sure])?.preempt), ['small']);
  assert.deepEqual(named(admit(pod({ cpu: '1500m' }, CRITICAL), [small, large, sure])?.preempt), ['large', 'sure']);
  assert.deepEqual(
    named(admit(pod({}, CRITICAL), [best, small, large, sure])?.preempt),
    ['best'],
    'a place among the pods is enough',
  );
});

test('a critical pod for which nobody can make room is refused with what is missing', () => {
  const other = pod({ cpu: '2' }, CRITICAL);
  assert.deepEqual(admit(pod({ cpu: '1' }, CRITICAL), [other]), {
    reason: 'UnexpectedAdmissionError',
    message:
      'Unexpected error while attempting to recover from admission failure: preemption: error finding a set of pods to preempt: no set of running pods found to reclaim resources: [(res: cpu, q: 1000), ]',
  });
  assert.equal(admit(pod({ cpu: '3' }, { ...CRITICAL, nodeSelector: { zone: 'b' } }))?.reason, 'NodeAffinity');
});

test('kernel parameters are safe, allowed by the configuration, or refused; none of what is the host’s', () => {
  const admitWith = (names: readonly string[], allowedUnsafeSysctls: readonly string[] = [], spec: Partial<V1PodSpec> = {}) =>
    createNodeAdmission({ node: () => node, allowedUnsafeSysctls, hasAppArmor: true }).admit(
      pod({}, { ...spec, securityContext: { sysctls: names.map((name) => ({ name, value: '1' })) } }),
      [],
    );
  assert.equal(admitWith(['kernel.shm_rmid_forced', 'net.ipv4.tcp_syncookies', 'net/ipv4/ping_group_range']), undefined);
  assert.deepEqual(admitWith(['kernel.msgmax']), {
    reason: 'SysctlForbidden',
    message: 'forbidden sysctl: "kernel.msgmax" not allowlisted',
  });
  assert.equal(admitWith(['kernel.msgmax', 'net.core.somaxconn'], ['kernel.msg*', 'net.core.somaxconn']), undefined);
  assert.equal(admitWith(['net.core.somaxconn'], ['kernel.msg*'])?.reason, 'SysctlForbidden');
  assert.equal(
    admitWith(['net.ipv4.tcp_syncookies'], [], { hostNetwork: true })?.message,
    'forbidden sysctl: "net.ipv4.tcp_syncookies" not allowed with host net enabled',
  );
  assert.equal(admitWith(['kernel.shm_rmid_forced'], [], { hostIPC: true })?.reason, 'SysctlForbidden');
});

test('only parameters that pods have for themselves can be allowed', () => {
  assert.deepEqual(checkAllowedSysctls(['kernel.msg*', 'kernel.sem', 'fs.mqueue.*', 'net.*', 'net/core/somaxconn']), []);
  assert.deepEqual(checkAllowedSysctls(['vm.swappiness']), ['the sysctls "vm.swappiness" are not known to be namespaced']);
  assert.equal(checkAllowedSysctls(['*', 'kernel.*.x', 'NET.*']).length, 3);
  assert.throws(
    () => createNodeAdmission({ node: () => node, allowedUnsafeSysctls: ['vm.swappiness'], hasAppArmor: true }),
    /invalid allowedUnsafeSysctls .* not known to be namespaced/,
  );
});

test('a profile of AppArmor asks for a machine that has it, whoever of the pod wants it and however', () => {
  const without = createNodeAdmission({ node: () => node, hasAppArmor: false });
  const refusal = { reason: 'AppArmor', message: 'Cannot enforce AppArmor: AppArmor is not enabled on the host' };
  const profile = (type: string) => ({ appArmorProfile: { type, ...(type === 'Localhost' && { localhostProfile: 'p' }) } });
  for (const type of ['RuntimeDefault', 'Localhost']) {
    const one = pod({}, { securityContext: profile(type) });
    assert.deepEqual(without.admit(one, []), refusal);
    assert.equal(admit(one), undefined, 'where the machine has it');
    assert.equal(without.admit({ ...one, status: { phase: 'Running' } }, []), undefined, 'it runs already');
  }
  const init = pod({}, { initContainers: [{ name: 'i', securityContext: profile('RuntimeDefault') }] });
  assert.deepEqual(without.admit(init, []), refusal);
  const annotated = pod({}, {}, { annotations: { 'container.apparmor.security.beta.kubernetes.io/c': 'runtime/default' } });
  assert.deepEqual(without.admit(annotated, []), refusal);
  assert.equal(without.admit(pod({}, { securityContext: profile('Unconfined') }), []), undefined);
  assert.equal(without.admit(pod(), []), undefined);
});

test('AppArmor is there when the kernel has it on and its directory can be seen', async (t) => {
  const root = `${await mkdtemp(join(tmpdir(), 'muster-apparmor-'))}/`;
  t.after(() => rm(root, { recursive: true }));
  assert.equal(await readHasAppArmor(root), false);
  await mkdir(`${root}sys/kernel/security/apparmor`, { recursive: true });
  await mkdir(`${root}sys/module/apparmor/parameters`, { recursive: true });
  await writeFile(`${root}sys/module/apparmor/parameters/enabled`, 'N\n');
  assert.equal(await readHasAppArmor(root), false);
  await writeFile(`${root}sys/module/apparmor/parameters/enabled`, 'Y\n');
  assert.equal(await readHasAppArmor(root), true);
});
