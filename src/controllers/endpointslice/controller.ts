import { nodeKind } from '../../api/core/v1/node.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import { serviceKind } from '../../api/core/v1/service.ts';
import { endpointSliceKind } from '../../api/discovery/v1/endpoint-slice.ts';
import type { V1EndpointSlice, V1Node, V1Pod, V1Service } from '../../api/gen/types.ts';
import { equalJson } from '../../api/machinery/clone.ts';
import { selectorFromLabels } from '../../api/machinery/label-selector.ts';
import { type Outcome, Reconciler } from '../../client/reconciler.ts';
import type { Component } from '../../std/lifecycle.ts';
import { runInTurns } from '../../std/turn-pace.ts';
import { type ControllerContext, createController, keyOf, source, splitKey } from '../framework/controller.ts';
import { LOOK_AGAIN_MS } from '../workloads/pod-writes.ts';
import { selectedPods, servicesSelecting } from '../workloads/selection-index.ts';
import { type HintEvent, HintKeeper } from './hint-keeper.ts';
import { groupEndpointsInSteps, MANAGED_BY, planSlicesInSteps, SERVICE_NAME, SLICE_CONTROLLER } from './plan.ts';
import { hasSelector, isEndpoint } from './service-pods.ts';
import { servicesOfPods } from './services-of-pods.ts';
import { hintModeOf } from './slice-hints.ts';
import { SliceWrites } from './slice-writes.ts';
import { isNodeReady, ZONE } from './zone-allocation.ts';

const SERVICE_INDEX = 'service';

export interface EndpointSliceOptions {
  readonly workers?: number;
  /** Default 100, as upstream. */
  readonly maxEndpointsPerSlice?: number;
}

/** Keeps the EndpointSlices of Services that select pods (https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/). */
export function createEndpointSliceController(context: ControllerContext, options: EndpointSliceOptions = {}): Component {
  const { client, informers, clock, logger, metrics, events } = context;
  const services = informers.of<V1Service>(serviceKind);
  const pods = informers.of<V1Pod>(podKind);
  const podsOf = selectedPods(informers);
  const nodes = informers.of<V1Node>(nodeKind);
  const slices = informers.of<V1EndpointSlice>(endpointSliceKind);
  informers.index(slices, SERVICE_INDEX, serviceOfSlice);
  const writes = new SliceWrites(client, slices);
  const hints = new HintKeeper(() => nodes.list());
  const loop = new Reconciler({ name: context.name, reconcile, clock, logger, metrics, workers: options.workers });
  /** Once for any number of nodes that change together. */
  const nodeLoop = new Reconciler({
    ...{ name: `${context.name}-topology`, clock, logger, metrics },
    reconcile: async () => {
      for (const key of hints.outdated()) loop.add(key);
    },
  });

  async function reconcile(key: string, signal: AbortSignal): Promise<Outcome> {
    const { namespace, name } = splitKey(key);
    const service = services.get(name, namespace);
    if (!service || !hasSelector(service)) hints.forget(key);
    if (!service) {
      nodeAwaited.delete(key);
      return writes.forget(key);
    }
    if (!hasSelector(service) || service.metadata?.deletionTimestamp) return;
    if (!writes.areSeen(key)) return { requeueAfterMs: LOOK_AGAIN_MS };
    const selector = selectorFromLabels(service.spec?.selector);
    const selected = podsOf(namespace, selector);
    const own = slices.byIndex(SERVICE_INDEX, key).filter(({ metadata }) => metadata?.labels?.[MANAGED_BY] === SLICE_CONTROLLER);
    const hintEvents: HintEvent[] = [];
    const { there, homeless } = partByNode(service, selected);
    nodeAwaited.delete(key);
    if (homeless.length > 0) nodeAwaited.set(key, new Set(homeless.map(({ spec }) => spec?.nodeName ?? '')));
    const groups = await runInTurns(groupEndpointsInSteps(service, there, zoneOf));
    const planned = planSlicesInSteps({
      service,
      existing: own.filter(({ metadata }) => !metadata?.deletionTimestamp),
      groups,
      maxEndpoints: options.maxEndpointsPerSlice ?? 100,
      managedBy: SLICE_CONTROLLER,
      triggerTime: newestChange(service, selected),
      hints: (found) => {
        const hinted = hints.withHints(service, found);
        hintEvents.push(...hinted.events);
        return hinted;
      },
    });
    const plan = await runInTurns(planned);
    try {
      await writes.carryOut(key, namespace, plan, signal);
      for (const { type, reason, message } of hintEvents) events.event(service, type, reason, message);
      if (homeless.length > 0) throw new Error(whyHomeless(key, homeless));
    } catch (error) {
      if (!signal.aborted) {
        const message = `Error updating Endpoint Slices for Service ${key}: ${(error as Error).message}`;
        events.event(service, 'Warning', 'FailedToUpdateEndpointSlices', message);
      }
      throw error;
    }
  }

  /**
   * Pods of nodes that are not there are no endpoints: they will soon be collected, or their node is yet to be shown. Who publishes pods that are
   * not ready means all of them.
   */
  function partByNode({ spec }: V1Service, selected: readonly V1Pod[]) {
    const has = (pod: V1Pod) => Boolean(spec?.publishNotReadyAddresses) || nodes.get(pod.spec?.nodeName ?? '') !== undefined;
    const { true: there = [], false: absent = [] } = Object.groupBy(selected, (pod) => (has(pod) ? 'true' : 'false'));
    return { there, homeless: absent.filter(isEndpoint) };
  }
  /** The nodes that pods of a Service wait for, by its key. */
  const nodeAwaited = new Map<string, ReadonlySet<string>>();

  const zoneOf = (nodeName: string) => nodes.get(nodeName)?.metadata?.labels?.[ZONE];

  return createController(context, {
    sources: [
      source(services, (service, { type, previous }) => {
        const same = (before: V1Service) =>
          equalJson(before.spec, service.spec) &&
          equalJson(before.metadata?.labels, service.metadata?.labels) &&
          hintModeOf(before) === hintModeOf(service);
        if (type !== 'updated' || (hasSelector(service) && !(previous && same(previous)))) loop.add(keyOf(service));
      }),
      source(
        pods,
        servicesOfPods(servicesSelecting(informers), (key) => loop.add(key)),
      ),
      source(nodes, (node, { type, previous }) => {
        if (type !== 'updated' || !previous || !sameForHints(previous, node)) {
          hints.nodesChanged();
          nodeLoop.add('nodes');
        }
        if (type === 'added') for (const [key, awaited] of nodeAwaited) if (awaited.has(keyOf(node))) loop.add(key);
        const before = previous?.metadata?.labels?.[ZONE];
        if (type === 'updated' && before === node.metadata?.labels?.[ZONE]) return;
        if (before === undefined && node.metadata?.labels?.[ZONE] === undefined) return;
        for (const service of services.list()) if (hasSelector(service)) loop.add(keyOf(service));
      }),
      source(slices, (slice) => {
        for (const key of serviceOfSlice(slice)) if (slice.metadata?.labels?.[MANAGED_BY] === SLICE_CONTROLLER) loop.add(key);
      }),
    ],
    loops: [loop, nodeLoop],
  });
}

/** Of one pod or of several, as upstream says it. */
function whyHomeless(key: string, pods: readonly V1Pod[]): string {
  const each = pods.map(
    ({ metadata, spec }) => `skipping Pod ${metadata?.name} for Service ${key}: Node ${spec?.nodeName ?? ''} Not Found`,
  );
  return each.length === 1 ? each[0]! : `[${each.join(', ')}]`;
}

const sameForHints = (before: V1Node, after: V1Node): boolean =>
  isNodeReady(before) === isNodeReady(after) &&
  before.metadata?.labels?.[ZONE] === after.metadata?.labels?.[ZONE] &&
  before.status?.allocatable?.['cpu'] === after.status?.allocatable?.['cpu'];

/** The key of the Service whose slice it says to be. */
export function serviceOfSlice({ metadata }: V1EndpointSlice): string[] {
  const name = metadata?.labels?.[SERVICE_NAME];
  return name ? [`${metadata?.namespace}/${name}`] : [];
}

/** When the last of those was changed that say what the endpoints are: what the latency of programming is measured from. */
export function newestChange(service: V1Service, pods: readonly V1Pod[]): string | undefined {
  let newest = String(service.metadata?.creationTimestamp ?? '');
  for (const { status } of pods)
    for (const { type, lastTransitionTime } of status?.conditions ?? [])
      if (type === 'Ready' && lastTransitionTime && String(lastTransitionTime) > newest) newest = String(lastTransitionTime);
  return newest || undefined;
}
