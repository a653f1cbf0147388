import type { V1Pod } from '../../api/gen/types.ts';
import type { Mounts } from '../../host/mounts.ts';
import type { ObjectReader } from '../pods/object-reader.ts';
import type { PodImages, PodPartContext } from '../pods/pod-parts.ts';
import { createEmptyDir } from './empty-dir.ts';
import { hostPath } from './host-path.ts';
import { createImageVolume, mountsImages } from './image-volume.ts';
import { createLocal, createNfs } from './mounted-kinds.ts';
import { createPayloadVolume } from './payload-volume.ts';
import type { ServiceAccountTokens } from './service-account-tokens.ts';
import type { VolumeKind } from './volume-kind.ts';
import type { KindName } from './volume-uses.ts';

export interface VolumeKindsOptions {
  readonly context: PodPartContext;
  readonly mounts: Mounts;
  readonly images: PodImages | undefined;
  readonly objects: ObjectReader;
  readonly tokens: ServiceAccountTokens;
  /** To be called when a volume of the pod should be looked at. */
  readonly tell: (podUid: string) => void;
  readonly onStale: (pod: V1Pod, volumeName: string, error: Error) => void;
}

/** All kinds of volumes that this kubelet knows. */
export interface VolumeKinds {
  get(name: KindName): VolumeKind;
  /** Gives back what umount(8) alone does not, of a pod whose directory this is. */
  release(podDirectory: string): Promise<void>;
  start(signal: AbortSignal): Promise<void>;
  readonly done: Promise<void>;
}

export function createVolumeKinds(options: VolumeKindsOptions): VolumeKinds {
  const { context, mounts, images, objects, tokens, onStale } = options;
  const allocatable = () => context.node()?.status?.allocatable ?? {};
  const payload = { mounts, allocatable, objects, tokens, clock: context.clock, onStale };
  const kinds: Partial<Record<KindName, VolumeKind>> = {
    emptyDir: createEmptyDir({ mounts, allocatable }),
    configMap: createPayloadVolume('kubernetes.io/configmap', '', payload),
    secret: createPayloadVolume('kubernetes.io/secret', 'Memory', payload),
    downwardAPI: createPayloadVolume('kubernetes.io/downward-api', 'Memory', payload),
    projected: createPayloadVolume('kubernetes.io/projected', 'Memory', payload),
    hostPath,
    image: createImageVolume(images, () => mountsImages(context.runtime.version)),
    nfs: createNfs(mounts),
    local: createLocal(mounts),
  };
  return {
    get(name) {
      const kind = kinds[name];
      if (!kind) throw new Error(`no volume plugin matched: this kubelet does not support volumes of kind ${name}`);
      return kind;
    },
    release: async () => undefined,
    start: async () => undefined,
    done: Promise.resolve(),
  };
}
