import type { V1Node, V1Taint } from '../../api/gen/types.ts';
import { formatTime, type JsonValue } from '../../api/machinery/object.ts';
import { conditionOf } from './health.ts';

export const NOT_READY = 'node.kubernetes.io/not-ready';
export const UNREACHABLE = 'node.kubernetes.io/unreachable';
const UNSCHEDULABLE = 'node.kubernetes.io/unschedulable';

/** Which taint a condition's status stands for (https://kubernetes.io/docs/reference/labels-annotations-taints/). */
const CONDITION_TAINTS: readonly { type: string; status: string; key: string }[] = [
  { type: 'Ready', status: 'False', key: NOT_READY },
  { type: 'Ready', status: 'Unknown', key: UNREACHABLE },
  { type: 'MemoryPressure', status: 'True', key: 'node.kubernetes.io/memory-pressure' },
  { type: 'DiskPressure', status: 'True', key: 'node.kubernetes.io/disk-pressure' },
  { type: 'NetworkUnavailable', status: 'True', key: 'node.kubernetes.io/network-unavailable' },
  { type: 'PIDPressure', status: 'True', key: 'node.kubernetes.io/pid-pressure' },
];
const NO_SCHEDULE_KEYS = new Set([...CONDITION_TAINTS.map((taint) => taint.key), UNSCHEDULABLE]);
const NO_EXECUTE_KEYS = new Set([NOT_READY, UNREACHABLE]);

/** Whether pods are to leave a node with these taints because it is silent or failing. */
export const evicts = (taints: readonly V1Taint[]): boolean =>
  taints.some(({ key, effect }) => effect === 'NoExecute' && NO_EXECUTE_KEYS.has(key));

/** What may be done about pods that run on the node: keep (or swap) the taint that is there, add one, or take it off whatever the node's state. */
export type EvictionMode = 'keep' | 'evict' | 'never';

/**
 * The node's taints as its conditions want them; undefined when they are so. Taints of others stay. A node that is Ready never has our
 * NoExecute taint; one that is not gets it only in mode `evict`, which the zone's rate limit grants.
 */
export function planTaints(node: V1Node, mode: EvictionMode, nowMs: number): V1Taint[] | undefined {
  const current = node.spec?.taints ?? [];
  const isOurs = ({ key, effect }: V1Taint) =>
    (effect === 'NoSchedule' && NO_SCHEDULE_KEYS.has(key)) || (effect === 'NoExecute' && NO_EXECUTE_KEYS.has(key));
  const wanted = [
    ...noScheduleKeys(node).map((key) => ({ key, effect: 'NoSchedule' })),
    ...noExecuteKeys(node, mode).map((key) => ({ key, effect: 'NoExecute' })),
  ];
  const kept = current.filter(
    (taint) => !isOurs(taint) || wanted.some((want) => want.key === taint.key && want.effect === taint.effect),
  );
  const added = wanted
    .filter((want) => !kept.some((taint) => want.key === taint.key && want.effect === taint.effect))
    .map((want) => ({ ...want, timeAdded: formatTime(nowMs) }));
  return added.length === 0 && kept.length === current.length ? undefined : [...kept, ...added];
}

/**
 * A JSON patch from the node's taints to these. It applies only while the taints are those that were looked at: a joining node is written
 * to by several at once, and a patch that asked for its very resourceVersion would fail more often than not.
 */
export function planTaintsPatch(node: V1Node, taints: readonly V1Taint[]): JsonValue[] {
  const path = '/spec/taints';
  // A missing value passes for null.
  const looked = { op: 'test', path, value: node.spec?.taints ?? null };
  const change = taints.length ? { op: 'add', path, value: taints } : { op: 'remove', path };
  return [...(node.spec ? [] : [{ op: 'add', path: '/spec', value: {} }]), looked, change] as object[] as JsonValue[];
}

/** Whether the node is not Ready and does not yet have the taint that says so to running pods. */
export function awaitsEviction(node: V1Node): boolean {
  const key = readinessTaint(node);
  return key !== undefined && !(node.spec?.taints ?? []).some((taint) => taint.key === key && taint.effect === 'NoExecute');
}

function noScheduleKeys(node: V1Node): string[] {
  const keys = CONDITION_TAINTS.filter(({ type, status }) => conditionOf(node, type)?.status === status).map(({ key }) => key);
  return node.spec?.unschedulable ? [...keys, UNSCHEDULABLE] : keys;
}

function noExecuteKeys(node: V1Node, mode: EvictionMode): string[] {
  const key = readinessTaint(node);
  if (!key || mode === 'never') return [];
  const isTainted = evicts(node.spec?.taints ?? []);
  return mode === 'evict' || isTainted ? [key] : [];
}

function readinessTaint(node: V1Node): string | undefined {
  const status = conditionOf(node, 'Ready')?.status;
  return status === 'False' ? NOT_READY : status === 'Unknown' ? UNREACHABLE : undefined;
}
