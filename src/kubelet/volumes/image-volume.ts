import type { V1Container } from '../../api/gen/types.ts';
import type { PodImages } from '../pods/pod-parts.ts';
import { PodPartError } from '../pods/pod-parts.ts';
import type { RuntimeVersion } from '../runtime/runtime.ts';
import type { VolumeKind } from './volume-kind.ts';

/** Images as volumes: pulled like those of containers, mounted by the runtime, where it knows how to. */
export function createImageVolume(images: PodImages | undefined, supported: () => boolean): VolumeKind {
  return {
    plugin: 'kubernetes.io/image',
    refreshed: false,
    async setUp({ pod, volume, signal }) {
      const { reference = '', pullPolicy } = volume.image ?? {};
      if (!images || !supported())
        throw new PodPartError(
          'CreateContainerConfigError',
          `volume "${volume.name}": the container runtime cannot mount images`,
          {
            eventReason: 'FailedMount',
          },
        );
      const container: V1Container = { name: volume.name, image: reference, imagePullPolicy: pullPolicy };
      const { imageRef } = await images.ensure(pod, container, signal);
      return { image: { reference: imageRef }, readOnly: true };
    },
  };
}

/** containerd mounts images since 2.1, CRI-O since 1.31; CRI has no way to ask. */
export function mountsImages({ name, version }: RuntimeVersion): boolean {
  const [, major = '0', minor = '0'] = /^v?(\d+)\.(\d+)/.exec(version) ?? [];
  const number = Number(major) * 1000 + Number(minor);
  return (name === 'containerd' && number >= 2001) || (name === 'cri-o' && number >= 1031);
}
