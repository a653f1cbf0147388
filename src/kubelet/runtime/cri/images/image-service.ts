import type { FilesystemUsage, ImageService, RuntimeImage } from '../../runtime-abilities.ts';
import type { CriClient, CriMessage } from '../api/cri-client.ts';
import { milliseconds } from '../translate/container-state.ts';

export interface ImageServiceOptions {
  readonly cri: CriClient;
  /** The images that sandboxes are made of, by name: they are told as pinned whatever the runtime says. */
  readonly sandboxImages: () => Promise<ReadonlySet<string>>;
  /** Called while an image is being pulled; aborts the pull by rejecting. */
  readonly watchPull: (signal: AbortSignal) => Promise<never>;
}

/** The runtime's images. */
export function createImageService({ cri, sandboxImages, watchPull }: ImageServiceOptions): ImageService {
  return {
    async list() {
      const [{ images }, pinned] = await Promise.all([cri.call('ListImages', {}), sandboxImages()]);
      return images.map((image) => imageFromCri(image, pinned));
    },
    async find(reference) {
      const { image } = await cri.call('ImageStatus', { image: { image: reference } });
      return image?.id ? imageFromCri(image, await sandboxImages()) : undefined;
    },
    async pull(reference, credentials, signal) {
      signal.throwIfAborted();
      const ended = new AbortController();
      const both = AbortSignal.any([signal, ended.signal]);
      const auth = credentials && {
        username: credentials.username,
        password: credentials.password,
        auth: credentials.auth,
        server_address: credentials.serverAddress,
        identity_token: credentials.identityToken,
        registry_token: credentials.registryToken,
      };
      try {
        // No time limit: large images take long. Whoever makes no progress is given up by the watcher.
        const pull = cri.call('PullImage', { image: { image: reference }, auth }, { signal: both });
        pull.catch(() => {}); // when the watcher was first, its reason is the one that counts
        const { image_ref } = await Promise.race([pull, watchPull(both)]);
        return image_ref;
      } finally {
        ended.abort();
      }
    },
    async remove(reference) {
      await cri.call('RemoveImage', { image: { image: reference } });
    },
    async filesystems() {
      const answer = await cri.call('ImageFsInfo', {});
      const images = answer.image_filesystems.map(usageFromCri);
      // Before 1.29 there was no second list; empty, it means the same file systems.
      const containers = answer.container_filesystems.map(usageFromCri);
      return { images, containers: containers.length > 0 ? containers : images };
    },
  };
}

function imageFromCri(image: CriMessage<'Image'>, sandboxImages: ReadonlySet<string>): RuntimeImage {
  return {
    id: image.id,
    repoTags: image.repo_tags,
    repoDigests: image.repo_digests,
    sizeBytes: image.size,
    ...(image.uid && { uid: image.uid.value }),
    ...(image.username !== '' && { username: image.username }),
    pinned: image.pinned || image.repo_tags.some((tag) => sandboxImages.has(tag)),
  };
}

export function usageFromCri(usage: CriMessage<'FilesystemUsage'>): FilesystemUsage {
  return {
    mountpoint: usage.fs_id?.mountpoint ?? '',
    timestampMs: milliseconds(usage.timestamp) ?? 0,
    usedBytes: usage.used_bytes?.value ?? 0,
    ...(usage.inodes_used && { inodesUsed: usage.inodes_used.value }),
  };
}
