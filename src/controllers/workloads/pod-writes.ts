import type { V1Pod } from '../../api/gen/types.ts';
import type { Clock } from '../../std/clock.ts';

/** What the informer of pods must have shown before an owner is looked at again. */
interface Awaited {
  version: number;
  readonly deleted: Map<string, string>;
  sinceMs: number;
}

/** Whoever waits longer than this has missed something: upstream's time limit for expectations. */
const LIMIT_MS = 300_000;

/**
 * So soon an owner is looked at again whose writes were not seen: mostly an event brings it back, but none comes of what was told again while a
 * new list was read, the version of which counts only from its end on.
 */
export const LOOK_AGAIN_MS = 1000;

/**
 * Our own writes that the informer has not shown yet, by owner: acting on what it shows before would create, delete or count the same pods
 * twice. Versions are numbers that grow (KEP-5504).
 */
export class PodWrites {
  readonly #clock: Clock;
  readonly #pods: { readonly resourceVersion: string; get(name: string, namespace?: string): V1Pod | undefined };
  readonly #awaited = new Map<string, Awaited>();

  constructor(
    clock: Clock,
    pods: { readonly resourceVersion: string; get(name: string, namespace?: string): V1Pod | undefined },
  ) {
    this.#clock = clock;
    this.#pods = pods;
  }

  /** Takes the server's answer: a pod that was made or changed. */
  written(ownerUid: string, pod: V1Pod): void {
    const awaited = this.#of(ownerUid);
    awaited.version = Math.max(awaited.version, Number(pod.metadata?.resourceVersion ?? 0));
  }

  deleted(ownerUid: string, pod: V1Pod): void {
    const { namespace, name, uid = '' } = pod.metadata ?? {};
    this.#of(ownerUid).deleted.set(uid, `${namespace}/${name}`);
  }

  /** True when the informer shows all that was written for the owner. Otherwise it is to be looked at again when an event brings it back, or soon. */
  areSeen(ownerUid: string): boolean {
    const awaited = this.#awaited.get(ownerUid);
    if (!awaited) return true;
    for (const [uid, path] of awaited.deleted) {
      const [namespace, name = ''] = path.split('/');
      const pod = this.#pods.get(name, namespace);
      if (pod?.metadata?.uid !== uid || pod.metadata.deletionTimestamp) awaited.deleted.delete(uid);
    }
    const isSeen = awaited.deleted.size === 0 && Number(this.#pods.resourceVersion) >= awaited.version;
    if (!isSeen && this.#clock.now() - awaited.sinceMs < LIMIT_MS) return false;
    this.#awaited.delete(ownerUid);
    return true;
  }

  forget(ownerUid: string): void {
    this.#awaited.delete(ownerUid);
  }

  #of(ownerUid: string): Awaited {
    let awaited = this.#awaited.get(ownerUid);
    if (!awaited) {
      awaited = { version: 0, deleted: new Map(), sinceMs: this.#clock.now() };
      this.#awaited.set(ownerUid, awaited);
    }
    return awaited;
  }
}
