import { secretKind } from '../../api/core/v1/secret.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import type { Clock } from '../../std/clock.ts';
import type { Logger } from '../../std/logger.ts';
import type { ObjectWriter } from '../contracts.ts';

export const LAST_USED_LABEL = 'kubernetes.io/legacy-token-last-used';
export const INVALID_SINCE_LABEL = 'kubernetes.io/legacy-token-invalid-since';

const DAY_MS = 86_400_000;

/** `2026-01-31`, in UTC. */
export const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

/** Notes on Secrets with tokens that end with them when these were last used, a label for a day (pkg/serviceaccount/legacy.go). */
export class LegacyTokenUses {
  readonly #writer: Pick<ObjectWriter, 'modify'>;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #logger: Logger;
  /** Being written: many requests come with one token. */
  readonly #writing = new Set<string>();

  constructor(writer: Pick<ObjectWriter, 'modify'>, clock: Pick<Clock, 'now'>, logger: Logger) {
    this.#writer = writer;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Keeps nobody waiting; what cannot be written is logged, and tried with the next request. */
  note({ metadata }: DynamicObject): void {
    const { namespace = '', name = '', labels } = metadata;
    const nowMs = this.#clock.now();
    const today = dayOf(nowMs);
    const noted = labels?.[LAST_USED_LABEL];
    const key = `${namespace}/${name}`;
    // Another server's clock may be ahead.
    if (noted === today || noted === dayOf(nowMs + DAY_MS) || this.#writing.has(key)) return;
    this.#writing.add(key);
    this.#writer
      .modify(secretKind, namespace, name, (existing) => {
        existing.metadata.labels = { ...existing.metadata.labels, [LAST_USED_LABEL]: today };
        return existing;
      })
      .catch((error: unknown) => this.#logger.warn('The use of a token could not be noted', { object: key, error }))
      .finally(() => this.#writing.delete(key));
  }
}
