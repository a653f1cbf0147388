/** What `kubectl get pods` shows. The status is the hard part: it tells the one thing that matters most about the pod's containers. */
import type { V1ContainerState, V1ContainerStatus, V1Pod } from '../../gen/types.ts';
import { ageColumn, NONE, nameColumn, orElse, textColumn, wide } from '../../machinery/columns.ts';
import { humanDuration } from '../../machinery/human-duration.ts';
import type { Column, RowCondition } from '../../machinery/kind.ts';
import type { DynamicObject } from '../../machinery/object.ts';

interface PodSummary {
  readonly ready: number;
  readonly total: number;
  readonly status: string;
  readonly restarts: number;
  /** When a container last ended before it was started again. */
  readonly lastRestart?: string;
}

const isTrue = (pod: V1Pod, type: string) =>
  pod.status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') ?? false;

const isTerminal = (pod: V1Pod) => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';

/** How a container's end is named: its reason, else signal or exit code. */
function terminationReason({ reason, signal, exitCode }: NonNullable<V1ContainerState['terminated']>): string {
  if (reason) return reason;
  return signal ? `Signal:${signal}` : `ExitCode:${exitCode}`;
}

const later = (a: string | undefined, b: string | undefined) => (!a || (b && b > a) ? b : a);

/** Names of the init containers that keep running beside the others. */
function sidecarsOf(pod: V1Pod): Set<string> {
  const sidecars = (pod.spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  return new Set(sidecars.map(({ name }) => name));
}

/** As upstream's printPod decides it. */
export function summarizePod(pod: V1Pod): PodSummary {
  const sidecars = sidecarsOf(pod);
  const { phase, reason, conditions = [] } = pod.status ?? {};
  const gated = conditions.some((condition) => condition.type === 'PodScheduled' && condition.reason === 'SchedulingGated');
  const initial = gated ? 'SchedulingGated' : reason || phase || '';
  const init = summarizeInit(pod, sidecars);
  const initializing = init.status !== undefined && !isTrue(pod, 'Initialized');
  // A sidecar that went down once all had been initialized: said unless one of the others has trouble.
  const main = initializing ? undefined : summarizeMain(pod, init.status ?? initial);
  return {
    ready: init.ready + (main?.ready ?? 0),
    total: (pod.spec?.containers.length ?? 0) + sidecars.size,
    status: deletionStatus(pod) ?? (initializing ? init.status! : main!.status),
    restarts: main ? main.restarts + init.sidecarRestarts : init.restarts,
    lastRestart: main ? later(init.lastSidecarRestart, main.lastRestart) : init.lastRestart,
  };
}

function deletionStatus(pod: V1Pod): string | undefined {
  if (!pod.metadata?.deletionTimestamp) return undefined;
  if (pod.status?.reason === 'NodeLost') return 'Unknown';
  return isTerminal(pod) ? undefined : 'Terminating';
}

/** The first init container that is not done decides; sidecars count as containers too. */
function summarizeInit(pod: V1Pod, sidecars: ReadonlySet<string>) {
  let restarts = 0;
  let sidecarRestarts = 0;
  let ready = 0;
  let lastRestart: string | undefined;
  let lastSidecarRestart: string | undefined;
  let status: string | undefined;
  const statuses = pod.status?.initContainerStatuses ?? [];
  for (const [place, container] of statuses.entries()) {
    const { state = {} } = container;
    const ended = container.lastState?.terminated?.finishedAt;
    restarts += container.restartCount;
    lastRestart = later(lastRestart, ended);
    const isSidecar = sidecars.has(container.name);
    if (isSidecar) {
      sidecarRestarts += container.restartCount;
      lastSidecarRestart = later(lastSidecarRestart, ended);
    }
    if (state.terminated?.exitCode === 0) continue;
    if (isSidecar && container.started) {
      if (container.ready) ready++;
      continue;
    }
    status = initStatus(state, place, pod.spec?.initContainers?.length ?? 0);
    break;
  }
  return { restarts, sidecarRestarts, ready, lastRestart, lastSidecarRestart, status };
}

function initStatus(state: V1ContainerState, place: number, total: number): string {
  if (state.terminated) return `Init:${terminationReason(state.terminated)}`;
  if (state.waiting?.reason && state.waiting.reason !== 'PodInitializing') return `Init:${state.waiting.reason}`;
  return `Init:${place}/${total}`;
}

/** The first container that is not simply running decides. */
function summarizeMain(pod: V1Pod, initial: string) {
  let status = initial;
  let restarts = 0;
  let ready = 0;
  let lastRestart: string | undefined;
  let running = false;
  for (const container of (pod.status?.containerStatuses ?? []).toReversed()) {
    restarts += container.restartCount;
    lastRestart = later(lastRestart, container.lastState?.terminated?.finishedAt);
    const trouble = containerTrouble(container);
    if (trouble) status = trouble;
    else if (container.ready && container.state?.running) {
      running = true;
      ready++;
    }
  }
  // One container done and another running: the pod as a whole runs.
  if (status === 'Completed' && running) status = isTrue(pod, 'Ready') ? 'Running' : 'NotReady';
  return { status, restarts, ready, lastRestart };
}

function containerTrouble({ state }: V1ContainerStatus): string | undefined {
  if (state?.waiting?.reason) return state.waiting.reason;
  return state?.terminated && terminationReason(state.terminated);
}

function formatRestarts({ restarts, lastRestart }: PodSummary, nowMs: number): string {
  return lastRestart && restarts ? `${restarts} (${humanDuration(nowMs - Date.parse(lastRestart))} ago)` : String(restarts);
}

function formatReadinessGates(pod: V1Pod): string {
  const gates = pod.spec?.readinessGates ?? [];
  if (!gates.length) return NONE;
  const open = new Set(pod.status?.conditions?.filter(({ status }) => status === 'True').map(({ type }) => type));
  return `${gates.filter(({ conditionType }) => open.has(conditionType)).length}/${gates.length}`;
}

export const podColumns: readonly Column[] = [
  nameColumn,
  textColumn<V1Pod>('Ready', 'How many of its containers are ready.', (pod) => {
    const { ready, total } = summarizePod(pod);
    return `${ready}/${total}`;
  }),
  textColumn<V1Pod>('Status', 'What its containers do, in one word.', (pod) => summarizePod(pod).status),
  textColumn<V1Pod>('Restarts', 'How often its containers were started again, and when last.', (pod, nowMs) =>
    formatRestarts(summarizePod(pod), nowMs),
  ),
  ageColumn,
  ...wide(
    textColumn<V1Pod>('IP', "The pod's address.", ({ status }) => orElse(status?.podIPs?.[0]?.ip, NONE)),
    textColumn<V1Pod>('Node', 'The node it runs on.', ({ spec }) => orElse(spec?.nodeName, NONE)),
    textColumn<V1Pod>('Nominated Node', 'The node on which room is being made for it.', ({ status }) =>
      orElse(status?.nominatedNodeName, NONE),
    ),
    textColumn<V1Pod>('Readiness Gates', 'How many of its readiness gates are open.', formatReadinessGates),
  ),
];

const ENDED: ReadonlyMap<string, readonly RowCondition[]> = new Map([
  ['Succeeded', [{ type: 'Completed', status: 'True', reason: 'Succeeded', message: 'The pod has completed successfully.' }]],
  ['Failed', [{ type: 'Completed', status: 'True', reason: 'Failed', message: 'The pod failed.' }]],
]);

export function podRowConditions(object: DynamicObject): readonly RowCondition[] {
  return ENDED.get((object as V1Pod).status?.phase ?? '') ?? [];
}
