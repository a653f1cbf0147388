import type { Mounts } from '../../host/mounts.ts';
import { diskUsage, type FilesystemSpace, filesystemSpace } from '../stats/disk-usage.ts';
import type { VolumeCalls } from './volume-calls.ts';
import type { BoundClaim, ReadyVolume, VolumeKind } from './volume-kind.ts';

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

/** Undefined for what has no bytes of its own. Counts the files of a directory that is no mount: not for every second. */
export async function measureVolume(
  ready: ReadyVolume & { readonly bound?: BoundClaim },
  kind: VolumeKind,
  { mounts, calls }: { readonly mounts: Mounts; readonly calls: VolumeCalls },
): Promise<Pick<VolumeUsage, 'space' | 'ephemeral'> | undefined> {
  const { path, bound, isOwn } = ready;
  const told = await kind.usage?.(ready);
  if (told) return { space: told, ephemeral: false };
  // A directory of the host's is not the volume's alone.
  if (path === undefined || kind.plugin === 'kubernetes.io/host-path') return undefined;
  const mounted = await mounts.at(path);
  const measure = () => filesystemSpace(path);
  const space = await (isOwn ? measure() : calls.run(path, measure));
  if (!space || mounted) return space && { space, ephemeral: false };
  return { space: { ...space, ...(await diskUsage(path)) }, ephemeral: !bound };
}
