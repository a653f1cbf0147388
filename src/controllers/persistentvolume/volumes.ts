import { persistentVolumeKind } from '../../api/core/v1/persistent-volume.ts';
import { persistentVolumeClaimKind } from '../../api/core/v1/persistent-volume-claim.ts';
import { BOUND_BY_CONTROLLER, hasAnnotation, PROVISIONED_BY } from '../../api/core/v1/volume-binding.ts';
import type { V1PersistentVolume, V1PersistentVolumeClaim } from '../../api/gen/types.ts';
import type { Informer } from '../../client/informer.ts';
import { unlessReason } from '../../client/unless-reason.ts';
import type { ControllerContext } from '../framework/controller.ts';
import type { HostPathProvisioner } from './host-path-provisioner.ts';

export interface VolumeWorkOptions {
  readonly context: ControllerContext;
  readonly claims: Informer<V1PersistentVolumeClaim>;
  readonly provisioner: HostPathProvisioner | undefined;
}

/** What is done for one volume: its phase, and its end when its claim is gone. */
export class VolumeWork {
  readonly #options: VolumeWorkOptions;

  constructor(options: VolumeWorkOptions) {
    this.#options = options;
  }

  async sync(volume: V1PersistentVolume, signal: AbortSignal): Promise<void> {
    const { claimRef } = volume.spec ?? {};
    // Unbound, or kept for a claim that is not there yet.
    if (!claimRef?.uid) return this.#writePhase(volume, 'Available', '', signal);
    const claim = await this.#claimOf(volume, signal);
    if (claim) {
      if (claim.spec?.volumeName === volume.metadata?.name) return this.#writePhase(volume, 'Bound', '', signal);
      // Its claim will find it, or has found another: then a volume that we had chosen is free again.
      if (claim.spec?.volumeName && hasAnnotation(volume, BOUND_BY_CONTROLLER)) return this.#unbind(volume, signal);
      return;
    }
    if (volume.status?.phase !== 'Released' && volume.status?.phase !== 'Failed')
      return this.#writePhase(volume, 'Released', '', signal); // our own event brings it back
    if (volume.status.phase === 'Released') await this.#reclaim(volume, signal);
  }

  /** The claim that the volume is bound to; asked of the server before it counts as gone. */
  async #claimOf(volume: V1PersistentVolume, signal: AbortSignal): Promise<V1PersistentVolumeClaim | undefined> {
    const { namespace = '', name = '', uid } = volume.spec?.claimRef ?? {};
    const known = this.#options.claims.get(name, namespace);
    if (known?.metadata?.uid === uid) return known;
    const resource = this.#options.context.client.resource<V1PersistentVolumeClaim>(persistentVolumeClaimKind, namespace);
    const fresh = await unlessReason(resource.get(name, { signal }), 'NotFound');
    return fresh?.metadata?.uid === uid ? fresh : undefined;
  }

  async #reclaim(volume: V1PersistentVolume, signal: AbortSignal): Promise<void> {
    const { context, provisioner } = this.#options;
    const { name = '', uid, deletionTimestamp } = volume.metadata ?? {};
    const policy = volume.spec?.persistentVolumeReclaimPolicy ?? 'Retain';
    if (policy === 'Retain' || deletionTimestamp) return;
    if (policy === 'Recycle') {
      const message = 'Volume has no recycler: reclaim policy Recycle is not carried out, use Delete or Retain';
      return this.#fail(volume, 'VolumeFailedRecycle', message, signal);
    }
    try {
      if (!(await provisioner?.remove(volume))) {
        // Whoever provisioned it deletes it.
        if (volume.metadata?.annotations?.[PROVISIONED_BY]) return;
        const message = `error getting deleter volume plugin for volume "${name}": no deletable volume plugin matched`;
        return await this.#fail(volume, 'VolumeFailedDelete', message, signal);
      }
    } catch (error) {
      return this.#fail(volume, 'VolumeFailedDelete', (error as Error).message, signal);
    }
    const deleted = context.client.resource(persistentVolumeKind).delete(name, { preconditions: { uid }, signal });
    await unlessReason(deleted, 'NotFound');
  }

  async #unbind(volume: V1PersistentVolume, signal: AbortSignal): Promise<void> {
    const { [BOUND_BY_CONTROLLER]: _, ...annotations } = volume.metadata?.annotations ?? {};
    const changed = {
      ...volume,
      metadata: { ...volume.metadata, annotations },
      spec: { ...volume.spec, claimRef: undefined },
    } as V1PersistentVolume;
    await this.#options.context.client.resource<V1PersistentVolume>(persistentVolumeKind).update(changed, { signal });
  }

  async #fail(volume: V1PersistentVolume, reason: string, message: string, signal: AbortSignal): Promise<void> {
    this.#options.context.events.event(volume, 'Warning', reason, message);
    await this.#writePhase(volume, 'Failed', message, signal);
  }

  async #writePhase(volume: V1PersistentVolume, phase: string, message: string, signal: AbortSignal): Promise<void> {
    if (volume.status?.phase === phase && (volume.status.message ?? '') === message) return;
    const status = { ...volume.status, phase, message: message || undefined };
    const resource = this.#options.context.client.resource<V1PersistentVolume>(persistentVolumeKind);
    await resource.update({ ...volume, status } as V1PersistentVolume, { subresource: 'status', signal });
  }
}
