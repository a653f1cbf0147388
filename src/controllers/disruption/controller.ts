import { podKind } from '../../api/core/v1/pod.ts';
import type { V1Pod, V1PodDisruptionBudget, V1PodDisruptionBudgetStatus } from '../../api/gen/types.ts';
import { equalJson } from '../../api/machinery/clone.ts';
import { selectorFromLabelSelector } from '../../api/machinery/label-selector.ts';
import { formatTime } from '../../api/machinery/object.ts';
import { podDisruptionBudgetKind } from '../../api/policy/v1/pod-disruption-budget.ts';
import { type Outcome, Reconciler } from '../../client/reconciler.ts';
import { hasReason, unlessReason } from '../../client/unless-reason.ts';
import type { Component } from '../../std/lifecycle.ts';
import { remembered } from '../../std/remembered.ts';
import { type ControllerContext, createController, keyOf, source, splitKey } from '../framework/controller.ts';
import { mattersToOwner } from '../workloads/pod-state.ts';
import { selectedPods } from '../workloads/selection-index.ts';
import { Keepers } from './keepers.ts';
import { budgetStatus, expectationOf, failedStatus, healthyOf, needsScale, openDisruptions, targetStaleInMs } from './plan.ts';

/** Tells in each PodDisruptionBudget how many of its pods may go now: evictions take from that (upstream's pkg/controller/disruption). */
export function createDisruptionController(context: ControllerContext): Component {
  const { client, informers, clock, logger, metrics, events } = context;
  const budgets = informers.of<V1PodDisruptionBudget>(podDisruptionBudgetKind);
  const pods = informers.of<V1Pod>(podKind);
  const podsOf = selectedPods(informers);
  const keepers = new Keepers(client, informers, clock);
  const loop = new Reconciler({ name: context.name, reconcile, clock, logger, metrics, workers: 1 });

  async function reconcile(key: string, signal: AbortSignal): Promise<Outcome> {
    const { namespace, name } = splitKey(key);
    const budget = budgets.get(name, namespace);
    if (!budget) return;
    try {
      return await measure(budget, signal);
    } catch (error) {
      if (signal.aborted || hasReason(error, 'Conflict')) throw error;
      const message = `Failed to calculate the number of expected pods: ${(error as Error).message}`;
      events.event(budget, 'Warning', 'CalculateExpectedPodCountFailed', message);
      await writeStatus(budget, failedStatus(budget, (error as Error).message, clock.now()), signal);
      throw error;
    }
  }

  async function measure(budget: V1PodDisruptionBudget, signal: AbortSignal): Promise<Outcome> {
    const selector = budget.spec?.selector ? selectorFromLabelSelector(budget.spec.selector) : undefined;
    const guarded = selector ? podsOf(budget.metadata?.namespace ?? '', selector) : [];
    if (guarded.length === 0) events.event(budget, 'Normal', 'NoPods', 'No matching pods found');
    const living = guarded.filter(({ status }) => status?.phase !== 'Succeeded' && status?.phase !== 'Failed');
    const { scale, unmanaged } = needsScale(budget) ? await keepers.scaleOf(guarded, signal) : { scale: 0, unmanaged: [] };
    if (unmanaged.length > 0) {
      const message = `Pods selected by this PodDisruptionBudget (selector: ${selector}) were found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.`;
      events.event(budget, 'Warning', 'UnmanagedPods', message);
    }
    const nowMs = clock.now();
    const { disrupted, failed, recheckAfterMs } = openDisruptions(budget, guarded, nowMs);
    for (const pod of failed) {
      const message = `Pod was expected by PDB ${keyOf(budget)} to be deleted but it wasn't`;
      events.event(pod, 'Warning', 'NotDeleted', message);
    }
    const expectation = expectationOf(budget, guarded.length, scale);
    const status = budgetStatus(budget, expectation, healthyOf(living, disrupted), disrupted, nowMs);
    await writeStatus(budget, status, signal);
    return recheckAfterMs === undefined ? undefined : { requeueAfterMs: recheckAfterMs };
  }

  async function writeStatus(
    budget: V1PodDisruptionBudget,
    status: V1PodDisruptionBudgetStatus,
    signal: AbortSignal,
  ): Promise<void> {
    if (equalJson(status, budget.status ?? {})) return;
    const resource = client.resource<V1PodDisruptionBudget>(podDisruptionBudgetKind, budget.metadata?.namespace);
    // With its version: an eviction that has taken from the budget meanwhile must not be forgotten.
    await resource.update({ ...budget, status }, { subresource: 'status', signal });
  }

  async function reconcileTarget(key: string, signal: AbortSignal): Promise<Outcome> {
    const { namespace, name } = splitKey(key);
    const pod = pods.get(name, namespace);
    const leftMs = pod && targetStaleInMs(pod, clock.now());
    if (leftMs === undefined) return;
    if (leftMs > 0) return { requeueAfterMs: leftMs };
    const conditions = (pod?.status?.conditions ?? []).map((condition) =>
      condition.type === 'DisruptionTarget'
        ? { type: condition.type, status: 'False', lastTransitionTime: formatTime(clock.now()) }
        : condition,
    );
    const changed = { ...pod, status: { ...pod?.status, conditions } } as V1Pod;
    const resource = client.resource<V1Pod>(podKind, namespace);
    await unlessReason(resource.update(changed, { subresource: 'status', signal }), 'NotFound');
  }
  const targetLoop = new Reconciler({ name: `${context.name}-targets`, reconcile: reconcileTarget, clock, logger, metrics });

  const selectorOf = remembered(({ spec }: V1PodDisruptionBudget) => selectorFromLabelSelector(spec?.selector));
  const enqueueGuards = ({ metadata }: V1Pod) => {
    for (const budget of budgets.list(metadata?.namespace))
      if (selectorOf(budget).matches(metadata?.labels)) loop.add(keyOf(budget));
  };

  return createController(context, {
    sources: [
      source(budgets, (budget, { type }) => {
        if (type !== 'deleted') loop.add(keyOf(budget));
      }),
      source(pods, (pod, { type, previous }) => {
        if (type !== 'deleted' && targetStaleInMs(pod, clock.now()) !== undefined) targetLoop.add(keyOf(pod));
        if (type === 'updated' && previous && !mattersToOwner(previous, pod)) return;
        enqueueGuards(pod);
        if (previous && !equalJson(previous.metadata?.labels, pod.metadata?.labels)) enqueueGuards(previous);
      }),
      ...keepers.sources().map((informer) =>
        source(informer, (keeper, { type, previous }) => {
          if (type === 'updated' && previous?.spec?.replicas === keeper.spec?.replicas) return;
          for (const budget of budgets.list(keeper.metadata?.namespace)) if (needsScale(budget)) loop.add(keyOf(budget));
        }),
      ),
    ],
    loops: [loop, targetLoop],
  });
}
