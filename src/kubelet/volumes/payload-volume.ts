import type { V1Pod } from '../../api/gen/types.ts';
import type { Clock } from '../../std/clock.ts';
import { hasPayload, writePayload } from './atomic-writer.ts';
import { type EmptyDirOptions, makeDirectory } from './empty-dir.ts';
import { ownershipFor } from './pod-groups.ts';
import type { VolumeKind } from './volume-kind.ts';
import { applyOwnership } from './volume-ownership.ts';
import { type PayloadSources, volumePayload } from './volume-payloads.ts';

export interface PayloadVolumeOptions extends EmptyDirOptions, PayloadSources {
  readonly clock: Clock;
  /** Told of what could not be brought up to date while the volume goes on showing what it did. */
  readonly onStale: (pod: V1Pod, volumeName: string, error: Error) => void;
}

/** Volumes made of files that the kubelet writes. Secrets, tokens and what describes the pod never touch a disk. */
export function createPayloadVolume(plugin: string, medium: '' | 'Memory', options: PayloadVolumeOptions): VolumeKind {
  return {
    plugin,
    refreshed: true,
    async setUp({ pod, volume, directory }) {
      const ready = { path: directory, readOnly: true, isOwn: true, relabel: true };
      let payload: Awaited<ReturnType<typeof volumePayload>>;
      try {
        payload = await volumePayload(pod, volume, options);
      } catch (error) {
        // A ConfigMap that was deleted must not keep a container from being started again.
        const shown = await hasPayload(directory).catch(() => false);
        if (!shown) throw error;
        options.onStale(pod, volume.name, error as Error);
        return ready;
      }
      await makeDirectory({ pod, directory, medium }, options);
      const ownership = ownershipFor(pod, true);
      await writePayload(directory, payload, {
        nowMs: options.clock.now(),
        ...(ownership && { beforeSwap: () => applyOwnership(directory, { ...ownership, onlyOnRootMismatch: false }) }),
      });
      return ready;
    },
  };
}
