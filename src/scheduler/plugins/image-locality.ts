import { MAX_SCORE, type Plugin } from '../framework/plugin.ts';
import { normalisedImage } from '../node-info.ts';

const MIB = 1024 * 1024;
/** Less than the first is no gain; more than the second, for each image, is no more gain (imagelocality/image_locality.go). */
const MIN_THRESHOLD = 23 * MIB;
const MAX_IMAGE_THRESHOLD = 1000 * MIB;

/** Nodes that have the pod's images are better, the larger these are; less so for images that few nodes have. */
export const imageLocality: Plugin = {
  name: 'ImageLocality',
  planScore({ pod: { pod }, state }) {
    const sources = [
      ...[...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])].map(({ image }) => image),
      ...(pod.spec?.volumes ?? []).flatMap(({ image }) => (image ? [image.reference] : [])),
    ];
    const total = state.nodes().length;
    const wanted = sources.flatMap((image) => {
      const name = normalisedImage(image ?? '');
      const share = (state.imageNodes.get(name) ?? 0) / total;
      return share > 0 ? [{ name, share }] : [];
    });
    if (wanted.length === 0) return undefined;
    const largest = MAX_IMAGE_THRESHOLD * sources.length;
    return {
      score({ images }) {
        let sum = 0;
        for (const { name, share } of wanted) sum += Math.floor((images.get(name) ?? 0) * share);
        const capped = Math.min(Math.max(sum, MIN_THRESHOLD), largest);
        return Math.floor((MAX_SCORE * (capped - MIN_THRESHOLD)) / (largest - MIN_THRESHOLD));
      },
    };
  },
};
