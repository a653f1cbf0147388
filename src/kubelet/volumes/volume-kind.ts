import type { V1PersistentVolume, V1PersistentVolumeClaim, V1Pod, V1Volume } from '../../api/gen/types.ts';
import type { ContainerMount } from '../runtime/preparation.ts';
import type { FilesystemSpace } from '../stats/disk-usage.ts';

/** One volume of one pod to be made ready. */
export interface VolumeTask {
  readonly pod: V1Pod;
  readonly podUid: string;
  readonly volume: V1Volume;
  /** Of a volume that is bound through a claim. */
  readonly bound?: BoundClaim;
  /** Of the kubelet's own; not there yet. */
  readonly directory: string;
  readonly signal: AbortSignal;
}

export interface BoundClaim {
  readonly claim: V1PersistentVolumeClaim;
  readonly persistentVolume: V1PersistentVolume;
  /** The pod asks for it to be read only. */
  readonly readOnly: boolean;
}

/** What containers get of a volume: one of a path, a device and an image. */
export interface ReadyVolume {
  readonly path?: string;
  readonly devicePath?: string;
  readonly image?: NonNullable<ContainerMount['image']>;
  /** Whatever the container's mount says. */
  readonly readOnly: boolean;
  /** On the kubelet's own disk, or in memory: no other machine has to answer for it. */
  readonly isOwn?: boolean;
  /** The pod's alone, so that it may get the SELinux label of its containers. */
  readonly relabel?: boolean;
}

export interface VolumeKind {
  /** Names the directory of its volumes: `kubernetes.io/empty-dir`. */
  readonly plugin: string;
  /** Whether `setUp` is to be called at every sync, since what the volume shows may have changed. */
  readonly refreshed: boolean;
  /**
   * Makes the volume ready and answers where it is; may be called again for one that is. Rejects with an Error whose message is for
   * the user, to be put behind `MountVolume.SetUp failed for volume "x" : `.
   */
  setUp(task: VolumeTask): Promise<ReadyVolume>;
  /** What a ready volume holds, where the kind knows better than its file system. */
  usage?(ready: ReadyVolume): Promise<FilesystemSpace | undefined>;
}
