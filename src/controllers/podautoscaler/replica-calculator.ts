/** How many replicas a measured value asks for (upstream's replica_calculator.go): pure. Values are in thousandths. */
import type { V1Pod } from '../../api/gen/types.ts';
import { groupPods, type PodGroups, type PodMetrics, type ReadinessRules, requestsOf, type Tolerances } from './pod-metrics.ts';

export interface CalculatorRules extends ReadinessRules {
  readonly tolerances: Tolerances;
}

export interface Proposal {
  readonly replicas: number;
  /** Per pod, or of the object. */
  readonly value: number;
  /** Percent of what is asked for. */
  readonly utilization?: number;
}

const isWithin = ({ up, down }: Tolerances, ratio: number): boolean => 1 - down <= ratio && ratio <= 1 + up;

export interface ResourceTarget {
  readonly resource: string;
  /** Empty: all of a pod. */
  readonly container: string;
  /** Percent of what is asked for. */
  readonly utilization: number;
}

interface Measured {
  readonly ratio: number;
  readonly value: number;
  readonly utilization?: number;
}

/** Replicas with which pods use the given share of what they ask for. */
export function replicasForUtilization(
  current: number,
  { resource, container, utilization: target }: ResourceTarget,
  metrics: PodMetrics,
  pods: readonly V1Pod[],
  rules: CalculatorRules,
): Proposal {
  checkPods(pods);
  const groups = groupKnownPods(pods, metrics, resource, rules);
  const requests = requestsOf(pods, resource, container);
  const measure = (): Measured => {
    const known = [...metrics].filter(([name]) => requests.has(name));
    const used = known.reduce((sum, [, { value }]) => sum + value, 0);
    const asked = known.reduce((sum, [name]) => sum + (requests.get(name) ?? 0), 0);
    if (asked === 0) throw new Error('no metrics returned matched known pods');
    const utilization = Math.trunc((used * 100) / asked);
    return { ratio: utilization / target, utilization, value: Math.trunc(used / known.length) };
  };
  const missingValue = (name: string) => Math.trunc(((requests.get(name) ?? 0) * Math.max(100, target)) / 100);
  return propose(current, { metrics, groups, measure, missingValue }, rules.tolerances);
}

/** Replicas with which the pods' average is the target. */
export function replicasForAverage(
  current: number,
  { resource, target }: { readonly resource: string; readonly target: number },
  metrics: PodMetrics,
  pods: readonly V1Pod[],
  rules: CalculatorRules,
): Proposal {
  checkPods(pods);
  const groups = groupKnownPods(pods, metrics, resource, rules);
  const measure = (): Measured => {
    const sum = [...metrics.values()].reduce((total, { value }) => total + value, 0);
    const value = Math.trunc(sum / metrics.size);
    return { ratio: value / target, value };
  };
  return propose(current, { metrics, groups, measure, missingValue: () => target }, rules.tolerances);
}

interface Situation {
  readonly metrics: PodMetrics;
  readonly groups: PodGroups;
  readonly measure: () => Measured;
  /** What a pod without a value is taken to use when that keeps us from shrinking too far. */
  readonly missingValue: (name: string) => number;
}

function propose(current: number, { metrics, groups, measure, missingValue }: Situation, tolerances: Tolerances): Proposal {
  const { ratio, ...said } = measure();
  const countsUnready = groups.unready.size > 0 && ratio > 1;
  if (!countsUnready && groups.missing.size === 0)
    return { ...said, replicas: isWithin(tolerances, ratio) ? current : Math.ceil(ratio * groups.readyCount) };
  const assumed = (value: number) => ({ value, timestampMs: 0, windowMs: 0 });
  // Of what is not known the more careful is taken: much when we would shrink, nothing when we would grow.
  if (ratio !== 1) for (const name of groups.missing) metrics.set(name, assumed(ratio < 1 ? missingValue(name) : 0));
  if (countsUnready) for (const name of groups.unready) metrics.set(name, assumed(0));
  const { ratio: careful } = measure();
  const turns = (ratio < 1 && careful > 1) || (ratio > 1 && careful < 1);
  const replicas = Math.ceil(careful * metrics.size);
  const contradicts = (careful < 1 && replicas > current) || (careful > 1 && replicas < current);
  return { ...said, replicas: isWithin(tolerances, careful) || turns || contradicts ? current : replicas };
}

/** Replicas for a value of something else that grows with all pods together. */
export function replicasForValue(
  current: number,
  value: number,
  target: number,
  pods: readonly V1Pod[],
  tolerances: Tolerances,
): Proposal {
  const ratio = value / target;
  if (current === 0) return { value, replicas: Math.ceil(ratio) };
  if (isWithin(tolerances, ratio)) return { value, replicas: current };
  try {
    checkPods(pods);
  } catch (error) {
    throw new Error(`unable to calculate ready pods: ${(error as Error).message}`, { cause: error });
  }
  const isReady = ({ status }: V1Pod) =>
    status?.phase === 'Running' && status.conditions?.some((c) => c.type === 'Ready' && c.status === 'True');
  return { value, replicas: Math.ceil(ratio * pods.filter(isReady).length) };
}

/** Replicas with which each has the target's share of a value. */
export function replicasForShare(current: number, value: number, target: number, tolerances: Tolerances): Proposal {
  const ratio = value / (target * current);
  const replicas = current > 0 && isWithin(tolerances, ratio) ? current : Math.ceil(value / target);
  return { replicas, value: current > 0 ? Math.ceil(value / current) : 0 };
}

function groupKnownPods(pods: readonly V1Pod[], metrics: PodMetrics, resource: string, rules: ReadinessRules): PodGroups {
  const groups = groupPods(pods, metrics, resource, rules);
  if (metrics.size === 0) throw new Error('did not receive metrics for targeted pods (pods might be unready)');
  return groups;
}

function checkPods(pods: readonly V1Pod[]): void {
  if (pods.length === 0) throw new Error('no pods returned by selector while calculating replica count');
}
