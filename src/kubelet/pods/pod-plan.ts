import type { V1Container, V1Pod } from '../../api/gen/types.ts';
import type { PodSandbox, RuntimeContainer } from '../runtime/runtime.ts';

/** What is known of one pod when it is decided what to do. */
export interface PodView {
  readonly pod: V1Pod;
  readonly sandboxes: readonly PodSandbox[];
  readonly containers: readonly RuntimeContainer[];
  /** Whether a running container has passed its startup probe (or has none). */
  readonly isStarted: (container: RuntimeContainer) => boolean;
  /** Running containers that failed their liveness or startup probe, by id. */
  readonly unhealthy: ReadonlySet<string>;
  readonly nowMs: number;
}

export interface ContainerStart {
  readonly container: V1Container;
  readonly attempt: number;
}

export interface PodPlan {
  /** Set when a sandbox is needed first; then nothing else is planned. */
  readonly sandboxAttempt?: number;
  readonly start: readonly ContainerStart[];
  /** Running containers to end: unhealthy ones, and all when the pod is over. */
  readonly stop: readonly string[];
  /** Ended containers that nobody needs: the newest and the one before stay, for the status. */
  readonly remove: readonly string[];
  /** Why containers wait, by name, where it is not simply being created. */
  readonly backoff: ReadonlyMap<string, number>;
  /** When a back-off ends. */
  readonly recheckAfterMs?: number;
  /** All has ended for good: the sandbox may stop. */
  readonly over: boolean;
}

const FIRST_BACKOFF_MS = 10_000;
const LONGEST_BACKOFF_MS = 300_000;
/** Who ran so long starts afresh. */
const FORGIVEN_AFTER_MS = 600_000;

/** The newest container of a name. */
export function newestOf(containers: readonly RuntimeContainer[], name: string): RuntimeContainer | undefined {
  let newest: RuntimeContainer | undefined;
  for (const container of containers)
    if (container.name === name && (!newest || container.attempt > newest.attempt)) newest = container;
  return newest;
}

/** How long after its end a container may be started again: at once, then 10 s, 20 s … 5 min. */
export function restartDelayMs(ended: RuntimeContainer): number {
  const ranMs = (ended.finishedAtMs ?? 0) - (ended.startedAtMs ?? 0);
  if (ended.attempt === 0 || ranMs >= FORGIVEN_AFTER_MS) return 0;
  return Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.min(ended.attempt - 1, 10));
}

/** The next steps for a pod that is to run. Pure; after each step it is asked again. */
export function planPod(view: PodView): PodPlan {
  const { pod, containers, sandboxes, nowMs } = view;
  // By name once: a pod of thousands of containers must not be searched for each of them.
  const byName = Map.groupBy(containers, ({ name }) => name);
  const newestNamed = (name: string) => newestOf(byName.get(name) ?? [], name);
  const spec = pod.spec;
  const policy = spec?.restartPolicy ?? 'Always';
  const start: ContainerStart[] = [];
  const backoff = new Map<string, number>();
  let recheckAfterMs: number | undefined;
  let failed = false;

  const consider = (container: V1Container, restart: (exitCode: number) => boolean): void => {
    const newest = newestNamed(container.name);
    if (!newest) start.push({ container, attempt: 0 });
    else if (newest.phase === 'exited' && restart(newest.exitCode ?? 0)) {
      const delayMs = restartDelayMs(newest);
      const waitMs = (newest.finishedAtMs ?? nowMs) + delayMs - nowMs;
      if (waitMs > 0) {
        backoff.set(container.name, delayMs);
        recheckAfterMs = Math.min(recheckAfterMs ?? Number.POSITIVE_INFINITY, waitMs);
      } else start.push({ container, attempt: newest.attempt + 1 });
    }
  };
  const byPolicy = (exitCode: number) => policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);

  const main = spec?.containers ?? [];
  const mainBegun = main.some(({ name }) => newestNamed(name));
  let initialized = true;
  for (const container of spec?.initContainers ?? []) {
    const sidecar = container.restartPolicy === 'Always';
    const newest = newestNamed(container.name);
    if (sidecar) consider(container, () => true);
    else if (!mainBegun) consider(container, (exitCode) => exitCode !== 0 && policy !== 'Never');
    const passed = sidecar
      ? newest?.phase === 'running' && view.isStarted(newest)
      : mainBegun || (newest?.phase === 'exited' && newest.exitCode === 0);
    if (!sidecar && newest?.phase === 'exited' && newest.exitCode !== 0 && policy === 'Never') failed = true;
    if (!passed) {
      initialized = false;
      break;
    }
  }
  if (initialized) for (const container of main) consider(container, byPolicy);

  const over = failed || (main.length > 0 && main.every(({ name }) => isOver(newestNamed(name), byPolicy)));
  const running = containers.filter(({ phase }) => phase === 'running');
  if (over) return { start: [], stop: running.map(({ id }) => id), remove: [], backoff: new Map(), over };
  const stop = running.filter(({ id }) => view.unhealthy.has(id)).map(({ id }) => id);
  const remove = containers.filter((c) => c.phase === 'exited' && c.attempt < (newestNamed(c.name)?.attempt ?? 0) - 1);
  const needsSandbox = start.length > 0 && !sandboxes.some(({ ready }) => ready);
  const attempt = sandboxes.reduce((most, sandbox) => Math.max(most, sandbox.attempt + 1), 0);
  return {
    ...(needsSandbox && { sandboxAttempt: attempt }),
    start: needsSandbox ? [] : start,
    stop,
    remove: remove.map(({ id }) => id),
    backoff,
    ...(recheckAfterMs !== undefined && { recheckAfterMs }),
    over,
  };
}

function isOver(newest: RuntimeContainer | undefined, restarts: (exitCode: number) => boolean): boolean {
  return newest?.phase === 'exited' && !restarts(newest.exitCode ?? 0);
}
