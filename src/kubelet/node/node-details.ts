import type { V1NodeStatus } from '../../api/gen/types.ts';
import type { KubeletConfiguration } from '../configuration/kubelet-configuration.ts';
import type { DeviceAmounts } from '../devices/device-inventory.ts';
import { nodeImages } from '../images/node-images.ts';
import type { Runtime, RuntimeStatus } from '../runtime/runtime.ts';

/** What the status of a node with real pods says beyond that of a hollow one. */
export type NodeDetails = Pick<V1NodeStatus, 'images' | 'runtimeHandlers' | 'features' | 'volumesInUse' | 'volumesAttached'> & {
  /** What device plugins give; part of the capacity. */
  readonly devices?: DeviceAmounts;
};

export interface NodeDetailsOptions {
  readonly runtime: Pick<Runtime, 'images'>;
  readonly configuration: KubeletConfiguration;
  /** Names of volumes that controllers attach and pods here use: `kubernetes.io/csi/…`. */
  readonly volumesInUse?: () => readonly string[];
  readonly devices?: () => DeviceAmounts;
}

/** Asked for each status; `runtime` is what the runtime has just said of itself. Without an answer of the image store no images are told. */
export async function nodeDetails(options: NodeDetailsOptions, runtime: RuntimeStatus | undefined): Promise<NodeDetails> {
  const { configuration, volumesInUse } = options;
  const images = runtime?.ready ? await options.runtime.images?.list() : undefined;
  const handlers = runtime?.handlers;
  const inUse = volumesInUse?.();
  return {
    ...(images && { images: nodeImages(images, configuration.nodeStatusMaxImages) }),
    ...(handlers && {
      runtimeHandlers: handlers.map(({ name, recursiveReadOnlyMounts, userNamespaces }) => ({
        name,
        features: { recursiveReadOnlyMounts, userNamespaces },
      })),
    }),
    ...(runtime?.features && { features: runtime.features }),
    ...(inUse && { volumesInUse: [...inUse].sort() }),
    ...(options.devices && { devices: options.devices() }),
  };
}
