import type { RotatedFiles } from './rotated-files.ts';

export interface RotationPlan {
  /** Oldest first, so that who still reads them loses the least. */
  readonly remove: readonly string[];
  readonly compress: readonly string[];
}

/**
 * What to do with a log's older files before the newest is put aside (pkg/kubelet/logs): that one and the one written to are kept as
 * they are, of the others `maxFiles` - 2 compressed.
 */
export function planRotation({ files, unused }: RotatedFiles, maxFiles: number): RotationPlan {
  const excess = files.slice(0, Math.max(0, files.length - Math.max(0, maxFiles - 2)));
  const kept = files.slice(excess.length);
  return {
    remove: [...unused, ...excess.map(({ path }) => path)],
    compress: kept.filter(({ compressed }) => !compressed).map(({ path }) => path),
  };
}
