import type { V1Pod, V1Volume } from '../../api/gen/types.ts';
import type { Clock } from '../../std/clock.ts';
import { type PodPaths, volumeDirectory } from '../pods/pod-paths.ts';
import { diskUsage, type FilesystemSpace, filesystemSpace } from './disk-usage.ts';
import type { VolumeSnapshot } from './node-snapshot.ts';

export interface VolumeSnapshotsOptions {
  readonly paths: PodPaths;
  readonly clock: Clock;
  /** `volumeStatsAggPeriod`: a pod's volumes are measured so seldom; negative: never. */
  readonly periodMs: number;
  /** The volumes of a pod as who mounted them knows them: those of claims and drivers are taken from there. */
  readonly mounted?: (podUid: string) => Promise<readonly MountedVolume[]>;
}

export interface MountedVolume {
  readonly name: string;
  readonly claim?: VolumeSnapshot['claim'];
  readonly space: FilesystemSpace;
}

/** Measures the volumes of pods, each pod's at most once a period: counting files costs time on the disk. */
export class VolumeSnapshots {
  readonly #options: VolumeSnapshotsOptions;
  readonly #known = new Map<string, { atMs: number; volumes: Promise<readonly VolumeSnapshot[]> }>();

  constructor(options: VolumeSnapshotsOptions) {
    this.#options = options;
  }

  of(pod: V1Pod): Promise<readonly VolumeSnapshot[]> {
    const { clock, periodMs } = this.#options;
    const uid = pod.metadata?.uid ?? '';
    if (periodMs < 0 || uid === '') return Promise.resolve([]);
    const known = this.#known.get(uid);
    if (known && clock.now() - known.atMs < periodMs) return known.volumes;
    const volumes = this.#measure(pod, uid);
    this.#known.set(uid, { atMs: clock.now(), volumes });
    volumes.catch(() => this.#known.delete(uid));
    return volumes;
  }

  keep(uids: ReadonlySet<string>): void {
    for (const uid of this.#known.keys()) if (!uids.has(uid)) this.#known.delete(uid);
  }

  async #measure(pod: V1Pod, uid: string): Promise<VolumeSnapshot[]> {
    const { clock } = this.#options;
    const found: VolumeSnapshot[] = [];
    const own = new Set<string>();
    for (const volume of pod.spec?.volumes ?? []) {
      const kind = localKind(volume);
      if (!kind) continue;
      const path = volumeDirectory(this.#options.paths, uid, kind.plugin, volume.name);
      own.add(volume.name);
      const space = await spaceOf(path, kind.inMemory);
      if (space) found.push({ name: volume.name, timeMs: clock.now(), space, ephemeral: kind.ephemeral });
    }
    for (const { name, claim, space } of (await this.#options.mounted?.(uid)) ?? [])
      if (!own.has(name)) found.push({ name, timeMs: clock.now(), space, ephemeral: false, ...(claim && { claim }) });
    return found;
  }
}

interface LocalKind {
  readonly plugin: string;
  readonly inMemory: boolean;
  readonly ephemeral: boolean;
}

/** Volumes whose directory the kubelet fills itself. Those that it keeps in memory are no ephemeral storage. */
function localKind(volume: V1Volume): LocalKind | undefined {
  if (volume.emptyDir) {
    const inMemory = volume.emptyDir.medium !== undefined && volume.emptyDir.medium !== '';
    return { plugin: 'kubernetes.io/empty-dir', inMemory, ephemeral: !inMemory };
  }
  if (volume.configMap) return { plugin: 'kubernetes.io/configmap', inMemory: false, ephemeral: true };
  if (volume.secret) return { plugin: 'kubernetes.io/secret', inMemory: false, ephemeral: false };
  if (volume.projected) return { plugin: 'kubernetes.io/projected', inMemory: false, ephemeral: false };
  if (volume.downwardAPI) return { plugin: 'kubernetes.io/downward-api', inMemory: false, ephemeral: false };
  return undefined;
}

/** A file system of its own tells what is used on it; a directory is counted, its limits are those of the disk. */
async function spaceOf(path: string, inMemory: boolean): Promise<FilesystemSpace | undefined> {
  const space = await filesystemSpace(path);
  return space && !inMemory ? { ...space, ...(await diskUsage(path)) } : space;
}
