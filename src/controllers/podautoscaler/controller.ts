import { horizontalPodAutoscalerKind } from '../../api/autoscaling/v2/horizontal-pod-autoscaler.ts';
import { setHorizontalPodAutoscalerDefaults } from '../../api/autoscaling/v2/horizontal-pod-autoscaler-defaults.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import type { V1Pod, V2HorizontalPodAutoscaler, V2HorizontalPodAutoscalerStatus, V2MetricStatus } from '../../api/gen/types.ts';
import { equalJson } from '../../api/machinery/clone.ts';
import { parseLabelSelector, type Selector } from '../../api/machinery/label-selector.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { type Outcome, Reconciler } from '../../client/reconciler.ts';
import type { Component } from '../../std/lifecycle.ts';
import { TurnPace } from '../../std/turn-pace.ts';
import { type ControllerContext, createController, keyOf, source, splitKey } from '../framework/controller.ts';
import { MetricError, type MetricProposal, proposeFor, type ScaleSituation, tolerancesOf } from './metric-proposals.ts';
import { MetricsClient } from './metrics-client.ts';
import { type Condition, condition, limitReplicas, ScaleHistory } from './scale-limits.ts';
import { type FoundScale, ScaleTargets } from './scale-target.ts';
import { planStatus, type StatusSituation } from './status-plan.ts';

export interface PodAutoscalerOptions {
  readonly workers?: number;
  /** Default 15 s. */
  readonly syncPeriodMs?: number;
  /** Default 0.1. */
  readonly tolerance?: number;
  /** Default 5 min. */
  readonly downscaleStabilizationMs?: number;
  /** Default 5 min. */
  readonly cpuInitializationMs?: number;
  /** Default 30 s. */
  readonly initialReadinessMs?: number;
}

/** Gives workloads as many replicas as their metrics ask for (upstream's pkg/controller/podautoscaler). Idle while there is no autoscaler. */
export function createPodAutoscalerController(context: ControllerContext, options: PodAutoscalerOptions = {}): Component {
  const { informers, clock, logger, metrics } = context;
  const { syncPeriodMs = 15_000 } = options;
  const autoscalers = informers.of<V2HorizontalPodAutoscaler>(horizontalPodAutoscalerKind);
  const pods = informers.of<V1Pod>(podKind);
  const work = new AutoscalerWork(context, options, (namespace) => pods.list(namespace));

  const reconcile = async (key: string, signal: AbortSignal): Promise<Outcome> => {
    const { namespace, name } = splitKey(key);
    const autoscaler = autoscalers.get(name, namespace);
    if (!autoscaler) return work.forget(key);
    try {
      await work.sync(withDefaults(autoscaler), signal);
    } catch (error) {
      signal.throwIfAborted();
      // Conditions and events say it to its owner; it is tried again as often as everything is looked at.
      logger.debug(1, 'Unable to scale', { autoscaler: key, err: error });
    }
    return { requeueAfterMs: syncPeriodMs };
  };
  const loop = new Reconciler({ name: context.name, reconcile, clock, logger, metrics, workers: options.workers });
  return createController(context, {
    sources: [
      source(autoscalers, (autoscaler, { previous }) => {
        // Our own writes change the status alone.
        if (!previous || !equalJson(previous.spec, autoscaler.spec)) loop.add(keyOf(autoscaler));
      }),
      source(pods, () => undefined),
    ],
    loops: [loop],
  });
}

interface Decision {
  readonly conditions: readonly Condition[];
  readonly replicas: number;
  readonly why: string;
  readonly currentMetrics?: V2HorizontalPodAutoscalerStatus['currentMetrics'];
  /** Some metrics failed, but the others suffice. */
  readonly error?: Error;
}

/** What is done for one autoscaler at a time. */
class AutoscalerWork {
  readonly #context: ControllerContext;
  readonly #options: PodAutoscalerOptions;
  readonly #podsIn: (namespace: string) => readonly V1Pod[];
  readonly #targets: ScaleTargets;
  readonly #metrics: MetricsClient;
  readonly #histories = new Map<string, ScaleHistory>();
  /** Which pods each autoscaler speaks for, to find those with two. */
  readonly #selectors = new Map<string, Selector>();

  constructor(context: ControllerContext, options: PodAutoscalerOptions, podsIn: (namespace: string) => readonly V1Pod[]) {
    this.#context = context;
    this.#options = options;
    this.#podsIn = podsIn;
    this.#targets = new ScaleTargets(context.client, context.clock);
    this.#metrics = new MetricsClient(context.client);
  }

  forget(key: string): void {
    this.#histories.delete(key);
    this.#selectors.delete(key);
  }

  async sync(autoscaler: V2HorizontalPodAutoscaler, signal: AbortSignal): Promise<void> {
    const { clock } = this.#context;
    const { namespace = '' } = autoscaler.metadata ?? {};
    const write = (change: Omit<StatusSituation, 'autoscaler' | 'nowMs'>) =>
      this.#writeStatus(autoscaler, planStatus({ ...change, autoscaler, nowMs: clock.now() }), signal);
    let found: FoundScale;
    try {
      found = await this.#targets.find(autoscaler.spec.scaleTargetRef, namespace, signal);
    } catch (error) {
      signal.throwIfAborted();
      const { message } = error as Error;
      this.#warn(autoscaler, 'FailedGetScale', message);
      const why = `the HPA controller was unable to get the target's current scale: ${message}`;
      await write({ conditions: [condition('AbleToScale', 'False', 'FailedGetScale', why)] });
      throw error;
    }
    const got = condition(
      'AbleToScale',
      'True',
      'SucceededGetScale',
      "the HPA controller was able to get the target's current scale",
    );
    const currentReplicas = found.scale.spec?.replicas ?? 0;
    const history = this.#historyOf(keyOf(autoscaler));
    history.begin(currentReplicas, clock.now());
    let decision: Decision;
    try {
      decision = await this.#decide(autoscaler, found, history, signal);
    } catch (error) {
      signal.throwIfAborted();
      const { condition: told, currentMetrics } = error instanceof UndecidedError ? error : {};
      await write({ conditions: [got, ...(told ? [told] : [])], currentReplicas, found: { currentMetrics } });
      this.#warn(autoscaler, 'FailedComputeMetricsReplicas', (error as Error).message);
      throw error;
    }
    const { replicas, why, currentMetrics } = decision;
    const conditions = [got, ...decision.conditions];
    if (replicas === currentReplicas) {
      await write({ conditions, currentReplicas, found: { desiredReplicas: currentReplicas, currentMetrics } });
    } else {
      try {
        await found.resize(replicas, signal);
      } catch (error) {
        signal.throwIfAborted();
        const { message } = error as Error;
        this.#warn(autoscaler, 'FailedRescale', `New size: ${replicas}; reason: ${why}; error: ${message}`);
        const failed = `the HPA controller was unable to update the target scale: ${message}`;
        await write({
          conditions: [...conditions, condition('AbleToScale', 'False', 'FailedUpdateScale', failed)],
          currentReplicas,
          found: { currentMetrics },
        });
        throw error;
      }
      this.#context.events.event(autoscaler, 'Normal', 'SuccessfulRescale', `New size: ${replicas}; reason: ${why}`);
      history.scaled(currentReplicas, replicas, autoscaler.spec, clock.now());
      const done = `the HPA controller was able to update the target scale to ${replicas}`;
      await write({
        conditions: [...conditions, condition('AbleToScale', 'True', 'SucceededRescale', done)],
        currentReplicas,
        found: { desiredReplicas: replicas, currentMetrics },
        hasScaled: true,
      });
    }
    if (decision.error) throw decision.error;
  }

  async #decide(
    autoscaler: V2HorizontalPodAutoscaler,
    found: FoundScale,
    history: ScaleHistory,
    signal: AbortSignal,
  ): Promise<Decision> {
    const { spec } = autoscaler;
    const current = found.scale.spec?.replicas ?? 0;
    const least = spec.minReplicas ?? 1;
    if (current === 0 && least !== 0) {
      const message = 'scaling is disabled since the replica count of the target is zero';
      return { replicas: 0, why: '', conditions: [condition('ScalingActive', 'False', 'ScalingDisabled', message)] };
    }
    if (current > spec.maxReplicas)
      return { replicas: spec.maxReplicas, why: 'Current number of replicas above Spec.MaxReplicas', conditions: [] };
    if (current < least) return { replicas: least, why: 'Current number of replicas below Spec.MinReplicas', conditions: [] };
    const proposed = await this.#propose(autoscaler, found, signal);
    const { clock } = this.#context;
    const limited = limitReplicas({
      spec,
      current,
      desired: proposed.replicas,
      history,
      nowMs: clock.now(),
      downscaleStabilizationMs: this.#options.downscaleStabilizationMs ?? 300_000,
    });
    const why =
      proposed.replicas > current
        ? `${proposed.name} above target`
        : proposed.replicas < current
          ? 'All metrics below target'
          : '';
    return {
      replicas: limited.replicas,
      why,
      currentMetrics: proposed.statuses,
      conditions: [proposed.condition, ...limited.conditions],
      error: proposed.error,
    };
  }

  async #propose(autoscaler: V2HorizontalPodAutoscaler, { scale }: FoundScale, signal: AbortSignal) {
    const { spec } = autoscaler;
    const { namespace = '' } = autoscaler.metadata ?? {};
    const { selector, pods } = await this.#select(autoscaler, scale.status?.selector);
    const { tolerance = 0.1, cpuInitializationMs = 300_000, initialReadinessMs = 30_000 } = this.#options;
    const specReplicas = scale.spec?.replicas ?? 0;
    const situation: ScaleSituation = {
      namespace,
      selector,
      pods,
      specReplicas,
      statusReplicas: scale.status?.replicas ?? 0,
      tolerances: tolerancesOf(spec, tolerance),
      rules: { nowMs: this.#context.clock.now(), cpuInitializationMs, initialReadinessMs },
    };
    const deps = {
      metrics: this.#metrics,
      signal,
      placeOf: async (reference: typeof spec.scaleTargetRef) => {
        const { group, resource, namespaced } = await this.#targets.kindOf(reference, signal);
        return { reference, namespaced, groupResource: group ? `${resource}.${group}` : resource };
      },
    };
    const proposals: MetricProposal[] = [];
    const failures: MetricError[] = [];
    /** One for each metric of the spec: clients find them by their place. */
    const statuses: V2MetricStatus[] = [];
    for (const metric of spec.metrics ?? []) {
      try {
        const proposal = await proposeFor(metric, situation, deps);
        proposals.push(proposal);
        statuses.push(proposal.status);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof MetricError)) throw error;
        failures.push(error);
        statuses.push({ type: '' });
        this.#warn(autoscaler, error.reason, error.shown);
      }
    }
    const best = proposals.reduce<MetricProposal | undefined>((a, b) => (a && a.replicas >= b.replicas ? a : b), undefined);
    const [first] = failures;
    const total = failures.length + proposals.length;
    const error =
      first && new Error(`invalid metrics (${failures.length} invalid out of ${total}), first error is: ${first.message}`);
    // With a metric that is not known nothing shrinks: that one might have been against it.
    if (!best || (first && best.replicas < specReplicas))
      throw new UndecidedError(
        error?.message ?? 'no metrics are named',
        condition(
          'ScalingActive',
          'False',
          first?.reason ?? 'InvalidMetricSourceType',
          `the HPA was unable to compute the replica count: ${first?.shown ?? 'no metrics are named'}`,
        ),
        statuses,
      );
    const message = `the HPA was able to successfully calculate a replica count from ${best.name}`;
    return {
      ...best,
      statuses,
      condition: condition('ScalingActive', 'True', 'ValidMetricFound', message),
      error,
    };
  }

  async #select(
    autoscaler: V2HorizontalPodAutoscaler,
    text: string | undefined,
  ): Promise<{ selector: Selector; pods: readonly V1Pod[] }> {
    const fail = (reason: string, told: string, message: string, error = told): never => {
      this.#warn(autoscaler, reason === 'InvalidSelector' && !text ? 'SelectorRequired' : reason, told);
      throw new UndecidedError(error, condition('ScalingActive', 'False', reason, message));
    };
    if (!text) return fail('InvalidSelector', 'selector is required', "the HPA target's scale is missing a selector");
    let selector: Selector;
    try {
      selector = parseLabelSelector(text);
    } catch (error) {
      const why = `couldn't convert selector into a corresponding internal selector object: ${(error as Error).message}`;
      return fail('InvalidSelector', why, why);
    }
    const key = keyOf(autoscaler);
    const { namespace } = splitKey(key);
    this.#selectors.set(key, selector);
    const pods = this.#podsIn(namespace).filter(({ metadata }) => selector.matches(metadata?.labels));
    const others: string[] = [];
    const pace = new TurnPace();
    for (const [other, its] of this.#selectors) {
      if (other === key || splitKey(other).namespace !== namespace) continue;
      if (pods.some(({ metadata }) => its.matches(metadata?.labels))) others.push(other);
      const rest = pace.rest();
      if (rest !== undefined) await rest;
    }
    if (others.length === 0) return { selector, pods };
    const names = [key, ...others].sort().join(' ');
    const why = `pods by selector ${text} are controlled by multiple HPAs: [${names}]`;
    return fail('AmbiguousSelector', why, why);
  }

  async #writeStatus(
    autoscaler: V2HorizontalPodAutoscaler,
    status: V2HorizontalPodAutoscalerStatus,
    signal: AbortSignal,
  ): Promise<void> {
    if (equalJson(status, autoscaler.status ?? {})) return;
    const { namespace } = autoscaler.metadata ?? {};
    const resource = this.#context.client.resource<V2HorizontalPodAutoscaler>(horizontalPodAutoscalerKind, namespace);
    try {
      await resource.update({ ...autoscaler, status }, { subresource: 'status', signal });
    } catch (error) {
      signal.throwIfAborted();
      this.#warn(autoscaler, 'FailedUpdateStatus', (error as Error).message);
      throw error;
    }
  }

  #historyOf(key: string): ScaleHistory {
    const history = this.#histories.get(key) ?? new ScaleHistory();
    this.#histories.set(key, history);
    return history;
  }

  #warn(autoscaler: V2HorizontalPodAutoscaler, reason: string, message: string): void {
    this.#context.events.event(autoscaler, 'Warning', reason, message);
  }
}

/** Behaviour that says something of one direction alone, as it may come from older servers, has the defaults for the other. */
function withDefaults(autoscaler: V2HorizontalPodAutoscaler): V2HorizontalPodAutoscaler {
  if (!autoscaler.spec.behavior) return autoscaler;
  const copy = structuredClone(autoscaler);
  setHorizontalPodAutoscalerDefaults(copy as unknown as DynamicObject);
  return copy;
}

/** No number of replicas can be told; the condition says why. */
class UndecidedError extends Error {
  readonly condition: Condition;
  /** What is known all the same. */
  readonly currentMetrics: V2HorizontalPodAutoscalerStatus['currentMetrics'];

  constructor(message: string, reason: Condition, currentMetrics?: V2HorizontalPodAutoscalerStatus['currentMetrics']) {
    super(message);
    this.condition = reason;
    this.currentMetrics = currentMetrics;
  }
}
