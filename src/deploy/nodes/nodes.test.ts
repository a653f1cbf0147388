import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Node, V1Pod } from '../../api/gen/types.ts';
import { formatOutline } from '../plan/outline.ts';
import { testInventory } from '../test-material.ts';
import { checkAddition } from './addition-plan.ts';
import { planDrain } from './drain-plan.ts';
import { bootstrapGroup, type Membership } from './membership.ts';
import { planRemoval, removalOutline } from './removal-plan.ts';

const inventory = await testInventory({
  hosts: [
    { name: 'm1', address: '192.168.20.31', roles: ['etcd', 'master'] },
    { name: 'm2', address: '192.168.20.32', roles: ['master', 'worker'] },
    { name: 'w1', address: '192.168.20.41' },
  ],
});
const [m1, m2, w1] = inventory.hosts;

const pod = (name: string, more: { owner?: string; phase?: string; mirror?: boolean; emptyDir?: boolean } = {}): V1Pod => ({
  metadata: {
    name,
    namespace: 'default',
    uid: `uid of ${name}`,
    ...(more.owner && { ownerReferences: [{ apiVersion: 'apps/v1', kind: more.owner, name: 'x', uid: 'x', controller: true }] }),
    ...(more.mirror && { annotations: { 'kubernetes.io/config.mirror': 'x' } }),
  },
  spec: { containers: [], ...(more.emptyDir && { volumes: [{ name: 'data', emptyDir: {} }] }) },
  status: { phase: more.phase ?? 'Running' },
});
const node = (name: string, address: string): V1Node => ({
  metadata: { name },
  status: { addresses: [{ type: 'InternalIP', address }] },
});
const nothing: Membership = { node: undefined, pods: [], requests: [], tokens: [] };
const careful = { force: false, deleteEmptyDirData: false, isGone: false };

test('what nobody makes again, and what holds data, goes only when that was said', () => {
  const pods = [
    pod('of-a-set', { owner: 'ReplicaSet' }),
    pod('bare'),
    pod('with-data', { owner: 'ReplicaSet', emptyDir: true }),
    pod('finished', { phase: 'Succeeded', emptyDir: true }),
  ];
  const { evicted, problems } = planDrain(pods, careful);
  assert.deepEqual(
    evicted.map(({ name }) => name),
    ['of-a-set', 'bare', 'with-data', 'finished'],
  );
  assert.deepEqual(problems, [
    'cannot delete Pods not managed by ReplicationController, ReplicaSet, Job, DaemonSet or StatefulSet (use --force to override): default/bare',
    'cannot delete Pods with local storage (use --delete-emptydir-data to override): default/with-data',
  ]);
  assert.deepEqual(planDrain(pods, { force: true, deleteEmptyDirData: true }).problems, []);
});

test('pods of DaemonSets and of files stay with their node, but for those that have ended', () => {
  const pods = [
    pod('daemon', { owner: 'DaemonSet' }),
    pod('static', { mirror: true }),
    pod('ended', { owner: 'DaemonSet', phase: 'Failed' }),
  ];
  const { evicted, left, problems } = planDrain(pods, careful);
  assert.deepEqual(
    [evicted.map(({ name }) => name), left.map(({ pod: { name } }) => name), problems],
    [['ended'], ['daemon', 'static'], []],
  );
});

test('a removal shows all that goes, in its order', () => {
  const membership = {
    node: node('w1', '192.168.20.41'),
    pods: [pod('web', { owner: 'ReplicaSet' }), pod('daemon', { owner: 'DaemonSet' })],
    requests: ['csr-1'],
    tokens: ['bootstrap-token-abcdef'],
  };
  const plan = planRemoval(inventory, w1!, membership, true, careful);
  assert.deepEqual(plan.problems, []);
  assert.equal(
    formatOutline([removalOutline(plan, careful)]),
    `w1:
  change node w1
    - takes pods
    + cordoned
  remove pod default/web
  leave pod default/daemon: its DaemonSet would make it again
  remove host w1
    - what "deploy apply" made there, and what ran by it
  remove secret kube-system/bootstrap-token-abcdef
  remove certificatesigningrequest csr-1
  remove node w1
6 changes
`,
  );
  const again = planRemoval(inventory, w1!, nothing, false, careful);
  assert.equal(formatOutline([removalOutline(again, careful)]), 'w1: nothing to do\nnothing to do\n');
});

test('of a host that is no more only what the cluster has of it goes', () => {
  const choices = { ...careful, isGone: true };
  const plan = planRemoval(inventory, w1!, { ...nothing, node: node('w1', '192.168.20.41'), pods: [pod('bare')] }, true, choices);
  assert.deepEqual([plan.problems, plan.resets], [[], false]);
  assert.deepEqual(
    removalOutline(plan, choices).changes.map(({ title }) => title),
    ['node w1'],
  );
});

test('a removal is refused where it would cost etcd a member, the cluster its API, or another host its node', async () => {
  const problems = (host: typeof m1, membership = nothing, of = inventory) =>
    planRemoval(of, host!, membership, true, careful).problems;
  assert.match(problems(m1).join(), /m1 is a member of etcd: "muster deploy etcd remove m1" first/);
  assert.match(problems(m1).join(), /clients reach the API servers at 192\.168\.20\.31, which is m1/);
  assert.deepEqual(problems(m2), []);
  const single = await testInventory({ hosts: [{ name: 'm', address: '192.168.20.31', roles: ['master'] }] });
  assert.deepEqual(problems(single.hosts[0], nothing, single), ['m is the only master']);
  assert.match(problems(w1, { ...nothing, node: node('w1', '192.168.20.99') }).join(), /node w1 has address 192\.168\.20\.99/);
});

test('a host is made a node only where its name and address are free, and nobody else changes with it', () => {
  const plans = [{ host: 'w1', changes: [], joins: true, rejoins: false, needsNetwork: false }];
  const check = (hosts: (typeof m1)[], nodes: V1Node[]) =>
    checkAddition(inventory, hosts as never, plans, new Map(nodes.map((one) => [one.metadata!.name!, one])));
  assert.deepEqual(check([w1], [node('m2', '192.168.20.32')]), []);
  // Ended before it had joined, or joined already.
  assert.deepEqual(check([w1], [node('w1', '192.168.20.41')]), []);
  assert.match(check([w1], [node('w1', '192.168.20.77')]).join(), /there is a node w1 already, with address 192\.168\.20\.77/);
  assert.match(check([w1], [node('old', '192.168.20.41')]).join(), /node old has the address 192\.168\.20\.41 of w1/);
  assert.match(check([m2], []).join(), /m2 has role master: "muster deploy apply" adds it/);
});

test('the group of a node that joins has no dots', () => {
  assert.equal(bootstrapGroup('w1.example.org'), 'system:bootstrappers:w1-example-org');
});
