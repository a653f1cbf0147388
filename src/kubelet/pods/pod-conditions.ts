import type { V1ContainerStatus, V1Pod, V1PodCondition, V1PodStatus } from '../../api/gen/types.ts';
import { formatTime } from '../../api/machinery/object.ts';
import { sidecarNames } from './container-kinds.ts';
import { isInitialized, isTerminal } from './pod-phase.ts';

/** A condition that only some pods have; upstream's reasons and messages. */
export interface ExtraCondition {
  readonly type: 'DisruptionTarget' | 'PodResizePending' | 'PodResizeInProgress' | 'AllContainersRestarting';
  readonly status: 'True' | 'False';
  readonly reason?: string;
  readonly message?: string;
}

export interface ConditionsInput {
  readonly pod: V1Pod;
  readonly phase: string;
  readonly init: readonly V1ContainerStatus[];
  readonly main: readonly V1ContainerStatus[];
  readonly hasSandbox: boolean;
  readonly extra: readonly ExtraCondition[];
  readonly nowMs: number;
}

type Verdict = readonly [status: 'True' | 'False', reason?: string, message?: string];

const KUBELET_CONDITIONS = ['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled'] as const;

/** Conditions that the kubelet takes away again when they no longer hold. */
export const PASSING_CONDITIONS: readonly string[] = ['PodResizePending', 'PodResizeInProgress'];

const OURS: ReadonlySet<string> = new Set<string>([...KUBELET_CONDITIONS, ...PASSING_CONDITIONS, 'AllContainersRestarting']);

/**
 * What the kubelet told last, with the conditions of others (of readiness gates) as the server has them. A disruption is told by whoever
 * knows of it.
 */
export function withConditionsOfOthers(told: V1PodStatus, seen: V1PodStatus | undefined): V1PodStatus {
  const kept = told.conditions?.filter(({ type }) => OURS.has(type) || type === 'DisruptionTarget') ?? [];
  const known = new Set(kept.map(({ type }) => type));
  const others = seen?.conditions?.filter(({ type }) => !OURS.has(type) && !known.has(type)) ?? [];
  const conditions = [...kept, ...others];
  return conditions.length > 0 || told.conditions ? { ...told, conditions } : told;
}

/** The kubelet's conditions, those of this pod alone, and what others wrote; times are kept where nothing changed. */
export function podConditions(input: ConditionsInput): V1PodCondition[] {
  const { pod, phase, extra, nowMs } = input;
  const containersReady = judgeContainers(input);
  const verdicts: Record<(typeof KUBELET_CONDITIONS)[number], Verdict> = {
    PodReadyToStartContainers: [input.hasSandbox && !isTerminal(phase) ? 'True' : 'False'],
    Initialized: judgeInitialization(input),
    Ready: containersReady[0] === 'True' ? judgeGates(pod) : containersReady,
    ContainersReady: containersReady,
    PodScheduled: ['True'],
  };
  const own = new Set<string>([...KUBELET_CONDITIONS, ...PASSING_CONDITIONS, ...extra.map(({ type }) => type)]);
  const foreign = (pod.status?.conditions ?? []).filter(({ type }) => !own.has(type));
  return [
    ...KUBELET_CONDITIONS.map((type) => condition(type, verdicts[type], pod, nowMs)),
    ...extra.map(({ type, status, reason, message }) => condition(type, [status, reason, message], pod, nowMs)),
    ...foreign,
  ];
}

const names = (list: readonly V1ContainerStatus[]) => `[${list.map(({ name }) => name).join(' ')}]`;

const hasStarted = ({ state }: V1ContainerStatus) => state?.running !== undefined || state?.terminated !== undefined;

function judgeInitialization({ pod, phase, init, main }: ConditionsInput): Verdict {
  const specs = new Map(pod.spec?.initContainers?.map((spec) => [spec.name, spec]));
  const missing = init.filter((status) => !isInitialized(status, specs.get(status.name)));
  if (phase === 'Succeeded') return ['True', 'PodCompleted'];
  // Once one of the others has started, the pod was initialized, whatever its sidecars do since.
  if (missing.length === 0 || main.some(hasStarted)) return ['True'];
  return ['False', 'ContainersNotInitialized', `containers with incomplete status: ${names(missing)}`];
}

function judgeContainers({ pod, phase, init, main }: ConditionsInput): Verdict {
  if (phase === 'Succeeded') return ['False', 'PodCompleted'];
  if (phase === 'Failed') return ['False', 'PodFailed'];
  const sidecars = sidecarNames(pod);
  const unready = [...init.filter(({ name }) => sidecars.has(name)), ...main].filter(({ ready }) => !ready);
  if (unready.length === 0) return ['True'];
  return ['False', 'ContainersNotReady', `containers with unready status: ${names(unready)}`];
}

function judgeGates(pod: V1Pod): Verdict {
  const closed = (pod.spec?.readinessGates ?? []).flatMap(({ conditionType }) => {
    const found = pod.status?.conditions?.find(({ type }) => type === conditionType);
    if (!found) return [`corresponding condition of pod readiness gate "${conditionType}" does not exist.`];
    if (found.status === 'True') return [];
    return [`the status of pod readiness gate "${conditionType}" is not "True", but ${found.status}`];
  });
  return closed.length === 0 ? ['True'] : ['False', 'ReadinessGatesNotReady', closed.join(', ')];
}

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
export const observedGeneration = ({ metadata }: V1Pod) =>
  metadata?.generation ? { observedGeneration: metadata.generation } : {};
