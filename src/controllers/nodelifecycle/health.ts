import type { V1Lease, V1Node, V1NodeCondition } from '../../api/gen/types.ts';
import { formatTime } from '../../api/machinery/object.ts';

/** What is remembered of a node from one look to the next. Times are by our own clock, one that nobody sets: a node's may be wrong. */
export interface NodeHealth {
  /** The Ready condition's times when last seen. */
  readonly heartbeat?: string;
  readonly renewTime?: string;
  /** When there was last a sign of life. */
  readonly probeMs: number;
}

export interface Observation {
  readonly health: NodeHealth;
  /** The status of the Ready condition as the node (or we) last wrote it; Unknown when nobody did. */
  readonly observed: string;
  /** The same after this look. */
  readonly ready: string;
  /** All of the node's conditions when some must be written as Unknown. */
  readonly conditions?: V1NodeCondition[];
}

export interface HealthInput {
  node: V1Node;
  lease: V1Lease | undefined;
  previous: NodeHealth | undefined;
  nowMs: number;
  /** Now, by the clock of `NodeHealth`. */
  atMs: number;
  gracePeriodMs: number;
  /** For a node that has never said how it is. */
  startupGracePeriodMs: number;
}

/** Conditions that nobody but the kubelet knows about. */
const KUBELET_CONDITIONS = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'];

/**
 * Looks at a node: a changed heartbeat of its status or a renewed lease is a sign of life; without one for the grace period its conditions
 * become Unknown (pkg/controller/nodelifecycle, tryUpdateNodeHealth).
 */
export function observeNode(input: HealthInput): Observation {
  const { node, lease, previous, nowMs, atMs } = input;
  const readyCondition = conditionOf(node, 'Ready');
  const heartbeat = readyCondition?.lastHeartbeatTime;
  const renewTime = lease?.spec?.renewTime;
  const createdMs = Date.parse(node.metadata?.creationTimestamp ?? '') || nowMs;
  const hasBeaten = previous ? heartbeat !== previous.heartbeat : readyCondition !== undefined;
  const hasRenewed = renewTime !== undefined && (previous?.renewTime === undefined || renewTime > previous.renewTime);
  const probeMs = hasBeaten || hasRenewed ? atMs : (previous?.probeMs ?? atMs - (nowMs - createdMs));
  const health = { heartbeat, renewTime: renewTime ?? previous?.renewTime, probeMs };
  const observed = readyCondition?.status ?? 'Unknown';
  const gracePeriodMs = readyCondition ? input.gracePeriodMs : input.startupGracePeriodMs;
  if (atMs <= probeMs + gracePeriodMs) return { health, observed, ready: observed };
  const conditions = planUnknown(node, nowMs);
  return { health, observed, ready: 'Unknown', ...(conditions && { conditions }) };
}

export function conditionOf(node: V1Node, type: string): V1NodeCondition | undefined {
  return node.status?.conditions?.find((condition) => condition.type === type);
}

/** The node's conditions with the kubelet's own Unknown; undefined when they are. */
function planUnknown(node: V1Node, nowMs: number): V1NodeCondition[] | undefined {
  const now = formatTime(nowMs);
  const conditions = [...(node.status?.conditions ?? [])];
  let changed = false;
  for (const type of KUBELET_CONDITIONS) {
    const at = conditions.findIndex((condition) => condition.type === type);
    const current = conditions[at];
    if (current?.status === 'Unknown') continue;
    changed = true;
    if (current) {
      const [reason, message] = ['NodeStatusUnknown', 'Kubelet stopped posting node status.'];
      conditions[at] = { ...current, status: 'Unknown', reason, message, lastTransitionTime: now };
    } else {
      conditions.push({
        type,
        status: 'Unknown',
        reason: 'NodeStatusNeverUpdated',
        message: 'Kubelet never posted node status.',
        lastHeartbeatTime: node.metadata?.creationTimestamp ?? now,
        lastTransitionTime: now,
      });
    }
  }
  return changed ? conditions : undefined;
}
