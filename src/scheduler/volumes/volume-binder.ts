import { persistentVolumeKind } from '../../api/core/v1/persistent-volume.ts';
import { persistentVolumeClaimKind } from '../../api/core/v1/persistent-volume-claim.ts';
import { BIND_COMPLETED, BOUND_BY_CONTROLLER, hasAnnotation, isFor, SELECTED_NODE } from '../../api/core/v1/volume-binding.ts';
import type { V1PersistentVolume, V1PersistentVolumeClaim } from '../../api/gen/types.ts';
import type { Client } from '../../client/client.ts';
import type { Clock } from '../../std/clock.ts';
import type { LazyObjects } from '../lazy-objects.ts';
import type { ClaimChoice } from './assumed-volumes.ts';

export interface VolumeBinderOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly objects: LazyObjects;
  /** How long to wait until claims are bound. */
  readonly timeoutMs: number;
}

/** Writes what was chosen for claims, and waits until the controller of persistent volumes has bound them. */
export class VolumeBinder {
  readonly #options: VolumeBinderOptions;

  constructor(options: VolumeBinderOptions) {
    this.#options = options;
  }

  /** Rejects when a claim goes, when its volume cannot be made, and after the timeout. */
  async bind(choices: ReadonlyMap<string, ClaimChoice>, signal: AbortSignal): Promise<void> {
    const versions = new Map<string, string>();
    for (const [key, choice] of choices) {
      const claim = this.#options.objects.claim(key);
      if (!claim) throw new Error(`persistentvolumeclaim "${key}" not found`);
      if ('volumeName' in choice) await this.#keepVolume(choice.volumeName, claim, signal);
      else versions.set(key, await this.#selectNode(claim, choice.nodeName, signal));
    }
    signal.throwIfAborted();
    await this.#untilBound(choices, versions, signal);
  }

  async #keepVolume(name: string, claim: V1PersistentVolumeClaim, signal: AbortSignal): Promise<void> {
    const { client, objects } = this.#options;
    const volume = objects.volume(name);
    if (!volume) throw new Error(`persistentvolume "${name}" not found`);
    if (isFor(volume, claim) && volume.spec?.claimRef?.uid) return;
    const { namespace, name: claimName, uid, resourceVersion } = claim.metadata ?? {};
    const changed: V1PersistentVolume = {
      ...volume,
      metadata: {
        ...volume.metadata,
        annotations: { ...volume.metadata?.annotations, ...(!volume.spec?.claimRef && { [BOUND_BY_CONTROLLER]: 'yes' }) },
      },
      spec: {
        ...volume.spec,
        claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name: claimName, uid, resourceVersion },
      },
    };
    await client.resource<V1PersistentVolume>(persistentVolumeKind).update(changed, { signal });
  }

  /** The version of the claim from which on it bears the node's name. */
  async #selectNode(claim: V1PersistentVolumeClaim, nodeName: string, signal: AbortSignal): Promise<string> {
    if (claim.metadata?.annotations?.[SELECTED_NODE] === nodeName) return claim.metadata.resourceVersion ?? '';
    const { client } = this.#options;
    const annotations = { ...claim.metadata?.annotations, [SELECTED_NODE]: nodeName };
    const written = await client
      .resource<V1PersistentVolumeClaim>(persistentVolumeClaimKind, claim.metadata?.namespace)
      .update({ ...claim, metadata: { ...claim.metadata, annotations } }, { signal });
    return written.metadata?.resourceVersion ?? '';
  }

  #untilBound(
    choices: ReadonlyMap<string, ClaimChoice>,
    versions: ReadonlyMap<string, string>,
    signal: AbortSignal,
  ): Promise<void> {
    const { objects, clock, timeoutMs } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const seen = new Set<string>();
    const look = () => {
      let all = true;
      for (const key of choices.keys()) {
        const claim = objects.claim(key);
        if (!claim) return reject(new Error(`persistentvolumeclaim "${key}" is being deleted`));
        if (claim.metadata?.resourceVersion === versions.get(key) || claim.metadata?.annotations?.[SELECTED_NODE]) seen.add(key);
        if (claim.spec?.volumeName && hasAnnotation(claim, BIND_COMPLETED)) continue;
        all = false;
        // Whoever makes volumes takes the annotation away when it cannot make one for that node.
        if (versions.has(key) && seen.has(key) && !claim.metadata?.annotations?.[SELECTED_NODE])
          return reject(new Error(`provisioning failed for PVC ${JSON.stringify(claim.metadata?.name)}`));
      }
      if (all) resolve();
    };
    const stop = objects.onAnyChange(look);
    const timer = clock.setTimer(timeoutMs, () => reject(new Error('binding volumes: context deadline exceeded')));
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    look();
    return promise.finally(() => {
      stop();
      timer.cancel();
      signal.removeEventListener('abort', onAbort);
    });
  }
}
