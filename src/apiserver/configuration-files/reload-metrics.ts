import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import type { Clock } from '../../std/clock.ts';
import { Counter, Gauge, type Metric } from '../../std/metric.ts';
import { identityName } from '../peers/identity-lease.ts';

/** Told what becomes of a file that is followed. */
export interface ReloadObserver {
  reloaded(text: string): void;
  failed(): void;
}

const LABELS = ['status', 'apiserver_id_hash'];

/** Counts how often a configuration file was taken over while the server ran, or could not be, and tells which one is in effect. */
export class ReloadMetrics implements Metric, ReloadObserver {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #server = hashOf(identityName(hostname()));
  readonly #last = new Map<string, number>();
  readonly #reloads: Counter;
  readonly #lastSeconds: Gauge;
  readonly #inEffect: Gauge;
  #hash: string;

  /** `what` is `authentication`, `authorization` or `encryption`, `text` what the file said at the start. */
  constructor(what: string, text: string, clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
    this.#hash = hashOf(text);
    const name = `apiserver_${what}_config_controller`;
    const split = 'split by status and apiserver identity.';
    this.#reloads = new Counter(
      `${name}_automatic_reloads_total`,
      `Total number of automatic reloads of ${what} configuration ${split}`,
      LABELS,
    );
    this.#lastSeconds = new Gauge(
      `${name}_automatic_reload_last_timestamp_seconds`,
      `Timestamp of the last automatic reload of ${what} configuration ${split}`,
      LABELS,
      () => [...this.#last].map(([status, seconds]) => [[status, this.#server], seconds]),
    );
    this.#inEffect = new Gauge(
      `${name}_last_config_info`,
      `Information about the last applied ${what} configuration with hash as label, split by apiserver identity.`,
      ['apiserver_id_hash', 'hash'],
      () => [[[this.#server, this.#hash], 1]],
    );
  }

  reloaded(text: string): void {
    this.#hash = hashOf(text);
    this.#count('success');
  }

  failed(): void {
    this.#count('failure');
  }

  #count(status: string): void {
    this.#reloads.increment(status, this.#server);
    this.#last.set(status, this.#clock.now() / 1000);
  }

  render(): string {
    return [this.#reloads, this.#lastSeconds, this.#inEffect].map((metric) => metric.render()).join('');
  }
}

const hashOf = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;
