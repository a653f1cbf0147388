import type { V1Container, V1ContainerStatus, V1Pod } from '../../gen/types.ts';
import { addQuantities, compareQuantities, type Quantity } from '../../machinery/quantity.ts';
import { addToResourceList, parseResourceList, type ResourceList, raiseToResourceList } from '../../machinery/resource-list.ts';

type AmountsOf = (container: V1Container, status: V1ContainerStatus | undefined) => ResourceList;

export interface PodResourceOptions {
  /** Counts what containers have been given by resizing, too, where that is more. Default false. */
  readonly fromStatus?: boolean;
  /** Adds what running the pod costs by itself. Default true. */
  readonly overhead?: boolean;
  /** What a container that does not say how much it wants is taken to want. Default nothing. */
  readonly missing?: ResourceList;
}

/** What resources may be given to a pod as a whole. */
const isPodLevel = (name: string) => name === 'cpu' || name === 'memory' || name.startsWith('hugepages-');

/** Whether anything is given to the pod as a whole (component-helpers/resource IsPodLevelResourcesSet). */
export const hasPodLevelResources = ({ spec }: V1Pod): boolean =>
  [spec?.resources?.requests, spec?.resources?.limits].some((amounts) => Object.keys(amounts ?? {}).some(isPodLevel));

/**
 * What a pod asks for: its containers' and sidecars' requests together, or the most that an init container needs beside the sidecars
 * started before it, if that is more; what is given to the pod as a whole counts instead (component-helpers/resource/helpers.go).
 */
export function podRequests(pod: V1Pod, options: PodResourceOptions = {}): Map<string, Quantity> {
  const { missing } = options;
  const total =
    options.fromStatus && hasStatusResources(pod)
      ? requestsWithStatus(pod, missing)
      : aggregate(pod, filledUp(specRequests, missing));
  overrideAtPodLevel(total, options.fromStatus ? podLevelWithStatus(pod) : parseResourceList(pod.spec?.resources?.requests));
  if (options.overhead !== false) addToResourceList(total, parseResourceList(pod.spec?.overhead));
  return total;
}

/** What a pod may use at most, of what is limited. */
export function podLimits(pod: V1Pod, options: PodResourceOptions = {}): Map<string, Quantity> {
  const total = aggregate(pod, specLimits);
  if (options.fromStatus && hasStatusResources(pod)) {
    const actuated = aggregate(pod, (container, status) =>
      status?.resources?.limits ? parseResourceList(status.resources.limits) : specLimits(container),
    );
    raiseToResourceList(total, actuated);
  }
  const podLevel = parseResourceList(pod.spec?.resources?.limits);
  if (options.fromStatus && pod.spec?.resources) raiseToResourceList(podLevel, parseResourceList(pod.status?.resources?.limits));
  overrideAtPodLevel(total, podLevel);
  if (options.overhead !== false)
    for (const [name, quantity] of parseResourceList(pod.spec?.overhead))
      if (total.has(name)) addToResourceList(total, new Map([[name, quantity]]));
  return total;
}

const specRequests = ({ resources }: V1Container) => parseResourceList(resources?.requests);
const specLimits = ({ resources }: V1Container) => parseResourceList(resources?.limits);

const hasStatusResources = ({ status }: V1Pod) =>
  [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])].some(
    ({ resources, allocatedResources }) => resources || allocatedResources,
  );

/** A resize for which the node will never have room counts for nothing. */
const isInfeasible = ({ status }: V1Pod) =>
  status?.conditions?.some(({ type, reason }) => type === 'PodResizePending' && reason === 'Infeasible') ?? false;

/** What the pod as a whole asks for, was given or has, whichever is more; of what it asks for as a whole alone. */
function podLevelWithStatus(pod: V1Pod): Map<string, Quantity> {
  const { spec, status } = pod;
  const asked = parseResourceList(spec?.resources?.requests);
  const has = new Map<string, Quantity>();
  // What is allocated holds the overhead, which is added later.
  if (status?.resources && !spec?.overhead) raiseToResourceList(has, parseResourceList(status.allocatedResources));
  raiseToResourceList(has, parseResourceList(status?.resources?.requests));
  return new Map(
    [...asked].map(([name, quantity]) => {
      const given = has.get(name);
      if (!given) return [name, quantity];
      return [name, !isInfeasible(pod) && compareQuantities(quantity, given) > 0 ? quantity : given];
    }),
  );
}

function requestsWithStatus(pod: V1Pod, missing: ResourceList | undefined): Map<string, Quantity> {
  const infeasible = isInfeasible(pod);
  const wanted = (container: V1Container) => (infeasible ? new Map<string, Quantity>() : specRequests(container));
  const allocated: AmountsOf = (container, status) =>
    status?.allocatedResources ? parseResourceList(status.allocatedResources) : wanted(container);
  const actuated: AmountsOf = (container, status) =>
    status?.resources?.requests ? parseResourceList(status.resources.requests) : allocated(container, status);
  const total = infeasible ? new Map<string, Quantity>() : aggregate(pod, filledUp(specRequests, missing));
  raiseToResourceList(total, aggregate(pod, filledUp(allocated, missing)));
  raiseToResourceList(total, aggregate(pod, filledUp(actuated, missing)));
  return total;
}

const filledUp = (amountsOf: AmountsOf, missing: ResourceList | undefined): AmountsOf =>
  missing ? (container, status) => new Map([...missing, ...amountsOf(container, status)]) : amountsOf;

function aggregate({ spec, status }: V1Pod, amountsOf: AmountsOf): Map<string, Quantity> {
  // Of several of one name the first one counts.
  const statuses = new Map(
    [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])].reverse().map((each) => [each.name, each]),
  );
  const amounts = (container: V1Container) => amountsOf(container, statuses.get(container.name));
  const total = new Map<string, Quantity>();
  for (const container of spec?.containers ?? []) addToResourceList(total, amounts(container));
  const sidecars = new Map<string, Quantity>();
  const peak = new Map<string, Quantity>();
  for (const container of spec?.initContainers ?? []) {
    const own = amounts(container);
    const isSidecar = container.restartPolicy === 'Always';
    if (isSidecar) addToResourceList(sidecars, own);
    // Only of what the container itself wants: of all else the peak is as high as the sidecars so far already.
    for (const [name, quantity] of own) {
      const beside = sidecars.get(name);
      const needed = isSidecar || !beside ? (beside ?? quantity) : addQuantities(quantity, beside);
      raiseToResourceList(peak, new Map([[name, needed]]));
    }
  }
  addToResourceList(total, sidecars);
  raiseToResourceList(total, peak);
  return total;
}

function overrideAtPodLevel(total: Map<string, Quantity>, podLevel: ResourceList): void {
  for (const [name, quantity] of podLevel) if (isPodLevel(name)) total.set(name, quantity);
}
