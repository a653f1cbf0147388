/** Clusters and pods for tests of decisions. */
import type { V1Node, V1Pod, V1PodSpec } from '../api/gen/types.ts';
import { type Selector, selectorFromLabels } from '../api/machinery/label-selector.ts';
import { runAtOnce } from '../std/pauses.ts';
import { ClusterState } from './cluster-state.ts';
import { type DecisionContext, decide, filterContextOf } from './decide.ts';
import type { ClusterObjects } from './framework/cluster-objects.ts';
import { createDefaultProfile } from './framework/default-profile.ts';
import { describeDiagnosis } from './framework/diagnosis.ts';
import type { Plugin } from './framework/plugin.ts';
import type { Profile } from './framework/profile.ts';
import { Nominations } from './nominations.ts';
import { podInfoOf } from './pod-info.ts';
import { chooseCandidate } from './preemption/choose-candidate.ts';
import { planPreemption } from './preemption/preempt.ts';

export function node(name: string, change: Partial<V1Node> = {}): V1Node {
  return {
    metadata: { name, labels: { 'kubernetes.io/hostname': name } },
    status: { allocatable: { cpu: '2', memory: '4Gi', pods: '110' } },
    ...change,
  };
}

/** A node with labels besides its name. */
export const labelled = (name: string, labels: Record<string, string>): V1Node =>
  node(name, { metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } } });

export const inZone = (name: string, zone: string): V1Node => labelled(name, { 'topology.kubernetes.io/zone': zone });

let made = 0;
export function pod(spec: Partial<V1PodSpec> = {}, nodeName?: string, labels?: Record<string, string>): V1Pod {
  const name = `pod-${made++}`;
  return {
    metadata: { name, namespace: 'default', uid: name, ...(labels && { labels }) },
    spec: { containers: [{ name: 'c' }], ...spec, ...(nodeName && { nodeName }) },
  };
}

export const asking = (cpu: string, more: Partial<V1PodSpec> = {}): Partial<V1PodSpec> => ({
  containers: [{ name: 'c', resources: { requests: { cpu } } }],
  ...more,
});

export function cluster(nodes: readonly V1Node[], pods: readonly V1Pod[] = []): ClusterState {
  const state = new ClusterState();
  for (const each of nodes) state.setNode(each);
  for (const each of pods) state.setPod(each);
  return state;
}

/** Nothing but what is given. */
export function objects(given: Partial<ClusterObjects> = {}): ClusterObjects {
  return {
    namespace: () => undefined,
    claim: () => undefined,
    volume: () => undefined,
    volumes: () => [],
    storageClass: () => undefined,
    csiNode: () => undefined,
    csiDriver: () => undefined,
    storageCapacities: () => [],
    volumeAttachments: () => [],
    deviceClaim: () => undefined,
    deviceClaims: () => [],
    deviceClass: () => undefined,
    classOfResource: () => undefined,
    resourceSlices: () => [],
    services: () => [],
    budgets: () => [],
    ownerSelector: () => undefined,
    ...given,
  };
}

export const owned = (labels: Record<string, string>): { ownerSelector: () => Selector } => ({
  ownerSelector: () => selectorFromLabels(labels),
});

export interface Circumstances {
  profile?: Profile;
  given?: Partial<ClusterObjects>;
  nominations?: Nominations;
  random?: () => number;
}

export function contextOf(state: ClusterState, wanted: V1Pod, circumstances: Circumstances = {}): DecisionContext {
  const { profile = createDefaultProfile(), given, nominations = new Nominations(), random = () => 0.5 } = circumstances;
  return { profile, cycle: { pod: podInfoOf(wanted), state, objects: objects(given) }, nominations, start: 0, random };
}

/** The node's name, or the words why there is none. */
export function place(state: ClusterState, wanted: V1Pod, circumstances?: Circumstances): string {
  const decision = decide(contextOf(state, wanted, circumstances));
  return 'node' in decision ? decision.node.name : describeDiagnosis(decision.diagnosis);
}

/** What one rule gives each node, by name, brought to its range; undefined when it has nothing to say. */
export function scoresOf(
  plugin: Plugin,
  state: ClusterState,
  wanted: V1Pod,
  circumstances?: Circumstances,
): Record<string, number> | undefined {
  const nodes = state.nodes();
  const plan = plugin.planScore?.(contextOf(state, wanted, circumstances).cycle, nodes);
  if (!plan) return undefined;
  const points = nodes.map((each) => plan.score(each));
  plan.normalise?.(points, nodes);
  return Object.fromEntries(nodes.map(({ name }, i) => [name, points[i]!]));
}

/** `node: victims`, or the words why nobody can be preempted. Fails for a pod that has a place. */
export function preempt(state: ClusterState, wanted: V1Pod, circumstances: Circumstances = {}): string {
  const context = contextOf(state, wanted, circumstances);
  const decision = decide(context);
  if ('node' in decision) throw new Error(`the pod fits on ${decision.node.name}`);
  const options = context.profile.preemption!;
  const filters = runAtOnce(filterContextOf(context));
  const plan = runAtOnce(
    planPreemption({ ...filters, options, isLeaving: () => false, random: context.random }, decision.diagnosis),
  );
  if ('impossible' in plan) return plan.impossible;
  const best = chooseCandidate(plan.candidates)!;
  return `${best.node.name}: ${best.victims.map((victim) => victim.pod.metadata?.name).join(' ')}`;
}
