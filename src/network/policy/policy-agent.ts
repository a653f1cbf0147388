import type { V1Namespace, V1NetworkPolicy, V1Node, V1Pod } from '../../api/gen/types.ts';
import type { ResourceKind } from '../../api/machinery/kind.ts';
import type { Client } from '../../client/client.ts';
import type { EventRecorder } from '../../client/events.ts';
import { type Change, createInformer, type Informer } from '../../client/informer.ts';
import type { NftTable } from '../../host/nft-table.ts';
import type { Clock } from '../../std/clock.ts';
import { type Component, ComponentGroup } from '../../std/lifecycle.ts';
import type { Logger } from '../../std/logger.ts';
import { ChangeSignal } from '../../std/sync-runner.ts';
import { runInTurns } from '../../std/turn-pace.ts';
import { createAgentLife } from '../agent-life.ts';
import type { PolicyMetrics } from './policy-metrics.ts';
import { needsPeers, planPoliciesInSteps } from './policy-plan.ts';
import { policyPod } from './policy-pod.ts';
import { type RenderOptions, renderPolicies } from './render-policies.ts';
import { type SandboxAddresses, withSandboxAddresses } from './sandbox-addresses.ts';

const POLICY: ResourceKind = {
  ...{ group: 'networking.k8s.io', version: 'v1', kind: 'NetworkPolicy', resource: 'networkpolicies' },
  namespaced: true,
};
const POD: ResourceKind = { group: '', version: 'v1', kind: 'Pod', resource: 'pods', namespaced: true };
const NAMESPACE: ResourceKind = { group: '', version: 'v1', kind: 'Namespace', resource: 'namespaces', namespaced: false };
const NODE: ResourceKind = { group: '', version: 'v1', kind: 'Node', resource: 'nodes', namespaced: false };

/** So often somebody looks whether the rules still stand; a burst of changes is one write. */
const LOOK_MS = 30_000;
const LEAST_MS = 100;
const RETRY_MS = 2000;
/** While a pod that will be isolated has no address: a container starts some 100 ms after its sandbox has one. */
const SANDBOX_POLL_MS = 50;
/** One that has none for long is held up by something else. */
const QUICK_POLLS = 200;
const SLOW_POLL_MS = 1000;
/** What nobody has flushed is written anew so often all the same. */
const FULL_SYNC_MS = 3_600_000;

export interface PolicyAgentOptions extends RenderOptions {
  readonly client: Client;
  readonly nodeName: string;
  readonly table: NftTable;
  readonly metrics: PolicyMetrics;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Numbers in [0, 1). */
  readonly random: () => number;
  /** What tells of pods' addresses before the API does. */
  readonly sandboxes: SandboxAddresses;
  /** CIDRs of this node's pods beside those that its Node names. */
  readonly morePodCidrs?: () => readonly string[];
}

export interface PolicyAgent extends Component {
  /** Whether the last write went well. */
  readonly isHealthy: boolean;
  /** To be called when `morePodCidrs` answers something else. */
  refresh(): void;
}

/**
 * Keeps a node's packet filter as NetworkPolicies want it. Ready when the rules were written for the first time; until then those of
 * an earlier run stand, and they stand when it ends.
 *
 * It watches policies, namespaces and the node's own pods, and the pods of the whole cluster only from the time on that a policy of a
 * pod here names pods.
 */
export function createPolicyAgent(options: PolicyAgentOptions): PolicyAgent {
  const { client, clock, logger, nodeName, table, metrics, events, random, sandboxes, morePodCidrs = () => [] } = options;
  const common = { client, clock, logger, random };
  const policies = createInformer<V1NetworkPolicy>({ ...common, kind: POLICY });
  const namespaces = createInformer<V1Namespace>({ ...common, kind: NAMESPACE });
  const own = createInformer<V1Pod>({ ...common, kind: POD, fieldSelector: `spec.nodeName=${nodeName}` });
  const nodes = createInformer<V1Node>({ ...common, kind: NODE, fieldSelector: `metadata.name=${nodeName}` });
  const changes = new ChangeSignal();
  const group = new ComponentGroup();
  let others: Informer<V1Pod> | undefined;
  let lastFullMs = Number.NEGATIVE_INFINITY;
  let isHealthy = false;
  let isAwaited = false;
  let told: ReadonlySet<string> = new Set();
  let polling: Promise<void> | undefined;

  function watch(): void {
    policies.onChange(() => changes.set());
    namespaces.onChange((change) => changedIn(change, ({ metadata }) => metadata?.labels) && changes.set());
    own.onChange((change) => changedIn(change, policyPod) && changes.set());
    nodes.onChange((change) => changedIn(change, ({ spec }) => spec?.podCIDRs) && changes.set());
  }

  const localPods = () =>
    withSandboxAddresses(
      own.list().filter(({ spec }) => spec?.nodeName === nodeName),
      sandboxes,
    );

  async function openOthers(): Promise<void> {
    if (others || !needsPeers({ nodeName, policies: policies.list(), pods: localPods() })) return;
    const informer = createInformer<V1Pod>({ ...common, kind: POD });
    await group.start(informer);
    others = informer;
    informer.onChange((change) => changedIn(change, policyPod) && changes.set());
  }

  /** Until everybody's address is known. */
  function pollSandboxes(signal: AbortSignal): void {
    const poll = async () => {
      for (let polls = 0; isAwaited && !signal.aborted; polls++) {
        if (await sandboxes.look()) changes.set();
        await clock.sleep(polls < QUICK_POLLS ? SANDBOX_POLL_MS : SLOW_POLL_MS, signal).catch(() => undefined); // the loop looks at the signal
      }
    };
    polling ??= poll().finally(() => {
      polling = undefined;
    });
  }

  /** Once, until they are others. */
  function tellCurtailed(keys: readonly string[]): void {
    const fresh = keys.filter((key) => !told.has(key));
    told = new Set(keys);
    if (fresh.length === 0) return;
    const message = 'the policies of its namespace name more pods than are looked at: it allows less than it says';
    logger.warn(`Of network policies: ${message}`, { policies: fresh.slice(0, 5).join(', '), count: fresh.length });
    for (const key of fresh) {
      const [namespace, name = ''] = key.split('/');
      const policy = policies.get(name, namespace);
      if (policy) events.event(policy, 'Warning', 'TooManyPods', message);
    }
  }

  async function sync(why: 'change' | 'period', signal: AbortSignal): Promise<void> {
    const startMs = clock.now();
    try {
      await openOthers();
      const isDue = startMs - lastFullMs >= FULL_SYNC_MS;
      const full = isDue || (why === 'period' && !(await table.holds('ingress', 'vmap')));
      if (full && !isDue) logger.warn('Our rules have gone from the packet filter and are written anew');
      const steps = planPoliciesInSteps({
        nodeName,
        policies: policies.list(),
        namespaces: namespaces.list(),
        // The node's own are heard of first by their own watch.
        pods: [...localPods(), ...(others?.list() ?? []).filter(({ spec }) => spec?.nodeName !== nodeName)],
        podCidrs: [...podCidrsOf(nodes.list()[0]), ...morePodCidrs()],
      });
      const plan = await runInTurns(steps);
      const result = await table.write(renderPolicies(plan, options), { full, signal });
      if (result.full) lastFullMs = startMs;
      isAwaited = plan.ingress.awaited || plan.egress.awaited;
      if (isAwaited) pollSandboxes(signal);
      tellCurtailed(plan.curtailed);
      metrics.written(plan, result.rules);
      metrics.syncDuration.observe((clock.now() - startMs) / 1000);
      logger.debug(2, 'Wrote the rules of network policies', { full: result.full, rules: result.rules, written: result.written });
      isHealthy = true;
    } catch (error) {
      if (signal.aborted) return;
      isHealthy = false;
      metrics.failures.increment();
      logger.error('Failed to write the rules of network policies; they are written anew soon', { error });
      throw error;
    }
  }

  const life = createAgentLife({
    ...{ group, changes, clock, minIntervalMs: LEAST_MS, maxIntervalMs: LOOK_MS, retryMs: RETRY_MS, watch, look: sync },
    informers: [nodes, namespaces, policies, own],
    finish: async () => polling,
  });
  return {
    name: 'network policies',
    done: life.done,
    get isHealthy() {
      return isHealthy;
    },
    refresh: () => changes.set(),
    start: life.start,
  };
}

/** Whether what concerns policies is another; most changes of a pod are of its conditions. */
function changedIn<T>({ type, object, previous }: Change<T>, facts: (object: T) => unknown): boolean {
  return type !== 'updated' || !previous || JSON.stringify(facts(object)) !== JSON.stringify(facts(previous));
}

const podCidrsOf = (node: V1Node | undefined): readonly string[] =>
  node?.spec?.podCIDRs ?? (node?.spec?.podCIDR ? [node.spec.podCIDR] : []);
