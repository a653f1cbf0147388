import type { V1Container, V1Pod } from '../../api/gen/types.ts';
import type { ProbeFailure } from '../probes/pod-probes.ts';
import type { PodSandbox, RuntimeContainer } from '../runtime/runtime.ts';
import { isSidecar, newestOf } from './container-kinds.ts';
import type { RestartWait } from './restart-backoff.ts';
import { attemptsOf } from './restart-count.ts';
import { restartsAfter, restartsAll, restartsWhenKilled } from './restart-rules.ts';

/** What is known of one pod when it is decided what to do. */
export interface PodView {
  readonly pod: V1Pod;
  readonly sandboxes: readonly PodSandbox[];
  readonly containers: readonly RuntimeContainer[];
  /** Whether a running container has passed its startup probe (or has none). */
  readonly isStarted: (container: RuntimeContainer) => boolean;
  /** Running containers that failed their liveness or startup probe, by id. */
  readonly unhealthy: ReadonlySet<string>;
  /** Why, where it is known. */
  readonly failures?: ReadonlyMap<string, ProbeFailure>;
  /** Why a running container must start anew, whatever its policy, as the event says it: its definition changed. */
  readonly changed?: (spec: V1Container, container: RuntimeContainer) => string | undefined;
  /** What this sync has stopped for the plan's sake, by id: whether it is to run again whatever it ended with. */
  readonly killed?: ReadonlyMap<string, { readonly restart: boolean }>;
  /** How long a container that ended then must wait; undefined: not at all. */
  readonly waitOf: (name: string, endedMs: number) => RestartWait | undefined;
  readonly nowMs: number;
}

export interface ContainerStart {
  readonly container: V1Container;
  readonly attempt: number;
  /** When the one before it ended. */
  readonly endedMs?: number;
}

export interface ContainerStop {
  readonly id: string;
  readonly name: string;
  /** What the event says; none: that it is being stopped. */
  readonly message?: string;
  readonly gracePeriodSeconds?: number;
  /** It is to run again. */
  readonly restart: boolean;
}

export interface PodPlan {
  /** Set when a sandbox is needed first; then nothing is started yet. */
  readonly sandboxAttempt?: number;
  readonly start: readonly ContainerStart[];
  /** Running containers to end: unhealthy or changed ones, those of a sandbox that is gone, and all when the pod is over. */
  readonly stop: readonly ContainerStop[];
  /** Containers that nobody needs, before anything starts: the newest and the one before stay, for the status. */
  readonly remove: readonly string[];
  /** Delays of containers that wait to be started again, by name. */
  readonly backoff: ReadonlyMap<string, number>;
  /** When a back-off ends. */
  readonly recheckAfterMs?: number;
  /** A container's end starts all of them anew in their sandbox. */
  readonly restartAll: boolean;
  /** All has ended for good: the sandbox may stop. */
  readonly over: boolean;
}

const NOTHING: PodPlan = { start: [], stop: [], remove: [], backoff: new Map(), restartAll: false, over: false };

/** The sandbox that the pod's containers are to be in: the newest, when it is whole. */
export function currentSandbox(pod: V1Pod, sandboxes: readonly PodSandbox[]): PodSandbox | undefined {
  let newest: PodSandbox | undefined;
  for (const sandbox of sandboxes) if (!newest || sandbox.attempt > newest.attempt) newest = sandbox;
  if (!newest?.ready) return undefined;
  return newest.ips.length > 0 || pod.spec?.hostNetwork ? newest : undefined;
}

/** The next steps for a pod that is to run. Pure; after each step it is asked again. */
export function planPod(view: PodView): PodPlan {
  const { pod, containers, sandboxes } = view;
  const sandbox = currentSandbox(pod, sandboxes);
  // By name once: a pod of thousands of containers must not be searched for each of them.
  const byName = Map.groupBy(containers, ({ name }) => name);
  const newestNamed = (name: string) => newestOf(byName.get(name) ?? [], name);
  const livingNamed = (name: string) => {
    const newest = newestNamed(name);
    return newest && newest.sandboxId === sandbox?.id ? newest : undefined;
  };
  const main = pod.spec?.containers ?? [];
  const init = pod.spec?.initContainers ?? [];
  const running = containers.filter(({ phase }) => phase === 'running');
  const stopAll = (restart: boolean) => running.map(({ id, name }) => ({ id, name, restart }));

  if ([...init, ...main].some((spec) => exitedWith(livingNamed(spec.name), (code) => restartsAll(spec, code))))
    return { ...NOTHING, restartAll: true, stop: stopAll(true), remove: containers.map(({ id }) => id) };

  const isOver = ({ name, ...spec }: V1Container) =>
    exitedWith(newestNamed(name), (code, id) => !(view.killed?.get(id)?.restart ?? restartsAfter(pod, { name, ...spec }, code)));
  const initFailed = init.some(
    (spec) => !isSidecar(spec) && exitedWith(livingNamed(spec.name), (code) => code !== 0 && !restartsAfter(pod, spec, code)),
  );
  // Who must not run twice is not begun again in another sandbox.
  const lost = pod.spec?.restartPolicy === 'Never' && !sandbox && containers.length > 0;
  const over = initFailed || lost || (main.length > 0 && main.every(isOver));
  if (over) return { ...NOTHING, stop: stopAll(false), over };

  const { start, backoff, recheckAfterMs } = planStarts(view, { newestNamed, livingNamed });
  const stop = [...(sandbox ? planStops(view, running, sandbox.id, newestNamed) : stopAll(true)), ...unknownToStop(view, start)];
  const needsSandbox = !sandbox && (start.length > 0 || backoff.size > 0);
  return {
    ...NOTHING,
    ...(needsSandbox && { sandboxAttempt: sandboxes.reduce((most, { attempt }) => Math.max(most, attempt + 1), 0) }),
    start: sandbox ? start : [],
    stop,
    remove: containers
      .filter((c) => c.phase === 'created' || (c.phase === 'exited' && c.attempt < (newestNamed(c.name)?.attempt ?? 0) - 1))
      .map(({ id }) => id),
    backoff,
    ...(recheckAfterMs !== undefined && { recheckAfterMs }),
  };
}

interface Lookup {
  readonly newestNamed: (name: string) => RuntimeContainer | undefined;
  /** Of the current sandbox alone. */
  readonly livingNamed: (name: string) => RuntimeContainer | undefined;
}

/** Ephemeral containers at once, then init containers one after the other, then the rest. */
function planStarts(view: PodView, { newestNamed, livingNamed }: Lookup) {
  const { pod, nowMs } = view;
  const { initContainers = [], containers: main = [], ephemeralContainers = [] } = pod.spec ?? {};
  const attemptOf = attemptsOf(pod);
  const start: ContainerStart[] = [];
  const backoff = new Map<string, number>();
  let recheckAfterMs: number | undefined;

  const consider = (container: V1Container, restarts: (exitCode: number) => boolean): void => {
    const { name } = container;
    const newest = newestNamed(name);
    const living = livingNamed(name);
    if (living?.phase === 'running') return;
    // A kubelet was killed between making and starting it.
    if (newest?.phase === 'created') {
      start.push({ container, attempt: newest.attempt });
      return;
    }
    if (!newest) {
      start.push({ container, attempt: attemptOf(name, undefined) });
      return;
    }
    if (newest.phase !== 'exited') return; // of a sandbox that is gone; it is stopped first
    const killed = view.killed?.get(newest.id);
    if (living && !(killed?.restart ?? restarts(living.exitCode ?? 0))) return;
    // As upstream: a container that the kubelet killed waits by the one before it.
    const endedMs = killed ? previousEnd(view.containers, newest) : (newest.finishedAtMs ?? nowMs);
    const wait = endedMs === undefined ? undefined : view.waitOf(name, endedMs);
    if (!wait) {
      start.push({ container, attempt: attemptOf(name, newest), ...(endedMs !== undefined && { endedMs }) });
      return;
    }
    backoff.set(name, wait.delayMs);
    recheckAfterMs = Math.min(recheckAfterMs ?? Number.POSITIVE_INFINITY, wait.waitMs);
  };

  for (const container of ephemeralContainers)
    if (!newestNamed(container.name)) start.push({ container: container as V1Container, attempt: 0 });
  const mainBegun = main.some(({ name }) => livingNamed(name));
  let initialized = true;
  for (const container of initContainers) {
    const living = livingNamed(container.name);
    if (isSidecar(container)) consider(container, () => true);
    else if (!mainBegun) consider(container, (code) => code !== 0 && restartsAfter(pod, container, code));
    initialized = isSidecar(container)
      ? living?.phase === 'running' && view.isStarted(living)
      : mainBegun || exitedWith(living, (code) => code === 0);
    // Sidecars go on being kept while the pod runs, even behind one that has not started again.
    if (!initialized && !mainBegun) break;
  }
  if (initialized || mainBegun) for (const container of main) consider(container, (code) => restartsAfter(pod, container, code));
  return { start, backoff, recheckAfterMs };
}

function planStops(
  view: PodView,
  running: readonly RuntimeContainer[],
  sandboxId: string,
  newestNamed: Lookup['newestNamed'],
): ContainerStop[] {
  const { pod } = view;
  const specs = new Map([...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])].map((spec) => [spec.name, spec]));
  return running.flatMap(({ id, name, ...rest }): ContainerStop[] => {
    // The second: one that began after all, when it had been given up.
    if (rest.sandboxId !== sandboxId || rest.attempt < newestNamed(name)!.attempt) return [{ id, name, restart: true }];
    const spec = specs.get(name);
    if (!spec) return [];
    const change = view.changed?.(spec, { id, name, ...rest });
    if (change) return [{ id, name, message: `${change}, will be restarted`, restart: true }];
    if (!view.unhealthy.has(id)) return [];
    const restart = restartsWhenKilled(pod, spec);
    const failure = view.failures?.get(id);
    const grace = failure?.gracePeriodSeconds;
    const message = failure && `Container ${name} failed ${failure.kind} probe${restart ? ', will be restarted' : ''}`;
    return [{ id, name, ...(message && { message }), ...(grace !== undefined && { gracePeriodSeconds: grace }), restart }];
  });
}

/** Nobody knows whether they run: as upstream, they are killed before they are started again, so that there are never two. */
function unknownToStop({ containers, killed }: PodView, start: readonly ContainerStart[]): ContainerStop[] {
  const names = new Set(start.map(({ container }) => container.name));
  return containers
    .filter(({ id, name, unknown }) => unknown && names.has(name) && !killed?.has(id))
    .map(({ id, name }) => ({
      id,
      name,
      message: 'Container is in "unknown" state, try killing it before restart',
      restart: true,
    }));
}

function previousEnd(containers: readonly RuntimeContainer[], newest: RuntimeContainer): number | undefined {
  const older = containers.filter(({ name, attempt }) => name === newest.name && attempt < newest.attempt);
  return newestOf(older, newest.name)?.finishedAtMs;
}

function exitedWith(container: RuntimeContainer | undefined, holds: (exitCode: number, id: string) => boolean): boolean {
  return container?.phase === 'exited' && holds(container.exitCode ?? 0, container.id);
}
