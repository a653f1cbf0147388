import { rm } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { PROVISIONED_BY } from '../../api/core/v1/volume-binding.ts';
import type { V1PersistentVolume, V1PersistentVolumeClaim, V1StorageClass } from '../../api/gen/types.ts';
import { makeDirectories } from '../../std/directories.ts';

/** Names by which storage classes ask for directories of this machine; the second is upstream's. */
export const HOST_PATH_PROVISIONERS: ReadonlySet<string> = new Set(['muster.dev/host-path', 'kubernetes.io/host-path']);

/** Makes volumes of directories below one of this machine: for a cluster whose nodes are this machine. */
export class HostPathProvisioner {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = resolve(directory);
  }

  /** Makes the directory, and answers the volume that stands for it. The claim's uid names both, so that a second try finds the first. */
  async provision(claim: V1PersistentVolumeClaim, storageClass: V1StorageClass): Promise<V1PersistentVolume> {
    const name = `pvc-${claim.metadata?.uid}`;
    const path = this.#pathOf(name);
    await makeDirectories(path);
    const { reclaimPolicy = 'Delete', mountOptions, provisioner } = storageClass;
    return {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name, annotations: { [PROVISIONED_BY]: provisioner } },
      spec: {
        capacity: { storage: claim.spec?.resources?.requests?.['storage'] ?? '0' },
        accessModes: claim.spec?.accessModes,
        persistentVolumeReclaimPolicy: reclaimPolicy,
        storageClassName: storageClass.metadata?.name,
        volumeMode: 'Filesystem',
        ...(mountOptions && { mountOptions }),
        hostPath: { path, type: 'DirectoryOrCreate' },
      },
    } as V1PersistentVolume;
  }

  /** Removes the directory of a volume that was made here; answers false for any other volume. */
  async remove(volume: V1PersistentVolume): Promise<boolean> {
    const path = volume.spec?.hostPath?.path;
    const provisioner = volume.metadata?.annotations?.[PROVISIONED_BY];
    if (!path || !provisioner || !HOST_PATH_PROVISIONERS.has(provisioner)) return false;
    // A volume whose path somebody has changed must not cost them another directory.
    if (resolve(path) !== this.#pathOf(volume.metadata?.name ?? '')) return false;
    await rm(path, { recursive: true, force: true });
    return true;
  }

  #pathOf(name: string): string {
    const path = resolve(join(this.#directory, name));
    if (!path.startsWith(`${this.#directory}${sep}`))
      throw new Error(`volume ${JSON.stringify(name)} has no directory of its own`);
    return path;
  }
}
