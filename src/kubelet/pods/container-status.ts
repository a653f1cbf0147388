import type { V1Container, V1ContainerState, V1ContainerStatus, V1Pod, V1ResourceRequirements } from '../../api/gen/types.ts';
import { formatTime } from '../../api/machinery/object.ts';
import { formatGoDuration } from '../../std/go-duration.ts';
import type { RuntimeContainer } from '../runtime/runtime.ts';
import { type ContainerKind, isSidecar, newestOf, podText } from './container-kinds.ts';
import { restartsAfter } from './restart-rules.ts';

/** Why a container cannot start. */
export interface Problem {
  readonly reason: string;
  readonly message: string;
}

export interface ContainerStatusInput {
  readonly pod: V1Pod;
  readonly kind: ContainerKind;
  /** `containerd`, `hollow`. */
  readonly runtimeName: string;
  readonly isStarted: (container: RuntimeContainer) => boolean;
  readonly isReady: (container: RuntimeContainer) => boolean;
  /** Delays of containers in back-off, by name. */
  readonly backoff: ReadonlyMap<string, number>;
  /** Why containers cannot start, by name. */
  readonly problems: ReadonlyMap<string, Problem>;
  /** Whether the statuses say more than hollow pods have: mounts, resources, users. */
  readonly detailed?: boolean;
  /** The resources of running containers where they are not (yet) what the pod was given, by id. */
  readonly inForce?: ReadonlyMap<string, V1ResourceRequirements>;
}

/**
 * The status of one container.
 *
 * @param containers those of its name alone
 * @param before what was told last
 */
export function containerStatus(
  container: V1Container,
  containers: readonly RuntimeContainer[],
  before: V1ContainerStatus | undefined,
  input: ContainerStatusInput,
): V1ContainerStatus {
  const newest = newestOf(containers, container.name);
  const details = input.detailed ? detailsOf(container, newest, newest && input.inForce?.get(newest.id)) : {};
  if (!newest) return { ...missingStatus(container, before, input), ...details };
  const { runtimeName, backoff, problems, pod, kind } = input;
  const id = `${runtimeName}://${newest.id}`;
  const delayMs = backoff.get(container.name);
  const restarts = newest.phase !== 'exited' || startsAgain(pod, kind, container, newest.exitCode ?? 0);
  // One that has ended for good waits for nothing, whatever its last start came to.
  const problem = restarts ? problems.get(container.name) : undefined;
  const ended = newest.phase === 'exited' ? terminated(newest, id) : undefined;
  const waits = ended && (delayMs !== undefined || problem !== undefined);
  const older = containers.filter(({ attempt, phase }) => attempt < newest.attempt && phase !== 'created');
  const last = newestOf(older, newest.name);
  const sameLife = before?.restartCount === newest.attempt;
  const lastState = waits
    ? ended
    : last
      ? terminated(last, `${runtimeName}://${last.id}`)
      : sameLife
        ? (before.lastState ?? {})
        : (before?.state?.terminated && { terminated: before.state.terminated }) || before?.lastState || {};
  const running = newest.phase === 'running';
  const state: V1ContainerState = running
    ? { running: { startedAt: formatTime(newest.startedAtMs ?? newest.createdAtMs) } }
    : waits
      ? { waiting: problem ?? crashLoop(container.name, delayMs!, pod) }
      : (ended ?? { waiting: problem ?? { reason: notYet(input) } });
  const toEnd = kind === 'init' && !isSidecar(container);
  const ready =
    kind !== 'ephemeral' && (toEnd ? newest.phase === 'exited' && newest.exitCode === 0 : running && input.isReady(newest));
  return {
    containerID: id,
    image: newest.image,
    imageID: newest.imageId,
    lastState,
    name: container.name,
    ready,
    restartCount: newest.attempt,
    ...(kind !== 'ephemeral' && { started: running && input.isStarted(newest) }),
    state,
    ...details,
  };
}

/** As upstream's ShouldContainerBeRestarted (pkg/kubelet/container/helpers.go), of one that has ended. */
function startsAgain(pod: V1Pod, kind: ContainerKind, container: V1Container, exitCode: number): boolean {
  if (pod.metadata?.deletionTimestamp || kind === 'ephemeral') return false;
  const isDone = kind === 'init' && !isSidecar(container) && exitCode === 0;
  return !isDone && restartsAfter(pod, container, exitCode);
}

function missingStatus(
  container: V1Container,
  before: V1ContainerStatus | undefined,
  input: ContainerStatusInput,
): V1ContainerStatus {
  const { kind, problems } = input;
  // The runtime has forgotten how it ended; the status has not.
  if (before?.state?.terminated) return before;
  const problem = problems.get(container.name);
  const vanished = before?.state?.running;
  return {
    image: container.image ?? '',
    imageID: '',
    lastState: vanished ? { terminated: lost(before, 'deleted.  The container used to be Running') } : (before?.lastState ?? {}),
    name: container.name,
    ready: false,
    restartCount: (before?.restartCount ?? 0) + (vanished ? 1 : 0),
    ...(kind !== 'ephemeral' && { started: false }),
    state: { waiting: problem ?? { reason: notYet(input) } },
  };
}

/** Why a container that nothing is wrong with does not run: also of one that was made a moment ago and is about to start. */
function notYet({ pod, kind }: ContainerStatusInput): string {
  return pod.spec?.initContainers?.length && kind !== 'ephemeral' ? 'PodInitializing' : 'ContainerCreating';
}

/** The end of a container of which nobody knows how it ended; upstream's words. */
export function lost(before: V1ContainerStatus | undefined, when: string) {
  return {
    ...(before?.containerID && { containerID: before.containerID }),
    exitCode: 137,
    message: `The container could not be located when the pod was ${when}`,
    reason: 'ContainerStatusUnknown',
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
      reason: reason || (exitCode === 0 ? 'Completed' : 'Error'),
      startedAt: formatTime(startedAtMs ?? createdAtMs),
    },
  };
}

function crashLoop(name: string, delayMs: number, pod: V1Pod): Problem {
  const message = `back-off ${formatGoDuration(delayMs)} restarting failed container=${name} pod=${podText(pod)}`;
  return { reason: 'CrashLoopBackOff', message };
}

/** What a container's status says beyond its state. */
function detailsOf(container: V1Container, newest: RuntimeContainer | undefined, inForce: V1ResourceRequirements | undefined) {
  const mounts = container.volumeMounts?.map(({ name, mountPath, readOnly, recursiveReadOnly }) => ({
    mountPath,
    name,
    // Nothing older than containerd 2 mounts recursively read-only.
    ...(readOnly && { readOnly, recursiveReadOnly: recursiveReadOnly === 'Enabled' ? 'Enabled' : 'Disabled' }),
  }));
  const user = newest?.user;
  const linux = user && {
    gid: user.gid,
    uid: user.uid,
    ...(user.supplementalGroups.length > 0 && { supplementalGroups: [...user.supplementalGroups] }),
  };
  return {
    ...(mounts?.length && { volumeMounts: mounts }),
    ...(linux && { user: { linux } }),
    ...(newest?.stopSignal && container.lifecycle?.stopSignal && { stopSignal: newest.stopSignal }),
    ...(newest && resourcesOf(container, inForce)),
  };
}

/** The container's own spec is what was allocated to it: what is wanted but not yet given stands in the pod's spec alone. */
function resourcesOf({ resources = {} }: V1Container, inForce: V1ResourceRequirements = resources) {
  const { requests, limits } = inForce;
  return {
    ...(resources.requests && Object.keys(resources.requests).length > 0 && { allocatedResources: { ...resources.requests } }),
    resources: { ...(limits && { limits: { ...limits } }), ...(requests && { requests: { ...requests } }) },
  };
}
