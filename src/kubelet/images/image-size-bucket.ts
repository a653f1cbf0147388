const MB = 1 << 20;
const GB = 1 << 30;

/** Above which size an image belongs to which group (pkg/kubelet/metrics, imageSizeBuckets). */
const GROUPS: readonly (readonly [aboveBytes: number, label: string])[] = [
  [100 * GB, 'GT100GB'],
  [60 * GB, '60GB-100GB'],
  [40 * GB, '40GB-60GB'],
  [30 * GB, '30GB-40GB'],
  [20 * GB, '20GB-30GB'],
  [10 * GB, '10GB-20GB'],
  [5 * GB, '5GB-10GB'],
  [GB, '1GB-5GB'],
  [500 * MB, '500MB-1GB'],
  [100 * MB, '100MB-500MB'],
  [10 * MB, '10MB-100MB'],
  [0, '0-10MB'],
];

/** The label by which durations of pulls are counted; `N/A` when the size is not known. */
export const imageSizeBucket = (sizeBytes: number) => GROUPS.find(([above]) => sizeBytes > above)?.[1] ?? 'N/A';
