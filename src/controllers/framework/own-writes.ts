import type { KubeObject } from '../../api/machinery/object.ts';
import { keyOf } from './controller.ts';

/**
 * Remembers which version of each object our last write led to. Until the informer shows that one, what it shows is older than what
 * we wrote, and acting on it would write the same again. (Versions are numbers that grow: KEP-5504.)
 */
export class OwnWrites {
  readonly #versions = new Map<string, number>();

  /** Takes the server's answer to a write; undefined when there was none. */
  note(written: KubeObject | undefined): void {
    if (written) this.#versions.set(keyOf(written), Number(written.metadata?.resourceVersion));
  }

  /** Whether our last write of this object is still on its way to the informer: its event will bring us back. */
  isBehind(object: KubeObject): boolean {
    return Number(object.metadata?.resourceVersion) < (this.#versions.get(keyOf(object)) ?? 0);
  }

  /** The object is gone. */
  forget(key: string): void {
    this.#versions.delete(key);
  }
}
