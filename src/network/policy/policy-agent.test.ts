import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { namespaceKind } from '../../api/core/v1/namespace.ts';
import { nodeKind } from '../../api/core/v1/node.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import { networkPolicyKind } from '../../api/networking/v1/network-policy.ts';
import type { EventRecorder } from '../../client/events.ts';
import { TestingCluster } from '../../controllers/framework/testing-client.test-support.ts';
import type { NftRuleset } from '../../host/nft-ruleset.ts';
import type { NftTable } from '../../host/nft-table.ts';
import { silentLogger } from '../../std/logger.ts';
import { createPolicyAgent } from './policy-agent.ts';
import { createPolicyMetrics } from './policy-metrics.ts';
import type { SandboxAddresses } from './sandbox-addresses.ts';

const NO_SANDBOXES: SandboxAddresses = { look: async () => false, of: () => [] };

interface Written {
  readonly ruleset: NftRuleset;
  readonly full: boolean;
}

/** An agent whose table is a list of what was written. */
async function startAgent(t: TestContext, cluster: TestingCluster, sandboxes: SandboxAddresses = NO_SANDBOXES) {
  const written: Written[] = [];
  const state = { isThere: true, fails: false };
  const table: NftTable = {
    async write(ruleset, { full }) {
      if (state.fails) throw new Error('nft says no');
      written.push({ ruleset, full });
      state.isThere = true;
      return { full, rules: 1, written: 1 };
    },
    holds: async () => state.isThere,
    remove: async () => undefined,
  };
  const metrics = createPolicyMetrics();
  const told: string[] = [];
  const events: EventRecorder = {
    event: ({ metadata }, type, reason) => void told.push(`${type} ${metadata?.name} ${reason}`),
    flush: async () => undefined,
  };
  const agent = createPolicyAgent({
    ...{ client: cluster.client, nodeName: 'n1', table, metrics, events, podBridges: [], sandboxes },
    ...{ clock: cluster.clock, logger: silentLogger, random: () => 0 },
  });
  const controller = new AbortController();
  t.after(async () => {
    controller.abort(new DOMException('the test is over', 'AbortError'));
    await agent.done;
  });
  await agent.start(controller.signal);
  const settle = async (advanceMs = 0) => {
    for (let i = 0; i < 10; i++) {
      await cluster.clock.advance(i === 0 ? advanceMs : 0);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { agent, written, state, metrics, told, settle };
}

const pod = (name: string, ip: string, more: { nodeName?: string; labels?: Record<string, string>; ready?: string } = {}) => ({
  metadata: { namespace: 'red', name, labels: more.labels ?? { app: name } },
  spec: { nodeName: more.nodeName ?? 'n1', containers: [] },
  status: { phase: 'Running', podIPs: [{ ip }], conditions: [{ type: 'Ready', status: more.ready ?? 'True' }] },
});
const policy = (spec: object) => ({ metadata: { namespace: 'red', name: 'p' }, spec: { podSelector: {}, ...spec } });
const fromPods = policy({ ingress: [{ from: [{ podSelector: { matchLabels: { app: 'client' } } }] }] });

function openCluster(): TestingCluster {
  const cluster = new TestingCluster();
  cluster.put(nodeKind, { metadata: { name: 'n1' }, spec: { podCIDR: '10.0.0.0/24', podCIDRs: ['10.0.0.0/24'] } });
  cluster.put(namespaceKind, { metadata: { name: 'red' } });
  cluster.put(podKind, pod('web', '10.0.0.2'));
  cluster.put(podKind, pod('client', '10.0.1.2', { nodeName: 'n2' }));
  return cluster;
}

const peersOf = ({ ruleset }: Written) =>
  [...ruleset.sets].flatMap(([name, { elements }]) => (/^peers-.*-ip$/.test(name) ? [...elements.keys()] : []));
const isolatedIn = ({ ruleset }: Written) => [...ruleset.sets.get('ingress-ip')!.elements.keys()];

test('rules are written when the agent starts, and again only when something changes that policies look at', async (t) => {
  const cluster = openCluster();
  const { written, settle } = await startAgent(t, cluster);
  assert.equal(written.length, 1);
  assert.deepEqual(isolatedIn(written[0]!), []);
  cluster.put(podKind, pod('web', '10.0.0.2', { ready: 'False' }));
  await settle(1000);
  assert.equal(written.length, 1, 'a condition is nothing to policies');
  cluster.put(networkPolicyKind, policy({}));
  await settle(1000);
  assert.deepEqual(isolatedIn(written.at(-1)!), ['10.0.0.2']);
  assert.equal(written.at(-1)!.full, false);
});

test('pods of other nodes are asked for when a policy names pods, and followed from then on', async (t) => {
  const cluster = openCluster();
  const { written, settle } = await startAgent(t, cluster);
  cluster.put(podKind, pod('client', '10.0.1.3', { nodeName: 'n2' }));
  await settle(1000);
  assert.equal(written.length, 1, 'nobody listens to pods of elsewhere yet');
  cluster.put(networkPolicyKind, fromPods);
  await settle(1000);
  assert.deepEqual(peersOf(written.at(-1)!), ['10.0.1.3']);
  cluster.put(podKind, pod('client', '10.0.1.4', { nodeName: 'n2' }));
  await settle(1000);
  assert.deepEqual(peersOf(written.at(-1)!), ['10.0.1.4']);
});

test('a policy that allows less than it says has one Event, and another when it comes to that again', async (t) => {
  const cluster = openCluster();
  for (let i = 0; i < 600; i++) cluster.put(podKind, pod(`client-${i}`, `10.1.${i >> 8}.${i & 255}`, { nodeName: 'n2' }));
  const matchExpressions = Array.from({ length: 30_000 }, () => ({ key: 'app', operator: 'Exists' }));
  const long = policy({ ingress: [{ from: [{ podSelector: { matchExpressions } }] }] });
  cluster.put(networkPolicyKind, long);
  const { told, settle } = await startAgent(t, cluster);
  const once = ['Warning p TooManyPods'];
  assert.deepEqual(told, once);
  cluster.put(podKind, pod('web', '10.0.0.3'));
  await settle(1000);
  assert.deepEqual(told, once);
  cluster.put(networkPolicyKind, fromPods);
  await settle(1000);
  cluster.put(networkPolicyKind, long);
  await settle(1000);
  assert.deepEqual(told, [...once, ...once]);
});

test('rules that somebody flushed are written anew, all of them', async (t) => {
  const cluster = openCluster();
  const { written, state, settle } = await startAgent(t, cluster);
  await settle(31_000);
  assert.deepEqual(written.map(({ full }) => full).slice(1), [false], 'they stand still');
  state.isThere = false;
  await settle(31_000);
  assert.equal(written.at(-1)!.full, true);
});

test('what could not be written is told and tried again', async (t) => {
  const cluster = openCluster();
  const { agent, written, state, metrics, settle } = await startAgent(t, cluster);
  assert.equal(agent.isHealthy, true);
  state.fails = true;
  cluster.put(networkPolicyKind, policy({}));
  await settle(1000);
  assert.equal(agent.isHealthy, false);
  assert.match(metrics.render(), /muster_network_policy_sync_failures_total 1/);
  state.fails = false;
  await settle(3000);
  assert.equal(agent.isHealthy, true);
  assert.deepEqual(isolatedIn(written.at(-1)!), ['10.0.0.2']);
  assert.match(metrics.render(), /muster_network_policy_isolated_addresses\{direction="ingress"\} 1/);
});

test('a pod that starts is isolated by the address of its sandbox, before the API has it', async (t) => {
  const cluster = openCluster();
  cluster.put(networkPolicyKind, policy({ podSelector: { matchLabels: { app: 'new' } } }));
  const found = new Map<string, string[]>();
  let isNew = false;
  const { written, settle } = await startAgent(t, cluster, { look: async () => isNew, of: (uid) => found.get(uid) ?? [] });
  const { status, ...starting } = pod('new', '');
  const { metadata } = cluster.put(podKind, starting);
  await settle(1000);
  const guarded = () =>
    written
      .at(-1)!
      .ruleset.chains.get('ingress')!
      .rules.some((rule) => rule.includes('@known'));
  assert.deepEqual([guarded(), isolatedIn(written.at(-1)!)], [true, []]);
  found.set(metadata.uid!, ['10.0.0.3']);
  isNew = true;
  await settle(60);
  isNew = false;
  await settle(200);
  assert.deepEqual([guarded(), isolatedIn(written.at(-1)!)], [false, ['10.0.0.3']]);
  const before = written.length;
  cluster.put(podKind, { ...starting, metadata, status: { ...status, podIPs: [{ ip: '10.0.0.3' }] } });
  await settle(1000);
  assert.deepEqual(isolatedIn(written.at(-1)!), ['10.0.0.3']);
  assert.ok(written.length <= before + 1);
});
