import type { FilesystemSpace } from '../stats/disk-usage.ts';

/** Bytes and inodes of one volume, as /stats/summary tells them. */
export interface VolumeUsage {
  readonly name: string;
  /** `kubernetes.io/empty-dir` */
  readonly plugin: string;
  /** Of a volume behind a claim. */
  readonly claim?: { readonly namespace: string; readonly name: string };
  /** It counts as the pod's ephemeral storage: files on the node's own disk. */
  readonly ephemeral: boolean;
  readonly space: FilesystemSpace;
}
