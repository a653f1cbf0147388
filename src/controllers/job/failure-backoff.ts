import type { V1Pod } from '../../api/gen/types.ts';
import { endedAtMs } from './plan.ts';

const FIRST_MS = 10_000;
const LONGEST_MS = 600_000;

interface Record {
  failures: number;
  lastMs: number;
}

/** Failures of a Job's pods (or of one of its indexes) since the last success: new pods wait 10 s, 20 s, … 10 min after the last one. */
export class FailureBackoff {
  readonly #records = new Map<string, Record>();

  /** Takes pods that have just been counted. */
  note(key: string, succeeded: readonly V1Pod[], failed: readonly V1Pod[], nowMs: number): void {
    const ended = [
      ...succeeded.map((pod) => ({ ok: true, atMs: endedAtMs(pod, nowMs) })),
      ...failed.map((pod) => ({ ok: false, atMs: endedAtMs(pod, nowMs) })),
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
    if (!record) return 0;
    const delayMs = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(20, record.failures - 1));
    return Math.max(0, record.lastMs + delayMs - nowMs);
  }

  forget(key: string): void {
    this.#records.delete(key);
  }
}
