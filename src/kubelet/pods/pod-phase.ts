import type { V1Container, V1ContainerStatus, V1Pod } from '../../api/gen/types.ts';
import { isSidecar } from './container-kinds.ts';
import { restartsAfter } from './restart-rules.ts';

export const isTerminal = (phase: string | undefined): boolean => phase === 'Succeeded' || phase === 'Failed';

/**
 * Upstream's pkg/kubelet/kubelet_pods.go, getPhase. A phase that is over does not come back.
 *
 * @param ending whether the containers ended since the pod is going away: then their policy does not count
 */
export function podPhase(
  pod: V1Pod,
  init: readonly V1ContainerStatus[],
  main: readonly V1ContainerStatus[],
  ending = pod.metadata?.deletionTimestamp !== undefined,
): string {
  const before = pod.status?.phase;
  if (before && isTerminal(before)) return before;
  const specs = new Map([...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])].map((spec) => [spec.name, spec]));
  const restarts = (name: string, exitCode: number) => restartsAfter(pod, specs.get(name) ?? { name }, exitCode);
  if (init.some((status) => hasFailed(status, specs.get(status.name), restarts))) return 'Failed';
  const begun = main.some(({ state, restartCount }) => state?.running || state?.terminated || restartCount > 0);
  if (!begun && init.some((status) => !isInitialized(status, specs.get(status.name)))) return 'Pending';
  const waiting = main.filter(({ state }) => state?.waiting);
  if (waiting.some(({ lastState }) => !lastState?.terminated)) return 'Pending';
  if (main.some(({ state }) => state?.running) || waiting.length > 0) return 'Running';
  const ends = main.flatMap(({ name, state }) => (state?.terminated ? [{ name, exitCode: state.terminated.exitCode }] : []));
  if (ends.length < main.length || main.length === 0) return 'Pending';
  if (!ending && ends.some(({ name, exitCode }) => restarts(name, exitCode))) return 'Running';
  return ends.every(({ exitCode }) => exitCode === 0) ? 'Succeeded' : 'Failed';
}

/** An init container that failed and will not be tried again. */
function hasFailed(
  { name, state }: V1ContainerStatus,
  spec: V1Container | undefined,
  restarts: (name: string, exitCode: number) => boolean,
): boolean {
  const exitCode = state?.terminated?.exitCode ?? 0;
  return exitCode !== 0 && !(spec && isSidecar(spec)) && !restarts(name, exitCode);
}

/** Whether the containers behind this one may start: sidecars have to be started, the others to have succeeded. */
export function isInitialized({ state, started }: V1ContainerStatus, spec: V1Container | undefined): boolean {
  return spec && isSidecar(spec) ? started === true : state?.terminated?.exitCode === 0;
}
