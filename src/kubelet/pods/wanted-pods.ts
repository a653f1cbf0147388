import type { V1Pod } from '../../api/gen/types.ts';
import { equalJson } from '../../api/machinery/clone.ts';
import type { Informer } from '../../client/informer.ts';
import { uidOf, type WantedPod } from './pod-work.ts';
import type { StaticPods } from './real-pod-options.ts';

const UID = 'uid';
/** Upstream's mark of the API server's copy of a static pod: the hash of that. */
export const MIRROR_ANNOTATION = 'kubernetes.io/config.mirror';

/** Where a pod was read from, as the kubelet marks it. */
const SOURCE_ANNOTATION = 'kubernetes.io/config.source';

export const isMirrorPod = ({ metadata }: V1Pod): boolean => metadata?.annotations?.[MIRROR_ANNOTATION] !== undefined;

/** Whether a pod's status is all that differs. Servers before 1.33 count no generations. */
function asksForTheSame(before: V1Pod, after: V1Pod): boolean {
  const { metadata: old = {} } = before;
  const { metadata = {} } = after;
  return (
    old.uid === metadata.uid &&
    old.deletionTimestamp === metadata.deletionTimestamp &&
    old.deletionGracePeriodSeconds === metadata.deletionGracePeriodSeconds &&
    equalJson(old.labels, metadata.labels) &&
    equalJson(old.annotations, metadata.annotations) &&
    equalJson(old.finalizers, metadata.finalizers) &&
    equalJson(before.spec, after.spec)
  );
}

/** All pods that are to run here, of all sources, by the uid that they run under: a static pod's is not its mirror's. */
export class WantedPods {
  readonly #informer: Informer<V1Pod>;
  readonly #static: StaticPods | undefined;
  readonly #corrected = new WeakMap<V1Pod, V1Pod>();

  constructor(informer: Informer<V1Pod>, staticPods: StaticPods | undefined) {
    this.#informer = informer;
    this.#static = staticPods;
    informer.addIndex(UID, (pod) => [uidOf(pod)]);
  }

  find(uid: string): WantedPod | undefined {
    const own = this.#static?.find(uid);
    if (own) return this.#withMirror(own);
    const pod = this.#informer.byIndex(UID, uid)[0];
    return pod && !isMirrorPod(pod) ? this.#bound(pod) : undefined;
  }

  list(): readonly WantedPod[] {
    const bound = this.#informer.list().filter((pod) => !isMirrorPod(pod));
    return [...(this.#static?.list() ?? []).map((pod) => this.#withMirror(pod)), ...bound.map((pod) => this.#bound(pod))];
  }

  named(namespace: string, name: string): WantedPod | undefined {
    const own = this.#static?.list().find(({ metadata }) => metadata?.name === name && metadata.namespace === namespace);
    if (own) return this.#withMirror(own);
    const pod = this.#informer.get(name, namespace);
    return pod && !isMirrorPod(pod) ? this.#bound(pod) : undefined;
  }

  staticUids(): readonly string[] {
    return (this.#static?.list() ?? []).map(uidOf);
  }

  /** What the API server has under a static pod's name as a mirror, of whichever version. */
  mirrorOf({ metadata }: V1Pod): V1Pod | undefined {
    const found = this.#informer.get(metadata?.name ?? '', metadata?.namespace);
    return found && isMirrorPod(found) ? found : undefined;
  }

  /** Mirror pods whose static pod is gone. */
  lonelyMirrors(): readonly V1Pod[] {
    return this.#informer.list().filter((pod) => isMirrorPod(pod) && !this.#ownOf(pod));
  }

  /** The uid under which a pod of the API runs: a mirror's is its static pod's. */
  uidFor(pod: V1Pod): string {
    const own = isMirrorPod(pod) ? this.#ownOf(pod) : undefined;
    return uidOf(own ?? pod);
  }

  runningUid(uid: string): string {
    const pod = this.#informer.byIndex(UID, uid)[0];
    return pod ? this.uidFor(pod) : uid;
  }

  onStaticChange(listener: (uid: string) => void): () => void {
    return this.#static?.onChange(listener) ?? (() => undefined);
  }

  /** Tells the uid of each pod of the API that changed, with those that are there already, and whether that is its status alone. */
  onBoundChange(listener: (uid: string, statusAlone: boolean) => void): () => void {
    return this.#informer.onChange(({ type, object, previous }) => {
      const statusAlone = type === 'updated' && previous !== undefined && asksForTheSame(previous, object);
      listener(this.uidFor(object), statusAlone);
    });
  }

  /**
   * Where a pod comes from is the kubelet's to say, as upstream's does: one of the API that called itself one of the node's own would
   * count as critical, push others aside and never be evicted.
   */
  #bound(told: V1Pod): WantedPod {
    const { metadata } = told;
    const said = metadata?.annotations?.[SOURCE_ANNOTATION];
    let pod = said === undefined || said === 'api' ? told : this.#corrected.get(told);
    if (!pod) {
      pod = { ...told, metadata: { ...metadata, annotations: { ...metadata?.annotations, [SOURCE_ANNOTATION]: 'api' } } };
      this.#corrected.set(told, pod);
    }
    return { pod, told, isStatic: false };
  }

  #ownOf(mirror: V1Pod): V1Pod | undefined {
    const { name, namespace } = mirror.metadata ?? {};
    return this.#static?.list().find(({ metadata }) => metadata?.name === name && metadata?.namespace === namespace);
  }

  /** A static pod's status is what its mirror told last. */
  #withMirror(own: V1Pod): WantedPod {
    const found = this.mirrorOf(own);
    const mirror = found?.metadata?.annotations?.[MIRROR_ANNOTATION] === uidOf(own) ? found : undefined;
    return { pod: mirror ? { ...own, status: mirror.status } : own, told: mirror, isStatic: true };
  }
}
