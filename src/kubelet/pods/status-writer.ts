import { isDeepStrictEqual } from 'node:util';
import { podKind } from '../../api/core/v1/pod.ts';
import type { V1Pod, V1PodCondition, V1PodStatus } from '../../api/gen/types.ts';
import { isStatus } from '../../api/machinery/status-error.ts';
import type { Client } from '../../client/client.ts';
import { Backoff } from '../../std/backoff.ts';
import type { Clock } from '../../std/clock.ts';
import type { Logger } from '../../std/logger.ts';
import type { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import { PASSING_CONDITIONS } from './pod-conditions.ts';

interface Entry {
  /** The object that tells the status, as it was when that was made: itself, or a static pod's mirror once there is one. */
  told: V1Pod | undefined;
  wanted: V1PodStatus;
  /** What the server has of us, as far as we know. */
  known: V1PodStatus | undefined;
  writing: Promise<void> | undefined;
}

export interface StatusWriterOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  readonly signal: AbortSignal;
  readonly metrics?: KubeletMetrics | undefined;
}

/**
 * Brings pod statuses to the API server: one write at a time for a pod, always the newest, nothing that the server has
 * already. It tries again until it succeeds or the pod is gone.
 */
export class StatusWriter {
  #client: Client;
  #clock: Clock;
  #logger: Logger;
  #random: () => number;
  #signal: AbortSignal;
  #metrics: KubeletMetrics | undefined;
  #entries = new Map<string, Entry>();

  constructor(options: StatusWriterOptions) {
    this.#client = options.client;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#random = options.random;
    this.#signal = options.signal;
    this.#metrics = options.metrics;
  }

  /** The newest status of a pod, written or not. */
  statusOf(uid: string): V1PodStatus | undefined {
    return this.#entries.get(uid)?.wanted;
  }

  /** Takes the status of a pod. It is written soon, to the object that tells it if there is one yet. */
  set(pod: V1Pod, status: V1PodStatus, told: V1Pod | undefined = pod): void {
    const uid = pod.metadata?.uid ?? '';
    const entry = this.#entries.get(uid) ?? { told, wanted: status, known: told?.status, writing: undefined };
    // A mirror pod that was made anew knows nothing of what was told to the one before.
    if (entry.told?.metadata?.uid !== told?.metadata?.uid) entry.known = told?.status;
    entry.told = told;
    entry.wanted = status;
    this.#entries.set(uid, entry);
    if (!told) return;
    entry.writing ??= this.#write(uid, entry).finally(() => {
      entry.writing = undefined;
    });
  }

  /** The informer has seen the server's copy: if it differs from what we wrote, somebody changed it. */
  observe(uid: string, told: V1Pod | undefined): void {
    const entry = this.#entries.get(uid);
    if (entry && !entry.writing && told && entry.told?.metadata?.uid === told.metadata?.uid) entry.known = told.status;
  }

  /** Resolves when the newest status of the pod is with the server. */
  async settled(uid: string): Promise<void> {
    await this.#entries.get(uid)?.writing;
  }

  forget(uid: string): void {
    this.#entries.delete(uid);
  }

  async #write(uid: string, entry: Entry): Promise<void> {
    let changedMs = this.#clock.now();
    // Later changes of the same turn go with this write.
    await new Promise((resolve) => setImmediate(resolve));
    const backoff = new Backoff({ initialMs: 200, maxMs: 10_000, random: this.#random });
    while (!this.#signal.aborted && this.#entries.get(uid) === entry) {
      const patch = planStatusPatch(entry.known, entry.wanted);
      if (!patch) return;
      const { name = '', namespace = '', uid: toldUid } = entry.told?.metadata ?? {};
      const sent = entry.wanted;
      try {
        const body = { metadata: { uid: toldUid }, status: patch };
        const pods = this.#client.resource<V1Pod>(podKind, namespace);
        await pods.patch(name, body, { type: 'strategic', subresource: 'status', signal: this.#signal, unread: true });
        // A mirror pod that was made anew meanwhile was not told.
        if (entry.told?.metadata?.uid === toldUid) entry.known = sent;
        this.#metrics?.observe('kubelet_pod_status_sync_duration_seconds', (this.#clock.now() - changedMs) / 1000);
        changedMs = this.#clock.now();
        continue;
      } catch (error) {
        if (this.#signal.aborted) return;
        // Gone, or another pod of the same name.
        if (isStatus(error, 'NotFound') || isStatus(error, 'Conflict')) {
          if (!entry.told || entry.told.metadata?.uid === toldUid) return;
          continue;
        }
        this.#logger.warn('Failed to update status for pod', { pod: `${namespace}/${name}`, err: error });
      }
      await this.#clock.sleep(backoff.next(), this.#signal).catch(() => undefined); // only an abort ends it early; the loop looks
    }
  }
}

/** Fields to send; undefined when the server has them all. Lists that are merged by key say so when something must go. */
export function planStatusPatch(known: V1PodStatus | undefined, wanted: V1PodStatus): Record<string, unknown> | undefined {
  const patch: Record<string, unknown> = {};
  const before = (known ?? {}) as Record<string, unknown>;
  for (const [field, value] of Object.entries(wanted)) {
    if (isDeepStrictEqual(normal(before[field]), normal(value))) continue;
    if (field === 'conditions') {
      patch[field] = conditionChanges(before[field] as V1PodCondition[] | undefined, value as V1PodCondition[]);
      continue;
    }
    const merged = (field === 'podIPs' || field === 'hostIPs') && Array.isArray(before[field]) && before[field].length > 0;
    patch[field] = merged ? [...(value as object[]), { $patch: 'replace' }] : value;
  }
  for (const field of ['reason', 'message']) if (before[field] && !(field in wanted)) patch[field] = null;
  return Object.keys(patch).length > 0 ? patch : undefined;
}

/** Conditions are merged by type and field by field: what a condition no longer has must be taken away by name. */
function conditionChanges(before: readonly V1PodCondition[] | undefined, wanted: readonly V1PodCondition[]): object[] {
  const passed = (before ?? []).filter(({ type }) => PASSING_CONDITIONS.includes(type) && !wanted.some((c) => c.type === type));
  const changed = wanted.flatMap((condition) => {
    const old = before?.find(({ type }) => type === condition.type);
    if (isDeepStrictEqual(normal(old), normal(condition))) return [];
    const gone = Object.keys(old ?? {}).filter((name) => !(name in condition));
    return [{ ...condition, ...Object.fromEntries(gone.map((name) => [name, null])) }];
  });
  return [...changed, ...passed.map(({ type }) => ({ type, $patch: 'delete' }))];
}

/** Servers differ in whether they keep nulls and empty objects; statuses do not differ by them. */
function normal(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(normal);
  if (typeof value !== 'object' || value === null) return value ?? undefined;
  const fields = Object.entries(value).flatMap(([name, inner]) => {
    const clean = normal(inner);
    return clean === undefined ? [] : [[name, clean] as const];
  });
  return fields.length > 0 ? Object.fromEntries(fields) : undefined;
}
