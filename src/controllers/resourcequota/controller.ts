import { resourceQuotaKind } from '../../api/core/v1/resource-quota.ts';
import type { V1ResourceQuota } from '../../api/gen/types.ts';
import type { ResourceKind } from '../../api/machinery/kind.ts';
import type { DynamicObject, KubeObject } from '../../api/machinery/object.ts';
import { equalResourceLists, parseResourceList, type ResourceList } from '../../api/machinery/resource-list.ts';
import { evaluatorFor } from '../../api/quota/evaluators.ts';
import { scopesOf } from '../../api/quota/scopes.ts';
import type { Client } from '../../client/client.ts';
import type { Change } from '../../client/informer.ts';
import { type Outcome, Reconciler } from '../../client/reconciler.ts';
import { unlessReason } from '../../client/unless-reason.ts';
import { type Component, isAbort } from '../../std/lifecycle.ts';
import { nextTurn } from '../../std/next-turn.ts';
import { type ControllerContext, createController, keyOf, source, splitKey } from '../framework/controller.ts';
import { createSharedInformers } from '../framework/shared-informers.ts';
import { CountedKinds } from './counted-kinds.ts';
import { addUsage, isUnsettled, kindsOf, mayFree, planStatus, sameLimits, startUsage } from './plan.ts';
import { QuotaDevices } from './quota-devices.ts';
import { RecentCharges } from './recent-charges.ts';

export interface ResourceQuotaControllerOptions {
  /** Reads metadata only. */
  readonly metadataClient: Client;
  /** `--resource-quota-sync-period`: everything is measured anew so often. Default 5 min. */
  readonly syncPeriodMs?: number;
  /** `--concurrent-resource-quota-syncs`. Default 5. */
  readonly workers?: number;
}

/** Many objects that go at a time are counted once. */
const FREED_MS = 50;
/** What comes was charged when it was admitted: only to be sure, and not for each of many. */
const ADDED_MS = 1000;
/** How long a status that somebody else wrote may stand. */
const UNSETTLED_MS = 1000;
/** So long an object may take from its charge until it is counted here. */
const CHARGED_MS = 1000;
/** How long a name that nothing is served for is let be before the server is asked again, as upstream. */
const UNKNOWN_MS = 30_000;
/** So many objects are weighed before others have their turn. */
const CHUNK = 200;

/** Measures what ResourceQuotas limit and tells it in their status; admission charges from there. */
export function createResourceQuotaController(context: ControllerContext, options: ResourceQuotaControllerOptions): Component {
  const { client, informers, clock, logger, metrics } = context;
  const { metadataClient, syncPeriodMs = 300_000, workers } = options;
  const quotas = informers.of<V1ResourceQuota>(resourceQuotaKind);
  const ended = new AbortController();
  const metadata = createSharedInformers({ client: metadataClient, clock, logger, signal: ended.signal });

  const devices = new QuotaDevices(informers);
  const evaluatorOf = (kind: ResourceKind) => evaluatorFor(kind, devices);
  const charges = new RecentCharges(CHARGED_MS);
  /** What was written here last, by quota: nobody has charged that. */
  const written = new Map<string, ResourceList>();

  /** Measures the quotas of a namespace that count a kind, soon. */
  const enqueueFor = (kind: ResourceKind, namespace: string, delayMs: number) => {
    for (const quota of quotas.list(namespace))
      if (evaluatorOf(kind).matchingResources(Object.keys(quota.spec?.hard ?? {})).length) loop.addAfter(keyOf(quota), delayMs);
  };
  const onChange = (kind: ResourceKind, { type, object, previous }: Change<KubeObject>) => {
    const namespace = object.metadata?.namespace ?? '';
    if (!quotas.list(namespace).length) return;
    if (type === 'added') enqueueFor(kind, namespace, ADDED_MS);
    else if (type === 'deleted' || mayFree(evaluatorOf(kind), object, previous, clock.now()))
      enqueueFor(kind, namespace, FREED_MS);
  };
  const counted = new CountedKinds({ client, shared: informers, metadata, onChange });

  const measure = async (quota: V1ResourceQuota, kind: ResourceKind): Promise<ResourceList> => {
    const evaluator = evaluatorOf(kind);
    let usage = startUsage(evaluator, quota);
    const scopes = scopesOf(quota);
    const objects = (await counted.list(kind, quota.metadata?.namespace ?? '')) as readonly DynamicObject[];
    for (const [i, object] of objects.entries()) {
      if (i % CHUNK === CHUNK - 1) await nextTurn();
      if (scopes.every((scope) => evaluator.matchesScope?.(scope, object) ?? false))
        usage = addUsage(usage, evaluator.usage(object, clock.now()));
    }
    return usage;
  };

  const find = async (quota: V1ResourceQuota) => {
    await devices.know(Object.keys(quota.spec?.hard ?? {}), counted.served);
    return kindsOf(quota, counted.served, evaluatorOf);
  };

  const reconcile = async (key: string, signal: AbortSignal): Promise<Outcome> => {
    const { namespace, name } = splitKey(key);
    const quota = quotas.get(name, namespace);
    if (!quota || quota.metadata?.deletionTimestamp) return;
    let { kinds, unknown } = await find(quota);
    if (unknown.length) {
      await counted.refresh(signal);
      ({ kinds, unknown } = await find(quota));
    }
    const usages = await Promise.all(kinds.map((kind) => measure(quota, kind)));
    const usage = usages.reduce<ResourceList>((sum, one) => addUsage(sum, one), new Map());
    const charged = charges.of(key, clock.now());
    const status = planStatus(quota, usage, charged);
    if (status) {
      written.set(key, parseResourceList(status.used));
      const resource = client.resource<V1ResourceQuota>(resourceQuotaKind, namespace);
      try {
        await unlessReason(resource.update({ ...quota, status }, { subresource: 'status', signal }), 'NotFound');
      } catch (error) {
        // Whoever tells the same next is somebody else.
        written.delete(key);
        throw error;
      }
    }
    // Whether what was charged has come is known then.
    if (charged) return { requeueAfterMs: CHARGED_MS };
    if (unknown.length) return { requeueAfterMs: UNKNOWN_MS };
  };

  const noteCharge = (quota: V1ResourceQuota, previous: V1ResourceQuota) => {
    const [key, used] = [keyOf(quota), parseResourceList(quota.status?.used)];
    const own = written.get(key);
    if (own && equalResourceLists(own, used)) written.delete(key);
    else charges.note(key, parseResourceList(previous.status?.used), used, clock.now());
  };

  const loop = new Reconciler({ name: context.name, reconcile, clock, logger, metrics, ...(workers && { workers }) });
  const background = async (signal: AbortSignal): Promise<void> => {
    signal.addEventListener('abort', () => ended.abort(signal.reason), { once: true });
    while (!signal.aborted) {
      await clock.sleep(syncPeriodMs, signal).catch(() => undefined); // the condition says why
      if (signal.aborted) break;
      const all = quotas.list();
      try {
        if (all.length) await counted.refresh(signal);
      } catch (error) {
        if (!isAbort(error, signal)) logger.error('Unable to find out which kinds there are, will try again', { err: error });
      }
      for (const quota of all) loop.add(keyOf(quota));
    }
    await metadata.done;
  };
  return createController(context, {
    sources: [
      source(quotas, (quota, { type, previous }) => {
        if (type === 'deleted') {
          charges.forget(keyOf(quota));
          written.delete(keyOf(quota));
          return;
        }
        if (previous) noteCharge(quota, previous);
        if (!previous || !sameLimits(quota, previous)) loop.add(keyOf(quota));
        // Others write the status as well, admission first of all. Only what is no quota's status any more is put right, before the
        // next time that everything is measured.
        else if (isUnsettled(quota)) loop.addAfter(keyOf(quota), UNSETTLED_MS);
      }),
    ],
    loops: [loop],
    background,
  });
}
