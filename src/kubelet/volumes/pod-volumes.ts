/** The volumes of this node's pods: see README.md of this folder. */
import { join } from 'node:path';
import type { V1Container, V1Pod, V1Volume } from '../../api/gen/types.ts';
import { createMounts, type Mounts } from '../../host/mounts.ts';
import { type Component, deferred } from '../../std/lifecycle.ts';
import { Turns } from '../../std/turns.ts';
import type { ObjectReader } from '../pods/object-reader.ts';
import { type PodImages, type PodPartContext, PodPartError, type PodVolumes } from '../pods/pod-parts.ts';
import { podDirectory, volumeDirectory } from '../pods/pod-paths.ts';
import { boundClaim, fitsNode } from './claims.ts';
import { containerMounts } from './container-mounts.ts';
import type { PluginHandler } from './csi/plugin-watcher.ts';
import { failedMount, failedProcessing } from './mount-failures.ts';
import { type ChangeDetection, createObjectCache } from './object-cache.ts';
import { namesIn, removeLeftovers, VOLUME_PARTS } from './pod-leftovers.ts';
import { createServiceAccountTokens } from './service-account-tokens.ts';
import { shareRoot } from './shared-root.ts';
import { VolumeCalls } from './volume-calls.ts';
import type { BoundClaim, ReadyVolume, VolumeKind } from './volume-kind.ts';
import { createVolumeKinds, type VolumeKinds } from './volume-kinds.ts';
import { measureVolume, type VolumeUsage } from './volume-usage.ts';
import { kindOfPersistentVolume, kindOfVolume, usedVolumes } from './volume-uses.ts';

export interface NodeVolumes extends PodVolumes, Component {
  /** ConfigMaps and Secrets of the pods that were set up, watched as long as they are here. */
  readonly objects: ObjectReader;
  /**
   * Of every volume of the pod that has bytes of its own, but for those of the names in `but`; empty for a pod that is not set up. Walks
   * directories: not for every second.
   */
  usageOf(podUid: string, but?: ReadonlySet<string>): Promise<readonly VolumeUsage[]>;
  /** For `Node.status.volumesInUse`, by which whoever attaches volumes knows what must not be detached yet. */
  volumesInUse(): readonly string[];
}

export interface PodVolumesOptions {
  /** Pulls images for volumes of kind `image`. */
  readonly images?: PodImages;
  readonly mounts?: Mounts;
  /** Of plugins in `plugins_registry` that are no CSI drivers, by type. */
  readonly plugins?: Readonly<Record<string, PluginHandler>>;
}

interface Made extends ReadyVolume {
  readonly kind: VolumeKind;
  readonly bound?: BoundClaim;
  /** That the pod's processes need beside fsGroup. */
  readonly groups?: readonly number[];
}

interface PodState {
  readonly made: Map<string, Made>;
  /** UIDs of the volumes that it has to itself: what is on its way counts as well as what is made. */
  readonly alone: Set<string>;
  /** Ends a set-up that is on when the pod is taken down. */
  readonly end: AbortController;
}

/** The part `volumes` of real pods. A Component: what watches and renews ends with it; mounts stay. */
export function createPodVolumes(context: PodPartContext, options: PodVolumesOptions = {}): NodeVolumes {
  return new MountedVolumes(context, options);
}

class MountedVolumes implements NodeVolumes {
  readonly name = 'volumes';
  readonly objects;
  readonly #tokens;
  readonly #context: PodPartContext;
  readonly #mounts: Mounts;
  readonly #calls: VolumeCalls;
  readonly #kinds: VolumeKinds;
  readonly #pods = new Map<string, PodState>();
  readonly #turns = new Turns<string>();
  readonly #listeners = new Set<(podUid: string) => void>();
  readonly #done = deferred();

  constructor(context: PodPartContext, { images, mounts = createMounts(), plugins = {} }: PodVolumesOptions) {
    const { client, clock, logger, random, configuration } = context;
    this.#context = context;
    this.#mounts = mounts;
    this.#calls = new VolumeCalls(clock, mounts);
    const changeDetection = configuration['configMapAndSecretChangeDetectionStrategy'] as ChangeDetection;
    this.objects = createObjectCache({ client, changeDetection, clock, logger, random });
    this.#tokens = createServiceAccountTokens({ client, clock, logger, random });
    const tell = (podUid: string) => {
      if (this.#pods.has(podUid)) for (const listener of this.#listeners) listener(podUid);
    };
    this.objects.subscribe(tell);
    this.#tokens.subscribe(tell);
    this.#kinds = createVolumeKinds({
      context,
      mounts,
      calls: this.#calls,
      images,
      plugins,
      objects: this.objects,
      tokens: this.#tokens,
      onStale: (pod, volumeName, error) => this.#warn(pod, failedMount(volumeName, error)),
    });
  }

  get done(): Promise<void> {
    return this.#done.promise;
  }

  async start(signal: AbortSignal): Promise<void> {
    const { paths, logger } = this.#context;
    try {
      if (await shareRoot(paths.root, this.#mounts))
        logger.info('Bind-mounted with shared mount propagation', { path: paths.root });
      await this.#kinds.start(signal);
    } catch (error) {
      this.#done.reject(error);
      throw error;
    }
    const stop = () => {
      this.objects.close();
      this.#tokens.close();
      this.#kinds.done.then(this.#done.resolve, this.#done.reject);
    };
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  }

  setUp(pod: V1Pod, signal: AbortSignal): Promise<void> {
    const uid = uidOf(pod);
    return this.#turns.take(uid, async () => {
      signal.throwIfAborted();
      this.objects.register(pod);
      const state = this.#pods.get(uid) ?? { made: new Map(), alone: new Set(), end: new AbortController() };
      this.#pods.set(uid, state);
      const both = AbortSignal.any([signal, state.end.signal]);
      const results = await Promise.allSettled(usedVolumes(pod).map((volume) => this.#setUpOne(pod, volume, state, both)));
      const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as Error] : []));
      both.throwIfAborted();
      if (failures.length === 1) throw failures[0]!;
      if (failures.length > 1)
        throw new PodPartError('FailedMount', failures.map(({ message }) => message).join('; '), { cause: failures[0] });
    });
  }

  async #setUpOne(pod: V1Pod, volume: V1Volume, state: PodState, signal: AbortSignal): Promise<void> {
    const before = state.made.get(volume.name);
    if (before && !before.kind.refreshed) return;
    const podUid = uidOf(pod);
    let bound = before?.bound;
    let kind: VolumeKind;
    try {
      const kindName = kindOfVolume(volume);
      if (kindName === 'claim') bound ??= await this.#claim(pod, volume, state);
      kind = this.#kinds.get(kindName === 'claim' ? kindOfPersistentVolume(bound!.persistentVolume.spec!) : kindName);
    } catch (error) {
      throw failedProcessing(volume.name, error as Error);
    }
    const shownName = bound?.persistentVolume.metadata?.name ?? volume.name;
    const directory = volumeDirectory(this.#context.paths, podUid, kind.plugin, shownName);
    try {
      if (bound && !fitsNode(bound.persistentVolume, this.#context.node()))
        throw new PodPartError(
          'FailedMount',
          `MountVolume.NodeAffinity check failed for volume "${shownName}" : no matching NodeSelectorTerms`,
        );
      const ready = await this.#timed(kind, before, () => kind.setUp({ pod, podUid, volume, bound, directory, signal }));
      const relabel = before ? before.relabel : ready.relabel;
      state.made.set(volume.name, { ...ready, relabel, kind, ...(bound && { bound, groups: groupsOf(bound) }) });
    } catch (error) {
      if (signal.aborted || error instanceof PodPartError) throw error;
      throw failedMount(shownName, error as Error);
    }
  }

  /** Counts what it takes to make a volume ready; not that it is looked at again. */
  async #timed<T>({ plugin }: VolumeKind, before: Made | undefined, work: () => Promise<T>): Promise<T> {
    const { metrics, clock } = this.#context;
    if (before || !metrics) return work();
    const startedMs = clock.now();
    let status = 'fail-unknown';
    try {
      const result = await work();
      status = 'success';
      return result;
    } finally {
      const labels = [plugin, 'volume_mount', status, 'false'];
      metrics.observe('storage_operation_duration_seconds', (clock.now() - startedMs) / 1000, labels);
    }
  }

  async #claim(pod: V1Pod, volume: V1Volume, state: PodState): Promise<BoundClaim> {
    const bound = await boundClaim(this.#context.client, pod, volume);
    const { metadata, spec } = bound.persistentVolume;
    if (!spec?.accessModes?.includes('ReadWriteOncePod')) return bound;
    const uid = metadata?.uid ?? '';
    for (const other of this.#pods.values())
      if (other !== state && other.alone.has(uid))
        throw new Error('volume uses the ReadWriteOncePod access mode and is already in use by another pod');
    state.alone.add(uid);
    return bound;
  }

  mountsOf(pod: V1Pod, container: V1Container, environment: Parameters<PodVolumes['mountsOf']>[2]) {
    const uid = uidOf(pod);
    return this.#turns.take(uid, async () => {
      const wantsRecursive = container.volumeMounts?.some(({ recursiveReadOnly }) => recursiveReadOnly);
      const made = this.#pods.get(uid)?.made ?? new Map<string, Made>();
      const mounts = await containerMounts(
        {
          container,
          volumes: made,
          environment,
          podDirectory: podDirectory(this.#context.paths, uid),
          recursiveReadOnly: wantsRecursive ? await this.#recursiveReadOnly() : false,
        },
        { mounts: this.#mounts, calls: this.#calls, logger: this.#context.logger },
      );
      // Once is enough, and walks the whole volume.
      for (const { name } of container.volumeMounts ?? []) {
        const volume = made.get(name);
        if (volume?.relabel) made.set(name, { ...volume, relabel: false });
      }
      return mounts;
    });
  }

  async #recursiveReadOnly(): Promise<boolean> {
    const { handlers = [] } = await this.#context.runtime.status();
    return handlers.some(({ name, recursiveReadOnlyMounts }) => name === '' && recursiveReadOnlyMounts);
  }

  supplementalGroups(pod: V1Pod): readonly number[] {
    const { fsGroup } = pod.spec?.securityContext ?? {};
    const ofVolumes = [...(this.#pods.get(uidOf(pod))?.made.values() ?? [])].flatMap(({ groups = [] }) => groups);
    return [...new Set([...(fsGroup === undefined ? [] : [fsGroup]), ...ofVolumes])];
  }

  tearDown(podUid: string): Promise<void> {
    checkUid(podUid);
    this.#pods.get(podUid)?.end.abort(new DOMException('the pod is being taken down', 'AbortError'));
    return this.#turns.take(podUid, async () => {
      this.#pods.delete(podUid);
      this.objects.forget(podUid);
      this.#tokens.forget(podUid);
      const directory = podDirectory(this.#context.paths, podUid);
      await removeLeftovers(directory, this.#mounts, (path) => this.#kinds.release(path));
    });
  }

  async known(): Promise<readonly string[]> {
    const pods = join(this.#context.paths.root, 'pods');
    const uids: string[] = [];
    for (const uid of await namesIn(pods)) {
      const names = await namesIn(join(pods, uid));
      if (VOLUME_PARTS.some((part) => names.includes(part))) uids.push(uid);
    }
    return uids;
  }

  subscribe(listener: (podUid: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async usageOf(podUid: string, but: ReadonlySet<string> = new Set()): Promise<readonly VolumeUsage[]> {
    const usages: VolumeUsage[] = [];
    const host = { mounts: this.#mounts, calls: this.#calls };
    for (const [name, made] of this.#pods.get(podUid)?.made ?? []) {
      if (but.has(name)) continue;
      const measured = await measureVolume(made, made.kind, host).catch((error: unknown) => {
        this.#context.logger.debug(2, 'A volume could not be measured', { podUID: podUid, volume: name, error });
        return undefined;
      });
      if (!measured) continue;
      const { namespace = '', name: claimName = '' } = made.bound?.claim.metadata ?? {};
      const claim = made.bound && { claim: { namespace, name: claimName } };
      usages.push({ name, plugin: made.kind.plugin, ...claim, ...measured });
    }
    return usages;
  }

  volumesInUse(): readonly string[] {
    return this.#kinds.volumesInUse();
  }

  #warn(pod: V1Pod, { message }: Error): void {
    this.#context.logger.warn('A volume shows what it did before', { podUID: uidOf(pod), reason: message });
    this.#context.events?.event(pod, 'Warning', 'FailedMount', message);
  }
}

/** Who may write to it, as whoever provisioned the volume says. */
function groupsOf({ persistentVolume }: BoundClaim): readonly number[] {
  const gid = persistentVolume.metadata?.annotations?.['pv.beta.kubernetes.io/gid'];
  return gid !== undefined && /^\d{1,10}$/.test(gid) ? [Number(gid)] : [];
}

const uidOf = ({ metadata }: V1Pod) => checkUid(metadata?.uid ?? '');

/** It becomes a part of paths. */
function checkUid(uid: string): string {
  if (uid === '' || uid === '.' || uid === '..' || uid.includes('/') || uid.includes('\0'))
    throw new Error(`${JSON.stringify(uid)} is no uid of a pod`);
  return uid;
}
