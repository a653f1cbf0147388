import { hasPodLevelResources, podLimits, podRequests } from '../core/v1/pod-resource-usage.ts';
import { qualityOfService } from '../core/v1/quality-of-service.ts';
import type { V1Container, V1Pod, V1PodAffinityTerm } from '../gen/types.ts';
import type { DynamicObject } from '../machinery/object.ts';
import type { Quantity } from '../machinery/quantity.ts';
import { countOf, parseResourceList, type ResourceList, sortedNames } from '../machinery/resource-list.ts';
import { DEVICE_CLASS_PREFIX } from '../resource/v1/extended-resources.ts';
import type { QuotaEvaluator, ScopeRequirement } from './evaluator.ts';
import { satisfiesScope } from './scopes.ts';

const COMPUTE = ['cpu', 'memory', 'ephemeral-storage'] as const;
const FIXED: ReadonlySet<string> = new Set([
  'count/pods',
  'pods',
  ...COMPUTE.flatMap((name) => [name, `requests.${name}`, `limits.${name}`]),
]);

/** A quota on one of these makes every container say how much it wants; upstream keeps it so for those who rely on it. */
const DEMANDED: ReadonlySet<string> = new Set(['cpu', 'memory'].flatMap((name) => [name, `requests.${name}`, `limits.${name}`]));

const isNative = (name: string) => !name.includes('/') || name.includes('kubernetes.io/');
const isExtended = (name: string) => !isNative(name) && !name.startsWith('requests.');

const asPod = (object: DynamicObject) => object as unknown as V1Pod;

/** Pods: how many, and what they ask for and may use (pkg/quota/v1/evaluator/core/pods.go). */
export const podEvaluator: QuotaEvaluator = {
  group: '',
  resource: 'pods',
  handles: ({ operation, subresource }) =>
    subresource === 'resize' ? operation === 'UPDATE' || operation === 'CREATE' : subresource === '' && operation === 'CREATE',
  matchingResources: (names) =>
    [...names].filter(
      (name) =>
        FIXED.has(name) ||
        name.startsWith('hugepages-') ||
        name.startsWith('requests.hugepages-') ||
        (name.startsWith('requests.') && (!isNative(name) || name.startsWith(`requests.${DEVICE_CLASS_PREFIX}`))),
    ),
  matchesScope: (scope, object) => isWithin(scope, asPod(object)),
  complaint(required, object) {
    const demanded = sortedNames([...required].filter((name) => DEMANDED.has(name)));
    // Containers of a pod that is given resources as a whole need not say anything.
    if (!demanded.length || hasPodLevelResources(asPod(object))) return undefined;
    const { spec } = asPod(object);
    const lacking = new Map<string, string[]>();
    for (const container of [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])]) {
      const usage = containerUsage(container);
      for (const name of demanded) {
        if (usage.has(name)) continue;
        const containers = lacking.get(name);
        if (containers) containers.push(container.name);
        else lacking.set(name, [container.name]);
      }
    }
    if (!lacking.size) return undefined;
    const texts = [...lacking].sort(([a], [b]) => (a < b ? -1 : 1));
    return `must specify ${texts.map(([name, containers]) => `${name} for: ${sortedNames(new Set(containers)).join(',')}`).join('; ')}`;
  },
  usage(object, nowMs) {
    const pod = asPod(object);
    const usage = new Map<string, Quantity>([['count/pods', countOf(1)]]);
    if (hasEnded(pod, nowMs)) return usage;
    usage.set('pods', countOf(1));
    addCompute(usage, podRequests(pod, { fromStatus: true }), podLimits(pod, { fromStatus: true }));
    return usage;
  },
};

function containerUsage({ resources }: V1Container): ResourceList {
  const usage = new Map<string, Quantity>();
  addCompute(usage, parseResourceList(resources?.requests), parseResourceList(resources?.limits));
  return usage;
}

/** Names what is asked for and limited as quotas name it. */
function addCompute(usage: Map<string, Quantity>, requests: ResourceList, limits: ResourceList): void {
  for (const name of COMPUTE) {
    const [request, limit] = [requests.get(name), limits.get(name)];
    if (request) usage.set(name, request).set(`requests.${name}`, request);
    if (limit) usage.set(`limits.${name}`, limit);
  }
  for (const [name, request] of requests) {
    if (name.startsWith('hugepages-')) usage.set(name, request).set(`requests.${name}`, request);
    if (isExtended(name) || name.startsWith(DEVICE_CLASS_PREFIX)) usage.set(`requests.${name}`, request);
  }
}

/** Pods that have run, or that nobody takes away though their time is up, use nothing. */
export function hasEnded({ metadata, status }: V1Pod, nowMs: number): boolean {
  if (status?.phase === 'Failed' || status?.phase === 'Succeeded') return true;
  const { deletionTimestamp, deletionGracePeriodSeconds } = metadata ?? {};
  if (!deletionTimestamp || deletionGracePeriodSeconds === undefined) return false;
  return nowMs > Date.parse(String(deletionTimestamp)) + deletionGracePeriodSeconds * 1000;
}

function isWithin(scope: ScopeRequirement, pod: V1Pod): boolean {
  switch (scope.scopeName) {
    case 'Terminating':
      return hasDeadline(pod);
    case 'NotTerminating':
      return !hasDeadline(pod);
    case 'BestEffort':
      return isBestEffort(pod);
    case 'NotBestEffort':
      return !isBestEffort(pod);
    case 'PriorityClass':
      return satisfiesScope(scope, pod.spec?.priorityClassName || undefined);
    case 'CrossNamespacePodAffinity':
      return affinityTerms(pod).some(({ namespaces, namespaceSelector }) => namespaces?.length || namespaceSelector);
    default:
      return false;
  }
}

const hasDeadline = ({ spec }: V1Pod) => (spec?.activeDeadlineSeconds ?? -1) >= 0;
const isBestEffort = ({ spec }: V1Pod) => spec !== undefined && qualityOfService(spec) === 'BestEffort';

function affinityTerms({ spec }: V1Pod): V1PodAffinityTerm[] {
  return [spec?.affinity?.podAffinity, spec?.affinity?.podAntiAffinity].flatMap((affinity) => [
    ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((term) => term.podAffinityTerm),
  ]);
}
