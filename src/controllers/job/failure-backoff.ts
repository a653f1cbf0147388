import type { V1Pod } from '../../api/gen/types.ts';
import { endedAtMs } from './plan.ts';

const FIRST_MS = 10_000;
const LONGEST_MS = 600_000;

interface Record {
  failures: number;
  lastMs: number;
}

/** How much longer the next pod has to wait after this many failures, the last of them at `lastMs`. */
export function backoffMs(failures: number, lastMs: number, nowMs: number): number {
  const delayMs = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(20, failures - 1));
  return Math.max(0, lastMs + delayMs - nowMs);
}

/** Failures of a Job's pods since the last success: new pods wait 10 s, 20 s, … 10 min after the last one. */
export class FailureBackoff {
  readonly #records = new Map<string, Record>();

  /** Takes pods that have just been counted. */
  note(key: string, succeeded: readonly V1Pod[], failed: readonly V1Pod[]): void {
    const ended = [
      ...succeeded.map((pod) => ({ ok: true, atMs: endedAtMs(pod) })),
      ...failed.map((pod) => ({ ok: false, atMs: endedAtMs(pod) })),
    ].sort((a, b) => a.atMs - b.atMs || Number(b.ok) - Number(a.ok));
    const record = this.#records.get(key) ?? { failures: 0, lastMs: 0 };
    for (const { ok, atMs } of ended) {
      if (ok) record.failures = 0;
      else {
        record.failures++;
        record.lastMs = Math.max(record.lastMs, atMs);
      }
    }
    if (record.failures > 0) this.#records.set(key, record);
    else this.#records.delete(key);
  }

  /** How much longer new pods have to wait. */
  waitMs(key: string, nowMs: number): number {
    const record = this.#records.get(key);
    return record ? backoffMs(record.failures, record.lastMs, nowMs) : 0;
  }

  forget(key: string): void {
    this.#records.delete(key);
  }
}
