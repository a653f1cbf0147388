/** Volumes that are one mount below the pod's directory: local persistent volumes and NFS. */
import { mkdir, rmdir, stat } from 'node:fs/promises';
import type { Mounts } from '../../host/mounts.ts';
import { ownershipFor } from './pod-groups.ts';
import type { VolumeCalls } from './volume-calls.ts';
import type { VolumeKind, VolumeTask } from './volume-kind.ts';
import { applyOwnership } from './volume-ownership.ts';

export function createLocal(mounts: Mounts, calls: VolumeCalls): VolumeKind {
  return {
    plugin: 'kubernetes.io/local-volume',
    refreshed: false,
    async setUp({ pod, bound, directory }) {
      const { local, mountOptions: options = [] } = bound?.persistentVolume.spec ?? {};
      const { path = '' } = local ?? {};
      const readOnly = bound?.readOnly ?? false;
      if (path.split('/').includes('..')) throw new Error(`invalid path: ${path} must not contain '..'`);
      const stats = await calls
        .run(path, () => stat(path))
        .catch((error: NodeJS.ErrnoException) => {
          if (error.code === 'ENOENT') throw new Error(`path "${path}" does not exist`);
          throw error;
        });
      if (bound?.persistentVolume.spec?.volumeMode === 'Block') {
        if (!stats.isBlockDevice()) throw new Error(`local volume path ${path} is no block device, but its volumeMode is Block`);
        return { devicePath: path, readOnly };
      }
      if (!stats.isDirectory())
        throw new Error(
          `local volume path ${path} is no directory: this kubelet does not format and mount devices, mount it on the node`,
        );
      await mountOnce(mounts, directory, () => mounts.bind({ source: path, target: directory, readOnly, options }));
      const ownership = readOnly ? undefined : ownershipFor(pod, false);
      if (ownership) await applyOwnership(directory, ownership);
      return { path: directory, readOnly, relabel: !readOnly };
    },
  };
}

export function createNfs(mounts: Mounts): VolumeKind {
  return {
    plugin: 'kubernetes.io/nfs',
    refreshed: false,
    async setUp({ volume, bound, directory, signal }: VolumeTask) {
      const { spec } = bound?.persistentVolume ?? {};
      const { server, path, readOnly: always = false } = spec?.nfs ?? volume.nfs!;
      const readOnly = always || (bound?.readOnly ?? false);
      const source = `${server.includes(':') && !server.startsWith('[') ? `[${server}]` : server}:${path}`;
      const options = [...(readOnly ? ['ro'] : []), ...(spec?.mountOptions ?? [])];
      await mountOnce(mounts, directory, () => mounts.mount({ source, target: directory, fsType: 'nfs', options, signal }));
      return { path: directory, readOnly };
    },
  };
}

/** Mounts unless something is mounted there already. */
async function mountOnce(mounts: Mounts, directory: string, mount: () => Promise<void>): Promise<void> {
  if (await mounts.at(directory)) return;
  await mkdir(directory, { recursive: true, mode: 0o750 });
  try {
    await mount();
  } catch (error) {
    // Nothing is mounted, so it is empty; what it could not be removed for shows at tear-down.
    await rmdir(directory).catch(() => undefined);
    throw error;
  }
}
