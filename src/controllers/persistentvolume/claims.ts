import { persistentVolumeKind } from '../../api/core/v1/persistent-volume.ts';
import { persistentVolumeClaimKind } from '../../api/core/v1/persistent-volume-claim.ts';
import {
  BIND_COMPLETED,
  BOUND_BY_CONTROLLER,
  classOf,
  findVolume,
  hasAnnotation,
  isFor,
  OLD_PROVISIONER,
  PROVISIONER,
  SELECTED_NODE,
  whyUnfit,
} from '../../api/core/v1/volume-binding.ts';
import type { V1PersistentVolume, V1PersistentVolumeClaim, V1Pod, V1StorageClass } from '../../api/gen/types.ts';
import { equalJson } from '../../api/machinery/clone.ts';
import { defaultStorageClass, wantsDefaultClass } from '../../api/storage/v1/default-storage-class.ts';
import type { Informer } from '../../client/informer.ts';
import type { Outcome } from '../../client/reconciler.ts';
import { unlessReason } from '../../client/unless-reason.ts';
import type { ControllerContext } from '../framework/controller.ts';
import { HOST_PATH_PROVISIONERS, type HostPathProvisioner } from './host-path-provisioner.ts';

export interface ClaimWorkOptions {
  readonly context: ControllerContext;
  readonly volumes: Informer<V1PersistentVolume>;
  readonly classes: Informer<V1StorageClass>;
  readonly provisioner: HostPathProvisioner | undefined;
  readonly mayProvision: boolean;
  /** The pods that name a claim. */
  podsWith(claim: V1PersistentVolumeClaim): readonly V1Pod[];
}

/** Who makes the volumes of what was built into upstream's programs once (k8s.io/csi-translation-lib). */
const CSI_OF_BUILT_IN: ReadonlyMap<string, string> = new Map([
  ['kubernetes.io/aws-ebs', 'ebs.csi.aws.com'],
  ['kubernetes.io/azure-disk', 'disk.csi.azure.com'],
  ['kubernetes.io/azure-file', 'file.csi.azure.com'],
  ['kubernetes.io/cinder', 'cinder.csi.openstack.org'],
  ['kubernetes.io/gce-pd', 'pd.csi.storage.gke.io'],
  ['kubernetes.io/portworx-volume', 'pxd.portworx.com'],
  ['kubernetes.io/vsphere-volume', 'csi.vsphere.vmware.com'],
]);

/** How often a claim that waits is looked at again: nothing may happen that brings it back. */
const WAIT_MS = 15_000;

/** What is done for one claim: it gets a volume, or is told why it has none. */
export class ClaimWork {
  readonly #options: ClaimWorkOptions;

  constructor(options: ClaimWorkOptions) {
    this.#options = options;
  }

  async sync(claim: V1PersistentVolumeClaim, signal: AbortSignal): Promise<Outcome> {
    return hasAnnotation(claim, BIND_COMPLETED) ? this.#keepBound(claim, signal) : this.#bindNew(claim, signal);
  }

  async #bindNew(claim: V1PersistentVolumeClaim, signal: AbortSignal): Promise<Outcome> {
    const { volumes } = this.#options;
    const named = claim.spec?.volumeName;
    if (named) {
      const volume = volumes.get(named);
      if (!volume) return this.#wait(claim, signal);
      if (volume.spec?.claimRef && !isFor(volume, claim)) {
        this.#tell(claim, 'Warning', 'FailedBinding', `volume "${named}" already bound to a different claim.`);
        return this.#wait(claim, signal);
      }
      // Where both name each other, somebody knows what they are doing.
      const why = volume.spec?.claimRef ? undefined : whyUnfit(volume, claim);
      if (!why) return this.#bind(volume, claim, signal);
      this.#tell(claim, 'Warning', 'VolumeMismatch', `Cannot bind to requested volume "${named}": ${why}`);
      return this.#wait(claim, signal);
    }
    const storageClass = this.#options.classes.get(classOf(claim));
    const isDelayed = storageClass?.volumeBindingMode === 'WaitForFirstConsumer';
    const volume = chooseVolume(claim, volumes.list(), isDelayed);
    if (volume) return this.#bind(volume, claim, signal);
    if (await this.#assignDefaultClass(claim, signal)) return undefined; // our own write brings it back
    if (isDelayed && !hasAnnotation(claim, SELECTED_NODE)) {
      this.#tellWhoIsAwaited(claim);
      return this.#wait(claim, signal);
    }
    if (classOf(claim) === '') {
      this.#tell(claim, 'Normal', 'FailedBinding', 'no persistent volumes available for this claim and no storage class is set');
      return this.#wait(claim, signal);
    }
    return this.#options.mayProvision ? this.#provision(claim, storageClass, signal) : this.#wait(claim, signal);
  }

  /** A claim from before there was a default class gets it once there is one (KEP-3333). */
  async #assignDefaultClass(claim: V1PersistentVolumeClaim, signal: AbortSignal): Promise<boolean> {
    const storageClassName = defaultStorageClass(this.#options.classes.list())?.metadata?.name;
    if (storageClassName === undefined || !wantsDefaultClass(claim)) return false;
    await this.#updateClaim({ ...claim, spec: { ...claim.spec, storageClassName } }, signal);
    return true;
  }

  #tellWhoIsAwaited(claim: V1PersistentVolumeClaim): void {
    const names = this.#options
      .podsWith(claim)
      .filter(({ spec, status }) => !spec?.nodeName && status?.phase !== 'Succeeded' && status?.phase !== 'Failed')
      .map(({ metadata }) => metadata?.name);
    const [reason, message] = names.length
      ? ['WaitForPodScheduled', `waiting for ${names.length > 1 ? 'pods' : 'pod'} ${names.join(',')} to be scheduled`]
      : ['WaitForFirstConsumer', 'waiting for first consumer to be created before binding'];
    this.#tell(claim, 'Normal', reason, message);
  }

  async #provision(
    claim: V1PersistentVolumeClaim,
    storageClass: V1StorageClass | undefined,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const { provisioner, context } = this.#options;
    if (!storageClass) {
      const message = `storageclass.storage.k8s.io "${classOf(claim)}" not found`;
      this.#tell(claim, 'Warning', 'ProvisioningFailed', message);
      return this.#wait(claim, signal);
    }
    const name = storageClass.provisioner;
    if (provisioner && HOST_PATH_PROVISIONERS.has(name)) {
      if (claim.spec?.volumeMode === 'Block') {
        this.#tell(claim, 'Warning', 'ProvisioningFailed', `${name} makes directories: it has no volumes with volumeMode Block`);
        return this.#wait(claim, signal);
      }
      const volume = await provisioner.provision(claim, storageClass);
      // Bound from the beginning: nobody else shall have it.
      const claimRef = referenceTo(claim);
      const bound = {
        ...volume,
        metadata: { ...volume.metadata, annotations: { ...volume.metadata?.annotations, [BOUND_BY_CONTROLLER]: 'yes' } },
        spec: { ...volume.spec, claimRef },
      } as V1PersistentVolume;
      const made = context.client.resource<V1PersistentVolume>(persistentVolumeKind).create(bound, { signal });
      if (await unlessReason(made, 'AlreadyExists'))
        this.#tell(
          claim,
          'Normal',
          'ProvisioningSucceeded',
          `Successfully provisioned volume ${volume.metadata?.name} using ${name}`,
        );
      return;
    }
    const external = name.startsWith('kubernetes.io/') ? CSI_OF_BUILT_IN.get(name) : name;
    if (external === undefined) {
      this.#tell(claim, 'Warning', 'ProvisioningFailed', `no volume plugin matched name: ${name}`);
      return this.#wait(claim, signal);
    }
    if (claim.metadata?.annotations?.[PROVISIONER] !== external) {
      const annotations = { ...claim.metadata?.annotations, [PROVISIONER]: external, [OLD_PROVISIONER]: external };
      await this.#updateClaim({ ...claim, metadata: { ...claim.metadata, annotations } }, signal);
      return;
    }
    const message = `Waiting for a volume to be created either by the external provisioner '${external}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`;
    this.#tell(claim, 'Normal', 'ExternalProvisioning', message);
    return this.#wait(claim, signal);
  }

  /** First the volume is the claim's, then the claim knows it: whoever is killed in between goes on there. */
  async #bind(volume: V1PersistentVolume, claim: V1PersistentVolumeClaim, signal: AbortSignal): Promise<Outcome> {
    const { client } = this.#options.context;
    let mine = volume;
    if (volume.spec?.claimRef?.uid !== claim.metadata?.uid) {
      const byUs = volume.spec?.claimRef === undefined;
      const annotations = { ...volume.metadata?.annotations, ...(byUs && { [BOUND_BY_CONTROLLER]: 'yes' }) };
      const changed = {
        ...volume,
        metadata: { ...volume.metadata, annotations },
        spec: { ...volume.spec, claimRef: referenceTo(claim) },
      } as V1PersistentVolume;
      mine = await client.resource<V1PersistentVolume>(persistentVolumeKind).update(changed, { signal });
    }
    let bound = claim;
    if (claim.spec?.volumeName !== mine.metadata?.name || !hasAnnotation(claim, BIND_COMPLETED)) {
      const byUs = !claim.spec?.volumeName;
      const annotations = {
        ...claim.metadata?.annotations,
        [BIND_COMPLETED]: 'yes',
        ...(byUs && { [BOUND_BY_CONTROLLER]: 'yes' }),
      };
      bound = await this.#updateClaim(
        { ...claim, metadata: { ...claim.metadata, annotations }, spec: { ...claim.spec, volumeName: mine.metadata?.name } },
        signal,
      );
    }
    await this.#writePhase(bound, mine, signal);
    return undefined;
  }

  async #keepBound(claim: V1PersistentVolumeClaim, signal: AbortSignal): Promise<Outcome> {
    const { volumes } = this.#options;
    const name = claim.spec?.volumeName;
    const lost = async (reason: string, message: string): Promise<undefined> => {
      if (claim.status?.phase === 'Lost') return undefined;
      this.#tell(claim, 'Warning', reason, message);
      await this.#writeStatus(claim, withoutVolume(claim, 'Lost'), signal);
      return undefined;
    };
    if (!name) return lost('ClaimLost', 'Bound claim has lost reference to PersistentVolume. Data on the volume is lost!');
    const volume = volumes.get(name);
    if (!volume) return lost('ClaimLost', 'Bound claim has lost its PersistentVolume. Data on the volume is lost!');
    if (!volume.spec?.claimRef || isFor(volume, claim)) return this.#bind(volume, claim, signal);
    return lost('ClaimMisbound', 'Two claims are bound to the same volume, this one is bound incorrectly');
  }

  async #writePhase(claim: V1PersistentVolumeClaim, volume: V1PersistentVolume, signal: AbortSignal): Promise<void> {
    const isBound = claim.status?.phase === 'Bound';
    await this.#writeStatus(
      claim,
      {
        ...claim.status,
        phase: 'Bound',
        accessModes: volume.spec?.accessModes,
        // A claim that has been bound grows by whoever resizes it.
        capacity: isBound && claim.status?.capacity ? claim.status.capacity : volume.spec?.capacity,
        ...(volume.spec?.volumeAttributesClassName && {
          currentVolumeAttributesClassName: volume.spec.volumeAttributesClassName,
        }),
      },
      signal,
    );
  }

  async #wait(claim: V1PersistentVolumeClaim, signal: AbortSignal): Promise<Outcome> {
    await this.#writeStatus(claim, withoutVolume(claim, 'Pending'), signal);
    return { requeueAfterMs: WAIT_MS };
  }

  async #writeStatus(
    claim: V1PersistentVolumeClaim,
    status: V1PersistentVolumeClaim['status'],
    signal: AbortSignal,
  ): Promise<void> {
    if (equalJson(status, claim.status ?? {})) return;
    const resource = this.#options.context.client.resource<V1PersistentVolumeClaim>(
      persistentVolumeClaimKind,
      claim.metadata?.namespace,
    );
    await resource.update({ ...claim, status }, { subresource: 'status', signal });
  }

  #updateClaim(claim: V1PersistentVolumeClaim, signal: AbortSignal): Promise<V1PersistentVolumeClaim> {
    const { client } = this.#options.context;
    return client
      .resource<V1PersistentVolumeClaim>(persistentVolumeClaimKind, claim.metadata?.namespace)
      .update(claim, { signal });
  }

  #tell(claim: V1PersistentVolumeClaim, type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#options.context.events.event(claim, type, reason, message);
  }
}

/**
 * The volume that was made for the claim, else one that has the access modes which are asked for and as few others as can be, and of these
 * the smallest (pkg/controller/volume/persistentvolume/index.go).
 *
 * @param isDelayed the scheduler chooses, beside the node: only a volume that was made for the claim will do
 */
function chooseVolume(
  claim: V1PersistentVolumeClaim,
  volumes: readonly V1PersistentVolume[],
  isDelayed: boolean,
): V1PersistentVolume | undefined {
  const mine = findVolume(
    claim,
    volumes.filter((one) => isFor(one, claim)),
  );
  if (mine || isDelayed) return mine;
  const byModes = Map.groupBy(volumes, ({ spec }) => new Set(spec?.accessModes).size);
  for (const count of [...byModes.keys()].sort((a, b) => a - b)) {
    const found = findVolume(claim, byModes.get(count) ?? []);
    if (found) return found;
  }
  return undefined;
}

/** The status of a claim that has no volume, and so neither size nor access modes. */
function withoutVolume({ status }: V1PersistentVolumeClaim, phase: string): V1PersistentVolumeClaim['status'] {
  const { accessModes: _, capacity: __, ...rest } = status ?? {};
  return { ...rest, phase };
}

function referenceTo({ metadata }: V1PersistentVolumeClaim) {
  const { namespace, name, uid, resourceVersion } = metadata ?? {};
  return { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name, uid, resourceVersion };
}
