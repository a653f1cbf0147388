import type { Steps } from '../../../std/pauses.ts';
import { runInTurns } from '../../../std/turn-pace.ts';
import type { AdmissionMetrics } from '../../metrics/admission-metrics.ts';
import type { PolicySpec } from './policy-hooks.ts';

/** What policies were compiled to, each when it is first met: all who meet it meanwhile wait for the same. */
export class CompiledPolicies<T> {
  readonly #metrics: AdmissionMetrics | undefined;
  /** By what they say: others that come or go change nothing about them. */
  readonly #compiled = new WeakMap<PolicySpec, Promise<T>>();

  constructor(metrics: AdmissionMetrics | undefined) {
    this.#metrics = metrics;
  }

  of(spec: PolicySpec, compile: () => Steps<T>): Promise<T> {
    let made = this.#compiled.get(spec);
    if (!made) {
      const startMs = performance.now();
      made = Promise.resolve(runInTurns(compile())).finally(() => {
        this.#metrics?.compiled((performance.now() - startMs) / 1000);
      });
      this.#compiled.set(spec, made);
    }
    return made;
  }
}
