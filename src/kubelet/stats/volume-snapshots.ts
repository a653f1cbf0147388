import type { V1Pod, V1Volume } from '../../api/gen/types.ts';
import { type Clock, steadyMs } from '../../std/clock.ts';
import { deferred } from '../../std/lifecycle.ts';
import { type PodPaths, volumeDirectory } from '../pods/pod-paths.ts';
import { diskUsage, type FilesystemSpace, filesystemSpace } from './disk-usage.ts';
import type { VolumeSnapshot } from './node-snapshot.ts';

export interface VolumeSnapshotsOptions {
  readonly paths: PodPaths;
  readonly clock: Clock;
  /** `volumeStatsAggPeriod`: a pod's volumes are measured so seldom; negative: never. */
  readonly periodMs: number;
  /** The volumes of a pod as who mounted them knows them, but for those of some names: those of claims and drivers are taken from there. */
  readonly mounted?: (podUid: string, but: ReadonlySet<string>) => Promise<readonly MountedVolume[]>;
}

export interface MountedVolume {
  readonly name: string;
  readonly claim?: VolumeSnapshot['claim'];
  readonly space: FilesystemSpace;
}

interface Known {
  /** As they were found last; undefined: never yet. */
  volumes?: readonly VolumeSnapshot[];
  /** When that was. */
  atMs: number;
  running: Promise<readonly VolumeSnapshot[]> | undefined;
}

/**
 * Who asks waits so long for a measurement, then goes on with the last: a volume of millions of files, or a driver that does not answer, takes
 * minutes, in which the node must not be left unwatched.
 */
const LONGEST_WAIT_MS = 2000;

/** Measures the volumes of pods, each pod's at most once a period: counting files costs time on the disk. */
export class VolumeSnapshots {
  readonly #options: VolumeSnapshotsOptions;
  readonly #known = new Map<string, Known>();

  constructor(options: VolumeSnapshotsOptions) {
    this.#options = options;
  }

  /** As they were found last; none for a pod whose first measurement takes long. Rejects when they cannot be measured. */
  async of(pod: V1Pod): Promise<readonly VolumeSnapshot[]> {
    const { clock, periodMs } = this.#options;
    const uid = pod.metadata?.uid ?? '';
    if (periodMs < 0 || uid === '') return [];
    const before = this.#known.get(uid);
    if (before?.volumes && steadyMs(clock) - before.atMs < periodMs) return before.volumes;
    const known: Known = before ?? { atMs: 0, running: undefined };
    this.#known.set(uid, known);
    known.running ??= this.#begin(pod, uid, known);
    return this.#soon(known.running, known);
  }

  #begin(pod: V1Pod, uid: string, known: Known): Promise<readonly VolumeSnapshot[]> {
    const running = this.#measure(pod, uid).then(
      (volumes) => {
        known.volumes = volumes;
        known.atMs = steadyMs(this.#options.clock);
        known.running = undefined;
        return volumes;
      },
      (error: unknown) => {
        if (this.#known.get(uid) === known) this.#known.delete(uid);
        throw error;
      },
    );
    running.catch(() => undefined); // told to who still waits for it
    return running;
  }

  async #soon(running: Promise<readonly VolumeSnapshot[]>, { volumes = [] }: Known): Promise<readonly VolumeSnapshot[]> {
    const late = deferred<readonly VolumeSnapshot[]>();
    const timer = this.#options.clock.setTimer(LONGEST_WAIT_MS, () => late.resolve(volumes));
    try {
      return await Promise.race([running, late.promise]);
    } finally {
      timer.cancel();
    }
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
    for (const { name, claim, space } of (await this.#options.mounted?.(uid, own)) ?? [])
      found.push({ name, timeMs: clock.now(), space, ephemeral: false, ...(claim && { claim }) });
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
