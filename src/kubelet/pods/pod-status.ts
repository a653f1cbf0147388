import type {
  V1Container,
  V1ContainerState,
  V1ContainerStatus,
  V1Pod,
  V1PodCondition,
  V1PodStatus,
} from '../../api/gen/types.ts';
import { formatTime } from '../../api/machinery/object.ts';
import type { PodSandbox, RuntimeContainer } from '../runtime/runtime.ts';
import { newestOf } from './pod-plan.ts';
import { qosClass } from './qos-class.ts';

export interface StatusInput {
  readonly pod: V1Pod;
  readonly sandbox: PodSandbox | undefined;
  readonly containers: readonly RuntimeContainer[];
  /** `containerd`, `hollow`. */
  readonly runtimeName: string;
  /** The node's addresses, IPv4 first. */
  readonly hostIps: readonly string[];
  readonly isStarted: (container: RuntimeContainer) => boolean;
  readonly isReady: (container: RuntimeContainer) => boolean;
  /** Delays of containers in back-off, by name. */
  readonly backoff: ReadonlyMap<string, number>;
  /** Why a container cannot start, by name, or the pod as a whole (`''`). */
  readonly problems: ReadonlyMap<string, { readonly reason: string; readonly message: string }>;
  readonly nowMs: number;
}

/** The status of a pod as its containers are; times of the previous status kept where nothing changed. */
export function podStatus(input: StatusInput): V1PodStatus {
  const { pod, sandbox, hostIps, nowMs } = input;
  const { spec, status: previous } = pod;
  const byName = Map.groupBy(input.containers, ({ name }) => name);
  const statusesOf = (containers: readonly V1Container[] = [], before: readonly V1ContainerStatus[] = [], isInit: boolean) => {
    const beforeByName = new Map(before.map((status) => [status.name, status]));
    return containers.map((container) => {
      const { name } = container;
      return containerStatus(container, beforeByName.get(name), { ...input, containers: byName.get(name) ?? [] }, isInit);
    });
  };
  const init = statusesOf(spec?.initContainers, previous?.initContainerStatuses, true);
  const main = statusesOf(spec?.containers, previous?.containerStatuses, false).sort((a, b) => (a.name < b.name ? -1 : 1));
  const phase = podPhase(pod, init, main);
  const hostNetwork = spec?.hostNetwork ?? false;
  const ips = hostNetwork ? (sandbox ? hostIps : []) : (sandbox?.ips ?? []);
  const shownIps = ips.length > 0 ? ips : (previous?.podIPs ?? []).map(({ ip }) => ip);
  return {
    conditions: podConditions(pod, phase, init, main, Boolean(sandbox?.ready), nowMs),
    ...(main.length > 0 && { containerStatuses: main }),
    ...(hostIps.length > 0 && { hostIP: hostIps[0]!, hostIPs: hostIps.map((ip) => ({ ip })) }),
    ...(init.length > 0 && { initContainerStatuses: init }),
    ...observedGeneration(pod),
    phase,
    ...(shownIps.length > 0 && { podIP: shownIps[0]!, podIPs: shownIps.map((ip) => ({ ip })) }),
    qosClass: previous?.qosClass ?? qosClass(pod),
    startTime: previous?.startTime ?? formatTime(nowMs),
  };
}

function containerStatus(
  container: V1Container,
  before: V1ContainerStatus | undefined,
  /** With the containers of that name alone. */
  input: StatusInput,
  isInit: boolean,
): V1ContainerStatus {
  const { containers, runtimeName, backoff, problems, pod } = input;
  const newest = newestOf(containers, container.name);
  const image = container.image ?? '';
  if (!newest) {
    // The runtime has forgotten how it ended; the status has not.
    if (before?.state?.terminated) return before;
    const problem = problems.get(container.name) ?? problems.get('');
    const creating = pod.spec?.initContainers?.length && !isInit ? 'PodInitializing' : 'ContainerCreating';
    return {
      image,
      imageID: '',
      lastState: {},
      name: container.name,
      ready: false,
      restartCount: 0,
      started: false,
      state: { waiting: problem ?? { reason: creating } },
    };
  }
  const id = `${runtimeName}://${newest.id}`;
  const delayMs = backoff.get(container.name);
  const problem = problems.get(container.name);
  const ended = newest.phase === 'exited' ? terminated(newest, id) : undefined;
  const inBackoff = ended && (delayMs !== undefined || problem !== undefined);
  const older = containers.filter(({ name, attempt }) => name === newest.name && attempt < newest.attempt);
  const last = newestOf(older, newest.name);
  const sameLife = before?.restartCount === newest.attempt;
  const lastState = inBackoff
    ? ended
    : last
      ? terminated(last, `${runtimeName}://${last.id}`)
      : sameLife
        ? (before.lastState ?? {})
        : {};
  const running = newest.phase === 'running';
  const state: V1ContainerState = running
    ? { running: { startedAt: formatTime(newest.startedAtMs ?? newest.createdAtMs) } }
    : inBackoff
      ? { waiting: problem ?? crashLoop(container.name, delayMs!, pod) }
      : (ended ?? { waiting: { reason: 'ContainerCreating' } });
  const sidecar = isInit && container.restartPolicy === 'Always';
  const ready = isInit && !sidecar ? newest.phase === 'exited' && newest.exitCode === 0 : running && input.isReady(newest);
  return {
    containerID: id,
    image: newest.image,
    imageID: newest.imageId,
    lastState,
    name: container.name,
    ready,
    restartCount: newest.attempt,
    started: running && input.isStarted(newest),
    state,
  };
}

function terminated(container: RuntimeContainer, containerID: string): V1ContainerState {
  const { exitCode = 0, reason, message, startedAtMs, createdAtMs, finishedAtMs } = container;
  return {
    terminated: {
      containerID,
      exitCode,
      finishedAt: formatTime(finishedAtMs ?? createdAtMs),
      ...(message && { message }),
      reason: reason ?? (exitCode === 0 ? 'Completed' : 'Error'),
      startedAt: formatTime(startedAtMs ?? createdAtMs),
    },
  };
}

function crashLoop(name: string, delayMs: number, { metadata }: V1Pod) {
  const delay = delayMs >= 60_000 ? `${Math.floor(delayMs / 60_000)}m${(delayMs % 60_000) / 1000}s` : `${delayMs / 1000}s`;
  const pod = `${metadata?.name}_${metadata?.namespace}(${metadata?.uid})`;
  return { reason: 'CrashLoopBackOff', message: `back-off ${delay} restarting failed container=${name} pod=${pod}` };
}

/** Upstream's pkg/kubelet/kubelet_pods.go, getPhase. A phase that is over does not come back. */
export function podPhase(pod: V1Pod, init: readonly V1ContainerStatus[], main: readonly V1ContainerStatus[]): string {
  const before = pod.status?.phase;
  if (before === 'Succeeded' || before === 'Failed') return before;
  const policy = pod.spec?.restartPolicy ?? 'Always';
  const sidecars = new Set(pod.spec?.initContainers?.filter((c) => c.restartPolicy === 'Always').map(({ name }) => name));
  let uninitialized = false;
  for (const { name, state, lastState } of init) {
    if (sidecars.has(name)) continue;
    if (state?.terminated?.exitCode === 0) continue;
    if (state?.terminated && policy === 'Never') return 'Failed';
    uninitialized ||= Boolean(state?.running || state?.waiting || state?.terminated || lastState?.terminated);
  }
  const begun = main.some(({ state, restartCount }) => state?.running || state?.terminated || restartCount > 0);
  if (uninitialized && !begun) return 'Pending';
  const waiting = main.filter(({ state }) => state?.waiting);
  if (waiting.some(({ lastState }) => !lastState?.terminated)) return 'Pending';
  if (main.some(({ state }) => state?.running) || waiting.length > 0) return 'Running';
  const codes = main.flatMap(({ state }) => (state?.terminated ? [state.terminated.exitCode] : []));
  if (codes.length < main.length || main.length === 0) return 'Pending';
  // Pods that are going away end as their containers did, whatever their policy.
  const ending = pod.metadata?.deletionTimestamp !== undefined;
  if (policy === 'Always' && !ending) return 'Running';
  if (codes.every((code) => code === 0)) return 'Succeeded';
  return policy === 'Never' || ending ? 'Failed' : 'Running';
}

const KUBELET_CONDITIONS = ['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled'];

function podConditions(
  pod: V1Pod,
  phase: string,
  init: readonly V1ContainerStatus[],
  main: readonly V1ContainerStatus[],
  hasSandbox: boolean,
  nowMs: number,
): V1PodCondition[] {
  const over = phase === 'Succeeded' || phase === 'Failed';
  const names = (list: readonly V1ContainerStatus[]) => `[${list.map(({ name }) => name).join(' ')}]`;
  const uninitialized = init.filter(({ ready }) => !ready);
  const sidecars = new Set(pod.spec?.initContainers?.filter((c) => c.restartPolicy === 'Always').map(({ name }) => name));
  const unready = [...init.filter(({ name, ready }) => sidecars.has(name) && !ready), ...main.filter(({ ready }) => !ready)];
  const initialized: Verdict =
    uninitialized.length === 0
      ? phase === 'Succeeded'
        ? ['True', 'PodCompleted']
        : ['True']
      : ['False', 'ContainersNotInitialized', `containers with incomplete status: ${names(uninitialized)}`];
  const containersReady: Verdict =
    phase === 'Succeeded'
      ? ['False', 'PodCompleted']
      : phase === 'Failed'
        ? ['False', 'PodFailed']
        : unready.length === 0
          ? ['True']
          : ['False', 'ContainersNotReady', `containers with unready status: ${names(unready)}`];
  const gates = pod.spec?.readinessGates ?? [];
  const closed = gates.filter(
    ({ conditionType }) => !pod.status?.conditions?.some((c) => c.type === conditionType && c.status === 'True'),
  );
  const ready: Verdict =
    containersReady[0] === 'True' && closed.length > 0
      ? [
          'False',
          'ReadinessGatesNotReady',
          closed.map((g) => `the status of pod readiness gate "${g.conditionType}" is not "True", but False`).join(', '),
        ]
      : containersReady;
  const verdicts: Record<string, Verdict> = {
    PodReadyToStartContainers: [hasSandbox && !over ? 'True' : 'False'],
    Initialized: initialized,
    Ready: ready,
    ContainersReady: containersReady,
    PodScheduled: ['True'],
  };
  const foreign = (pod.status?.conditions ?? []).filter(({ type }) => !KUBELET_CONDITIONS.includes(type));
  return [...KUBELET_CONDITIONS.map((type) => condition(type, verdicts[type]!, pod, nowMs)), ...foreign];
}

type Verdict = readonly [status: 'True' | 'False', reason?: string, message?: string];

function condition(type: string, [status, reason, message]: Verdict, pod: V1Pod, nowMs: number): V1PodCondition {
  const before = pod.status?.conditions?.find((c) => c.type === type);
  const now = formatTime(nowMs);
  return {
    type,
    status,
    ...observedGeneration(pod),
    // The API keeps an unset probe time as null, and comparing statuses must not see a difference.
    ...(before && 'lastProbeTime' in before && { lastProbeTime: before.lastProbeTime }),
    lastTransitionTime: before?.status === status ? (before.lastTransitionTime ?? now) : now,
    ...(reason && { reason }),
    ...(message && { message }),
  };
}

/** Of which generation of the pod a status or a condition speaks; pods of old servers have none. */
const observedGeneration = ({ metadata }: V1Pod) => (metadata?.generation ? { observedGeneration: metadata.generation } : {});
