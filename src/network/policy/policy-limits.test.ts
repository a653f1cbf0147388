import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1LabelSelector, V1NetworkPolicy, V1Pod } from '../../api/gen/types.ts';
import { planPolicies, planPoliciesInSteps } from './policy-plan.ts';
import { renderPolicies } from './render-policies.ts';

const numbered = <T>(length: number, make: (i: number) => T): T[] => Array.from({ length }, (_, i) => make(i));

const pod = (i: number, namespace = `ns-${i % 10}`, nodeName = 'away'): V1Pod => ({
  metadata: { namespace, name: `pod-${i}`, labels: { app: `a${i % 7}` } },
  spec: { nodeName, containers: [{ name: 'c', ports: [{ name: 'web', containerPort: 80 }] }] },
  status: { podIPs: [{ ip: `10.${1 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}` }] },
});
const namespaces = numbered(10, (i) => ({ metadata: { name: `ns-${i}` } }));
const lacks = (i: number): V1LabelSelector => ({ matchExpressions: [{ key: `k${i}`, operator: 'DoesNotExist' }] });
const policy = (name: string, spec: V1NetworkPolicy['spec'], namespace = 'ns-0'): V1NetworkPolicy => ({
  metadata: { namespace, name },
  spec,
});
const planOf = (policies: readonly V1NetworkPolicy[], pods: readonly V1Pod[]) =>
  planPolicies({ nodeName: 'here', namespaces, podCidrs: [], pods, policies });
const rulesOf = (plan: ReturnType<typeof planOf>, name: string) =>
  [...renderPolicies(plan, { podBridges: [] }).chains].find(([chain]) => chain.endsWith(name))?.[1].rules;

const OTHERS = numbered(2000, (i) => pod(i));

test('a policy of thousands of peers that each name all pods allows less than it says, and policies of other namespaces all', () => {
  const pods = [...OTHERS, pod(9000, 'ns-0', 'here'), pod(9001, 'ns-1', 'here')];
  const ingress = numbered(1000, (i) => ({ from: [{ namespaceSelector: {}, podSelector: lacks(i) }] }));
  const ports = numbered(1000, (i) => ({ port: `p${i}`, protocol: 'TCP' as const }));
  const policies = [
    policy('a-peers', { podSelector: {}, ingress }),
    policy('b-ports', { podSelector: {}, policyTypes: ['Egress'], egress: [{ ports }] }),
    policy('c-one-rule', { podSelector: {}, ingress: [{ from: ingress.flatMap(({ from }) => from) }] }),
    policy('d-block', { podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: '192.0.2.0/24' } }] }] }),
    policy('other', { podSelector: {}, ingress: [{ from: [{ namespaceSelector: {}, podSelector: lacks(1) }] }] }, 'ns-1'),
  ];
  const plan = planOf(policies, pods);
  assert.deepEqual([...plan.curtailed].sort(), ['ns-0/a-peers', 'ns-0/b-ports', 'ns-0/c-one-rule']);
  const kept = [...plan.peerSets.values(), ...plan.portSets.values()].reduce((sum, list) => sum + list.length, 0);
  assert.ok(kept > pods.length && kept <= 250_000, `${kept}`);
  // Who cannot be looked at is nobody: nothing is allowed to all.
  assert.deepEqual(rulesOf(plan, 'ns-0_c-one-rule'), []);
  assert.ok(rulesOf(plan, 'ns-0_a-peers')!.every((rule) => / saddr @peers-/.test(rule)));
  assert.deepEqual(rulesOf(plan, 'ns-0_d-block'), ['ip saddr { 192.0.2.0-192.0.2.255 } accept']);
  assert.equal(rulesOf(plan, 'ns-1_other')?.length, 2);
});

test('a selector of thousands of requirements counts as often as it looks', () => {
  const matchExpressions = numbered(20_000, () => ({ key: 'app', operator: 'Exists' }));
  const from = [{ namespaceSelector: {}, podSelector: { matchExpressions } }];
  const long = policy('long', { podSelector: {}, ingress: [{ from }] });
  const plan = planOf([long], [...OTHERS, pod(9000, 'ns-0', 'here')]);
  assert.deepEqual([plan.curtailed, rulesOf(plan, 'ns-0_long')], [['ns-0/long'], []]);
  assert.deepEqual(planOf([long], [pod(1, 'ns-0'), pod(9000, 'ns-0', 'here')]).curtailed, []);
});

test('policies whose own selectors are long are looked at in steps', () => {
  const matchExpressions = numbered(1000, () => ({ key: 'app', operator: 'Exists' }));
  const policies = numbered(100, (i) => policy(`p${i}`, { podSelector: { matchExpressions } }));
  const pods = numbered(100, (i) => pod(i, 'ns-0', 'here'));
  const steps = [...planPoliciesInSteps({ nodeName: 'here', namespaces, podCidrs: [], pods, policies })];
  assert.ok(steps.length > 3, `${steps.length}`);
});

test('a hundred policies that each ask for pods of all namespaces are kept in full', () => {
  const policies = numbered(100, (i) =>
    policy(`p${i}`, { podSelector: {}, ingress: [{ from: [{ namespaceSelector: {}, podSelector: lacks(i) }] }] }),
  );
  const plan = planOf(policies, [...OTHERS, pod(9000, 'ns-0', 'here')]);
  assert.deepEqual(plan.curtailed, []);
  assert.equal(plan.peerSets.size, 100);
});

test('a value that no label can have, which older API servers let through, is no pod’s; the other policies are written', () => {
  const odd = { matchExpressions: [{ key: 'app', operator: 'In', values: ['no label!'] }] };
  const notOdd = { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['no label!', ''] }] };
  const plan = planOf(
    [
      policy('selects-none', { podSelector: odd }),
      policy('selects-all', { podSelector: notOdd, ingress: [{ from: [{ podSelector: odd }] }] }),
      policy('unknown', {
        podSelector: {},
        ingress: [{ from: [{ podSelector: { matchExpressions: [{ key: 'a', operator: 'Near' }] } }] }],
      }),
    ],
    [pod(1, 'ns-0', 'here'), pod(2, 'ns-0')],
  );
  assert.deepEqual([...plan.ingress.policies.keys()], ['ns-0/selects-all', 'ns-0/unknown']);
  assert.deepEqual([...plan.peerSets.values()], [[], []]);
});
