import type { RuntimeImage } from '../runtime/runtime-abilities.ts';

/** What is known of an image over time. */
export interface ImageHistory {
  readonly id: string;
  readonly sizeBytes: number;
  readonly pinned: boolean;
  readonly firstSeenMs: number;
  /** When a container of it was last seen; undefined: never. */
  readonly lastUsedMs?: number;
}

/** The histories after another look at the node: images that are gone are forgotten. */
export function observeImages(
  before: ReadonlyMap<string, ImageHistory>,
  images: readonly RuntimeImage[],
  isInUse: (image: RuntimeImage) => boolean,
  nowMs: number,
): Map<string, ImageHistory> {
  return new Map(
    images.map((image) => {
      const known = before.get(image.id);
      const lastUsedMs = isInUse(image) ? nowMs : known?.lastUsedMs;
      const { id, sizeBytes, pinned } = image;
      const firstSeenMs = known?.firstSeenMs ?? nowMs;
      return [id, { id, sizeBytes, pinned, firstSeenMs, ...(lastUsedMs !== undefined && { lastUsedMs }) }];
    }),
  );
}

/** Images that may go, those first whose use is longest ago. `nowMs` is the time of the observation. */
export function removableImages(images: Iterable<ImageHistory>, nowMs: number): ImageHistory[] {
  const used = ({ lastUsedMs = Number.NEGATIVE_INFINITY }: ImageHistory) => lastUsedMs;
  return [...images]
    .filter((image) => !image.pinned && used(image) < nowMs)
    .sort((a, b) => compare(used(a), used(b)) || compare(a.firstSeenMs, b.firstSeenMs) || (a.id < b.id ? -1 : 1));
}

const compare = (a: number, b: number) => (a < b ? -1 : a > b ? 1 : 0);

/** Whether nobody has used it for longer than `maximumAgeMs` (0: there is no such limit). */
export function isTooOld(image: ImageHistory, maximumAgeMs: number, nowMs: number): boolean {
  return maximumAgeMs > 0 && nowMs - (image.lastUsedMs ?? image.firstSeenMs) > maximumAgeMs;
}

export interface DiskUsage {
  readonly capacityBytes: number;
  readonly availableBytes: number;
}

/** How much has to go, so that the disk is at the low mark again; 0 below the high mark. */
export function bytesToFree(
  { capacityBytes, availableBytes }: DiskUsage,
  marks: { readonly highPercent: number; readonly lowPercent: number },
): number {
  const available = Math.min(availableBytes, capacityBytes);
  const usedPercent = 100 - Math.floor((available * 100) / capacityBytes);
  if (usedPercent < marks.highPercent) return 0;
  return Math.max(0, Math.floor((capacityBytes * (100 - marks.lowPercent)) / 100) - available);
}
