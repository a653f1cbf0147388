import type { V1DaemonSet, V1DaemonSetStatus, V1Pod } from '../../api/gen/types.ts';
import { scaledNumber } from '../deployment/replica-numbers.ts';
import { isAvailable, isReady } from '../workloads/pod-state.ts';
import { REVISION_LABEL } from '../workloads/revisions.ts';
import { type Fit, nodeOf } from './daemon-pod.ts';

/** One set, its pods by node, and what it is to be. */
export interface DaemonView {
  readonly set: V1DaemonSet;
  /** The nodes there are, and whether the set's pods belong on them: see `fitOf`. */
  readonly fits: ReadonlyMap<string, Fit>;
  readonly byNode: ReadonlyMap<string, readonly V1Pod[]>;
  /** Of the template as it is now. */
  readonly hash: string;
  readonly nowMs: number;
  /** How much longer a failed pod of the set on a node has to wait until it is replaced; 0: it need not. */
  readonly backoffMs: (nodeName: string) => number;
}

export interface DaemonPlan {
  /** Nodes that get a pod. */
  readonly create: readonly string[];
  readonly remove: readonly V1Pod[];
  /** Those of `remove` that ended, with the event that tells of it. */
  readonly ended: readonly { readonly pod: V1Pod; readonly nodeName: string }[];
  readonly recheckAfterMs?: number;
}

const createdAt = (pod: V1Pod) => Date.parse(String(pod.metadata?.creationTimestamp ?? '')) || 0;
/** Those that are on their node before those that wait for it, then by age. */
const oldestFirst = (a: V1Pod, b: V1Pod) =>
  Number(!a.spec?.nodeName) - Number(!b.spec?.nodeName) ||
  createdAt(a) - createdAt(b) ||
  ((a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1);
export const isNew = (pod: V1Pod, hash: string) => pod.metadata?.labels?.[REVISION_LABEL] === hash;
const isGoing = (pod: V1Pod) => Boolean(pod.metadata?.deletionTimestamp);
const isSurging = (set: V1DaemonSet) => limitsOf(set, 100).maxSurge > 0;

/** Pods by the node that they are or will be on. */
export function podsByNode(pods: readonly V1Pod[]): Map<string, V1Pod[]> {
  const byNode = new Map<string, V1Pod[]>();
  for (const pod of pods) {
    const name = nodeOf(pod);
    if (name === undefined) continue;
    const there = byNode.get(name);
    if (there) there.push(pod);
    else byNode.set(name, [pod]);
  }
  return byNode;
}

/** How many nodes may be without a pod, or with two, while the set rolls out. */
export function limitsOf(set: V1DaemonSet, desired: number): { readonly maxSurge: number; readonly maxUnavailable: number } {
  if (set.spec?.updateStrategy?.type === 'OnDelete') return { maxSurge: 0, maxUnavailable: 0 };
  const { rollingUpdate } = set.spec?.updateStrategy ?? {};
  const maxSurge = scaledNumber(rollingUpdate?.maxSurge as number | string | undefined, desired, 'up');
  const given = scaledNumber((rollingUpdate?.maxUnavailable as number | string | undefined) ?? 1, desired, 'up');
  return { maxSurge, maxUnavailable: maxSurge === 0 ? Math.max(1, given) : given };
}

/** A pod for each node that is to have one, none where none may be, and one where there are too many. */
export function planDaemons(view: DaemonView): DaemonPlan {
  const create: string[] = [];
  const remove: V1Pod[] = [];
  const ended: { pod: V1Pod; nodeName: string }[] = [];
  let recheckAfterMs: number | undefined;
  for (const [nodeName, { shouldRun, mayStay }] of view.fits) {
    const pods = view.byNode.get(nodeName) ?? [];
    if (pods.length === 0) {
      if (shouldRun) create.push(nodeName);
      continue;
    }
    if (!mayStay) {
      remove.push(...pods.filter((pod) => !isGoing(pod)));
      continue;
    }
    const running: V1Pod[] = [];
    for (const pod of pods.filter((one) => !isGoing(one))) {
      const phase = pod.status?.phase;
      if (phase !== 'Failed' && phase !== 'Succeeded') running.push(pod);
      else {
        const waitMs = phase === 'Failed' ? view.backoffMs(nodeName) : 0;
        if (waitMs > 0) recheckAfterMs = Math.min(recheckAfterMs ?? Number.POSITIVE_INFINITY, waitMs);
        else ended.push({ pod, nodeName });
      }
    }
    remove.push(...tooMany(view, running));
  }
  for (const [nodeName, pods] of view.byNode) if (!view.fits.has(nodeName)) remove.push(...homeless(pods));
  return { create, remove, ended, ...(recheckAfterMs !== undefined && { recheckAfterMs }) };
}

/** Pods that wait for a node which is gone; those that were on it are the pod collector's. */
const homeless = (pods: readonly V1Pod[]) => pods.filter((pod) => !pod.spec?.nodeName && !isGoing(pod));

function tooMany(view: DaemonView, running: readonly V1Pod[]): V1Pod[] {
  if (running.length <= 1) return [];
  const sorted = [...running].sort(oldestFirst);
  if (!isSurging(view.set)) return sorted.slice(1);
  // One of each revision may be there for a while: until the newer is available, or the older is of no use any more.
  const newer = sorted.find((pod) => isNew(pod, view.hash));
  const older = sorted.find((pod) => !isNew(pod, view.hash));
  const isReplaced = newer && older && (!isReady(older) || availableIn(view, newer));
  return sorted.filter((pod) => pod !== newer && (pod !== older || isReplaced));
}

/** The next step of a rolling update (pkg/controller/daemon/update.go). Nodes whose pods `planDaemons` works on are left to it. */
export function planRollingUpdate(view: DaemonView): { readonly create: readonly string[]; readonly remove: readonly V1Pod[] } {
  const desired = [...view.fits.values()].filter(({ shouldRun }) => shouldRun).length;
  const { maxSurge, maxUnavailable } = limitsOf(view.set, desired);
  return maxSurge > 0 ? planSurge(view, maxSurge) : planReplacing(view, maxUnavailable);
}

/** The living pod of the newest template on a node and the one before; undefined when there are more of either. */
function pairOn(view: DaemonView, pods: readonly V1Pod[]): { newer?: V1Pod; older?: V1Pod } | undefined {
  const living = pods.filter((pod) => !isGoing(pod));
  const newer = living.filter((pod) => isNew(pod, view.hash));
  const older = living.filter((pod) => !isNew(pod, view.hash));
  return newer.length > 1 || older.length > 1 ? undefined : { newer: newer[0], older: older[0] };
}

const availableIn = ({ set, nowMs }: DaemonView, pod: V1Pod) => isAvailable(pod, set.spec?.minReadySeconds, nowMs);

function planReplacing(view: DaemonView, maxUnavailable: number): { create: string[]; remove: V1Pod[] } {
  let unavailable = 0;
  const broken: V1Pod[] = [];
  const candidates: V1Pod[] = [];
  for (const [nodeName, pods] of view.byNode) {
    if (!view.fits.has(nodeName)) continue;
    const pair = pairOn(view, pods);
    if (!pair || Boolean(pair.newer) === Boolean(pair.older)) unavailable++;
    else if (pair.newer) unavailable += availableIn(view, pair.newer) ? 0 : 1;
    else if (pair.older && !availableIn(view, pair.older)) broken.push(pair.older);
    else if (pair.older) candidates.push(pair.older);
  }
  return { create: [], remove: [...broken, ...candidates.slice(0, Math.max(0, maxUnavailable - unavailable - broken.length))] };
}

function planSurge(view: DaemonView, maxSurge: number): { create: string[]; remove: V1Pod[] } {
  let surged = 0;
  const urgent: string[] = [];
  const candidates: string[] = [];
  const remove: V1Pod[] = [];
  for (const [nodeName, pods] of view.byNode) {
    const fit = view.fits.get(nodeName);
    const pair = pairOn(view, pods);
    if (!fit) continue;
    if (!pair) surged++;
    else if (pair.older && !pair.newer) {
      if (!availableIn(view, pair.older)) urgent.push(nodeName);
      else if (fit.shouldRun) candidates.push(nodeName);
    } else if (pair.older && pair.newer) {
      if (availableIn(view, pair.newer)) remove.push(pair.older);
      else surged++;
    }
  }
  return { create: [...urgent, ...candidates.slice(0, Math.max(0, maxSurge - surged))], remove };
}

/** The status that follows from the nodes and pods that are there. */
export function daemonStatus(view: DaemonView): V1DaemonSetStatus {
  const { set, byNode, fits, hash } = view;
  const status = { desired: 0, current: 0, misscheduled: 0, ready: 0, updated: 0, available: 0 };
  for (const [nodeName, { shouldRun }] of fits) {
    const pods = byNode.get(nodeName) ?? [];
    if (!shouldRun) {
      if (pods.length > 0) status.misscheduled++;
      continue;
    }
    status.desired++;
    if (pods.length === 0) continue;
    status.current++;
    const [pod] = [...pods].sort(oldestFirst);
    if (!pod) continue;
    if (isReady(pod)) status.ready++;
    if (availableIn(view, pod)) status.available++;
    // Of two, the older counts in all respects: the node is not done before it has gone.
    if (isNew(pod, hash)) status.updated++;
  }
  const { collisionCount, conditions } = set.status ?? {};
  const count = (name: string, value: number) => (value > 0 ? { [name]: value } : {});
  return {
    currentNumberScheduled: status.current,
    numberMisscheduled: status.misscheduled,
    desiredNumberScheduled: status.desired,
    numberReady: status.ready,
    ...(set.metadata?.generation && { observedGeneration: set.metadata.generation }),
    ...count('updatedNumberScheduled', status.updated),
    ...count('numberAvailable', status.available),
    ...count('numberUnavailable', status.desired - status.available),
    ...(collisionCount !== undefined && { collisionCount }),
    ...(conditions && { conditions }),
  };
}
