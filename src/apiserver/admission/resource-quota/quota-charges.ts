import { resourceQuotaKind } from '../../../api/core/v1/resource-quota.ts';
import type { V1ResourceQuota } from '../../../api/gen/types.ts';
import type { DynamicObject } from '../../../api/machinery/object.ts';
import { equalResourceLists, formatResourceList, type ResourceList } from '../../../api/machinery/resource-list.ts';
import { conflict, isStatus, MODIFIED } from '../../../api/machinery/status-error.ts';
import type { Clock } from '../../../std/clock.ts';
import { deferred } from '../../../std/lifecycle.ts';
import type { ObjectReader, ObjectWriter } from '../../contracts.ts';
import { checkQuotas, type QuotaQuestion, type RunningQuota, runningQuota } from './check-quotas.ts';
import type { LimitedResource } from './limited-resources.ts';

export interface QuotaChargesDeps {
  readonly reader: ObjectReader;
  readonly writer: ObjectWriter;
  readonly clock: Clock;
  readonly limited: readonly LimitedResource[];
}

interface Waiter extends QuotaQuestion {
  readonly done: PromiseWithResolvers<void>;
  settled: boolean;
}

/** Writes of quota statuses that lose to other writers this often are given up, as upstream. */
const MOST_RETRIES = 3;

/**
 * Charges writes to their namespaces' quotas. Those that come while a namespace's charges are being written wait and are then
 * looked at together, so that many creates at a time cost few writes, and no two are let in on the same room:
 *
 *     charge ─► waiting (per namespace) ─► look at all of them, one after the other, on the same running usage
 *                   ▲                          ─► one status write a quota ─► let in            conflict ─► look again
 *                   └─ more of them come meanwhile
 */
export class QuotaCharges {
  readonly #deps: QuotaChargesDeps;
  readonly #waiting = new Map<string, Waiter[]>();

  constructor(deps: QuotaChargesDeps) {
    this.#deps = deps;
  }

  /** Resolves when the write may go on; what it uses is in the quotas' status then. Rejects with what it is refused for. */
  charge(question: QuotaQuestion): Promise<void> {
    const { namespace } = question.attributes;
    const waiter: Waiter = { ...question, done: deferred<void>(), settled: false };
    const waiting = this.#waiting.get(namespace);
    if (waiting) waiting.push(waiter);
    else {
      this.#waiting.set(namespace, [waiter]);
      void this.#work(namespace);
    }
    return waiter.done.promise;
  }

  /** Goes on as long as somebody waits. Never rejects: failures go to those who wait. */
  async #work(namespace: string): Promise<void> {
    for (let batch = this.#take(namespace); batch.length; batch = this.#take(namespace)) {
      try {
        await this.#deps.reader.waitFresh(resourceQuotaKind);
        await this.#settle(this.#quotas(namespace), batch, MOST_RETRIES);
      } catch (error) {
        for (const waiter of batch) refuseWaiter(waiter, error);
      }
    }
    this.#waiting.delete(namespace);
  }

  #take(namespace: string): Waiter[] {
    const batch = this.#waiting.get(namespace) ?? [];
    this.#waiting.set(namespace, []);
    return batch;
  }

  #quotas(namespace: string): RunningQuota[] {
    return this.#deps.reader.list(resourceQuotaKind, namespace).map((quota) => runningQuota(quota as unknown as V1ResourceQuota));
  }

  async #settle(original: readonly RunningQuota[], batch: readonly Waiter[], retries: number): Promise<void> {
    const { limited, clock } = this.#deps;
    let quotas = original;
    const charged: Waiter[] = [];
    for (const waiter of batch) {
      if (waiter.settled) continue;
      try {
        const next = checkQuotas(quotas, waiter, { limited, nowMs: clock.now() });
        const changed = next.some(({ used }, i) => !equalResourceLists(used, quotas[i]!.used));
        if (!changed || waiter.attributes.dryRun) letIn(waiter);
        else {
          quotas = next;
          charged.push(waiter);
        }
      } catch (error) {
        refuseWaiter(waiter, error);
      }
    }
    if (!charged.length) return;
    const writes = quotas.filter(({ used }, i) => !equalResourceLists(used, original[i]!.used));
    const failed = (await Promise.all(writes.map((each) => this.#write(each)))).filter((each) => each !== undefined);
    if (!failed.length) {
      for (const waiter of charged) letIn(waiter);
      return;
    }
    if (retries === 0) throw failed[0]!.error;
    await this.#deps.reader.waitFresh(resourceQuotaKind);
    const names = new Set(failed.map(({ name }) => name));
    // A quota that has been deleted meanwhile limits nothing any more; those that were written have been charged already.
    const again = this.#quotas(batch[0]!.attributes.namespace).filter(({ quota }) => names.has(quota.metadata?.name));
    await this.#settle(again, charged, retries - 1);
  }

  /** Writes what is used; what failed when somebody else has written, or deleted, the quota meanwhile. */
  async #write({ quota, used }: RunningQuota): Promise<{ name: string | undefined; error: unknown } | undefined> {
    const { name = '', namespace = '', resourceVersion } = quota.metadata ?? {};
    const change = (existing: DynamicObject) => {
      if (existing.metadata.resourceVersion !== resourceVersion) throw conflict(resourceQuotaKind, name, MODIFIED);
      return withUsed(existing, used);
    };
    try {
      await this.#deps.writer.modify(resourceQuotaKind, namespace, name, change, 'status');
      return undefined;
    } catch (error) {
      if (!isStatus(error, 'Conflict') && !isStatus(error, 'NotFound')) throw error;
      return { name, error };
    }
  }
}

function withUsed(existing: DynamicObject, used: ResourceList): DynamicObject {
  return { ...existing, status: { ...(existing['status'] as object | undefined), used: formatResourceList(used) } };
}

function letIn(waiter: Waiter): void {
  waiter.settled = true;
  waiter.done.resolve();
}

function refuseWaiter(waiter: Waiter, error: unknown): void {
  if (waiter.settled) return;
  waiter.settled = true;
  waiter.done.reject(error);
}
