import type { V1ContainerImage } from '../../api/gen/types.ts';
import type { RuntimeImage } from '../runtime/runtime-abilities.ts';

/** Upstream's limit, so that an image with many tags does not swell the Node. */
const MOST_NAMES = 5;

/** `status.images` of the node: the largest first, `most` of them (`nodeStatusMaxImages`; -1: all). */
export function nodeImages(images: readonly RuntimeImage[], most: number): V1ContainerImage[] {
  const sorted = [...images].sort((a, b) => b.sizeBytes - a.sizeBytes || (a.id < b.id ? -1 : 1));
  return (most < 0 ? sorted : sorted.slice(0, most)).map(({ repoDigests, repoTags, sizeBytes }) => ({
    names: [...repoDigests, ...repoTags].slice(0, MOST_NAMES),
    sizeBytes,
  }));
}
