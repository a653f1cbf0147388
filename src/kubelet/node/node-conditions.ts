import type { V1NodeCondition } from '../../api/gen/types.ts';
import { formatTime } from '../../api/machinery/object.ts';
import type { RuntimeStatus } from '../runtime/runtime.ts';

/** What the conditions are made from. */
export interface NodeHealth {
  /** Why the runtime did not answer; undefined when it did. */
  readonly runtimeError?: string;
  readonly runtime?: RuntimeStatus;
  readonly shuttingDown?: boolean;
  readonly memoryPressure?: boolean;
  readonly diskPressure?: boolean;
  readonly pidPressure?: boolean;
}

type Verdict = readonly [type: string, status: 'True' | 'False', reason: string, message: string];

function verdicts(health: NodeHealth): Verdict[] {
  const { memoryPressure, diskPressure, pidPressure } = health;
  return [
    memoryPressure
      ? ['MemoryPressure', 'True', 'KubeletHasInsufficientMemory', 'kubelet has insufficient memory available']
      : ['MemoryPressure', 'False', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'],
    diskPressure
      ? ['DiskPressure', 'True', 'KubeletHasDiskPressure', 'kubelet has disk pressure']
      : ['DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'],
    pidPressure
      ? ['PIDPressure', 'True', 'KubeletHasInsufficientPID', 'kubelet has insufficient PID available']
      : ['PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'],
    ready(health),
  ];
}

function ready({ runtimeError, runtime, shuttingDown }: NodeHealth): Verdict {
  const problems: string[] = [];
  const details = `reason:${runtime?.reason ?? ''} message:${runtime?.message ?? ''}`;
  if (runtimeError !== undefined) problems.push(`container runtime is down: ${runtimeError}`);
  else if (!runtime?.ready) problems.push(`container runtime not ready: RuntimeReady=false ${details}`);
  else if (!runtime.networkReady) problems.push(`container runtime network not ready: NetworkReady=false ${details}`);
  problems.push(...(runtime?.problems ?? []));
  if (shuttingDown) problems.push('node is shutting down');
  if (problems.length === 0) return ['Ready', 'True', 'KubeletReady', 'kubelet is posting ready status'];
  return ['Ready', 'False', 'KubeletNotReady', problems.length === 1 ? problems[0]! : `[${problems.join(', ')}]`];
}

/**
 * The node's conditions now: heartbeat at `nowMs`, transition times kept where the status did not change. Conditions of
 * other types that somebody else keeps (NetworkUnavailable) stay as they are.
 */
export function nodeConditions(
  previous: readonly V1NodeCondition[] | undefined,
  health: NodeHealth,
  nowMs: number,
): V1NodeCondition[] {
  const now = formatTime(nowMs);
  const own = verdicts(health).map(([type, status, reason, message]): V1NodeCondition => {
    const before = previous?.find((condition) => condition.type === type);
    const lastTransitionTime = before?.status === status ? (before.lastTransitionTime ?? now) : now;
    return { type, status, lastHeartbeatTime: now, lastTransitionTime, reason, message };
  });
  const foreign = (previous ?? []).filter(({ type }) => !own.some((condition) => condition.type === type));
  return [...foreign, ...own];
}

/** What an event calls a condition's new status, when it holds and when it does not. */
const CHANGES: Readonly<Record<string, readonly [holds: string, not: string]>> = {
  MemoryPressure: ['NodeHasInsufficientMemory', 'NodeHasSufficientMemory'],
  DiskPressure: ['NodeHasDiskPressure', 'NodeHasNoDiskPressure'],
  PIDPressure: ['NodeHasInsufficientPID', 'NodeHasSufficientPID'],
  Ready: ['NodeReady', 'NodeNotReady'],
};

/** The reasons of the events that tell how the node's own conditions came from the one status to the other; of a new node, all. */
export function conditionChanges(
  before: readonly V1NodeCondition[] | undefined,
  after: readonly V1NodeCondition[] | undefined,
): string[] {
  return (after ?? []).flatMap(({ type, status }) => {
    const words = Object.hasOwn(CHANGES, type) ? CHANGES[type] : undefined;
    if (!words || before?.find((condition) => condition.type === type)?.status === status) return [];
    return [words[status === 'True' ? 0 : 1]];
  });
}
