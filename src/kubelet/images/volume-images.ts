import type { V1Pod } from '../../api/gen/types.ts';
import { parseImageName } from './image-name.ts';

/** The images that pods have as volumes, by the names that a runtime lists them under. No container is made of them. */
export function volumeImages(pods: readonly V1Pod[]): string[] {
  const references = pods.flatMap(({ spec }) => (spec?.volumes ?? []).flatMap(({ image }) => image?.reference || []));
  return references.flatMap((reference) => {
    try {
      const { repository, tag, digest } = parseImageName(reference);
      return digest ? `${repository}@${digest}` : `${repository}:${tag ?? 'latest'}`;
    } catch {
      return []; // what is no name names no image
    }
  });
}
