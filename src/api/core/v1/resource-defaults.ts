/** What pods ask for where they do not say (pkg/apis/core/v1/defaults.go, SetDefaults_Pod). All functions change their argument. */
import type { V1Container, V1PodSpec, V1ResourceRequirements } from '../../gen/types.ts';
import { setField } from '../../machinery/clone.ts';
import { formatQuantity, parseQuantity } from '../../machinery/quantity.ts';
import type { ResourceList } from '../../machinery/resource-list.ts';
import { podLimits, podRequests } from './pod-resource-usage.ts';
import { allowsOvercommit, isHugePages, isPodLevelResource } from './resource-names.ts';

type Amounts = Record<string, string>;

/** A thousandth is the least that can be had; canonical texts say by their suffix that they are finer. */
const FINER = /[nu]$/;

export function roundAmounts(amounts: Amounts | undefined): void {
  if (!amounts) return;
  for (const name in amounts) {
    if (!FINER.test(amounts[name]!)) continue;
    const { nano, format } = parseQuantity(amounts[name]!);
    const milli = nano / 1_000_000n + (nano % 1_000_000n > 0n ? 1n : 0n);
    setField(amounts, name, formatQuantity({ nano: milli * 1_000_000n, format }));
  }
}

export function roundResources(resources: V1ResourceRequirements): void {
  roundAmounts(resources.limits);
  roundAmounts(resources.requests);
}

const has = (amounts: Amounts, name: string) => Object.hasOwn(amounts, name);

/** What a container may use at most, it asks for unless it says otherwise. Pods only, not templates. */
export function requestWhatIsLimited({ resources }: V1Container): void {
  if (!resources?.limits) return;
  const requests: Amounts = resources.requests ?? {};
  for (const name in resources.limits) if (!has(requests, name)) setField(requests, name, resources.limits[name]);
  if (Object.keys(requests).length) resources.requests = requests;
}

/** What a pod as a whole asks for and may use, from what its containers do, where it says a part of it. */
export function setPodLevelDefaults(spec: V1PodSpec): void {
  const { resources } = spec;
  if (!resources || (!size(resources.limits) && !size(resources.requests))) return;
  const { resources: _, ...containers } = spec;
  defaultHugePages(resources, podLimits({ spec: containers }, { overhead: false }));
  defaultRequests(resources, podRequests({ spec: containers }, { overhead: false }));
  defaultLimits(resources, spec, podLimits({ spec: containers }, { overhead: false }));
  // What is limited now is asked for, as it would be when the pod is read and defaulted anew.
  defaultRequests(resources, podRequests({ spec: containers }, { overhead: false }));
}

const size = (amounts: Amounts | undefined) => Object.keys(amounts ?? {}).length;

function defaultHugePages(resources: V1ResourceRequirements, ofContainers: ResourceList): void {
  const limits: Amounts = resources.limits ?? {};
  for (const [name, quantity] of ofContainers)
    if (isHugePages(name) && !has(resources.requests ?? {}, name) && !has(limits, name))
      setField(limits, name, formatQuantity(quantity));
  if (size(limits)) resources.limits = limits;
}

function defaultRequests(resources: V1ResourceRequirements, ofContainers: ResourceList): void {
  if (!resources.limits || !size(resources.limits)) return;
  const requests: Amounts = resources.requests ?? {};
  for (const [name, quantity] of ofContainers)
    if (!has(requests, name) && isPodLevelResource(name) && allowsOvercommit(name))
      setField(requests, name, formatQuantity(quantity));
  for (const name in resources.limits)
    if (!has(requests, name) && isPodLevelResource(name)) setField(requests, name, resources.limits[name]);
  if (size(requests)) resources.requests = requests;
}

/** Only where nothing is limited for the pod, and where each container says a limit. */
function defaultLimits(resources: V1ResourceRequirements, spec: V1PodSpec, ofContainers: ResourceList): void {
  if (size(resources.limits) || !size(resources.requests)) return;
  const limits: Amounts = {};
  const containers = [...spec.containers, ...(spec.initContainers ?? [])];
  for (const [name, quantity] of ofContainers)
    if (
      isPodLevelResource(name) &&
      allowsOvercommit(name) &&
      containers.every((container) => has(container.resources?.limits ?? {}, name))
    )
      setField(limits, name, formatQuantity(quantity));
  if (size(limits)) resources.limits = limits;
}
