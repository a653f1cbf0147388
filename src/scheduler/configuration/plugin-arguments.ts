import type { V1NodeAffinity, V1TopologySpreadConstraint } from '../../api/gen/types.ts';
import { parseGoDuration } from '../../std/go-duration.ts';
import { BINDING_TIMEOUT_MS } from '../devices/binding-conditions.ts';
import { FILTER_TIMEOUT_MS } from '../devices/dynamic-resources.ts';
import { DEFAULT_PREEMPTION, type PreemptionOptions } from '../framework/profile.ts';
import { createInterPodAffinity } from '../plugins/inter-pod-affinity.ts';
import { createNodeAffinity } from '../plugins/node-affinity.ts';
import { createBalancedAllocation, createNodeResourcesFit, DEFAULT_FIT } from '../plugins/node-resources.ts';
import { CPU_AND_MEMORY, type ScoringStrategy, type WeightedResource } from '../plugins/resource-scoring.ts';
import { SYSTEM_DEFAULTS } from '../plugins/spread-constraint.ts';
import { createTopologySpread } from '../plugins/topology-spread.ts';
import { BIND_TIMEOUT_MS } from '../volumes/volume-plugins.ts';
import type { Arguments, WrittenResource, WrittenStrategy } from './validate-arguments.ts';

/** Of arguments that were validated, as all here. */
export function fitFrom(args: Arguments) {
  const { ignoredResources, ignoredResourceGroups, scoringStrategy } = args as {
    ignoredResources?: string[];
    ignoredResourceGroups?: string[];
    scoringStrategy?: WrittenStrategy;
  };
  return createNodeResourcesFit({
    strategy: scoringStrategy ? strategyFrom(scoringStrategy) : DEFAULT_FIT.strategy,
    ignoredResources: ignoredResources ?? [],
    ignoredGroups: ignoredResourceGroups ?? [],
  });
}

function strategyFrom({ type, resources: written, requestedToCapacityRatio }: WrittenStrategy): ScoringStrategy {
  const resources = resourcesFrom(written);
  if (type === 'LeastAllocated' || type === 'MostAllocated') return { type, resources };
  const shape = (requestedToCapacityRatio?.shape ?? []).map(({ utilization = 0, score = 0 }) => ({ utilization, score }));
  return { type: 'RequestedToCapacityRatio', resources, shape };
}

function resourcesFrom(written: readonly WrittenResource[] | undefined): readonly WeightedResource[] {
  return written?.length ? written.map(({ name = '', weight }) => ({ name, weight: weight || 1 })) : CPU_AND_MEMORY;
}

export function balancedFrom({ resources }: Arguments) {
  return createBalancedAllocation(resourcesFrom(resources as WrittenResource[] | undefined));
}

export function interPodFrom(args: Arguments) {
  const { hardPodAffinityWeight = 1, ignorePreferredTermsOfExistingPods = false } = args as {
    hardPodAffinityWeight?: number;
    ignorePreferredTermsOfExistingPods?: boolean;
  };
  return createInterPodAffinity({ hardPodAffinityWeight, ignorePreferredTermsOfExistingPods });
}

export function nodeAffinityFrom({ addedAffinity }: Arguments) {
  return createNodeAffinity(addedAffinity as V1NodeAffinity | undefined);
}

export function spreadFrom({ defaultingType = 'System', defaultConstraints = [] }: Arguments) {
  if (defaultingType === 'System') return createTopologySpread(SYSTEM_DEFAULTS);
  return createTopologySpread({ constraints: defaultConstraints as V1TopologySpreadConstraint[], isSystem: false });
}

export function preemptionFrom(args: Arguments): PreemptionOptions {
  const { minCandidateNodesPercentage, minCandidateNodesAbsolute } = { ...DEFAULT_PREEMPTION, ...args };
  return { minCandidateNodesPercentage, minCandidateNodesAbsolute };
}

/** In milliseconds. */
export function bindingTimeoutFrom({ bindingTimeout }: Arguments): number {
  return bindingTimeout === undefined ? BINDING_TIMEOUT_MS : parseGoDuration(bindingTimeout as string);
}

/** In milliseconds. */
export function filterTimeoutFrom({ filterTimeout }: Arguments): number {
  return filterTimeout === undefined ? FILTER_TIMEOUT_MS : parseGoDuration(filterTimeout as string);
}

/** In milliseconds. */
export function bindTimeoutFrom({ bindTimeoutSeconds }: Arguments): number {
  return bindTimeoutSeconds === undefined ? BIND_TIMEOUT_MS : (bindTimeoutSeconds as number) * 1000;
}
