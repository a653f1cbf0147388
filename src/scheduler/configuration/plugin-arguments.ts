import type { V1NodeAffinity, V1TopologySpreadConstraint } from '../../api/gen/types.ts';
import { DEFAULT_PREEMPTION, type PreemptionOptions } from '../framework/profile.ts';
import { createInterPodAffinity } from '../plugins/inter-pod-affinity.ts';
import { createNodeAffinity } from '../plugins/node-affinity.ts';
import { createBalancedAllocation, createNodeResourcesFit, DEFAULT_FIT, type FitOptions } from '../plugins/node-resources.ts';
import { CPU_AND_MEMORY, type ScoringStrategy, type Shape, type WeightedResource } from '../plugins/resource-scoring.ts';
import { SYSTEM_DEFAULTS } from '../plugins/spread-constraint.ts';
import { createTopologySpread } from '../plugins/topology-spread.ts';
import { BIND_TIMEOUT_MS } from '../volumes/volume-plugins.ts';
import { invalid } from './invalid-setting.ts';

/** Arguments of right types, whose values are yet to be judged. */
export type Arguments = Readonly<Record<string, unknown>>;

interface WrittenResource {
  readonly name?: string;
  readonly weight?: number;
}

export function fitFrom(args: Arguments, at: string) {
  const { ignoredResources, ignoredResourceGroups, scoringStrategy } = args as {
    ignoredResources?: string[];
    ignoredResourceGroups?: string[];
    scoringStrategy?: { type?: string; resources?: WrittenResource[]; requestedToCapacityRatio?: { shape?: Shape } };
  };
  const group = ignoredResourceGroups?.findIndex((name) => name.includes('/')) ?? -1;
  if (group >= 0)
    throw invalid(
      `${at}.ignoredResourceGroups[${group}]`,
      ignoredResourceGroups![group],
      "resource group name can't contain '/'",
    );
  const options: FitOptions = {
    strategy: scoringStrategy ? strategyFrom(scoringStrategy, `${at}.scoringStrategy`) : DEFAULT_FIT.strategy,
    ignoredResources: ignoredResources ?? [],
    ignoredGroups: ignoredResourceGroups ?? [],
  };
  return createNodeResourcesFit(options);
}

function strategyFrom(
  written: { type?: string; resources?: WrittenResource[]; requestedToCapacityRatio?: { shape?: Shape } },
  at: string,
): ScoringStrategy {
  const { type = 'LeastAllocated' } = written;
  const resources = resourcesFrom(written.resources, `${at}.resources`);
  if (type === 'LeastAllocated' || type === 'MostAllocated') return { type, resources };
  if (type !== 'RequestedToCapacityRatio')
    throw invalid(`${at}.type`, type, 'must be LeastAllocated, MostAllocated or RequestedToCapacityRatio');
  return { type, resources, shape: shapeFrom(written.requestedToCapacityRatio?.shape, `${at}.shape`) };
}

function resourcesFrom(written: readonly WrittenResource[] | undefined, at: string): readonly WeightedResource[] {
  if (!written?.length) return CPU_AND_MEMORY;
  return written.map(({ name, weight = 1 }, i) => {
    if (!name) throw invalid(`${at}[${i}].name`, name, 'must not be empty');
    if (weight < 1 || weight > 100) throw invalid(`${at}[${i}].weight`, weight, 'resource weight should be in a range (0, 100]');
    return { name, weight };
  });
}

function shapeFrom(written: Shape | undefined, at: string): Shape {
  if (!written?.length) throw invalid(at, written, 'at least one point must be specified');
  const shape = written.map(({ utilization = 0, score = 0 }) => ({ utilization, score }));
  for (const [i, { utilization, score }] of shape.entries()) {
    if (utilization < 0 || utilization > 100)
      throw invalid(`${at}[${i}].utilization`, utilization, 'not in valid range [0, 100]');
    if (i > 0 && utilization <= shape[i - 1]!.utilization)
      throw invalid(`${at}[${i}].utilization`, utilization, 'utilization values must be sorted in increasing order');
    if (score < 0 || score > 10) throw invalid(`${at}[${i}].score`, score, 'not in valid range [0, 10]');
  }
  return shape;
}

export function balancedFrom({ resources }: Arguments, at: string) {
  return createBalancedAllocation(resourcesFrom(resources as WrittenResource[] | undefined, `${at}.resources`));
}

export function interPodFrom(args: Arguments, at: string) {
  const { hardPodAffinityWeight = 1, ignorePreferredTermsOfExistingPods = false } = args as {
    hardPodAffinityWeight?: number;
    ignorePreferredTermsOfExistingPods?: boolean;
  };
  if (hardPodAffinityWeight < 0 || hardPodAffinityWeight > 100)
    throw invalid(`${at}.hardPodAffinityWeight`, hardPodAffinityWeight, 'not in valid range [0, 100]');
  return createInterPodAffinity({ hardPodAffinityWeight, ignorePreferredTermsOfExistingPods });
}

export function nodeAffinityFrom({ addedAffinity }: Arguments) {
  return createNodeAffinity(addedAffinity as V1NodeAffinity | undefined);
}

export function spreadFrom(args: Arguments, at: string) {
  const { defaultingType = 'System', defaultConstraints = [] } = args as {
    defaultingType?: string;
    defaultConstraints?: V1TopologySpreadConstraint[];
  };
  if (defaultingType !== 'System' && defaultingType !== 'List')
    throw invalid(`${at}.defaultingType`, defaultingType, 'supported values: "System", "List"');
  if (defaultingType === 'System') {
    if (defaultConstraints.length)
      throw invalid(`${at}.defaultingType`, defaultingType, 'when .defaultConstraints are specified');
    return createTopologySpread(SYSTEM_DEFAULTS);
  }
  for (const [i, { maxSkew, topologyKey, whenUnsatisfiable, labelSelector }] of defaultConstraints.entries()) {
    const here = `${at}.defaultConstraints[${i}]`;
    if (!(maxSkew > 0)) throw invalid(`${here}.maxSkew`, maxSkew, 'must be greater than zero');
    if (!topologyKey) throw invalid(`${here}.topologyKey`, topologyKey, 'can not be empty');
    if (whenUnsatisfiable !== 'DoNotSchedule' && whenUnsatisfiable !== 'ScheduleAnyway')
      throw invalid(`${here}.whenUnsatisfiable`, whenUnsatisfiable, 'supported values: "DoNotSchedule", "ScheduleAnyway"');
    if (labelSelector)
      throw invalid(
        `${here}.labelSelector`,
        labelSelector,
        'constraint must not define a selector, as they deduced for each pod',
      );
  }
  return createTopologySpread({ constraints: defaultConstraints, isSystem: false });
}

export function preemptionFrom(args: Arguments, at: string): PreemptionOptions {
  const { minCandidateNodesPercentage, minCandidateNodesAbsolute } = { ...DEFAULT_PREEMPTION, ...args };
  if (minCandidateNodesPercentage < 0 || minCandidateNodesPercentage > 100)
    throw invalid(`${at}.minCandidateNodesPercentage`, minCandidateNodesPercentage, 'not in valid range [0, 100]');
  if (minCandidateNodesAbsolute < 0)
    throw invalid(`${at}.minCandidateNodesAbsolute`, minCandidateNodesAbsolute, 'not in valid range [0, inf)');
  if (minCandidateNodesPercentage === 0 && minCandidateNodesAbsolute === 0)
    throw invalid(
      `${at}.minCandidateNodesPercentage`,
      0,
      'both minCandidateNodesPercentage and minCandidateNodesAbsolute cannot be zero',
    );
  return { minCandidateNodesPercentage, minCandidateNodesAbsolute };
}

/** In milliseconds. */
export function bindTimeoutFrom(args: Arguments, at: string): number {
  const { bindTimeoutSeconds = BIND_TIMEOUT_MS / 1000, shape } = args as { bindTimeoutSeconds?: number; shape?: unknown };
  if (bindTimeoutSeconds < 0)
    throw invalid(`${at}.bindTimeoutSeconds`, bindTimeoutSeconds, 'invalid BindTimeoutSeconds, should not be a negative value');
  if (shape !== undefined) throw invalid(`${at}.shape`, shape, 'scoring by storage capacity is not supported');
  return bindTimeoutSeconds * 1000;
}
