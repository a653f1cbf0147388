/** What becomes of a wish for replicas: steadied by those before it, and held within limits (upstream's horizontal.go). */
import type { V2HorizontalPodAutoscalerSpec, V2HPAScalingRules } from '../../api/gen/types.ts';

export interface Condition {
  readonly type: 'AbleToScale' | 'ScalingActive' | 'ScalingLimited';
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
}

interface Recommendation {
  readonly replicas: number;
  readonly atMs: number;
}

/** What one autoscaler has wished and done lately; lost when the manager is started anew, as upstream's. */
export class ScaleHistory {
  recommendations: Recommendation[] = [];
  ups: Recommendation[] = [];
  downs: Recommendation[] = [];

  /** A first wish, so that nothing shrinks before the window is over. */
  begin(replicas: number, atMs: number): void {
    if (this.recommendations.length === 0) this.recommendations.push({ replicas, atMs });
  }

  /** Notes what was changed, as long as a policy may ask. */
  scaled(from: number, to: number, { behavior }: V2HorizontalPodAutoscalerSpec, atMs: number): void {
    if (!behavior) return;
    const longestMs = (rules: V2HPAScalingRules | undefined) =>
      Math.max(0, ...(rules?.policies ?? []).map(({ periodSeconds }) => periodSeconds * 1000));
    const keepMs = Math.max(longestMs(behavior.scaleUp), longestMs(behavior.scaleDown));
    const change = { replicas: Math.abs(to - from), atMs };
    const recent = (changes: Recommendation[]) => changes.filter((one) => one.atMs > atMs - keepMs);
    this.ups = [...recent(this.ups), ...(to > from ? [change] : [])];
    this.downs = [...recent(this.downs), ...(to < from ? [change] : [])];
  }
}

export interface LimitSituation {
  readonly spec: V2HorizontalPodAutoscalerSpec;
  readonly current: number;
  readonly desired: number;
  readonly history: ScaleHistory;
  readonly nowMs: number;
  readonly downscaleStabilizationMs: number;
}

export interface LimitedReplicas {
  readonly replicas: number;
  readonly conditions: readonly Condition[];
}

/** Takes note of the wish, and answers what it becomes and why. */
export function limitReplicas(situation: LimitSituation): LimitedReplicas {
  const { current, desired } = situation;
  const steady = steadied(situation);
  const direction = desired >= current && situation.spec.behavior ? 'up' : 'down';
  const able: Condition =
    steady === desired
      ? condition('AbleToScale', 'True', 'ReadyForNewScale', 'recommended size matches current size')
      : direction === 'up'
        ? condition(
            'AbleToScale',
            'True',
            'ScaleUpStabilized',
            'recent recommendations were lower than current one, applying the lowest recent recommendation',
          )
        : condition(
            'AbleToScale',
            'True',
            'ScaleDownStabilized',
            'recent recommendations were higher than current one, applying the highest recent recommendation',
          );
  const { replicas, reason, message } = situation.spec.behavior ? byPolicies(situation, steady) : byFactor(situation, steady);
  return { replicas, conditions: [able, condition('ScalingLimited', replicas === steady ? 'False' : 'True', reason, message)] };
}

export const condition = (type: Condition['type'], status: Condition['status'], reason: string, message: string): Condition => ({
  type,
  status,
  reason,
  message,
});

function steadied({ spec, current, desired, history, nowMs, downscaleStabilizationMs }: LimitSituation): number {
  const { behavior } = spec;
  const windowMs = (rules: V2HPAScalingRules | undefined, otherwiseMs: number) =>
    rules?.stabilizationWindowSeconds === undefined ? otherwiseMs : rules.stabilizationWindowSeconds * 1000;
  const upMs = behavior ? windowMs(behavior.scaleUp, 0) : 0;
  const downMs = behavior ? windowMs(behavior.scaleDown, downscaleStabilizationMs) : downscaleStabilizationMs;
  let [lowest, highest] = [desired, desired];
  // An autoscaler that is written again and again has a wish for each time.
  for (const { replicas, atMs } of history.recommendations) {
    if (atMs > nowMs - upMs) lowest = Math.min(lowest, replicas);
    if (atMs > nowMs - downMs) highest = Math.max(highest, replicas);
  }
  const kept = history.recommendations.filter(({ atMs }) => atMs > nowMs - Math.max(upMs, downMs));
  history.recommendations = [...kept, { replicas: desired, atMs: nowMs }];
  return behavior ? Math.min(Math.max(current, lowest), highest) : highest;
}

interface Limited {
  readonly replicas: number;
  readonly reason: string;
  readonly message: string;
}

const WITHIN = { reason: 'DesiredWithinRange', message: 'the desired count is within the acceptable range' };
const TOO_FEW = { reason: 'TooFewReplicas', message: 'the desired replica count is less than the minimum replica count' };
const TOO_MANY = { reason: 'TooManyReplicas', message: 'the desired replica count is more than the maximum replica count' };
const TOO_FAST_UP = {
  reason: 'ScaleUpLimit',
  message: 'the desired replica count is increasing faster than the maximum scale rate',
};
const TOO_FAST_DOWN = {
  reason: 'ScaleDownLimit',
  message: 'the desired replica count is decreasing faster than the maximum scale rate',
};

/** Without behaviour of its own: at most twice as many at a time, or four. */
function byFactor({ spec, current }: LimitSituation, desired: number): Limited {
  const limit = Math.max(2 * current, 4);
  const least = spec.minReplicas ?? 1;
  if (desired < least) return { replicas: least, ...TOO_FEW };
  if (desired <= Math.min(spec.maxReplicas, limit)) return { replicas: desired, ...WITHIN };
  return spec.maxReplicas > limit ? { replicas: limit, ...TOO_FAST_UP } : { replicas: spec.maxReplicas, ...TOO_MANY };
}

function byPolicies(situation: LimitSituation, desired: number): Limited {
  const { spec, current } = situation;
  if (desired > current) {
    const limit = Math.max(current, upLimit(situation));
    const most = Math.min(spec.maxReplicas, limit);
    if (desired > most) return { replicas: most, ...(spec.maxReplicas > limit ? TOO_FAST_UP : TOO_MANY) };
  } else if (desired < current) {
    const limit = Math.min(current, downLimit(situation));
    const least = Math.max(spec.minReplicas ?? 1, limit);
    if (desired < least) return { replicas: least, ...((spec.minReplicas ?? 1) < limit ? TOO_FAST_DOWN : TOO_FEW) };
  }
  return { replicas: desired, ...WITHIN };
}

/** How many there were when a policy's period began. */
function atPeriodStart({ current, history, nowMs }: LimitSituation, periodSeconds: number): number {
  const sum = (changes: readonly Recommendation[]) =>
    changes.filter(({ atMs }) => atMs > nowMs - periodSeconds * 1000).reduce((total, { replicas }) => total + replicas, 0);
  return current - sum(history.ups) + sum(history.downs);
}

function upLimit(situation: LimitSituation): number {
  const { selectPolicy, policies = [] } = situation.spec.behavior?.scaleUp ?? {};
  if (selectPolicy === 'Disabled') return situation.current;
  const limits = policies.map(({ type, value, periodSeconds }) => {
    const start = atPeriodStart(situation, periodSeconds);
    return type === 'Pods' ? start + value : Math.ceil(start * (1 + value / 100));
  });
  return selectPolicy === 'Min' ? Math.min(...limits) : Math.max(...limits);
}

function downLimit(situation: LimitSituation): number {
  const { selectPolicy, policies = [] } = situation.spec.behavior?.scaleDown ?? {};
  if (selectPolicy === 'Disabled') return situation.current;
  const limits = policies.map(({ type, value, periodSeconds }) => {
    const start = atPeriodStart(situation, periodSeconds);
    return type === 'Pods' ? start - value : Math.trunc(start * (1 - value / 100));
  });
  return selectPolicy === 'Min' ? Math.max(...limits) : Math.min(...limits);
}
