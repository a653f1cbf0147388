import { endpointsKind } from '../../api/core/v1/endpoints.ts';
import { serviceKind } from '../../api/core/v1/service.ts';
import { endpointSliceKind } from '../../api/discovery/v1/endpoint-slice.ts';
import type { V1EndpointSlice, V1Endpoints, V1Service } from '../../api/gen/types.ts';
import { type Outcome, Reconciler } from '../../client/reconciler.ts';
import type { Component } from '../../std/lifecycle.ts';
import { runInTurns } from '../../std/turn-pace.ts';
import { serviceOfSlice } from '../endpointslice/controller.ts';
import { MANAGED_BY, planSlicesInSteps } from '../endpointslice/plan.ts';
import { SliceWrites } from '../endpointslice/slice-writes.ts';
import { type ControllerContext, createController, keyOf, source, splitKey } from '../framework/controller.ts';
import { LOOK_AGAIN_MS } from '../workloads/pod-writes.ts';
import { isMirrored, MIRROR_CONTROLLER, mirrorGroups } from './plan.ts';

const SERVICE_INDEX = 'service';

export interface MirroringOptions {
  readonly workers?: number;
  /** Default 1000, as upstream. */
  readonly maxEndpointsPerSubset?: number;
}

/** Makes EndpointSlices of Endpoints that users keep by hand, for Services without a selector. */
export function createEndpointSliceMirroringController(context: ControllerContext, options: MirroringOptions = {}): Component {
  const { client, informers, clock, logger, metrics, events } = context;
  const services = informers.of<V1Service>(serviceKind);
  const endpoints = informers.of<V1Endpoints>(endpointsKind);
  const slices = informers.of<V1EndpointSlice>(endpointSliceKind);
  informers.index(slices, SERVICE_INDEX, serviceOfSlice);
  const writes = new SliceWrites(client, slices);
  const limit = options.maxEndpointsPerSubset ?? 1000;
  const loop = new Reconciler({ name: context.name, reconcile, clock, logger, metrics, workers: options.workers });

  async function reconcile(key: string, signal: AbortSignal): Promise<Outcome> {
    const { namespace, name } = splitKey(key);
    const service = services.get(name, namespace);
    const mirrored = endpoints.get(name, namespace);
    if (!writes.areSeen(key)) return { requeueAfterMs: LOOK_AGAIN_MS };
    const own = slices.byIndex(SERVICE_INDEX, key).filter(({ metadata }) => metadata?.labels?.[MANAGED_BY] === MIRROR_CONTROLLER);
    if (!service || !mirrored || !isMirrored(mirrored, service)) {
      if (!service) writes.forget(key);
      return writes.carryOut(key, namespace, { create: [], update: [], remove: own }, signal);
    }
    const { groups, invalid, skipped } = mirrorGroups(mirrored, limit);
    const warn = (reason: string, message: string) => events.event(mirrored, 'Warning', reason, message);
    if (invalid > 0) warn('InvalidIPAddress', `Skipped ${invalid} invalid IP addresses when mirroring to EndpointSlices`);
    if (skipped > invalid) {
      const most = `A max of ${limit} addresses can be mirrored to EndpointSlices per Endpoints subset`;
      warn('TooManyAddressesToMirror', `${most}. ${skipped} addresses were skipped`);
    }
    const planned = planSlicesInSteps({
      service,
      mirrored,
      existing: own,
      groups,
      maxEndpoints: limit,
      managedBy: MIRROR_CONTROLLER,
      triggerTime: mirrored.metadata?.annotations?.['endpoints.kubernetes.io/last-change-trigger-time'],
    });
    await writes.carryOut(key, namespace, await runInTurns(planned), signal);
  }

  return createController(context, {
    sources: [
      source(services, (service) => loop.add(keyOf(service))),
      source(endpoints, (object) => loop.add(keyOf(object))),
      source(slices, (slice) => {
        for (const key of serviceOfSlice(slice)) if (slice.metadata?.labels?.[MANAGED_BY] === MIRROR_CONTROLLER) loop.add(key);
      }),
    ],
    loops: [loop],
  });
}
