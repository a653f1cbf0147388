import { endpointsKind } from '../../api/core/v1/endpoints.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import { serviceKind } from '../../api/core/v1/service.ts';
import type { V1Endpoints, V1Pod, V1Service } from '../../api/gen/types.ts';
import { equalJson } from '../../api/machinery/clone.ts';
import { selectorFromLabels } from '../../api/machinery/label-selector.ts';
import { Reconciler } from '../../client/reconciler.ts';
import { createdOrUnneeded, unlessReason } from '../../client/unless-reason.ts';
import type { Component } from '../../std/lifecycle.ts';
import { runInTurns } from '../../std/turn-pace.ts';
import { newestChange } from '../endpointslice/controller.ts';
import { HEADLESS } from '../endpointslice/plan.ts';
import { hasSelector, isHeadless } from '../endpointslice/service-pods.ts';
import { servicesOfPods } from '../endpointslice/services-of-pods.ts';
import { type ControllerContext, createController, keyOf, source, splitKey } from '../framework/controller.ts';
import { OwnWrites } from '../framework/own-writes.ts';
import { selectedPods, servicesSelecting } from '../workloads/selection-index.ts';
import { subsetsOfInSteps, truncated } from './plan.ts';

const MANAGED_BY = 'endpoints.kubernetes.io/managed-by';
const TRIGGER_TIME = 'endpoints.kubernetes.io/last-change-trigger-time';
const OVER_CAPACITY = 'endpoints.kubernetes.io/over-capacity';

/** Keeps the Endpoints of Services that select pods: what EndpointSlices have replaced, for clients that still read them. */
export function createEndpointsController(context: ControllerContext, options: { readonly workers?: number } = {}): Component {
  const { client, informers, clock, logger, metrics, events } = context;
  const services = informers.of<V1Service>(serviceKind);
  const pods = informers.of<V1Pod>(podKind);
  const podsOf = selectedPods(informers);
  const endpoints = informers.of<V1Endpoints>(endpointsKind);
  const writes = new OwnWrites();
  const loop = new Reconciler({ name: context.name, reconcile, clock, logger, metrics, workers: options.workers });

  async function reconcile(key: string, signal: AbortSignal): Promise<void> {
    const { namespace, name } = splitKey(key);
    const service = services.get(name, namespace);
    const existing = endpoints.get(name, namespace);
    const resource = client.resource<V1Endpoints>(endpointsKind, namespace);
    if (!service) {
      writes.forget(key);
      // Nobody owns Endpoints: they go with their Service by its name.
      if (existing?.metadata?.labels?.[MANAGED_BY]) await unlessReason(resource.delete(name, { signal }), 'NotFound');
      return;
    }
    if (!hasSelector(service) || (existing && writes.isBehind(existing))) return;
    const selector = selectorFromLabels(service.spec?.selector);
    const selected = podsOf(namespace, selector);
    const { subsets, isOver } = truncated(await runInTurns(subsetsOfInSteps(service, selected)));
    const labels = {
      ...service.metadata?.labels,
      [MANAGED_BY]: 'endpoint-controller',
      ...(isHeadless(service) && { [HEADLESS]: '' }),
    };
    const { [OVER_CAPACITY]: wasOver, ...others } = existing?.metadata?.annotations ?? {};
    const isSame = existing && equalJson(existing.subsets ?? [], subsets) && equalJson(existing.metadata?.labels, labels);
    if (isSame && isOver === (wasOver === 'truncated')) return;
    const triggerTime = newestChange(service, selected);
    const annotations = {
      ...others,
      ...(isOver && { [OVER_CAPACITY]: 'truncated' }),
      ...(triggerTime && { [TRIGGER_TIME]: triggerTime }),
    };
    const wanted = {
      ...(existing ?? { apiVersion: 'v1', kind: 'Endpoints' }),
      metadata: { ...existing?.metadata, name, namespace, labels, annotations },
      subsets,
    } as V1Endpoints;
    try {
      writes.note(
        existing ? await resource.update(wanted, { signal }) : await createdOrUnneeded(resource.create(wanted, { signal })),
      );
    } catch (error) {
      const reason = existing ? 'FailedToUpdateEndpoint' : 'FailedToCreateEndpoint';
      const doing = existing ? 'update' : 'create';
      if (!signal.aborted)
        events.event(wanted, 'Warning', reason, `Failed to ${doing} endpoint ${key}: ${(error as Error).message}`);
      throw error;
    }
  }

  return createController(context, {
    sources: [
      source(services, (service) => loop.add(keyOf(service))),
      source(
        pods,
        servicesOfPods(servicesSelecting(informers), (key) => loop.add(key)),
      ),
      source(endpoints, (object) => loop.add(keyOf(object))),
    ],
    loops: [loop],
  });
}
