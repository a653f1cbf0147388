import { podRequests } from '../../api/core/v1/pod-resource-usage.ts';
import type {
  V1Container,
  V1ContainerState,
  V1ContainerStatus,
  V1Pod,
  V1PodStatus,
  V1ResourceRequirements,
} from '../../api/gen/types.ts';
import { formatTime } from '../../api/machinery/object.ts';
import { formatQuantity } from '../../api/machinery/quantity.ts';
import type { PodSandbox, RuntimeContainer } from '../runtime/runtime.ts';
import { type ContainerKind, containersByName } from './container-kinds.ts';
import { type ContainerStatusInput, containerStatus, lost } from './container-status.ts';
import { type ExtraCondition, observedGeneration, podConditions } from './pod-conditions.ts';
import { isTerminal, podPhase } from './pod-phase.ts';
import { shownResources, WHOLE_POD } from './pod-resize.ts';
import { qosClass } from './qos-class.ts';

export interface StatusInput extends Omit<ContainerStatusInput, 'kind'> {
  /** With the status that was told last. */
  readonly pod: V1Pod;
  readonly sandbox: PodSandbox | undefined;
  readonly containers: readonly RuntimeContainer[];
  /** The node's addresses, IPv4 first. */
  readonly hostIps: readonly string[];
  /** Why the kubelet ends the pod; its phase is Failed as soon as no container runs. */
  readonly end?: { readonly reason: string; readonly message: string };
  /** Nothing of the pod will ever run again: what has no end gets one. */
  readonly final?: boolean;
  readonly extraConditions?: readonly ExtraCondition[];
  readonly nowMs: number;
}

/** What all containers of a pod together may leave as last words (pkg/kubelet/container, MaxPodTerminationMessageLogLength). */
const MOST_LAST_WORDS_BYTES = 12 * 1024;

/** The status of a pod as its containers are; times of the previous status kept where nothing changed. */
export function podStatus(input: StatusInput): V1PodStatus {
  const { pod, sandbox, hostIps, nowMs, end, final = false } = input;
  const { spec, status: previous } = pod;
  const byName = Map.groupBy(input.containers, ({ name }) => name);
  const wordsBytes = Math.floor(MOST_LAST_WORDS_BYTES / Math.max(1, containersByName(pod).size));
  const statusesOf = (
    kind: ContainerKind,
    containers: readonly V1Container[] = [],
    before: readonly V1ContainerStatus[] = [],
  ) => {
    const beforeByName = new Map(before.map((status) => [status.name, status]));
    return containers.map((container) => {
      const { name } = container;
      const status = containerStatus(container, byName.get(name) ?? [], beforeByName.get(name), { ...input, kind });
      return withShortWords(status, wordsBytes);
    });
  };
  let init = statusesOf('init', spec?.initContainers, previous?.initContainerStatuses);
  let main = statusesOf('main', spec?.containers, previous?.containerStatuses).sort((a, b) => (a.name < b.name ? -1 : 1));
  const ephemeral = statusesOf('ephemeral', spec?.ephemeralContainers, previous?.ephemeralContainerStatuses);
  if (final) [init, main] = [endedInit(init), endedMain(main, init, spec?.containers ?? [])];
  const runs = input.containers.some(({ phase }) => phase === 'running');
  const found = podPhase(pod, init, main, final || pod.metadata?.deletionTimestamp !== undefined);
  // Nobody may take a pod for ended that still has a process.
  const phase =
    runs && isTerminal(found) ? (previous?.phase ?? 'Running') : end && !runs ? 'Failed' : final ? terminal(found) : found;
  const hostNetwork = spec?.hostNetwork ?? false;
  const ips = hostNetwork ? (sandbox ? hostIps : []) : (sandbox?.ips ?? []);
  const shownIps = ips.length > 0 ? ips : (previous?.podIPs ?? []).map(({ ip }) => ip);
  const why = isTerminal(phase) ? (end ?? previous) : undefined;
  const { extraConditions: extra = [] } = input;
  return {
    ...(input.detailed && podResources(pod, input.inForce?.get(WHOLE_POD))),
    conditions: podConditions({ pod, phase, init, main, hasSandbox: Boolean(sandbox?.ready), extra, nowMs }),
    ...(main.length > 0 && { containerStatuses: main }),
    ...(ephemeral.length > 0 && { ephemeralContainerStatuses: ephemeral }),
    ...(hostIps.length > 0 && { hostIP: hostIps[0]!, hostIPs: hostIps.map((ip) => ({ ip })) }),
    ...(init.length > 0 && { initContainerStatuses: init }),
    ...(why?.message && { message: why.message }),
    ...observedGeneration(pod),
    phase,
    ...(shownIps.length > 0 && { podIP: shownIps[0]!, podIPs: shownIps.map((ip) => ({ ip })) }),
    qosClass: previous?.qosClass ?? qosClass(pod),
    ...(why?.reason && { reason: why.reason }),
    startTime: previous?.startTime ?? formatTime(nowMs),
  };
}

/** Each container has its part of what a pod may leave: its status must not be too large to be told. */
function withShortWords(status: V1ContainerStatus, mostBytes: number): V1ContainerStatus {
  const shortened = (state: V1ContainerState | undefined) => {
    const { terminated } = state ?? {};
    if (!terminated?.message || Buffer.byteLength(terminated.message) <= mostBytes) return state;
    const message = Buffer.from(terminated.message).subarray(0, mostBytes).toString();
    return { ...state, terminated: { ...terminated, message } };
  };
  const [state, lastState] = [shortened(status.state), shortened(status.lastState)];
  return state === status.state && lastState === status.lastState
    ? status
    : { ...status, ...(state && { state }), ...(lastState && { lastState }) };
}

/** What the pod as a whole was given, and what is in force of its own resources. */
function podResources(
  pod: V1Pod,
  inForce: V1ResourceRequirements | undefined,
): Pick<V1PodStatus, 'allocatedResources' | 'resources'> {
  const requests = podRequests(pod);
  const { resources } = pod.spec ?? {};
  return {
    ...(requests.size > 0 && {
      allocatedResources: Object.fromEntries([...requests].map(([name, quantity]) => [name, formatQuantity(quantity)])),
    }),
    ...(resources && { resources: shownResources(inForce ?? resources) }),
  };
}

const terminal = (phase: string) => (isTerminal(phase) ? phase : 'Failed');

/** What has begun to be initialized has failed where it has no end (upstream's status_manager.go, TerminatePod). */
function endedInit(init: readonly V1ContainerStatus[]): V1ContainerStatus[] {
  const last = init.findLastIndex(({ containerID, state }) => containerID || state?.running || state?.terminated);
  return init.map((status, index) => (index <= last ? ended(status) : status));
}

function endedMain(
  main: readonly V1ContainerStatus[],
  init: readonly V1ContainerStatus[],
  specs: readonly V1Container[],
): V1ContainerStatus[] {
  const initialized = init.length === 0 || main.some(({ containerID }) => containerID);
  return initialized && specs.length > 0 ? main.map(ended) : [...main];
}

function ended(status: V1ContainerStatus): V1ContainerStatus {
  if (status.state?.terminated) return status;
  return {
    ...status,
    ready: false,
    ...('started' in status && { started: false }),
    state: { terminated: lost(status, 'terminated') },
  };
}
