import { persistentVolumeKind } from '../../api/core/v1/persistent-volume.ts';
import { persistentVolumeClaimKind } from '../../api/core/v1/persistent-volume-claim.ts';
import { BOUND_BY_CONTROLLER, hasAnnotation, hasSameMode, PROVISIONED_BY } from '../../api/core/v1/volume-binding.ts';
import type { V1PersistentVolume, V1PersistentVolumeClaim } from '../../api/gen/types.ts';
import type { Informer } from '../../client/informer.ts';
import type { Outcome } from '../../client/reconciler.ts';
import { unlessReason } from '../../client/unless-reason.ts';
import type { ControllerContext } from '../framework/controller.ts';
import type { HostPathProvisioner } from './host-path-provisioner.ts';

export interface VolumeWorkOptions {
  readonly context: ControllerContext;
  readonly claims: Informer<V1PersistentVolumeClaim>;
  readonly provisioner: HostPathProvisioner | undefined;
}

/** How often a volume that could not be deleted is tried again, as upstream. */
const RETRY_MS = 15_000;

/** What is done for one volume: its phase, and its end when its claim is gone. */
export class VolumeWork {
  readonly #options: VolumeWorkOptions;

  constructor(options: VolumeWorkOptions) {
    this.#options = options;
  }

  async sync(volume: V1PersistentVolume, signal: AbortSignal): Promise<Outcome> {
    const { claimRef } = volume.spec ?? {};
    // Unbound, or kept for a claim that is not there yet.
    if (!claimRef?.uid) return void (await this.#writePhase(volume, 'Available', '', signal));
    const claim = await this.#claimOf(volume, signal);
    if (!claim) return this.#release(volume, signal);
    if (!claim.spec?.volumeName) return this.#tellMismatch(volume, claim);
    if (claim.spec.volumeName === volume.metadata?.name) return void (await this.#writePhase(volume, 'Bound', '', signal));
    // Its claim has found another: what was made for it alone goes, and any other is free again.
    const isLeftOver = hasAnnotation(volume, PROVISIONED_BY) && volume.spec?.persistentVolumeReclaimPolicy === 'Delete';
    return isLeftOver ? this.#release(volume, signal) : this.#unbind(volume, signal);
  }

  async #release(volume: V1PersistentVolume, signal: AbortSignal): Promise<Outcome> {
    if (volume.status?.phase !== 'Released' && volume.status?.phase !== 'Failed')
      return void (await this.#writePhase(volume, 'Released', '', signal)); // our own event brings it back
    return this.#reclaim(volume, signal);
  }

  /** A claim that does not name its volume yet will find it, unless they are of different kinds. */
  #tellMismatch(volume: V1PersistentVolume, claim: V1PersistentVolumeClaim): undefined {
    if (hasSameMode(volume, claim)) return;
    const { events } = this.#options.context;
    const why = 'due to incompatible volumeMode.';
    const { name = '' } = claim.metadata ?? {};
    const message = `Cannot bind PersistentVolume to requested PersistentVolumeClaim "${name}" ${why}`;
    events.event(volume, 'Warning', 'VolumeMismatch', message);
    const other = `Cannot bind PersistentVolume "${volume.metadata?.name}" to requested PersistentVolumeClaim ${why}`;
    events.event(claim, 'Warning', 'VolumeMismatch', other);
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

  async #reclaim(volume: V1PersistentVolume, signal: AbortSignal): Promise<Outcome> {
    const { context, provisioner } = this.#options;
    const { name = '', uid, deletionTimestamp } = volume.metadata ?? {};
    const policy = volume.spec?.persistentVolumeReclaimPolicy ?? 'Retain';
    if (policy === 'Retain' || deletionTimestamp) return;
    if (policy === 'Recycle') {
      const message = 'Volume has no recycler: reclaim policy Recycle is not carried out, use Delete or Retain';
      if (volume.status?.phase !== 'Failed') await this.#fail(volume, 'VolumeFailedRecycle', message, signal);
      return;
    }
    try {
      if (!(await provisioner?.remove(volume))) {
        // Whoever provisioned it deletes it.
        if (volume.metadata?.annotations?.[PROVISIONED_BY]) return;
        const message = `error getting deleter volume plugin for volume "${name}": no deletable volume plugin matched`;
        await this.#fail(volume, 'VolumeFailedDelete', message, signal);
        return { requeueAfterMs: RETRY_MS };
      }
    } catch (error) {
      await this.#fail(volume, 'VolumeFailedDelete', (error as Error).message, signal);
      return { requeueAfterMs: RETRY_MS };
    }
    const deleted = context.client.resource(persistentVolumeKind).delete(name, { preconditions: { uid }, signal });
    await unlessReason(deleted, 'NotFound');
  }

  /** Who was chosen by us is nobody's; who was kept for a claim by its name stays so. */
  async #unbind(volume: V1PersistentVolume, signal: AbortSignal): Promise<undefined> {
    const { [BOUND_BY_CONTROLLER]: byUs, ...annotations } = volume.metadata?.annotations ?? {};
    const { uid: _, ...kept } = volume.spec?.claimRef ?? {};
    const changed = {
      ...volume,
      metadata: { ...volume.metadata, annotations },
      spec: { ...volume.spec, claimRef: byUs === undefined ? kept : undefined },
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
