import { createHash } from 'node:crypto';
import type { V1Namespace, V1NetworkPolicy, V1NetworkPolicyPeer, V1NetworkPolicyPort, V1Pod } from '../../api/gen/types.ts';
import type { Family } from '../../api/machinery/ip.ts';
import type { Selector } from '../../api/machinery/label-selector.ts';
import { runAtOnce, type Steps } from '../../std/pauses.ts';
import { StepPace } from '../../std/turn-pace.ts';
import { type AddressRange, cidrRange, rangesOfBlocks, unionRanges } from './address-ranges.ts';
import { type PodAddress, type PolicyPod, policyPod } from './policy-pod.ts';
import { policySelector } from './policy-selector.ts';
import { type ProtocolPorts, portsOfRule } from './port-ranges.ts';

export type Direction = 'ingress' | 'egress';

/*
 * A pod that some policy selects is isolated in that direction; it may then do what at least one of its policies allows.
 *
 *   isolated: address ─► group ─► policies of the group ─► rules ─► peers (sets of addresses, ranges) and ports
 */
export interface PolicyPlan {
  readonly ingress: DirectionPlan;
  readonly egress: DirectionPlan;
  /** Addresses of pods, by the id under which rules name them. */
  readonly peerSets: ReadonlyMap<string, readonly PodAddress[]>;
  /** Where pods have a port of a name, by the id under which rules name it. */
  readonly portSets: ReadonlyMap<string, readonly PortAt[]>;
  /** Addresses of pods of this node. */
  readonly known: readonly PodAddress[];
  /** What this node's pods have their addresses from. */
  readonly podRanges: Readonly<Record<Family, readonly AddressRange[]>>;
  /** Policies that allow less than they say, since their namespace's name more pods than are looked at. */
  readonly curtailed: readonly string[];
}

export interface DirectionPlan {
  /** Who is isolated, and its group. */
  readonly isolated: ReadonlyMap<string, { readonly family: Family; readonly group: string }>;
  /** Pods with the same policies share a group: names of policies. */
  readonly groups: ReadonlyMap<string, readonly string[]>;
  /** By `namespace/name`. */
  readonly policies: ReadonlyMap<string, readonly PlannedRule[]>;
  /** Whether a pod without an address yet will be isolated: addresses that nobody is known to have are isolated until then. */
  readonly awaited: boolean;
}

/** Allows what is of one of the peers and to one of the ports. */
export interface PlannedRule {
  readonly peers: 'any' | { readonly set?: string; readonly ranges: Readonly<Record<Family, readonly AddressRange[]>> };
  readonly ports: 'any' | readonly (ProtocolPorts & { readonly nameSets: readonly string[] })[];
}

export interface PortAt extends PodAddress {
  readonly port: number;
}

export interface PolicyObjects {
  readonly nodeName: string;
  readonly policies: readonly V1NetworkPolicy[];
  /** Of the whole cluster; those of this node alone are enough when `needsPeers` says no. */
  readonly pods: readonly V1Pod[];
  readonly namespaces: readonly V1Namespace[];
  /** CIDRs that this node's pods have their addresses from. */
  readonly podCidrs: readonly string[];
}

/** Whether rules for these pods of the node name pods of elsewhere. */
export function needsPeers({ policies, pods, nodeName }: Pick<PolicyObjects, 'policies' | 'pods' | 'nodeName'>): boolean {
  const local = pods.flatMap((pod) => policyPod(pod) ?? []).filter((pod) => pod.nodeName === nodeName);
  return policies.some((policy) => {
    const rules = [...rulesOf(policy, 'ingress'), ...rulesOf(policy, 'egress')];
    const named = rules.some(
      ({ peers, ports }) => peers?.some(({ ipBlock }) => !ipBlock) || ports?.some(({ port }) => typeof port === 'string'),
    );
    return named && local.some(selectedBy(policy));
  });
}

/** What this node's packet filter has to do. Objects in, rules out: nothing else goes in. */
export const planPolicies = (objects: PolicyObjects): PolicyPlan => runAtOnce(planPoliciesInSteps(objects));

/** The same, which may be left for a while at each step. */
export function* planPoliciesInSteps(objects: PolicyObjects): Steps<PolicyPlan> {
  const pods: PolicyPod[] = [];
  const pace = new StepPace();
  for (const object of objects.pods) {
    const pod = policyPod(object);
    if (pod) pods.push(pod);
    if (pace.due()) yield;
  }
  const local = pods.filter(({ nodeName }) => nodeName === objects.nodeName);
  const sets = new SetsOfPods(pods, objects.namespaces);
  const policies = [...objects.policies].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  const inputOf = (direction: Direction): DirectionInput => ({
    ...{ policies: policies.filter((policy) => isolates(policy, direction)), local, sets },
  });
  const ingress = yield* planDirection('ingress', inputOf('ingress'));
  const egress = yield* planDirection('egress', inputOf('egress'));
  const ranges = objects.podCidrs.flatMap((cidr) => cidrRange(cidr) ?? []);
  const rangesOf = (family: Family) => unionRanges(ranges.filter((range) => range.family === family));
  return {
    ingress,
    egress,
    peerSets: sets.peers,
    portSets: sets.ports,
    known: local.flatMap(({ addresses }) => addresses),
    podRanges: { 4: rangesOf(4), 6: rangesOf(6) },
    curtailed: [...sets.curtailed],
  };
}

interface DirectionInput {
  readonly policies: readonly V1NetworkPolicy[];
  readonly local: readonly PolicyPod[];
  readonly sets: SetsOfPods;
}

function* planDirection(direction: Direction, { policies, local, sets }: DirectionInput): Steps<DirectionPlan> {
  const of = new Map(local.map((pod): [PolicyPod, string[]] => [pod, []]));
  const planned = new Map<string, readonly PlannedRule[]>();
  for (const policy of policies) {
    if (sets.pace.due()) yield;
    const selected = local.filter(selectedBy(policy));
    if (selected.length === 0) continue;
    const key = keyOf(policy);
    for (const pod of selected) of.get(pod)!.push(key);
    const rules: PlannedRule[] = [];
    for (const rule of rulesOf(policy, direction)) rules.push(yield* planRule(rule, { direction, policy, selected, sets }));
    planned.set(key, rules);
  }
  const isolated = new Map<string, { family: Family; group: string }>();
  const groups = new Map<string, readonly string[]>();
  let awaited = false;
  for (const [pod, keys] of of) {
    if (keys.length === 0) continue;
    const group = hashOf(keys);
    for (const { address, family } of pod.addresses) isolated.set(address, { family, group });
    if (pod.addresses.length > 0) groups.set(group, keys);
    else awaited = true;
  }
  return { isolated, groups, policies: planned, awaited };
}

interface RuleInput {
  readonly direction: Direction;
  readonly policy: V1NetworkPolicy;
  /** This node's pods that the policy is for. */
  readonly selected: readonly PolicyPod[];
  readonly sets: SetsOfPods;
}

function* planRule({ peers, ports }: Rule, { direction, policy, selected, sets }: RuleInput): Steps<PlannedRule> {
  const podPeers = peers?.filter(({ ipBlock }) => !ipBlock) ?? [];
  const blocks = peers?.flatMap(({ ipBlock }) => ipBlock ?? []) ?? [];
  const set = podPeers.length > 0 ? yield* sets.peerSet(policy, podPeers) : undefined;
  const wanted = portsOfRule(ports);
  // The names are of ports of who is spoken to.
  const named = (): NamedScope => {
    if (direction === 'ingress') return { id: `to ${keyOf(policy)}`, pods: selected };
    return set && blocks.length === 0 ? { id: `of ${set.id}`, pods: set.pods } : { id: 'all', pods: sets.all };
  };
  return {
    peers: peers?.length
      ? { ...(set && { set: set.id }), ranges: { 4: rangesOfBlocks(blocks, 4), 6: rangesOfBlocks(blocks, 6) } }
      : 'any',
    ports:
      wanted === 'any'
        ? wanted
        : wanted.map((one) => ({
            ...one,
            nameSets: one.names.flatMap((name) => sets.portSet(policy, { protocol: one.protocol, name, scope: named() }) ?? []),
          })),
  };
}

interface NamedScope {
  readonly id: string;
  readonly pods: readonly PolicyPod[];
}

/**
 * So many pods, and namespaces, are looked at for the policies of one namespace. A policy of a megabyte has room for twenty thousand peers, each of
 * which may name all pods of the cluster: whoever may write it would have every node look at, and keep, the product of the two.
 */
const MOST_LOOKS = 1_000_000;
/** A selector has room for as many requirements as a policy for peers. */
const REQUIREMENTS_A_LOOK = 16;
/** To write an address into the packet filter takes as long as to look at several pods. */
const LOOKS_A_KEPT = 3;

interface PortName {
  readonly protocol: string;
  readonly name: string;
  readonly scope: NamedScope;
}

/** Sets of what pods have; rules that ask the same share one. */
class SetsOfPods {
  readonly all: readonly PolicyPod[];
  readonly #byNamespace: ReadonlyMap<string, readonly PolicyPod[]>;
  readonly #namespaces: readonly V1Namespace[];
  readonly #podsOf = new Map<string, readonly PolicyPod[]>();
  readonly #looks = new Map<string, number>();
  readonly peers = new Map<string, readonly PodAddress[]>();
  readonly ports = new Map<string, readonly PortAt[]>();
  readonly curtailed = new Set<string>();
  readonly pace = new StepPace();

  constructor(pods: readonly PolicyPod[], namespaces: readonly V1Namespace[]) {
    this.all = pods;
    this.#byNamespace = Map.groupBy(pods, ({ namespace }) => namespace);
    this.#namespaces = namespaces;
  }

  /** Undefined where the policy's namespace has had its share: it then allows nobody by these. */
  *peerSet(
    policy: V1NetworkPolicy,
    peers: readonly V1NetworkPolicyPeer[],
  ): Steps<{ readonly id: string; readonly pods: readonly PolicyPod[] } | undefined> {
    const namespace = policy.metadata?.namespace ?? '';
    const id = hashOf(
      peers.map(({ podSelector, namespaceSelector }) => [podSelector, namespaceSelector ? null : namespace, namespaceSelector]),
    );
    const known = this.#podsOf.get(id);
    if (known) return { id, pods: known };
    const found = new Set<PolicyPod>();
    for (const peer of peers) if (!(yield* this.#findPods(policy, peer, found))) return undefined;
    const pods = [...found];
    const addresses = new Map<string, PodAddress>();
    for (const pod of pods) for (const one of pod.addresses) addresses.set(one.address, one);
    if (!this.#mayTake(policy, addresses.size * LOOKS_A_KEPT)) return undefined;
    this.#podsOf.set(id, pods);
    this.peers.set(id, [...addresses.values()]);
    return { id, pods };
  }

  /** False when there are more to look at than may be. */
  *#findPods(
    policy: V1NetworkPolicy,
    { podSelector, namespaceSelector }: V1NetworkPolicyPeer,
    found: Set<PolicyPod>,
  ): Steps<boolean> {
    let names: readonly string[] = [policy.metadata?.namespace ?? ''];
    if (namespaceSelector) {
      const selector = policySelector(namespaceSelector);
      if (!this.#mayLook(policy, this.#namespaces.length, selector)) return false;
      names = this.#namespacesOf(selector);
    }
    // Without a selector of pods it is all of the namespaces.
    const selector = policySelector(podSelector ?? {});
    for (const name of names) {
      const pods = this.#byNamespace.get(name) ?? [];
      if (!this.#mayLook(policy, pods.length, selector)) return false;
      for (const pod of pods) if (selector.matches(pod.labels)) found.add(pod);
      if (this.pace.due()) yield;
    }
    return true;
  }

  #mayLook(policy: V1NetworkPolicy, at: number, { requirements }: Selector): boolean {
    return this.#mayTake(policy, at * Math.ceil((1 + requirements.length) / REQUIREMENTS_A_LOOK));
  }

  #mayTake({ metadata }: V1NetworkPolicy, more: number): boolean {
    const namespace = metadata?.namespace ?? '';
    const looks = (this.#looks.get(namespace) ?? 0) + more;
    if (looks > MOST_LOOKS) this.curtailed.add(`${namespace}/${metadata?.name}`);
    else this.#looks.set(namespace, looks);
    return looks <= MOST_LOOKS;
  }

  #namespacesOf(selector: Selector): string[] {
    return this.#namespaces
      .filter(({ metadata }) => selector.matches(metadata?.labels))
      .map(({ metadata }) => metadata?.name ?? '');
  }

  /** Undefined as `peerSet`. */
  portSet(policy: V1NetworkPolicy, { protocol, name, scope }: PortName): string | undefined {
    const id = hashOf([protocol, name, scope.id]);
    if (this.ports.has(id)) return id;
    if (!this.#mayTake(policy, scope.pods.length)) return undefined;
    const found = scope.pods.flatMap(({ addresses, namedPorts }) =>
      namedPorts
        .filter((port) => port.name === name && port.protocol === protocol)
        .flatMap(({ port }) => addresses.map((address) => ({ ...address, port }))),
    );
    if (!this.#mayTake(policy, found.length * LOOKS_A_KEPT)) return undefined;
    this.ports.set(
      id,
      uniqueBy(found, ({ address, port }) => `${address} ${port}`),
    );
    return id;
  }
}

interface Rule {
  readonly peers: readonly V1NetworkPolicyPeer[] | undefined;
  readonly ports: readonly V1NetworkPolicyPort[] | undefined;
}

const rulesOf = ({ spec }: V1NetworkPolicy, direction: Direction): Rule[] =>
  direction === 'ingress'
    ? (spec?.ingress ?? []).map(({ from, ports }) => ({ peers: from, ports }))
    : (spec?.egress ?? []).map(({ to, ports }) => ({ peers: to, ports }));

/** As the API server defaults `policyTypes`: always Ingress, and Egress when there are rules for it. */
function isolates({ spec }: V1NetworkPolicy, direction: Direction): boolean {
  if (spec?.policyTypes?.length) return spec.policyTypes.includes(direction === 'ingress' ? 'Ingress' : 'Egress');
  return direction === 'ingress' || (spec?.egress?.length ?? 0) > 0;
}

function selectedBy({ metadata, spec }: V1NetworkPolicy): (pod: PolicyPod) => boolean {
  const selector = policySelector(spec?.podSelector ?? {});
  return ({ namespace, labels }) => namespace === metadata?.namespace && selector.matches(labels);
}

const keyOf = ({ metadata }: V1NetworkPolicy) => `${metadata?.namespace}/${metadata?.name}`;

/** Short enough for names in the kernel, and of these parts alone. */
const hashOf = (parts: unknown): string => createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 24);

const uniqueBy = <T>(items: readonly T[], keyOfItem: (item: T) => string): T[] => [
  ...new Map(items.map((item) => [keyOfItem(item), item])).values(),
];
