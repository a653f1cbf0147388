import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type {
  V1IPBlock,
  V1LabelSelector,
  V1NetworkPolicy,
  V1NetworkPolicyPeer,
  V1NetworkPolicyPort,
  V1Pod,
} from '../../api/gen/types.ts';
import { parseIp } from '../../api/machinery/ip.ts';
import { fullTransaction, partialTransaction } from '../../host/nft-ruleset.ts';
import { addressNumber, everyAddress, formatRange, rangesOfBlocks } from './address-ranges.ts';
import { type DirectionPlan, needsPeers, type PlannedRule, type PolicyPlan, planPolicies } from './policy-plan.ts';
import { type Connection, isAllowed } from './policy-reference.ts';
import { portsOfRule } from './port-ranges.ts';
import { POLICY_TABLE, renderPolicies } from './render-policies.ts';

const LABELS = { app: ['a', 'b'], tier: ['x', 'y'] } as const;
const ADDRESSES = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.1.1', '10.0.1.2', 'fd00::1', 'fd00::2', 'fd01::1'];
const OUTSIDE = ['192.168.0.1', '10.0.0.99', 'fd09::1'];
const NAMESPACES = ['red', 'blue'];

const labels = fc.record({ app: fc.constantFrom(...LABELS.app), tier: fc.constantFrom(...LABELS.tier) }, { requiredKeys: [] });
const selector: fc.Arbitrary<V1LabelSelector> = fc.oneof(
  fc.constant({}),
  labels.map((matchLabels) => ({ matchLabels })),
  fc.constantFrom('app', 'tier').map((key) => ({ matchExpressions: [{ key, operator: 'DoesNotExist' }] })),
  fc.constantFrom(...LABELS.app).map((value) => ({ matchExpressions: [{ key: 'app', operator: 'NotIn', values: [value] }] })),
);
const blocks = fc
  .constantFrom<V1IPBlock>(
    { cidr: '10.0.0.0/24', except: ['10.0.0.2/32', '10.0.0.0/30'] },
    { cidr: '0.0.0.0/0' },
    { cidr: '0.0.0.0/0', except: ['10.0.0.0/8'] },
    { cidr: '10.0.1.0/31' },
    { cidr: 'fd00::/16', except: ['fd00::2/128'] },
    { cidr: '::/0' },
  )
  .map((ipBlock) => ({ ipBlock }));
const peer: fc.Arbitrary<V1NetworkPolicyPeer> = fc.oneof(
  blocks,
  selector.map((podSelector) => ({ podSelector })),
  selector.map((namespaceSelector) => ({ namespaceSelector })),
  fc.tuple(selector, selector).map(([podSelector, namespaceSelector]) => ({ podSelector, namespaceSelector })),
);
const protocol = fc.constantFrom('TCP', 'UDP', 'SCTP');
const port: fc.Arbitrary<V1NetworkPolicyPort> = fc.oneof(
  fc.record({ protocol, port: fc.constantFrom(80, 81, 'web', 'dns') }, { requiredKeys: [] }),
  fc.record({ protocol, port: fc.constantFrom(79, 80), endPort: fc.constantFrom(80, 85) }),
);
const rules = <K extends 'from' | 'to'>(side: K) =>
  fc.array(fc.record({ [side]: fc.array(peer, { maxLength: 2 }), ports: fc.array(port, { maxLength: 3 }) }), { maxLength: 2 });
const policies = fc
  .array(
    fc.record({
      namespace: fc.constantFrom(...NAMESPACES),
      podSelector: selector,
      policyTypes: fc.constantFrom(undefined, ['Ingress'], ['Egress'], ['Ingress', 'Egress']),
      ingress: rules('from'),
      egress: rules('to'),
    }),
    { maxLength: 4 },
  )
  .map((list): V1NetworkPolicy[] =>
    list.map(({ namespace, ...spec }, i) => ({ metadata: { namespace, name: `p${i}` }, spec: spec as V1NetworkPolicy['spec'] })),
  );
const pods = fc
  .array(
    fc.record({
      namespace: fc.constantFrom(...NAMESPACES),
      labels,
      phase: fc.constantFrom('Running', 'Running', 'Running', 'Succeeded'),
      hostNetwork: fc.constantFrom(false, false, false, true),
      ports: fc.subarray([
        { name: 'web', containerPort: 80 },
        { name: 'web', containerPort: 81, protocol: 'UDP' },
        { name: 'dns', containerPort: 85, protocol: 'SCTP' },
      ]),
    }),
    { minLength: ADDRESSES.length, maxLength: ADDRESSES.length },
  )
  .map((list): V1Pod[] =>
    list.map(({ namespace, labels, phase, hostNetwork, ports }, i) => ({
      metadata: { namespace, name: `pod${i}`, labels },
      // All of one node, so that the plan decides both ends.
      spec: { nodeName: 'here', hostNetwork, containers: [{ name: 'c', ports }] },
      status: { phase, podIPs: [{ ip: ADDRESSES[i]! }] },
    })),
  );
const namespaces = NAMESPACES.map((name) => ({ metadata: { name, labels: { app: name === 'red' ? 'a' : 'b' } } }));
const connection: fc.Arbitrary<Connection> = fc.record({
  from: fc.constantFrom(...ADDRESSES, ...OUTSIDE),
  to: fc.constantFrom(...ADDRESSES, ...OUTSIDE),
  protocol,
  port: fc.constantFrom(79, 80, 81, 85, 90),
});

/** What the rules of a plan do with a connection. */
function passes(plan: PolicyPlan, connection: Connection): boolean {
  const { from, to } = connection;
  if (from === to) return true;
  const end = (direction: DirectionPlan, self: string, peer: string) => {
    const isolated = direction.isolated.get(self);
    if (!isolated) return true;
    const rules = direction.groups.get(isolated.group)!.flatMap((key) => direction.policies.get(key)!);
    return rules.some((rule) => hasPeer(plan, rule, peer) && hasPort(plan, rule, connection));
  };
  return end(plan.egress, from, to) && end(plan.ingress, to, from);
}

function hasPeer({ peerSets }: PolicyPlan, { peers }: PlannedRule, address: string): boolean {
  if (peers === 'any') return true;
  const parsed = parseIp(address)!;
  const number = addressNumber(parsed);
  return (
    (peers.set !== undefined && peerSets.get(peers.set)!.some((one) => one.address === address)) ||
    peers.ranges[parsed.family].some(({ first, last }) => first <= number && number <= last)
  );
}

function hasPort({ portSets }: PolicyPlan, { ports }: PlannedRule, { to, protocol, port }: Connection): boolean {
  if (ports === 'any') return true;
  return ports.some(
    (one) =>
      one.protocol === protocol &&
      (one.numbers === 'any' ||
        one.numbers.some(({ first, last }) => first <= port && port <= last) ||
        one.nameSets.some((id) => portSets.get(id)!.some((at) => at.address === to && at.port === port))),
  );
}

test('a plan allows what the definition of policies allows, and nothing else', () => {
  fc.assert(
    fc.property(policies, pods, fc.array(connection, { minLength: 20, maxLength: 20 }), (policies, pods, connections) => {
      const plan = planPolicies({ nodeName: 'here', policies, pods, namespaces, podCidrs: [] });
      // Between families nothing is ever sent.
      for (const one of connections)
        if (parseIp(one.from)!.family === parseIp(one.to)!.family)
          assert.equal(passes(plan, one), isAllowed({ policies, pods, namespaces }, one), JSON.stringify(one));
    }),
    { numRuns: 400 },
  );
});

test('from one plan to the next, what is written is what has changed, and the same plan writes nothing', () => {
  fc.assert(
    fc.property(policies, pods, policies, (first, pods, second) => {
      const [a, b] = [first, second].map((policies) =>
        renderPolicies(planPolicies({ nodeName: 'here', policies, pods, namespaces, podCidrs: ['10.0.0.0/24'] }), {
          podBridges: [],
        }),
      );
      assert.equal(partialTransaction(a!, a!), '');
      assert.equal(partialTransaction(b!, b!), '');
      // Every chain and set that a rule names is there.
      const text = fullTransaction(b!, { chains: [], sets: [] });
      for (const [, name] of text.matchAll(/(?:jump|goto) ([^\s,}]+)/g)) assert.ok(b!.chains.has(name!), name);
      for (const [, name] of text.matchAll(/@(\S+)/g)) assert.ok(b!.sets.has(name!), name);
    }),
    { numRuns: 100 },
  );
});

test('ranges of blocks leave out their exceptions, and others’ blocks put them back', () => {
  const format = (list: Parameters<typeof rangesOfBlocks>[0], family: 4 | 6 = 4) =>
    rangesOfBlocks(list, family).map((range) => formatRange(range, family));
  assert.deepEqual(format([{ cidr: '10.0.0.0/24', except: ['10.0.0.0/30', '10.0.0.128/25'] }]), ['10.0.0.4-10.0.0.127']);
  assert.deepEqual(format([{ cidr: '10.0.0.0/24', except: ['10.0.0.0/24'] }]), []);
  assert.deepEqual(format([{ cidr: '10.0.0.0/24', except: ['10.0.0.0/25'] }, { cidr: '10.0.0.7/32' }]), [
    '10.0.0.7',
    '10.0.0.128-10.0.0.255',
  ]);
  assert.deepEqual(rangesOfBlocks([{ cidr: '0.0.0.0/1' }, { cidr: '128.0.0.0/1' }], 4), [everyAddress(4)]);
  assert.deepEqual(format([{ cidr: 'fd00::/127' }, { cidr: '10.0.0.0/8' }, { cidr: 'nonsense' }], 6), ['fd00::-fd00::1']);
});

test('ports of a rule are put together, protocol by protocol', () => {
  assert.equal(portsOfRule([]), 'any');
  assert.deepEqual(portsOfRule([{ port: 80 }, { port: 79, endPort: 90 }, { port: 100 }, { port: 'web', protocol: 'UDP' }]), [
    {
      protocol: 'TCP',
      numbers: [
        { first: 79, last: 90 },
        { first: 100, last: 100 },
      ],
      names: [],
    },
    { protocol: 'UDP', numbers: [], names: ['web'] },
  ]);
  assert.deepEqual(portsOfRule([{ port: 80 }, {}]), [{ protocol: 'TCP', numbers: 'any', names: [] }]);
});

const pod = (
  name: string,
  { ip, node = 'here', hostNetwork = false }: { ip?: string; node?: string; hostNetwork?: boolean },
) => ({
  metadata: { namespace: 'red', name, labels: { app: 'a' } },
  spec: { nodeName: node, hostNetwork, containers: [] },
  status: { phase: 'Pending', ...(ip && { podIPs: [{ ip }] }) },
});
const deny: V1NetworkPolicy = {
  metadata: { namespace: 'red', name: 'deny' },
  spec: { podSelector: {}, policyTypes: ['Ingress'] },
};

test('while a pod that will be isolated has no address yet, those that nobody has are isolated', () => {
  const of = (pods: V1Pod[]) => {
    const plan = planPolicies({ nodeName: 'here', policies: [deny], pods, namespaces, podCidrs: ['10.0.0.0/24', 'fd00::/64'] });
    return renderPolicies(plan, { podBridges: ['cni0'] }).chains;
  };
  const guards = (pods: V1Pod[], direction: string) =>
    of(pods)
      .get(direction)!
      .rules.filter((rule) => rule.includes('@known'));
  assert.deepEqual(guards([pod('new', {}), pod('old', { ip: '10.0.0.7' })], 'ingress'), [
    'ip daddr { 10.0.0.0-10.0.0.255 } ip daddr != @known-ip drop',
    'ip6 daddr { fd00::-fd00::ffff:ffff:ffff:ffff } ip6 daddr != @known-ip6 drop',
  ]);
  assert.deepEqual(guards([pod('new', {})], 'egress'), [], 'nobody will be isolated in that direction');
  assert.deepEqual(guards([pod('old', { ip: '10.0.0.7' })], 'ingress'), []);
  assert.deepEqual(guards([pod('host', { hostNetwork: true })], 'ingress'), []);
  assert.deepEqual(guards([pod('away', { node: 'there' })], 'ingress'), []);
});

test('pods of elsewhere are asked for only when a policy of a pod here names pods', () => {
  const needs = (spec: V1NetworkPolicy['spec'], pods: V1Pod[] = [pod('one', { ip: '10.0.0.7' })]) =>
    needsPeers({ nodeName: 'here', pods, policies: [{ metadata: deny.metadata, spec }] });
  assert.equal(needs({ podSelector: {}, ingress: [{ from: [{ podSelector: {} }] }] }), true);
  assert.equal(needs({ podSelector: {}, egress: [{ ports: [{ port: 'web' }] }] }), true);
  assert.equal(
    needs({ podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8' } }], ports: [{ port: 80 }] }] }),
    false,
  );
  assert.equal(needs({ podSelector: { matchLabels: { app: 'z' } }, ingress: [{ from: [{ podSelector: {} }] }] }), false);
  assert.equal(needs({ podSelector: {}, ingress: [{ from: [{ podSelector: {} }] }] }, []), false);
});

test('names of any length and look make chains that the kernel takes, each its own', () => {
  const policies = ['a'.repeat(253), `${'a'.repeat(252)}b`, 'x.y-z'].map((name) => ({
    ...deny,
    metadata: { namespace: 'red', name },
  }));
  const plan = planPolicies({ nodeName: 'here', policies, pods: [pod('one', { ip: '10.0.0.7' })], namespaces, podCidrs: [] });
  const ruleset = renderPolicies(plan, { podBridges: [] });
  const names = [...ruleset.chains.keys()].filter((name) => name.startsWith('ingress-policy-'));
  assert.equal(new Set(names).size, 3);
  for (const name of names) assert.match(name, /^[a-z][a-z0-9._/-]{0,127}$/);
  assert.equal(ruleset.table, POLICY_TABLE);
});

test('connections that were allowed go on whatever policies come; new ones are looked at in both directions', () => {
  const pod = (name: string, ip: string): V1Pod => ({
    metadata: { namespace: 'red', name },
    spec: { nodeName: 'here', containers: [{ name: 'c' }] },
    status: { podIPs: [{ ip }] },
  });
  const policies: V1NetworkPolicy[] = [
    { metadata: { namespace: 'red', name: 'deny' }, spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'] } },
  ];
  const objects = { nodeName: 'here', policies, pods: [pod('a', '10.0.0.1')], namespaces: [], podCidrs: ['10.0.0.0/24'] };
  const { chains, sets } = renderPolicies(planPolicies(objects), { podBridges: [] });
  for (const direction of ['ingress', 'egress'] as const) {
    assert.equal(chains.get(direction)!.rules[0], 'ct state established,related accept');
    const verdict = sets.get(`${direction}-ip`)!.elements.get('10.0.0.1')!;
    const group = chains.get(verdict.replace('goto ', ''))!.rules;
    assert.deepEqual([group.length, group.at(-1)], [2, 'drop'], 'its policy, which has no rule, then nothing');
  }
});
