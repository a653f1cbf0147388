/** Mutating plugins that may run again when others have changed the object after them (apiserver/pkg/admission/reinvocation.go). */
import { cloneJson, equalJson } from '../../../api/machinery/clone.ts';
import type { AdmissionAttributes, Reinvocation } from '../../contracts.ts';

/** What one plugin remembers of one request between its two rounds. */
export class ReinvocationMemory {
  /** Have run, and want to run again when something changes after them. */
  readonly #candidates = new Set<string>();
  readonly #due = new Set<string>();
  #output: unknown;

  /** At the beginning of a round: what others changed since this plugin's last round makes all candidates due. */
  begin(attributes: AdmissionAttributes, reinvocation: Reinvocation): void {
    if (reinvocation.again && !equalJson(this.#output, attributes.object ?? null)) this.changed();
  }
  end(attributes: AdmissionAttributes): void {
    this.#output = cloneJson(attributes.object ?? null);
  }
  /** Something changed the object: those that ran before are to run again. */
  changed(): void {
    for (const id of this.#candidates) this.#due.add(id);
  }
  ran(id: string, wantsAgain: boolean): void {
    if (wantsAgain) this.#candidates.add(id);
  }
  isDue(id: string): boolean {
    return this.#due.has(id);
  }
}

/** The chain's note about the request, made when it is first needed. */
export function reinvocationOf(attributes: AdmissionAttributes): Reinvocation {
  attributes.reinvocation ??= { again: false, wanted: false };
  return attributes.reinvocation;
}

/** A memory for each request, for as long as the request is there. */
export function createMemories(): (attributes: AdmissionAttributes) => ReinvocationMemory {
  const memories = new WeakMap<Reinvocation, ReinvocationMemory>();
  return (attributes) => {
    const key = reinvocationOf(attributes);
    const memory = memories.get(key) ?? new ReinvocationMemory();
    memories.set(key, memory);
    return memory;
  };
}
